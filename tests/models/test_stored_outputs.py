"""What a model says of a split, shared by comparing and distilling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache, CacheKey
from kdprobe.config.recipe import Recipe, open_recipe
from kdprobe.distillers.compute import choose_compute
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.errors import CapabilityError, MisalignedError
from kdprobe.extract.predictions import extract_predictions
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.stored_outputs import BATCH_SIZE, keep_logits, stored_logits, stored_outputs
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import SENTENCES, WORDS, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEXTS = (*SENTENCES, *(" ".join(WORDS[at : at + 3 + at % 9]) for at in range(60)))
SPLIT = Split(
    TASK,
    "dev",
    tuple(f"d{row}" for row in range(len(TEXTS))),
    TEXTS,
    labels=np.arange(len(TEXTS)) % 2,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "teacher", labels=TASK.labels)


def rows_run(model: Any, texts: int) -> list[int]:
    """Count rows in every forward pass from now on; passes of trial texts are left out."""
    counted: list[int] = []

    def count(_: Any, arguments: Any, keywords: Any) -> None:
        counted.append(len(keywords["input_ids"]))

    model.register_forward_pre_hook(count, with_kwargs=True)
    return counted


def compare(folder: Path, cache: Cache) -> tuple[Any, list[int]]:
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    counted = rows_run(handle.model, len(SPLIT))
    outputs = extract_predictions(
        handle, SPLIT, cache=cache, batch_size=BATCH_SIZE, progress=Silent()
    )
    return outputs.predictions.values, counted


def teacher_of(folder: Path, recipe: Recipe | None = None) -> Teacher:
    data = TrainingData(TASK, SPLIT, SPLIT)
    compute = choose_compute(device="cpu", threads=1)
    return Teacher.open(str(folder), data, recipe or open_recipe("vanilla"), compute, None, True)


def distill(folder: Path, cache: Cache) -> tuple[Any, list[int]]:
    teacher = teacher_of(folder)
    _ = teacher.handle  # its trials of padding come before its outputs
    counted = rows_run(teacher.loaded.model, len(SPLIT))
    return teacher.logits(SPLIT, progress=Silent(), cache=cache), counted


@pytest.mark.parametrize(("first", "second"), [(compare, distill), (distill, compare)])
def test_the_second_command_runs_the_teacher_on_nothing(
    first: Callable[..., Any], second: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    """Guards against paying twice for one fact, and against two commands with two numbers."""
    cache = Cache(tmp_path / "cache")
    values, counted = first(folder, cache)
    assert sum(counted) >= len(set(TEXTS))
    again, passes = second(folder, cache)
    assert passes == []
    assert np.array_equal(values.astype(np.float32), again.astype(np.float32))
    assert cache.info().kinds == {"predictions": 1}
    alone, _ = second(folder, Cache(tmp_path / "other"))
    assert np.array_equal(again, alone)  # who came first moves no bit


@pytest.mark.parametrize("max_length", [512, 6])
def test_what_a_training_computed_is_not_computed_again(
    max_length: int, folder: Path, tmp_path: Path
) -> None:
    """Guards a training split that a teacher is run over twice, by `distill` and by `compare`."""
    recipe = open_recipe("vanilla")
    short = recipe.training.model_copy(update={"max_length": max_length})
    teacher = teacher_of(folder, recipe.model_copy(update={"training": short}))
    cache = Cache(tmp_path / "cache")
    first = {text: row for row, text in reversed(list(enumerate(TEXTS)))}
    part = SPLIT.take(sorted(first.values())[:9])
    known = stored_outputs(teacher.handle, part, cache=cache, progress=Silent())
    logits = teacher._training_logits(SPLIT, progress=Silent(), cache=cache)
    assert cache.info().kinds == {"predictions": 1 + (max_length == 6), "teacher-logits": 1}
    long = teacher.handle.text.encode(TEXTS, None).lengths > max_length
    rows = np.flatnonzero(~long)
    assert 9 < len(rows) < len(SPLIT) if max_length == 6 else len(rows) == len(SPLIT)

    again = stored_outputs(teacher.handle, part, cache=cache, progress=Silent())
    assert np.array_equal(again.values, known.values)  # no number of `compare` moves by a bit
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    counted = rows_run(handle.model, len(SPLIT))
    outputs = stored_outputs(handle, SPLIT.take(rows), cache=cache, progress=Silent())
    assert (outputs.computed, counted) == (0, [])
    np.testing.assert_allclose(outputs.values, logits[rows], atol=1e-5)
    assert not outputs.truncated.any()
    limited = handle.limited(max_length)
    kept = stored_outputs(limited, SPLIT, cache=cache, progress=Silent())
    assert kept.truncated.tolist() == long.tolist()
    cut = stored_logits(handle, SPLIT, longest=max_length, cache=cache, progress=Silent())
    np.testing.assert_allclose(cut, logits, atol=1e-5)

    alone = Cache(tmp_path / "other")
    same = teacher_of(folder, recipe.model_copy(update={"training": short}))
    assert np.array_equal(logits, same._training_logits(SPLIT, progress=Silent(), cache=alone))


def test_what_is_not_finite_is_not_kept(folder: Path, tmp_path: Path) -> None:
    """Guards a NaN of a training that `compare` would read as an answer."""
    handle, cache = teacher_of(folder).handle, Cache(tmp_path / "cache")
    values = np.zeros((len(SPLIT), 2))
    values[3] = np.nan
    with pytest.raises(MisalignedError, match=r"1 of .* not finite, the first is 'd3'"):
        keep_logits(handle, SPLIT, values, longest=512, cache=cache, progress=Silent())
    assert cache.info().entries == 0


def test_only_longer_texts_have_entries_of_their_own(folder: Path, tmp_path: Path) -> None:
    """Guards against the outputs of cut texts given for whole ones, and the other way round."""
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    cache, longest = Cache(tmp_path / "cache"), 6
    whole = stored_outputs(handle, SPLIT, cache=cache, progress=Silent())
    lengths = handle.text.encode(SPLIT.texts).lengths
    counted = rows_run(handle.model, len(SPLIT))
    cut = stored_logits(handle, SPLIT, longest=longest, cache=cache, progress=Silent())
    long = lengths > longest
    assert 0 < long.sum() < len(SPLIT)
    assert np.array_equal(cut[~long], whole.values[~long])
    texts = {text for text, each in zip(TEXTS, long, strict=True) if each}
    assert len(texts) <= sum(counted) <= len(texts) + 3  # three are held against the model's own
    for row in np.flatnonzero(long):
        given = handle.tokenizer(
            TEXTS[row], truncation=True, max_length=longest, return_tensors="pt"
        )
        with torch.no_grad():
            own = handle.model(**given).logits[0, list(handle.columns)].double().numpy()
        np.testing.assert_allclose(cut[row], own, atol=1e-5)
    assert not np.allclose(cut[long], whole.values[long], atol=1e-3)
    again = stored_outputs(handle, SPLIT, cache=cache, progress=Silent())
    assert again.computed == 0
    assert np.array_equal(again.values, whole.values)


def test_a_limit_that_cuts_nothing_is_none(folder: Path) -> None:
    """Guards against a second entry for a limit above the model's own."""
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    assert handle.limited(handle.text.limit) is handle
    limited = handle.limited(5)
    assert (limited.text.limit, limited.reading) == (5, handle.reading + " longest 5")
    assert limited.model is handle.model
    assert handle.text.limit > 5


def test_a_teacher_that_is_not_the_same_twice_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a student that learns noise without a word."""
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    forward = HfModel._run

    def noisy(self: HfModel, *given: Any) -> Any:
        return forward(self, *given) + 1.0

    monkeypatch.setattr(HfModel, "_run", noisy)
    cache = Cache(tmp_path / "cache")
    with pytest.raises(CapabilityError) as caught:
        stored_logits(handle, SPLIT, longest=512, cache=cache, progress=Silent())
    assert "is not the same twice" in str(caught.value)
    assert cache.info().entries == 0


def test_a_split_in_another_order_is_the_same(folder: Path, tmp_path: Path) -> None:
    """Guards the rows of the two groups of texts: each stands where its example stands."""
    handle = open_hf(str(folder), name="teacher", task=TASK, device="cpu")
    cache = Cache(tmp_path / "cache")
    values = stored_logits(handle, SPLIT, longest=6, cache=cache, progress=Silent())
    order = np.random.default_rng(0).permutation(len(SPLIT)).tolist()
    shuffled = replace(SPLIT.take(order), name="shuffled")
    again = stored_logits(handle, shuffled, longest=6, cache=cache, progress=Silent())
    assert np.array_equal(again, values[order])


def test_logits_that_are_learnt_from_keep_every_bit(folder: Path, tmp_path: Path) -> None:
    """Guards students against a rounding that the steps of a training amplify.

    Stored ones a little off (another machine's, or a later torch's) are computed again.
    """
    teacher, cache = teacher_of(folder), Cache(tmp_path / "cache")
    right = all_logits(
        teacher.loaded.model, teacher.train, columns=teacher.loaded.columns,
        device=torch.device("cpu"), batch_size=64, progress=Silent(), title="",
    )  # fmt: skip
    for _ in range(2):
        logits = teacher._training_logits(SPLIT, progress=Silent(), cache=cache)
        assert np.array_equal(logits, right)
    key = CacheKey("teacher-logits", teacher._file(SPLIT).parts)
    assert cache.load(key) is not None
    cache.store(key, {"logits": right + np.float32(5e-4)}, description="elsewhere")
    again = teacher._training_logits(SPLIT, progress=Silent(), cache=cache)
    assert np.array_equal(again, right)
