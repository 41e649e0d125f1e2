"""Explaining many sentences: what is kept when a run is killed, memory, and texts that are hard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.extract import attributions, coalitions, explained_piece
from kdprobe.extract.attributions import explain_model
from kdprobe.extract.coalitions import ValueFunction, every_coalition, fill
from kdprobe.extract.method import METHODS
from kdprobe.extract.methods import _gradients, integrated_gradients
from kdprobe.extract.orders import EVERY_COALITION
from kdprobe.extract.passes import expected_tokens, token_counts
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models import reader as reading
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.reader import Reader
from kdprobe.models.texts_reader import reader_of
from kdprobe.models.words import split_words
from kdprobe.progress import ProgressStage, Silent
from kdprobe.tasks.task import Task
from kdprobe.workers.counting import counted
from kdprobe.workers.pool import Workers
from tests.extract.linear import asked_of, linear_reader
from tests.models.tiny import SENTENCES, WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
FAST: dict[str, dict[str, Any]] = {
    "lime": {"samples": 40}, "shap": {"permutations": 2},
    "integrated_gradients": {"steps": 16, "most_steps": 16},
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("m") / "bert", labels=TASK.labels)


@pytest.fixture
def handle(place: Path) -> HfModel:
    return open_hf(str(place), name="bert", task=TASK, device="cpu")


def sentence(*texts: str) -> Sentence:
    return Sentence("|".join(texts), texts, split_words(*texts), 1)


class Steps(Silent):
    """Keeps the steps of a stage with their notes; its reader may lose patience at one of them."""

    def __init__(self, until: str = "never") -> None:
        self.until = until
        self.total: int | None = None
        self.steps: list[tuple[int, str]] = []

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        self.total = total
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        self.steps.append((steps, note))
        if self.until in note:
            raise KeyboardInterrupt


def test_a_killed_run_goes_on_and_ends_in_the_same_numbers(
    handle: HfModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Guards against work done twice after a kill, and numbers that tell of it."""
    monkeypatch.setattr(attributions, "PIECE", 2)
    names = ("lime", "occlusion", "gradient_x_input")
    setting = ExplanationSettings(
        {n: METHODS.load(n).options(**FAST.get(n, {})) for n in names}, seed=3
    )
    asked = [sentence(text) for text in (*SENTENCES[:4], "the dog " * 8)]
    whole = explain_model(handle, asked, setting, cache=None, progress=Silent())
    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        explain_model(handle, asked, setting, cache=cache, progress=Steps(until="2 of 5"))
    put: list[str] = []
    real = explained_piece.ask

    def counted(reader: Reader, one: Sentence, setting: ExplanationSettings) -> Any:
        put.append(one.id)
        return real(reader, one, setting)

    monkeypatch.setattr(explained_piece, "ask", counted)
    resumed = explain_model(handle, asked, setting, cache=cache, progress=Silent())
    assert put == [one.id for one in asked[2:]]
    for name, found in whole.items():
        for one, other in zip(found, resumed[name], strict=True):
            np.testing.assert_array_equal(one.scored.scores, other.scored.scores)
            np.testing.assert_array_equal(one.deletion, other.deletion)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_piece_says_how_far_it_is(
    jobs: int, handle: HfModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a bar that stands at 0 while a piece takes minutes, or ends before its work.

    Every batch is a step here; elsewhere the file of steps is looked at once a second, which so
    little work may not last, but its last step is told. A piece counts whole once it is kept.
    """
    monkeypatch.setattr(attributions, "PIECE", 2)
    names = ("lime", "integrated_gradients", "occlusion")
    setting = ExplanationSettings({n: METHODS.load(n).options(**FAST.get(n, {})) for n in names})
    asked = [sentence(text) for text in (*SENTENCES[:4], "the dog " * 8)]
    steps = Steps()
    with Workers(jobs, starting=0) as workers:
        explain_model(handle, asked, setting, cache=None, progress=steps, workers=workers)
    assert sum(count for count, _ in steps.steps) == steps.total
    assert min(count for count, _ in steps.steps) > 0
    assert steps.steps[-1][1] == "bert · 5 of 5 sentences"
    if jobs == 1:
        first = [count for count, note in steps.steps if note == "bert · 0 of 5 sentences"]
        assert len(first) > 3
        kept = next(count for count, note in steps.steps if note == "bert · 2 of 5 sentences")
        assert kept < sum(first)


@pytest.mark.parametrize("name", ["lime", "shap", "integrated_gradients", "occlusion"])
def test_what_is_foreseen_of_a_sentence_is_about_what_is_run(name: str, handle: HfModel) -> None:
    """Guards against time left that is off by the tokens of a method nobody foresaw."""
    options = METHODS.load(name).options()
    setting = ExplanationSettings({name: options}, deletion=False)
    asked, reader = [sentence(" ".join(WORDS[:14]))], reader_of(handle)
    foreseen = expected_tokens(setting, asked, token_counts(reader, asked))
    told: list[float] = []
    with counted(told.append):
        explained_piece.explain_piece(
            reader, explained_piece.PieceRequest(asked, setting, {name: {}}, {name: 1e9})
        )
    assert told[-1] == 1e9
    assert 0.5 < told[-2] / foreseen[name] < 1.6


@pytest.mark.parametrize("known", ["occlusion", "lime", "shap"])
def test_a_run_killed_between_two_methods_ends_in_the_same_bits(
    known: str, handle: HfModel, tmp_path: Path
):
    """Guards against last digits that tell which methods were known already.

    A kill leaves one method of a piece kept and the next not. What the next one asks must not
    share batches with what the first had asked: not its scores, nor its deletion.
    """
    names = ("occlusion", "lime", "shap")
    options = {n: METHODS.load(n).options(**FAST.get(n, {})) for n in names}
    setting = ExplanationSettings(options, seed=3)
    asked = [sentence(text) for text in (*SENTENCES[:4], "the dog " * 8)]
    whole = explain_model(handle, asked, setting, cache=None, progress=Silent())
    cache = Cache(tmp_path)
    first = ExplanationSettings({known: options[known]}, seed=3, deletion=True)
    explain_model(handle, asked, first, cache=cache, progress=Silent())
    resumed = explain_model(handle, asked, setting, cache=cache, progress=Silent())
    assert set(resumed) == {*names, explained_piece.RANDOM, EVERY_COALITION}
    for name, entries in whole.items():
        for one, other in zip(entries, resumed[name], strict=True):
            np.testing.assert_array_equal(one.scored.scores, other.scored.scores)
            np.testing.assert_array_equal(one.deletion, other.deletion)


@pytest.mark.parametrize("name", METHODS.names())
def test_no_batch_holds_more_tokens_than_its_bound(
    name: str, handle: HfModel, monkeypatch: pytest.MonkeyPatch
):
    """Guards against memory that grows with the length of a text or with steps and samples."""
    for module in (reading, _gradients, integrated_gradients):
        monkeypatch.setattr(module, "BATCH_TOKENS", 128)
    sizes: list[int] = []

    def seen(module: torch.nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        sizes.append(int(named["input_ids"].numel()))

    handle.model.register_forward_pre_hook(seen, with_kwargs=True)
    reader = Reader(handle)
    text = " ".join(WORDS[place % 40] for place in range(30))
    asked = [asked_of(reader, one) for one in (text, text, "the dog sleeps")]
    assert len(asked[0].encoded.ids) == 32
    method = METHODS.load(name)
    method.explain(asked, reader, method.options(**FAST.get(name, {})), "log-odds")
    assert 32 <= max(sizes) <= 128
    assert sum(sizes) > 2 * 32


def test_blocks_of_coalitions_bound_the_token_ids_and_move_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    """Guards against all coalitions of a long text encoded at one time, or answers mixed up."""
    games = []
    for letters in (coalitions.BLOCK_LETTERS, 60):
        monkeypatch.setattr(coalitions, "BLOCK_LETTERS", letters)
        reader = linear_reader()
        asked: list[int] = []
        real = reader.logits

        def counted(rows: Any, asked: list[int] = asked, real: Any = real) -> Any:
            asked.append(sum(len(ids) for ids, _ in rows))
            return real(rows)

        monkeypatch.setattr(reader, "logits", counted)
        pair = [
            ValueFunction(reader, (t,), split_words(t))
            for t in ("the dog saw him", "a cat and a dog")
        ]
        fill([(game, every_coalition(game.n)) for game in pair])
        games.append((pair, asked))
    (whole, once), (parts, often) = games
    assert len(once) == 1
    assert len(often) > 5
    assert max(often) < once[0] / 3
    for one, other in zip(whole, parts, strict=True):
        masks = every_coalition(one.n)
        np.testing.assert_allclose(one.logits(masks), other.logits(masks), atol=1e-6)


@pytest.mark.parametrize("name", METHODS.names())
@pytest.mark.parametrize(
    "texts",
    [
        ("dog",), ("?",), ("nai\u0308ve 👍🏽 👨\u200d👩\u200d👧 !",), ("שלום עולם",),
        ("the dog", ""), ("", "a cat"),
    ],
    ids=["one word", "a mark", "emoji", "right to left", "no second text", "no first text"],
)  # fmt: skip
def test_hard_texts_are_explained(name: str, texts: tuple[str, ...], handle: HfModel):
    """Guards against a crash, or scores of another number of words, on texts as people write."""
    options = METHODS.load(name).options(**FAST.get(name, {}))
    (found,) = explain_model(
        handle,
        [sentence(*texts)],
        ExplanationSettings({name: options}),
        cache=None,
        progress=Silent(),
    )[name]
    assert found.scored.scores.shape == (len(split_words(*texts)),)
    assert np.isfinite(found.scored.scores).all()
    assert np.isfinite(found.deletion).all()


def test_a_word_that_the_tokenizer_drops_has_no_score(handle: HfModel):
    """Guards against a zero for a word that the model never read."""
    asked = sentence("the \ufffd dog")
    assert [word.text for word in asked.words] == ["the", "\ufffd", "dog"]
    names = ("integrated_gradients", "occlusion", "shap")
    setting = ExplanationSettings({name: METHODS.load(name).options() for name in names})
    found = explain_model(handle, [asked], setting, cache=None, progress=Silent())
    assert np.isnan(found["integrated_gradients"][0].scored.scores).tolist() == [False, True, False]
    for name in ("occlusion", "shap"):  # to leave it out changes nothing, which is an answer
        np.testing.assert_allclose(found[name][0].scored.scores[1], 0.0, atol=1e-6)


def test_bfloat16_moves_scores_little_and_gradients_not_at_all(place: Path):
    """Guards against low precision that changes an answer, or that reaches into gradients.

    The bound: scores of the methods that leave words out keep their order almost (Spearman above
    .9 over all words) and move by less than a tenth of the largest; those of gradients are the ones
    of the same rounded weights in float32, which keep to the same bound.
    """
    full, half = (
        open_hf(str(place), name="bert", task=TASK, device="cpu", dtype=dtype)
        for dtype in ("float32", "bfloat16")
    )
    rounded = open_hf(str(place), name="bert", task=TASK, device="cpu")
    rounded.model.to(torch.bfloat16).to(torch.float32)
    names = METHODS.names()
    setting = ExplanationSettings({name: METHODS.load(name).options() for name in names})
    asked = [sentence(text) for text in ("she likes a funny film", "the dog sleeps .")]
    exact, low, cast = (
        explain_model(one, asked, setting, cache=None, progress=Silent())
        for one in (full, half, rounded)
    )
    for name in names:
        left, right, same = (
            np.concatenate([one.scored.scores for one in found[name]])
            for found in (exact, low, cast)
        )
        if name not in ("lime", "shap", "occlusion"):
            np.testing.assert_allclose(right, same, atol=1e-6)
        order = np.corrcoef(np.argsort(np.argsort(left)), np.argsort(np.argsort(right)))[0, 1]
        assert order > 0.9, name
        assert 0 < np.abs(left - right).max() < 0.1 * np.abs(left).max(), name
