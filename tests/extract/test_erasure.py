"""Erasing from a real model's layers: what a linear probe reads then, and what erasing costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.extract.erasure import LayerErasers, fit_erasers, measure, with_controls
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


def gathered(handle: HfModel, texts: list[str], labels: Ints, *, rows: int = 64) -> Gathered:
    hot = np.eye(2)[labels]
    return gather(opened(handle), handle.text.encode(texts), hot, rows=rows, advance=silent)


def states_of(handle: HfModel, text: str) -> list[Floats]:
    """Every layer's states of one text, by the model's own forward."""
    with torch.no_grad():
        inputs = handle.tokenizer(text, return_tensors="pt")
        out = handle.model(**inputs, output_hidden_states=True)
    return [state[0].double().numpy() for state in out.hidden_states]


def covariance_with(vectors: list[Floats], labels: Ints) -> float:
    centred = np.stack(vectors) - np.mean(vectors, axis=0)
    return float(np.abs(centred.T @ (labels - labels.mean())).max() / len(labels))


def test_no_pooled_state_has_covariance_with_the_label(handle: HfModel) -> None:
    """Guards the guarantee where it counts: each sentence's states, erased token by token.

    The mean of the words, of each quarter of them and each special token, in float64 to 1e-8; the
    states are read one sentence at a time, by transformers alone.
    """
    texts, labels = labelled()
    erasers = fit_erasers(gathered(handle, texts, labels))
    states = [states_of(handle, text) for text in texts]
    assert covariance_with([s[0][1:-1].mean(axis=0) for s in states], labels) > 1e-3
    for layer, (first, words, last) in erasers.items():
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
            assert left < 1e-8, layer


def test_controls_take_the_variance_that_the_property_takes(handle: HfModel) -> None:
    """Guards a control that changes the task's texts more, or less, than the eraser does."""
    texts, labels = labelled()
    others = [f"{text} {text}" for text in texts[::3]]
    split = gather(
        opened(handle), handle.text.encode(others), np.zeros((len(others), 0)),
        rows=64, advance=silent,
    )  # fmt: skip
    own = fit_erasers(gathered(handle, texts, labels))
    ready = with_controls(own, split, draws=DRAWS, seed=0, name="p")
    assert all(one.share > 0 for one in ready.values())
    spans = spans_of(handle)
    for layer, one in ready.items():
        assert one.control_share == pytest.approx(one.share, rel=1e-6)
        assert one.rank == own[layer][spans.before].rank
        moved = np.zeros(1 + DRAWS)
        means = np.zeros_like(own[layer][spans.before].centre)
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
    texts, labels = labelled()
    editor = opened(handle)
    tokens = handle.text.encode(texts[:40])
    split = gather(editor, tokens, np.zeros((40, 0)), rows=rows, advance=silent)
    own = fit_erasers(gathered(handle, texts, labels, rows=rows))
    ready = with_controls(own, split, draws=DRAWS, seed=0, name="p")
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
    texts, labels = labelled()
    one = gathered(handle, texts, labels)
    own = fit_erasers(one)
    few = with_controls(own, one, draws=5, seed=0, name="p")
    more = with_controls(own, one, draws=7, seed=0, name="p")
    other = with_controls(own, one, draws=5, seed=1, name="p")
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
    own = fit_erasers(gathered(handle, texts, (np.arange(40) % 2).astype(np.int64)))
    assert [eraser.rank for eraser in own[0]][::2] == [0, 0]
    assert own[0][1].rank >= 1
