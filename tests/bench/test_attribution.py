"""Our explainers against lime, shap and captum as their documentation uses them.

The same CoLA sentences, the same encoder, one run: peers and ours alternate, five rounds of ten
sentences each (KDPROBE_BENCH_SENTENCES: another number in all). KDPROBE_ENCODER names a
sequence-classification folder to run with; without it a small BERT with random weights is made,
whose forward passes are so cheap that its ratios say little: then only agreement is asserted.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from kdprobe.extract.coalitions import Game, every_coalition, fill
from kdprobe.extract.method import METHODS, Asked, Scored
from kdprobe.extract.methods import lime as lime_method
from kdprobe.extract.methods.shap import shapley
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.reader import Reader
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.models.words import split_words, word_shares
from kdprobe.tasks.catalog import open_task
from kdprobe.tasks.sources import load_split

T = TypeVar("T")
ROUNDS = 5
EACH = int(os.environ.get("KDPROBE_BENCH_SENTENCES", "50")) // ROUNDS
REAL = "KDPROBE_ENCODER" in os.environ
BATCH = 64
MOST_WORDS = 10
BUDGETS = (64, 128, 256)
Predict = Callable[[list[str]], np.ndarray]
Record = Callable[[str, object], None]

# Importing shap imports matplotlib's colour maps, which warn of their own future.
pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    value = call()
    return time.process_time() - started, value


@pytest.fixture(scope="module")
def rounds(real_data: Path) -> list[list[str]]:
    """Sentences of CoLA's dev set of no more than 10 words, whose exact values can be had."""
    split = load_split(open_task("cola"), "dev", data_dir=real_data, offline=True)
    short = [text for text in split.texts if 2 <= len(split_words(text)) <= MOST_WORDS]
    texts = [short[row] for row in np.linspace(0, len(short) - 1, ROUNDS * EACH).astype(int)]
    return [texts[start::ROUNDS] for start in range(ROUNDS)]


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory, rounds: list[list[str]]) -> HfModel:
    task = open_task("cola").task()
    folder = os.environ.get("KDPROBE_ENCODER") or str(tmp_path_factory.mktemp("m") / "bert")
    if not REAL:
        save_small_bert(folder, [text for texts in rounds for text in texts], task.labels)
    return open_hf(folder, name="encoder", task=task, device="cpu")


def save_small_bert(folder: str, texts: list[str], labels: tuple[str, ...]) -> None:
    """Save four layers of 128 with the word pieces of these texts."""
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = train_tokenizer(texts * 2, vocabulary=2000)
    config = BertConfig(
        vocab_size=len(tokenizer), num_hidden_layers=4, hidden_size=128, num_attention_heads=4,
        intermediate_size=512, initializer_range=0.1,
        id2label=dict(enumerate(labels)), label2id={one: i for i, one in enumerate(labels)},
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def predict_of(handle: HfModel) -> Predict:
    """The classifier function of every tutorial: tokenise, pad, batches of 64, softmax."""

    def predict(texts: list[str]) -> np.ndarray:
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = handle.tokenizer(
                [str(text) for text in texts[start : start + BATCH]],
                padding=True, truncation=True, return_tensors="pt",
            )  # fmt: skip
            with torch.no_grad():
                logits = handle.model(**batch).logits[:, list(handle.columns)]
            parts.append(torch.softmax(logits.double(), dim=1).numpy())
        return np.concatenate(parts)

    return predict


def ask(reader: Reader, text: str, *, removal: Any = "delete") -> Asked:
    words = split_words(text)
    encoded = reader.encode((text,))
    game = Game(reader, (text,), words, removal=removal)
    return Asked(text, words, encoded, word_shares(words, encoded.pieces), 1, game, seed=7)


def told(record: Record, what: str, ratios: list[float], more: str) -> float:
    """Print and keep a median with its range."""
    middle = statistics.median(ratios)
    record(what, middle)
    print(f"{what}: {middle:.2f} times (rounds {min(ratios):.2f}-{max(ratios):.2f}); {more}")
    return middle


def lime_of_the_package(text: str, predict: Predict, samples: int, seed: int) -> np.ndarray:
    """The package at its best settings: positional words, no selection, one batched predict."""
    from lime.lime_text import LimeTextExplainer

    words = [word.text for word in split_words(text)]
    explainer = LimeTextExplainer(
        bow=False, split_expression=lambda _: words, mask_string="", random_state=seed,
        feature_selection="none",
    )  # fmt: skip
    found = explainer.explain_instance(
        text, predict, labels=(1,), num_features=len(words), num_samples=samples
    )
    weights = np.zeros(len(words))
    for word, weight in found.as_map()[1]:
        weights[int(word)] = weight
    return weights


def lime_of_ours(handle: HfModel, texts: list[str], samples: int, seed: int) -> list[np.ndarray]:
    """Ours with the package's state, so that both draw the same samples."""
    reader = Reader(handle)
    asked = [ask(reader, text) for text in texts]
    masks = [lime_method.draw(one.game.n, samples, np.random.RandomState(seed)) for one in asked]
    fill([(one.game, drawn) for one, drawn in zip(asked, masks, strict=True)])
    return [
        lime_method.fit(drawn, one.game.values(drawn, 1, "probability"), 25.0)
        for one, drawn in zip(asked, masks, strict=True)
    ]


@pytest.mark.parametrize(("samples", "each", "least"), [(1000, EACH, 2.0), (5000, 1, 4.0)])
def test_lime(
    handle: HfModel, rounds: list[list[str]], record_property: Record, samples: int, each: int,
    least: float,
):  # fmt: skip
    """Guards against speed bought with other samples, and weights that are not the package's."""
    predict = predict_of(handle)
    ratios, differ = [], []
    for seed, texts in enumerate(rounds):
        chosen = texts[:each]
        theirs, slow = timed(
            lambda c=chosen, s=seed: [lime_of_the_package(t, predict, samples, s) for t in c]  # type: ignore[misc]
        )
        ours, fast = timed(
            lambda c=chosen, s=seed: lime_of_ours(handle, c, samples, s)  # type: ignore[misc]
        )
        differ += [float(np.abs(a - b).max()) for a, b in zip(fast, slow, strict=True)]
        ratios.append(theirs / ours)
    ratio = told(
        record_property, f"LIME, {samples} samples, {ROUNDS * each} sentences", ratios,
        f"largest difference of a weight {max(differ):.1e}",
    )  # fmt: skip
    assert max(differ) < 1e-5
    assert ratio > least or not REAL


def of_words(text: str, parts: list[str], values: np.ndarray) -> np.ndarray:
    """Add the values of shap's text parts up over the words they stand in."""
    words = split_words(text)
    totals, at = np.zeros(len(words)), 0
    for part, value in zip(parts, values, strict=True):
        letters = part.strip()
        if not letters:
            continue
        at = text.lower().index(letters.lower(), at)
        inside = [i for i, w in enumerate(words) if w.start < at + len(letters) and w.end > at]
        totals[inside] += value / len(inside)
        at += len(letters)
    return totals


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """How far values are from the exact ones, as a share of all there is to tell."""
    return float(np.abs(found - exact).sum() / np.abs(exact).sum())


def exact_of(reader: Reader, text: str, removal: str) -> np.ndarray:
    game = ask(reader, text, removal=removal).game
    return shapley(game.values(every_coalition(game.n), 1, "probability"))


def shap_of_ours(handle: HfModel, texts: list[str], **options: Any) -> list[Scored]:
    reader = Reader(handle)
    method = METHODS.load("shap")
    asked = [ask(reader, text) for text in texts]
    return method.explain(asked, reader, method.options(**options), "probability")


def explainer_of(handle: HfModel, peer: str) -> tuple[Any, int]:
    """Give shap's explainer of a pipeline, or of a function in batches, and our class's column."""
    import shap as package
    from transformers import pipeline

    if peer == "pipeline":
        call = pipeline(
            "text-classification", model=handle.model, tokenizer=handle.tokenizer, top_k=None,
            device="cpu",
        )  # fmt: skip
        return package.Explainer(call, silent=True), handle.columns[1]
    predict, masker = predict_of(handle), package.maskers.Text(handle.tokenizer)
    return package.Explainer(lambda t: predict(list(t)), masker, silent=True), 1


@pytest.mark.parametrize(("peer", "least"), [("pipeline", 3.0), ("batched", 0.8)])
def test_shap(
    handle: HfModel, rounds: list[list[str]], record_property: Record, peer: str, least: float
):
    """Guards against speed bought with accuracy: errors are against values by enumeration.

    shap masks tokens and groups them in a tree; ours leaves words out. Each is measured against
    the exact Shapley values of its own way of taking words away, and ours runs with the fewest
    coalitions whose mean error is not above shap's.
    """
    explainer, column = explainer_of(handle, peer)
    reader = Reader(handle)
    choices = {f"{budget} coalitions": {"evaluations": budget} for budget in BUDGETS} | {"all": {}}
    ratios: dict[str, list[float]] = {name: [] for name in choices}
    errors: dict[str, list[float]] = {name: [] for name in choices}
    theirs_off: list[float] = []
    for texts in rounds:
        theirs, slow = timed(lambda t=texts: explainer(t))  # type: ignore[misc]
        exact = [exact_of(reader, text, "delete") for text in texts]
        for name, options in choices.items():
            ours, fast = timed(lambda t=texts, o=options: shap_of_ours(handle, t, **o))  # type: ignore[misc]
            ratios[name].append(theirs / ours)
            errors[name] += [error(f.scores, e) for f, e in zip(fast, exact, strict=True)]
        for row, text in enumerate(texts):
            found = of_words(text, list(map(str, slow.data[row])), slow.values[row][:, column])
            theirs_off.append(error(found, exact_of(reader, text, "mask")))
    limit = statistics.mean(theirs_off)
    chosen = next(name for name in choices if statistics.mean(errors[name]) <= limit)
    ratio = told(
        record_property, f"SHAP, {chosen}, against shap's {peer}", ratios[chosen],
        f"mean error against exact values: shap {limit:.3f}, "
        + ", ".join(
            f"ours with {name} {statistics.mean(errors[name]):.3f} "
            f"({statistics.median(ratios[name]):.2f} times)"
            for name in choices
        ),
    )  # fmt: skip
    assert max(errors["all"]) < 1e-5
    assert ratio > least or not REAL


def captum_one_by_one(handle: HfModel, texts: list[str]) -> list[np.ndarray]:
    """Captum's tutorial for BERT: one sentence, its 50 steps in one batch."""
    from captum.attr import LayerIntegratedGradients

    tokenizer, model = handle.tokenizer, handle.model
    first, second = handle.columns

    def odds(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        logits = model(input_ids=ids, attention_mask=mask).logits
        return logits[:, second] - logits[:, first]

    found = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt")
        ids = given["input_ids"]
        special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
        baseline = torch.where(special, ids, torch.full_like(ids, int(tokenizer.pad_token_id)))
        vectors, _ = LayerIntegratedGradients(odds, model.get_input_embeddings()).attribute(
            ids, baselines=baseline, additional_forward_args=(given["attention_mask"],),
            n_steps=50, return_convergence_delta=True,
        )  # fmt: skip
        found.append(vectors.sum(-1)[0].detach().double().numpy())
    return found


def ig_of_ours(handle: HfModel, texts: list[str]) -> tuple[list[Asked], list[Scored]]:
    reader = Reader(handle)
    method = METHODS.load("integrated_gradients")
    asked = [ask(reader, text) for text in texts]
    options = method.options(steps=50, most_steps=50)
    return asked, method.explain(asked, reader, options, "log-odds")


def test_integrated_gradients(handle: HfModel, rounds: list[list[str]], record_property: Record):
    """Guards against fewer steps under the same name, and batches that move a score."""
    ratios, differ, gaps = [], [], []
    for texts in rounds:
        theirs, slow = timed(lambda t=texts: captum_one_by_one(handle, t))  # type: ignore[misc]
        ours, (asked, fast) = timed(lambda t=texts: ig_of_ours(handle, t))  # type: ignore[misc]
        ratios.append(theirs / ours)
        for one, tokens, scored in zip(asked, slow, fast, strict=True):
            wanted = np.zeros(len(one.words))
            for token, shares in zip(tokens, one.shares, strict=True):
                for word, share in shares:
                    wanted[word] += token * share
            differ.append(float(np.abs(wanted - scored.scores).max()))
            gaps.append(scored.gap)
    ratio = told(
        record_property, "integrated gradients, 50 steps, against captum", ratios,
        f"largest difference of a score {max(differ):.1e}; completeness gap below 1 % in "
        f"{sum(gap < 0.01 for gap in gaps)} of {len(gaps)}",
    )  # fmt: skip
    assert max(differ) < 1e-5
    assert ratio > 1.0 or not REAL
