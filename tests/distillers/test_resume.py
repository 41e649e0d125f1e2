"""Tests of the files that make a run resumable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdprobe.distillers.resume import (
    MARKER,
    RECORD,
    first_change,
    last_complete,
    mark_complete,
    read_plan,
    read_record,
    refuse_change,
    seconds_of,
    write_plan,
)
from kdprobe.errors import OutputError, TrainingError


def checkpoint(folder: Path, step: int, *, best: int | None = None, whole: bool = True) -> Path:
    place = folder / f"checkpoint-{step}"
    place.mkdir(parents=True)
    (place / "model.safetensors").write_text("weights")
    (place / "trainer_state.json").write_text(json.dumps({"best_global_step": best}))
    if whole:
        mark_complete(place, seconds=2.5)
    return place


def test_half_a_checkpoint_is_never_used(tmp_path: Path) -> None:
    """Guards a run killed while it wrote: the newest folder is not the last whole one."""
    for step, whole in ((8, True), (12, True), (16, False)):
        checkpoint(tmp_path, step, whole=whole)
    (tmp_path / "checkpoint-of-mine").mkdir()
    checkpoint_kept = last_complete(tmp_path)
    assert checkpoint_kept == tmp_path / "checkpoint-12"
    assert seconds_of(checkpoint_kept) == 2.5
    assert not (tmp_path / "checkpoint-16").exists()
    assert (tmp_path / "checkpoint-of-mine").exists()
    assert last_complete(tmp_path / "nothing") is None


@pytest.mark.parametrize("harm", ["missing", "short", "marker"])
def test_what_is_left_of_a_checkpoint_is_known_as_such(tmp_path: Path, harm: str) -> None:
    """Guards a half-deleted or damaged checkpoint that ends in FileNotFoundError hours later."""
    checkpoint(tmp_path, 4)
    damaged = checkpoint(tmp_path, 8)
    if harm == "missing":
        (damaged / "model.safetensors").unlink()
    elif harm == "short":
        (damaged / "model.safetensors").write_text("wei")
    else:
        (damaged / MARKER).write_text("[]")
    assert last_complete(tmp_path) == tmp_path / "checkpoint-4"
    assert not damaged.exists()


def test_a_checkpoint_of_before_sizes_were_written(tmp_path: Path) -> None:
    """Guards runs that an earlier version began: whole checkpoints count, halves do not."""
    old = checkpoint(tmp_path, 4, whole=False)
    (old / MARKER).write_text('{"seconds": 1.5}')
    half = checkpoint(tmp_path, 8, whole=False)
    (half / MARKER).write_text('{"seconds": 3}')
    (half / "model.safetensors").unlink()
    assert last_complete(tmp_path) == old
    assert seconds_of(old) == 1.5


def test_the_best_checkpoint_must_be_there_too(tmp_path: Path) -> None:
    """Guards a last checkpoint whose best one is gone: the end needs the best one's weights."""
    early, best, last = (checkpoint(tmp_path, step, best=min(step, 8)) for step in (4, 8, 12))
    assert last_complete(tmp_path) == last
    (best / "model.safetensors").unlink()
    assert last_complete(tmp_path) == early
    (early / "trainer_state.json").unlink()
    assert last_complete(tmp_path) is None


def test_changes_are_named(tmp_path: Path) -> None:
    """Guards going on with other options: weights of two recipes would be mixed."""
    plan = {"seed": 1, "training": {"epochs": 3.0, "warmup": 0.1}, "labels": ("a",)}
    write_plan(tmp_path, plan)
    stored = read_plan(tmp_path)
    assert stored is not None
    refuse_change(tmp_path, stored, plan)  # tuples become lists in the file: no change
    with pytest.raises(TrainingError) as caught:
        refuse_change(tmp_path, stored, plan | {"training": {"epochs": 3.0, "warmup": 0.2}})
    assert str(caught.value) == (
        f"{tmp_path}: cannot go on with other options: training.warmup was 0.1 and is now 0.2, "
        "expected those the run began with; give them again, or start anew in another folder"
    )
    assert first_change({"a": 1}, {}) == "a was 1 and is now not given"
    assert first_change({}, {"b": None}) == "b was not given and is now None"


def test_damaged_records(tmp_path: Path) -> None:
    """Guards a record that was edited by hand."""
    assert read_plan(tmp_path) is None
    assert read_record(tmp_path) is None
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(OutputError) as caught:
        read_record(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / RECORD}:1: is not JSON (Expecting property name enclosed in double quotes), "
        "expected what kdprobe wrote there; start anew in another folder, or say `force`"
    )
