"""Asking a model once: the same numbers with and without the cache, and after a killed run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kdprobe.cache import Cache
from kdprobe.errors import MisalignedError
from kdprobe.extract.predictions import extract_predictions
from kdprobe.models import stored_outputs
from kdprobe.models.handle import Outputs, ProgressCall
from kdprobe.models.hf import open_hf
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.models.stored_outputs import text_keys
from kdprobe.models.toy import BagOfWords
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import SENTENCES, WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
PAIRS = Task("p", 1, "classification", ("bad", "good"), "accuracy", True)


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.totals: list[int | None] = []
        self.steps = 0

    def say(self, message: str) -> None:
        self.said.append(message)

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Told]:
        self.totals.append(total)
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        self.steps += steps


def toy(**options: object) -> BagOfWords:
    weights = {word: (0.25 * row, 1.0 - row / 7) for row, word in enumerate(WORDS)}
    return BagOfWords("toy", TASK.labels, weights, (0.5, 0.0), **options)  # type: ignore[arg-type]


def split_of(n: int, task: Task = TASK) -> Split:
    texts = tuple(f"{WORDS[row % 90]} {WORDS[row // 90]} number{row}" for row in range(n))
    return Split(task, "dev", tuple(f"d{row}" for row in range(n)), texts)


def said(handle: BagOfWords, split: Split, cache: Cache | None, **options: object) -> np.ndarray:
    settings = {"batch_size": 7, "progress": Silent(), **options}
    return extract_predictions(handle, split, cache=cache, **settings).predictions.values  # type: ignore[arg-type]


def test_numbers_worked_by_hand():
    """Guards against a row or column in another place than its example's."""
    handle = BagOfWords("toy", TASK.labels, {"fine": (0.0, 1.5), "dull": (2.0, 0.0)}, (0.5, 0.0))
    split = Split(TASK, "dev", ("x", "y", "z"), ("fine fine", "dull", "fine fine"))
    extracted = extract_predictions(handle, split, cache=None, batch_size=2, progress=Silent())
    assert extracted.predictions.ids == ("x", "y", "z")
    assert extracted.predictions.values.tolist() == [[0.5, 3.0], [2.5, 0.0], [0.5, 3.0]]
    assert handle.calls == [("x", "y")]  # a text is asked about once


def test_the_cache_changes_no_number(tmp_path: Path):
    """Guards against rounding, or another order, on the way through the cache."""
    cache, split = Cache(tmp_path), split_of(50)
    fresh, first = said(toy(), split, None), said(toy(), split, cache)
    again = toy()
    extracted = extract_predictions(again, split, cache=cache, batch_size=3, progress=Silent())
    assert extracted.from_cache
    assert again.calls == []
    assert np.array_equal(fresh, first)
    assert np.array_equal(fresh, extracted.predictions.values)


def test_other_orders_parts_and_labels_ask_nothing_new(tmp_path: Path):
    """Guards against paying again for a shuffled split, or for `limit`."""
    cache, split = Cache(tmp_path), split_of(40)
    whole = said(toy(), split, cache)
    rows = np.random.default_rng(1).permutation(40)[:15].tolist()
    part = split.take(rows)
    relabelled = Split(TASK, "test", tuple(map(str, range(15))), part.texts, None, np.ones(15))
    for asked in (part, relabelled):
        handle = toy()
        assert np.array_equal(said(handle, asked, cache), whole[rows])
        assert handle.calls == []


@pytest.mark.parametrize(
    "other", [{"max_words": 1}, {"reading": "bfloat16"}, {"reading": "float32 cpu columns 1,0"}]
)
def test_another_model_or_another_reading_is_asked_anew(other, tmp_path: Path):
    """Guards against a retrained model, or swapped labels, served with the old numbers."""
    cache, split = Cache(tmp_path), split_of(9)
    said(toy(), split, cache)
    handle = toy(**other)
    said(handle, split, cache)
    assert [len(ids) for ids in handle.calls] == [9]


def test_a_killed_run_goes_on_from_its_last_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a long run that starts over after Ctrl-C."""
    monkeypatch.setattr(stored_outputs, "PIECE", 10)
    cache, split = Cache(tmp_path), split_of(35)

    class Killed(BagOfWords):
        def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
            if len(self.calls) == 2:
                raise KeyboardInterrupt
            return super().outputs(split, batch_size=batch_size, advance=advance)

    whole = toy()
    with pytest.raises(KeyboardInterrupt):
        said(Killed(whole.name, whole.labels, whole.weights, whole.bias), split, cache)
    handle, told = toy(), Told()
    resumed = said(handle, split, cache, progress=told)
    assert [len(ids) for ids in handle.calls] == [10, 5]
    assert handle.calls[0][0] == "d20"
    assert told.totals == [15]
    assert told.steps == 15
    assert np.array_equal(resumed, said(toy(), split, None))


def test_a_damaged_entry_is_made_anew(tmp_path: Path):
    """Guards against a run that a damaged cache ends, or that trusts it."""
    cache, split, told = Cache(tmp_path), split_of(5), Told()
    before = said(toy(), split, cache)
    next(tmp_path.rglob("*.npz")).write_bytes(b"PK nonsense")
    assert np.array_equal(said(toy(), split, cache, progress=told), before)
    assert len(told.said) == 1
    assert cache.info().entries == 1


def test_truncated_examples_are_counted_from_the_cache_too(tmp_path: Path):
    """Guards against a warning that only the first run shows."""
    cache, split = Cache(tmp_path), split_of(6)
    split = Split(TASK, "dev", ("a", "b", "c"), ("the dog", "one two three four", "ok"))
    for _ in range(2):
        extracted = extract_predictions(
            toy(max_words=3), split, cache=cache, batch_size=2, progress=Silent()
        )
        assert extracted.truncated == 1


def test_outputs_that_are_not_finite_are_named_and_not_kept(tmp_path: Path):
    """Guards against NaN in the cache, where it would look like a fact."""
    handle = BagOfWords("toy", TASK.labels, {"bang": (np.nan, 0.0)})
    split = Split(TASK, "dev", ("a", "b"), ("quiet", "bang"))
    cache = Cache(tmp_path)
    with pytest.raises(MisalignedError) as caught:
        said(handle, split, cache)
    assert "toy: 1 of 2 examples have outputs that are not finite, the first is 'b'" in str(
        caught.value
    )
    assert cache.info().entries == 0


def test_texts_are_told_apart_by_all_that_is_read():
    """Guards against two examples sharing one answer because their joined texts are equal."""
    pairs = Split(PAIRS, "dev", tuple("abc"), ("x y", "x", "x"), ("", "y", " y"))
    keys = [*text_keys(pairs), *text_keys(Split(TASK, "dev", ("d",), ("x y",)))]
    assert len(set(keys)) == 4
    assert {len(key) for key in keys} == {16}


def test_a_predictions_file_is_not_kept_again(tmp_path: Path):
    """Guards against a cache filled with copies of files."""
    place = tmp_path / "p.tsv"
    place.write_text("text\tlogits\nthe dog\t1,2\n")
    handle = PredictionsFile(place, name="p", task=TASK)
    cache = Cache(tmp_path / "cache")
    split = Split(TASK, "dev", ("a",), ("the dog",))
    extracted = extract_predictions(handle, split, cache=cache, batch_size=1, progress=Silent())
    assert extracted.predictions.values.tolist() == [[1.0, 2.0]]
    assert not extracted.from_cache
    assert cache.info().entries == 0


def test_a_checkpoint_through_the_cache(tmp_path: Path):
    """Guards against float32 outputs stored in another precision than they are used in."""
    folder = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    split = Split(TASK, "dev", tuple(map(str, range(len(SENTENCES)))), SENTENCES)
    handle = open_hf(str(folder), name="m", task=TASK, device="cpu")
    cache = Cache(tmp_path / "cache")
    runs = [
        extract_predictions(handle, split, cache=kept, batch_size=size, progress=Silent())
        for kept, size in ((cache, 3), (cache, 8), (None, 1))
    ]
    assert [run.from_cache for run in runs] == [False, True, False]
    assert np.array_equal(runs[0].predictions.values, runs[1].predictions.values)
    np.testing.assert_allclose(runs[0].predictions.values, runs[2].predictions.values, atol=1e-6)
