"""Tests of the files that make a run resumable."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.distillers.resume import (
    MARKER,
    RECORD,
    first_change,
    last_complete,
    read_plan,
    read_record,
    refuse_change,
    seconds_of,
    write_plan,
)
from kdprobe.errors import OutputError, TrainingError


def test_half_a_checkpoint_is_never_used(tmp_path: Path) -> None:
    """Guards a run killed while it wrote: the newest folder is not the last whole one."""
    for step, whole in ((8, True), (12, True), (16, False)):
        place = tmp_path / f"checkpoint-{step}"
        place.mkdir()
        (place / "model.safetensors").write_text("x")
        if whole:
            (place / MARKER).write_text('{"seconds": 2.5}')
    found = last_complete(tmp_path)
    assert found == tmp_path / "checkpoint-12"
    assert seconds_of(found) == 2.5
    assert not (tmp_path / "checkpoint-16").exists()
    assert last_complete(tmp_path / "nothing") is None


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
        "expected what kdprobe wrote there; start anew in another folder, or say --force"
    )
