"""Tests of the options of one training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdprobe.config.commands import DistillOptions
from kdprobe.config.options import DataOptions, Runtime, TrainingOutput
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.run_options import CallObjects, RunOptions
from kdprobe.errors import ConfigError


def options(
    objects: CallObjects | None = None, output: Any = "out", **keywords: object
) -> RunOptions[DistillOptions]:
    return RunOptions.of("distill", DistillOptions, objects or CallObjects(), output, keywords)


def test_objects_and_keywords_give_one_run() -> None:
    """Guards an option that is dropped on its way into the run."""
    objects = CallObjects(DataOptions(task="cola", limit=9), TrainingSettings(epochs=2), Runtime())
    run = options(objects, TrainingOutput(output=Path("out"), force=True), threads=1, seed=4)
    assert (run.data.task, run.data.limit, run.seed, run.sampled_by) == ("cola", 9, 4, 4)
    assert run.named_settings == {"epochs": 2}
    assert (run.runtime.threads, run.output.force, run.folder) == (1, True, Path("out"))
    assert options(sample_seed=3, seed=4).sampled_by == 3
    with pytest.raises(TypeError, match="'force' twice: as a keyword and in output"):
        options(output=TrainingOutput(output=Path("out"), force=True), force=False)
    with pytest.raises(ConfigError, match="`threads`: is 0, expected at least 1"):
        options(threads=0)


def test_the_command_on_the_card() -> None:
    """Guards the command that trains a model again: every option that decides it, none else."""
    run = options(
        task="my task.tsv", text="review", labels=["a", "b"], epochs=3, eval_limit=5, seed=2,
        sample_seed=3, recipe="vanilla", settings={"temperature": 3}, data_dir="/data", force=True,
        device="cpu", threads=1,
    )  # fmt: skip
    assert run.command_line("distill", "a b", student="layers=1") == (
        "kdprobe distill 'a b' --task 'my task.tsv' -o out --recipe vanilla --student layers=1 "
        "--set temperature=3 --epochs 3 --text review --labels a,b --eval-limit 5 --seed 2 "
        "--sample-seed 3"
    )
