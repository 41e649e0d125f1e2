"""What every explainer must hold, and what each gives on models worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.errors import CapabilityError, UnknownNameError
from kdprobe.extract.coalitions import every_coalition, output_of
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.extract.methods import lime
from kdprobe.extract.methods.integrated_gradients import IntegratedGradientsOptions
from kdprobe.models.hf import open_hf
from kdprobe.models.reader import Reader
from kdprobe.tasks.task import Task
from tests.extract.linear import (
    Linear,
    Recurrent,
    asked_of,
    linear_reader,
    odds_of_tokens,
    reader_of,
)
from tests.models.test_words import word_level
from tests.models.tiny import SENTENCES, tiny_checkpoint, tiny_tokenizer

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEXTS = ("the dog sleeps .", "she likes a funny film", "he laughs !", "dog")
LONG = "who did the woman think that the child saw with the man ?"
each_method = pytest.mark.parametrize("name", METHODS.names())


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    place = tiny_checkpoint(tmp_path_factory.mktemp("m") / "bert", labels=TASK.labels)
    return Reader(open_hf(str(place), name="bert", task=TASK, device="cpu"))


def explain(name: str, reader: Reader, texts: Sequence[str], **options: Any) -> list[Attribution]:
    method = METHODS.load(name)
    asked = [asked_of(reader, text) for text in texts]
    return method.explain(asked, reader, method.options(**options), "log-odds")


@each_method
def test_an_explainer_answers_the_protocol(name: str):
    """Guards against a file whose key and options do not fit, or that takes unknown options."""
    method = METHODS.load(name)
    assert method.name == name
    assert method.version >= 1
    assert method.options.model_config["extra"] == "forbid"
    assert method.options.model_config["frozen"]


def test_an_unknown_method_is_told_with_its_neighbours():
    """Guards against a typing error that quietly runs something else."""
    with pytest.raises(UnknownNameError, match="did you mean 'lime'"):
        METHODS.load("limes")


@each_method
def test_order_and_company_move_no_score(name: str, reader: Reader):
    """Guards against padding that is explained, and random state shared between examples."""
    together = explain(name, reader, [*TEXTS, LONG])
    backward = explain(name, reader, [LONG, *TEXTS[::-1]])[::-1]
    alone = [explain(name, reader, [text])[0] for text in (*TEXTS, LONG)]
    for one, other, single in zip(together, backward, alone, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=2e-5)
        np.testing.assert_allclose(one.scores, single.scores, atol=2e-5)


@each_method
def test_a_linear_model_is_explained_by_its_own_terms(name: str):
    """Guards against a lost token, a flipped sign, and scores of another class."""
    reader = linear_reader()
    for text in (*TEXTS, "the dog the dog"):
        for target in (0, 1):
            asked = asked_of(reader, text, target)
            terms = odds_of_tokens(reader, asked)
            if name in ("integrated_gradients", "deep_lift"):
                pad = reader.model.table.weight[0] @ reader.model.head
                terms = terms - float((pad[target] - pad[1 - target]).detach())
            wanted = np.zeros(len(asked.words))
            for term, shares in zip(terms, asked.shares, strict=True):
                for word, share in shares:
                    wanted[word] += term * share
            (found,) = METHODS.load(name).explain(
                [asked], reader, METHODS.load(name).options(), "log-odds"
            )
            np.testing.assert_allclose(found.scores, wanted, atol=2e-4)


@pytest.mark.parametrize("name", ["integrated_gradients", "gradient_x_input", "deep_lift"])
def test_gradients_that_are_not_finite_give_no_scores(name: str):
    """Guards against a broken model explained by zeros."""
    reader = linear_reader()
    with torch.no_grad():
        reader.model.head[0, 0] = float("nan")
    (found,) = explain(name, reader, ["the dog sleeps"])
    assert found.scores.size == 0


def test_integrated_gradients_are_captums_one_at_a_time(reader: Reader):
    """Guards against batches, baselines and steps that are not what captum documents."""
    from captum.attr import LayerIntegratedGradients

    found = explain("integrated_gradients", reader, SENTENCES, steps=50, most_steps=50)
    tokenizer, model = reader.tokenizer, reader.model

    def odds(ids, mask, types):
        logits = model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
        return logits[:, 1] - logits[:, 0]

    for text, ours in zip(SENTENCES, found, strict=True):
        given = tokenizer(text, return_tensors="pt")
        ids, mask = given["input_ids"], given["attention_mask"]
        special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
        baseline = torch.where(special, ids, torch.full_like(ids, tokenizer.pad_token_id))
        theirs, delta = LayerIntegratedGradients(odds, model.get_input_embeddings()).attribute(
            ids, baselines=baseline, additional_forward_args=(mask, given["token_type_ids"]),
            n_steps=50, return_convergence_delta=True,
        )  # fmt: skip
        tokens = theirs.sum(-1)[0].detach().double().numpy()
        asked = asked_of(reader, text)
        wanted = np.zeros(len(asked.words))
        for token, shares in zip(tokens, asked.shares, strict=True):
            for word, share in shares:
                wanted[word] += token * share
        np.testing.assert_allclose(ours.scores, wanted, atol=1e-5)
        assert abs(float(delta)) < 1


def test_steps_are_doubled_until_scores_add_up(reader: Reader):
    """Guards against quadrature error that looks like disagreement."""
    coarse = explain("integrated_gradients", reader, SENTENCES, steps=1, most_steps=1)
    fine = explain("integrated_gradients", reader, SENTENCES, steps=1)
    assert max(one.gap for one in coarse) > 0.01
    assert max(one.gap for one in fine) < 0.01


def test_the_norm_of_the_top_dimensions(reader: Reader):
    """Guards against an L2 map that keeps signs, or that takes all dimensions for the top ones."""
    whole = explain("integrated_gradients", reader, TEXTS[:2], reduce="l2")
    top = explain("integrated_gradients", reader, TEXTS[:2], reduce="l2", top_dimensions=4)
    for one, other in zip(whole, top, strict=True):
        assert (other.scores > 0).all()
        assert (other.scores < one.scores).all()
        assert np.isnan(one.gap)


@pytest.mark.parametrize("baseline", ["pad", "mask", "zero"])
def test_scores_add_up_for_every_baseline(reader: Reader, baseline: str):
    """Guards against a baseline that moves special tokens too."""
    for found in explain("integrated_gradients", reader, SENTENCES[:3], baseline=baseline):
        assert found.gap < 0.01
        assert found.special == 0.0


def test_a_missing_mask_token_is_said():
    """Guards against integration from the vector of a token that is not there."""
    tokenizer = tiny_tokenizer("bert")
    tokenizer.mask_token = None
    reader = reader_of(Linear(len(tokenizer)), tokenizer)
    with pytest.raises(CapabilityError) as caught:
        explain("integrated_gradients", reader, ["a dog"], baseline="mask")
    assert str(caught.value) == (
        "toy: its tokenizer has no mask token, expected one, for the baseline; use baseline = zero"
    )


def test_pooling_of_tokens():
    """Guards against a mean that is a sum, and a max that loses the sign."""
    reader = linear_reader()
    asked = asked_of(reader, "zebra")  # five letters, five tokens
    terms = odds_of_tokens(reader, asked)[1:-1]
    for pooling, wanted in (
        ("sum", terms.sum()),
        ("mean", terms.mean()),
        ("max-abs", terms[np.abs(terms).argmax()]),
    ):
        (found,) = explain("gradient_x_input", reader, ["zebra"], pooling=pooling)
        assert found.scores[0] == pytest.approx(wanted, abs=1e-5)


def brute_force(values: np.ndarray) -> np.ndarray:
    """Shapley values from their definition over all orders."""
    n = int(np.log2(len(values)))
    total = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        row = 0
        for word in order:
            total[word] += values[row | (1 << word)] - values[row]
            row |= 1 << word
    return total / len(orders)


# Importing shap imports matplotlib's colour maps, which warn of their own future.
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_shapley_values_by_definition_and_by_shap(reader: Reader):
    """Guards against wrong weights of coalitions, and against Owen values under this name."""
    import shap as package

    for text in ("the dog sleeps .", "they saw him the dog"):
        asked = asked_of(reader, text)
        n = asked.game.n
        values = asked.game.values(every_coalition(n), 1)
        (found,) = explain("shap", reader, [text])
        np.testing.assert_allclose(found.scores, brute_force(values), atol=1e-9)

        def v(rows: np.ndarray, asked: ExplanationInput = asked) -> np.ndarray:
            return asked.game.values(rows > 0.5, 1)

        masker = package.maskers.Independent(np.zeros((1, n)), max_samples=1)
        theirs = package.Explainer(v, masker, algorithm="exact")(np.ones((1, n)))
        np.testing.assert_allclose(found.scores, theirs.values[0], atol=1e-7)


def test_shapley_values_add_up_to_the_text_as_written(reader: Reader):
    """Guards against a dropped ? and against a game that is not played with the text itself."""
    for text in ("  the dog -  sleeps ?", LONG):
        asked = asked_of(reader, text)
        encoded = reader.encode((text,))
        whole = output_of(reader.logits([(encoded.ids, encoded.types)]), 1)[0]
        none = asked.game.values(np.zeros((1, asked.game.n), dtype=np.bool_), 1)[0]
        (found,) = explain("shap", reader, [text], exact_words=9)
        assert found.scores.sum() == pytest.approx(whole - none, abs=1e-6)


def test_sampled_shapley_values_are_near_and_know_how_near(reader: Reader):
    """Guards against standard errors that are far too small, and a sampler with a bias."""
    (exact,) = explain("shap", reader, [SENTENCES[7][:40]])
    (drawn,) = explain("shap", reader, [SENTENCES[7][:40]], exact_words=1, permutations=64)
    assert drawn.sampled
    assert not exact.sampled
    assert drawn.errors is not None
    z = (drawn.scores - exact.scores) / np.maximum(drawn.errors, 1e-9)
    assert np.abs(z).max() < 4
    assert np.corrcoef(drawn.scores, exact.scores)[0, 1] > 0.95


def test_lime_is_the_package_fed_the_same_samples(reader: Reader):
    """Guards against another sampling, kernel or ridge than the package's."""
    from lime.lime_text import LimeTextExplainer

    asked = asked_of(reader, LONG)
    n = asked.game.n
    ours = lime.draw(n, 200, np.random.RandomState(11))
    values = asked.game.values(ours, 1)
    seen: list[np.ndarray] = []

    def classify(texts: list[str]) -> np.ndarray:
        masks = np.array([[word != "_" for word in text.split()] for text in texts])
        seen.append(masks)
        found = asked.game.values(masks, 1)
        return np.column_stack([-found, found])

    package = LimeTextExplainer(
        bow=False, split_expression=lambda s: s.split(), mask_string="_",
        random_state=np.random.RandomState(11), feature_selection="none",
    )  # fmt: skip
    made = package.explain_instance(
        " ".join(f"w{i}" for i in range(n)), classify, labels=(1,), num_features=n, num_samples=200
    )
    np.testing.assert_array_equal(seen[0], ours)
    theirs = np.zeros(n)
    for word, weight in made.as_map()[1]:
        theirs[int(word)] = weight
    np.testing.assert_allclose(lime.fit(ours, values, 25.0), theirs, atol=1e-9)


def test_the_limit_is_where_many_samples_go(reader: Reader):
    """Guards against weights of coalitions that are not how often lime draws them."""
    asked = asked_of(reader, "she likes a funny film")
    exact = lime.limit(asked.game.values(every_coalition(5), 1), 25.0)
    masks = lime.draw(5, 20000, np.random.RandomState(1))
    near = lime.fit(masks, asked.game.values(masks, 1), 25.0)
    np.testing.assert_allclose(exact, near, atol=0.03 * np.abs(exact).max())


def test_one_word_and_another_seed(reader: Reader):
    """Guards against a one-word text that raises, and a seed that does nothing."""
    (found,) = explain("lime", reader, ["dog"])
    (other,) = explain("shap", reader, ["dog"])
    np.testing.assert_allclose(found.scores, other.scores)
    method = METHODS.load("lime")
    options = method.options(samples=50)
    runs = [
        method.explain([asked_of(reader, LONG, seed=seed)], reader, options, "log-odds")[0]
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(runs[0].scores, runs[1].scores)
    assert not np.allclose(runs[0].scores, runs[2].scores)
    assert runs[0].sampled


@pytest.mark.parametrize("output", ["log-odds", "probability"])
def test_both_outputs_agree_between_gradients_and_coalitions(reader: Reader, output: Any):
    """Guards against gradient methods that explain another number than coalition methods."""
    method = METHODS.load("integrated_gradients")
    asked = asked_of(reader, TEXTS[1])
    (found,) = method.explain([asked], reader, IntegratedGradientsOptions(), output)
    pad = [
        token if not share else reader.tokenizer.pad_token_id
        for token, share in zip(asked.encoded.ids, asked.shares, strict=True)
    ]
    rows = [(asked.encoded.ids, asked.encoded.types), (pad, asked.encoded.types)]
    ends = output_of(reader.logits(rows), 1, output)
    assert found.scores.sum() == pytest.approx(ends[0] - ends[1], rel=0.02, abs=1e-4)


@each_method
def test_three_tokenizers_give_scores_for_the_same_words(name: str, tmp_path: Path):
    """Guards against scores that cannot be laid beside each other across tokenizers."""
    readers = [reader_of(Recurrent(200), word_level())]
    for arch in ("bert", "roberta"):
        place = tiny_checkpoint(tmp_path / arch, labels=TASK.labels, arch=arch)
        readers.append(Reader(open_hf(str(place), name=arch, task=TASK, device="cpu")))
    for text in ("the dog doesn't sleep .", "a great movie"):
        lengths = {explain(name, one, [text])[0].scores.shape for one in readers}
        assert len(lengths) == 1
        for one in readers:
            assert np.isfinite(explain(name, one, [text])[0].scores).all()


def state_of(model: torch.nn.Module) -> dict[str, Any]:
    """What a method must leave as it was: modes, flags, hooks and everyone's random state."""
    drawn = np.random.get_state(legacy=False)["state"]
    return {
        "modes": [module.training for module in model.modules()],
        "flags": [weight.requires_grad for weight in model.parameters()],
        "gradients": [weight.grad is None for weight in model.parameters()],
        "hooks": [
            (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
            for m in model.modules()
        ],
        "numpy": (drawn["key"].tolist(), drawn["pos"]),
        "torch": torch.get_rng_state().tolist(),
    }


@each_method
@pytest.mark.parametrize("after", [None, 2, 3])
def test_everything_is_left_as_it_was(
    name: str, after: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Guards against dropout left off, hooks left in a model, and draws that move other numbers.

    Also when its forward fails in the passes that try the model out, and in all that follow.
    """
    place = tiny_checkpoint(tmp_path / "bert", labels=TASK.labels)
    handle = open_hf(str(place), name="bert", task=TASK, device="cpu")
    handle.model.train()
    reader = Reader(handle)
    before = state_of(handle.model)
    if after is None:
        explain(name, reader, [LONG, "the dog sleeps"])
    else:
        asked = [asked_of(reader, text) for text in (LONG, "the dog sleeps")]
        left = iter(range(after))
        layer = handle.model.bert.encoder.layer[0].output
        real = type(layer).forward

        def broken(*given: Any, **named: Any) -> Any:
            if next(left, None) is None:
                raise RuntimeError("out of memory")
            return real(*given, **named)

        monkeypatch.setattr(type(layer), "forward", broken)
        method = METHODS.load(name)
        with pytest.raises(CapabilityError, match="out of memory"):
            method.explain(asked, reader, method.options(), "log-odds")
    assert state_of(handle.model) == before
