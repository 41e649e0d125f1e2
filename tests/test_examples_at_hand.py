"""Trainings on examples at hand: frames and data sets in place of a task's name or file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

import kdprobe
from kdprobe.errors import ConfigError
from tests.distillers.builders import toy_file
from tests.models.tiny import tiny_checkpoint

QUICK: dict[str, Any] = {"epochs": 1, "device": "cpu", "threads": 1, "offline": True}
CALLS: tuple[Any, ...] = (kdprobe.finetune, kdprobe.distill)
COLUMNS: dict[str, Any] = {"text": "review", "label": "stars"}


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """48 rows to learn from and 16 to score, under names that nobody guesses."""
    table = pd.read_csv(toy_file(tmp_path_factory.mktemp("task"), train=48, dev=16), sep="\t")
    return table.rename(columns={"text": "review", "label": "stars"})


def splits_of(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same by names of splits as people have them."""
    parts = {"train": "train", "validation": "dev"}
    return {
        name: frame[frame.split == split].drop(columns="split") for name, split in parts.items()
    }


def data_sets(frame: pd.DataFrame) -> DatasetDict:
    """The same as a `DatasetDict` whose labels are numbers with names."""
    features = Features(review=Value("string"), stars=ClassLabel(names=["neg", "pos"]))
    return DatasetDict(
        {
            name: Dataset.from_pandas(
                part.assign(stars=[["neg", "pos"].index(star) for star in part.stars]),
                features=features,
                preserve_index=False,
            )
            for name, part in splits_of(frame).items()
        }
    )


def plan_of(folder: Path) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((folder / "kdprobe.json").read_text("utf-8"))["plan"]
    return plan


def test_every_form_of_the_same_examples_is_the_same_training(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    """A record of a folder that is gone, other labels for class numbers, a split that is lost."""
    folder = str(tiny_checkpoint(tmp_path / "enc", labels=(), head=False))
    file = tmp_path / "table.parquet"
    frame.to_parquet(file)
    records = []
    for name, task in enumerate((str(file), frame, splits_of(frame), data_sets(frame))):
        output = tmp_path / f"out{name}"
        kdprobe.finetune(folder, task=task, output=output, **COLUMNS, **QUICK)
        records.append(plan_of(output))
        for text in ((output / "kdprobe.json"), (output / "README.md")):
            assert "/kdprobe-" not in text.read_text("utf-8")
    assert records[0]["columns"] == {"text": "review", "label": "stars"}
    assert records[0]["train"]["examples"] == 48
    assert records[0]["eval"]["examples"] == 16
    assert records[0]["train"]["fingerprint"] != records[0]["eval"]["fingerprint"]
    for record in records[1:]:
        assert record == records[0]


def test_a_student_of_a_frame_is_compared_on_it(frame: pd.DataFrame, tmp_path: Path) -> None:
    """A comparison that takes the frame for another task than the one that was learnt."""
    base = str(tiny_checkpoint(tmp_path / "enc", labels=(), layers=2, head=False))
    learns: dict[str, Any] = QUICK | {"epochs": 8, "learning_rate": 3e-3}
    kdprobe.finetune(base, task=frame, output=tmp_path / "t", **COLUMNS, **learns)
    trained = kdprobe.distill(
        tmp_path / "t", task=frame, student="layers=1", output=tmp_path / "s", **COLUMNS, **QUICK
    )
    assert trained.eval_split == "dev"
    assert plan_of(tmp_path / "s")["columns"] == COLUMNS
    result = kdprobe.compare(
        str(tmp_path / "t"), str(tmp_path / "s"), task=frame, only=["task_scores"],
        resamples=100, device="cpu", offline=True, **COLUMNS,
    )  # fmt: skip
    assert (result.document.task.split, result.document.task.n) == ("dev", 16)
    accuracy = result.get("accuracy", "s").value
    assert accuracy == pytest.approx(trained.scores["accuracy"])
    again = kdprobe.distill(
        tmp_path / "t", task=frame, student="layers=1", output=tmp_path / "s", resume=True,
        **COLUMNS, **QUICK,
    )  # fmt: skip
    assert again.scores == trained.scores


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"task": 5}, "`task`: is a int, expected a name, a task file or a table of examples"),
        ({"task": {"train": 5}}, "`task`: is a dict, expected a name, a task file"),
    ],
)
def test_no_examples_are_refused(tmp_path: Path, keywords: dict[str, Any], message: str) -> None:
    """`no task is called '5'`, or a traceback."""
    for call in CALLS:
        with pytest.raises(ConfigError) as caught:
            call("m", output=tmp_path / "o", **keywords)
        assert str(caught.value).startswith(message)
    for call in CALLS:
        with pytest.raises(TypeError, match=r"takes a (model|teacher) as a path.*, not int"):
            call(5, task="grammar", output=tmp_path / "o")
