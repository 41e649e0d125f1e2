"""Erasing from a real model's layers: what a linear probe reads then, and what erasing costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from kdprobe.extract.erasure import LayerErasers, fit_erasers, measure
from kdprobe.extract.state_moments import Gathered, Spans, gather, parts_of, read_apart, spans_of
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.layer_edits import EditableLayers
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import Task
from tests.models.tiny import WORDS, tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
DRAWS = 5


def labelled(count: int = 120) -> tuple[list[str], Ints]:
    """Sentences of 3 to 9 words; of class 1 the second word is from a set of its own."""
    generator = np.random.default_rng(0)
    texts, labels = [], []
    for row in range(count):
        words = generator.choice(WORDS[:30], size=3 + row % 7).tolist()
        words[1] = WORDS[40 + row % 3 + 3 * (row % 2)]
        texts.append(" ".join(words))
        labels.append(row % 2)
    return texts, np.array(labels, dtype=np.int64)


def silent(done: int) -> None:
    pass


@pytest.fixture(scope="module", params=["bert", "lstm"])
def handle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HfModel:
    folder = tmp_path_factory.mktemp("m") / request.param
    if request.param == "lstm":
        tiny_lstm(folder, labels=TASK.labels, layers=2)
    else:
        tiny_checkpoint(folder, labels=TASK.labels, width=16)
    return open_hf(str(folder), name="m", task=TASK, device="cpu")


def opened(handle: HfModel) -> EditableLayers:
    tokens = handle.text.encode(["the dog sleeps in this house"])
    return EditableLayers(handle, [handle.text.padded(tokens.columns, [0], side="right")])


def labelled_moments(handle: HfModel, texts: list[str], labels: Ints, rows: int = 64) -> Gathered:
    tokens = handle.text.encode(texts)
    return gather(opened(handle), tokens, np.eye(2)[labels], rows=rows, advance=silent)


def moments(handle: HfModel, texts: list[str], rows: int = 64) -> Gathered:
    return gather(opened(handle), handle.text.encode(texts), None, rows=rows, advance=silent)


def erasers_for(
    handle: HfModel, others: list[str], *, draws: int = DRAWS, seed: int = 0, rows: int = 64
) -> dict[int, LayerErasers]:
    """The erasers of the labelled sentences' property, for other texts."""
    one = labelled_moments(handle, *labelled(), rows)
    return fit_erasers(one, moments(handle, others, rows), draws=draws, seed=seed, name="p")


def others_of(texts: list[str]) -> list[str]:
    """Texts of another kind: longer, some words twice."""
    return [f"{text} {text}" for text in texts[::3]]


def states_of(handle: HfModel, text: str) -> list[Floats]:
    """Every layer's states of one text, by the model's own forward."""
    with torch.no_grad():
        inputs = handle.tokenizer(text, return_tensors="pt")
        out = handle.model(**inputs, output_hidden_states=True)
    return [state[0].double().numpy() for state in out.hidden_states]


def covariance_with(vectors: list[Floats], labels: Ints) -> float:
    centred = np.stack(vectors) - np.mean(vectors, axis=0)
    return float(np.abs(centred.T @ (labels - labels.mean())).max() / len(labels))


@pytest.mark.parametrize("other", [True, False])
def test_no_pooled_state_has_covariance_with_the_label(handle: HfModel, other: bool) -> None:
    """Guards the guarantee where it counts: each sentence's states, erased token by token.

    Also by an eraser that is the least for texts of another kind.

    The mean of the words, of each quarter of them and each special token, to 1e-7: the states are
    read one sentence at a time, by transformers alone, and float32 rounds them otherwise than in
    the batches that erasers were fitted on (1.1e-8 on the lowest kernels).
    """
    texts, labels = labelled()
    erasers = erasers_for(handle, others_of(texts) if other else texts)
    states = [states_of(handle, text) for text in texts]
    assert covariance_with([s[0][1:-1].mean(axis=0) for s in states], labels) > 1e-3
    for layer, ready in erasers.items():
        first, words, last = ready.variants[0]
        erased = [
            np.concatenate([first(s[layer][:1]), words(s[layer][1:-1]), last(s[layer][-1:])])
            for s in states
        ]
        for pool in (
            lambda x: x[0],
            lambda x: x[-1],
            lambda x: x[1:-1].mean(axis=0),
            lambda x: x[1 : 1 + (len(x) - 2 + 2) // 4].mean(axis=0),
            lambda x: x[1 + (3 * (len(x) - 2) + 2) // 4 : -1].mean(axis=0),
        ):
            pooled = [(pool(x), label) for x, label in zip(erased, labels, strict=True)]
            kept = [(v, label) for v, label in pooled if np.isfinite(v).all()]
            left = covariance_with([v for v, _ in kept], np.array([z for _, z in kept]))
            assert left < 1e-7, layer


def test_controls_take_the_variance_that_the_property_takes(handle: HfModel) -> None:
    """Guards a control that changes the task's texts more, or less, than the eraser does."""
    others = others_of(labelled()[0])
    ready = erasers_for(handle, others)
    assert all(one.share > 0 for one in ready.values())
    spans = spans_of(handle)
    for layer, one in ready.items():
        assert one.control_share == pytest.approx(one.share, rel=1e-6)
        assert {variant[spans.before].rank for variant in one.variants} == {one.rank}
        moved = np.zeros(1 + DRAWS)
        means = np.zeros_like(one.variants[0][spans.before].centre)
        for text in others:
            state = states_of(handle, text)[layer][1:-1]
            for at, variant in enumerate(one.variants):
                change = state - variant[spans.before](state)
                moved[at] += (change**2).sum(axis=1).mean()
                if not at:
                    means += change.mean(axis=0)
        np.testing.assert_allclose(moved[1:], moved[0], rtol=1e-3)
        assert np.abs(means).max() / len(others) < 1e-4  # no mean of the task's states moves


def run(handle: HfModel, rows: int) -> tuple[Floats, dict[int, Floats], dict[int, LayerErasers]]:
    texts, _ = labelled()
    editor, tokens = opened(handle), handle.text.encode(texts[:40])
    ready = erasers_for(handle, texts[:40], rows=rows)
    clean, (values,) = measure(editor, tokens, [ready], rows=rows, advance=silent)
    return clean, values, ready


def test_outputs_are_those_of_a_model_that_is_erased_text_by_text(handle: HfModel) -> None:
    """Holds the batched runs against one text at a time with hooks, every layer and variant."""
    clean, values, ready = run(handle, 64)
    texts, _ = labelled()
    editor = opened(handle)
    for row in (0, 17, 39):
        tokens = handle.text.encode([texts[row]])
        inputs = handle.text.padded(tokens.columns, [0], side="right")
        with torch.no_grad():
            one = editor.clean(inputs)
            np.testing.assert_allclose(one.logits[0].numpy(), clean[row], atol=1e-5)
            for layer, erasers in ready.items():
                for at, variant in enumerate(erasers.variants):
                    state = one.states[layer][0].double().numpy()
                    ends = (state[:1], state[1:-1], state[-1:])
                    changed = [e(part) for e, part in zip(variant, ends, strict=True)]
                    other = torch.tensor(np.concatenate(changed)[None], dtype=torch.float32)
                    expected = editor.resumed(inputs, one, layer, other)[0].numpy()
                    np.testing.assert_allclose(values[layer][at, row], expected, atol=2e-5)


def test_the_size_of_a_batch_moves_nothing(handle: HfModel) -> None:
    """Guards sums over batches that weigh sentences by who stands beside them."""
    clean, values, _ = run(handle, 64)
    again, others, _ = run(handle, 3)
    np.testing.assert_allclose(again, clean, atol=1e-5)
    for layer, outputs in values.items():
        np.testing.assert_allclose(others[layer], outputs, atol=1e-4)


def test_a_draw_is_the_same_whatever_their_number(handle: HfModel) -> None:
    """Guards results that cannot be extended: more draws must keep those that there were."""
    texts, _ = labelled()
    few, more = (erasers_for(handle, texts, draws=draws) for draws in (5, 7))
    other = erasers_for(handle, texts, seed=1)
    for layer, erasers in few.items():
        for at in range(6):
            for left, right in zip(erasers.variants[at], more[layer].variants[at], strict=True):
                np.testing.assert_array_equal(left.left, right.left)
        assert not np.allclose(erasers.variants[1][1].left, other[layer].variants[1][1].left)


def test_words_without_a_token_behind_them() -> None:
    """Guards a decoder, whose head reads the last word, and a text of special tokens alone."""
    assert read_apart(slice(0, 5), Spans(0, 0), recurrent=True)[4:] == [slice(4, 5), slice(0, 1)]
    assert read_apart(slice(1, 5), Spans(1, 0), recurrent=True)[4:] == [slice(4, 5)]
    assert read_apart(slice(1, 5), Spans(1, 1), recurrent=False)[4:] == []
    assert Spans(1, 1).places(2) == [slice(0, 0), slice(0, 2), slice(0, 0)]
    for length in range(1, 12):
        parts = parts_of(slice(1, 1 + length))
        assert [at for part in parts for at in range(part.start, part.stop)] == [
            *range(1, 1 + length)
        ]


def test_labels_that_no_state_tells_move_nothing(tmp_path: Path) -> None:
    """Guards rank 0: [CLS] and [SEP] of layer 0 are alike in all sentences of one length."""
    folder = tiny_checkpoint(tmp_path / "m", labels=TASK.labels, width=16)
    handle = open_hf(str(folder), name="m", task=TASK, device="cpu")
    texts = [f"the {word} sleeps" for word in WORDS[:40]]
    one = labelled_moments(handle, texts, (np.arange(40) % 2).astype(np.int64))
    own = fit_erasers(one, moments(handle, texts), draws=5, seed=0, name="p")
    assert [eraser.rank for eraser in own[0].variants[0]][::2] == [0, 0]
    assert [eraser.rank for eraser in own[0].variants[1]][::2] == [0, 0]
    assert own[0].variants[0][1].rank >= 1


def test_on_one_set_of_texts_it_is_leace_as_published(handle: HfModel) -> None:
    """Holds a layer's words against the formula with a root of their token covariance."""
    texts, labels = labelled()
    erasers = erasers_for(handle, texts)
    for layer, ready in erasers.items():
        words = [states_of(handle, text)[layer][1:-1] for text in texts]
        mean = np.mean([one.mean(axis=0) for one in words], axis=0)
        covariance = np.mean([(w - mean).T @ (w - mean) / len(w) for w in words], axis=0)
        size = np.trace(covariance)
        spread = np.linalg.norm(covariance) ** 2 - size**2 / len(mean)
        share = min(1.0, size**2 / len(texts) / spread)
        shrunk = (1 - share) * covariance + share * size / len(mean) * np.eye(len(mean))
        root = np.real(sqrtm(shrunk))
        quarters = [[(len(w) * at + 2) // 4 for at in range(5)] for w in words]
        parts = [[w.mean(axis=0) for w in words]]
        crosses = [np.cov(np.stack(parts[0]).T, labels, bias=True)[:-1, -1]]
        for at in range(4):
            pairs = [
                (w[ends[at] : ends[at + 1]].mean(axis=0), z)
                for w, ends, z in zip(words, quarters, labels, strict=True)
                if ends[at] < ends[at + 1]
            ]
            vectors, zs = np.stack([v for v, _ in pairs]), np.array([z for _, z in pairs])
            crosses.append(np.cov(vectors.T, zs, bias=True)[:-1, -1])
        whitened = np.linalg.inv(root) @ np.stack(crosses, axis=1)
        projection = root @ whitened @ np.linalg.pinv(whitened) @ np.linalg.inv(root)
        eraser = ready.variants[0][1]
        np.testing.assert_allclose(eraser.left @ eraser.right, projection, atol=2e-4)
        np.testing.assert_allclose(eraser.centre, mean, atol=1e-6)
