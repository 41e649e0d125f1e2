"""Fixtures of the training room: one task file and one trained teacher for all tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from kdprobe.finetuning import finetune
from tests.distillers.builders import toy_file


class Toy(NamedTuple):
    """A task file and a teacher that has learnt it."""

    task: str
    teacher: str


def make_toy(folder: Path) -> Toy:
    """Write the task and train a teacher of three layers on it."""
    task = str(toy_file(folder))
    finetune(
        "bert:L3,H32,A2,I64,V200",
        task=task,
        output=folder / "teacher",
        epochs=4,
        learning_rate=3e-3,
        device="cpu",
        bf16=False,
        threads=1,
        offline=True,
    )
    return Toy(task, str(folder / "teacher"))


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A task and a teacher that scores above chance on it."""
    task_and_teacher = make_toy(tmp_path_factory.mktemp("toy"))
    record = json.loads((Path(task_and_teacher.teacher) / "kdprobe.json").read_text())
    assert record["scores"]["accuracy"] > 0.9
    return task_and_teacher
