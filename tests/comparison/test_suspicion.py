"""What is said aloud before any number: models in wrong places, chosen checkpoints, no gold."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from kdprobe.comparison.suspicion import suspicions
from kdprobe.models.handle import ModelHandle
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import TrainingRecord, training_record
from kdprobe.results.schema import Notice
from kdprobe.tasks.task import NO_LABEL, Split, Task

TASK = Task("cola", 1, "classification", ("no", "yes"), "mcc")


def split(labels: list[int] | None = None, missing_as: tuple[str, ...] = ()) -> Split:
    n = 4
    gold = [0, 1, 0, 1] if labels is None else labels
    ids = tuple(map(str, range(n)))
    return Split(TASK, "dev", ids, ("a",) * n, labels=np.array(gold), missing_as=missing_as)


def trained(folder: Path, name: str, **plan: Any) -> str:
    """A folder with the record of a training."""
    place = folder / name
    place.mkdir()
    record = {"task": plan.pop("task", "cola"), "kind": plan.get("command", "finetune"),
              "eval_split": plan.pop("eval_split", "dev"), "plan": plan}  # fmt: skip
    (place / "kdprobe.json").write_text(json.dumps(record))
    steps = [{"step": 1, "eval_mcc": 0.1}, {"step": 1, "loss": 1.0}, {"step": 2, "eval_mcc": 0.2}]
    (place / "history.json").write_text(json.dumps(steps))
    return str(place)


def said(paths: list[str], sizes: list[int | None], examples: Split) -> list[Notice]:
    """The notices about models of these sizes; a model's fingerprint is its folder's name."""
    specs = [ModelSpec(Path(path).name, (path,)) for path in paths]
    handles = [
        [SimpleNamespace(fingerprint=Path(path).name, parameters=size)]
        for path, size in zip(paths, sizes, strict=True)
    ]
    return suspicions(specs, cast(list[list[ModelHandle]], handles), examples)


def codes(notices: list[Notice]) -> list[str]:
    return [notice.code for notice in notices]


def test_nothing_is_said_of_models_in_their_places(tmp_path: Path):
    """Guards warnings that everybody learns to overlook."""
    paths = [str(tmp_path / "t"), str(tmp_path / "s")]
    assert said(paths, [200, 100], split()) == []
    assert said(paths, [None, 100], split()) == []
    last = {"training": {"best_by": "last"}}
    named = [trained(tmp_path, "teacher", command="finetune", **last)]
    named.append(trained(tmp_path, "student", command="distill", fingerprint="teacher", **last))
    assert said(named, [200, 100], split()) == []


def test_swapped_models(tmp_path: Path):
    """Guards "the teacher keeps 80 % of the student": lost and kept turned round, not a word."""
    small, large = [str(tmp_path / name) for name in ("small", "large")]
    (notice,) = said([small, large], [100, 200], split())
    assert (notice.code, notice.severity) == ("smaller-teacher", "warning")
    assert "fewer parameters (100) than large (200)" in notice.message
    student = trained(tmp_path, "student", command="distill", fingerprint="teacher",
                      training={"best_by": "last"})  # fmt: skip
    (notice,) = said([student, str(tmp_path / "teacher")], [100, 200], split())
    assert (notice.code, notice.severity) == ("swapped", "alarm")
    assert "student, named as the teacher, was distilled from teacher" in notice.message
    (notice,) = said([large, student], [200, 100], split())
    assert (notice.code, notice.severity) == ("other-teacher", "note")


def test_a_model_of_another_task(tmp_path: Path):
    """Guards a checkpoint of another task whose labels happen to have the same names."""
    wrong = trained(tmp_path, "wrong", command="finetune", task="sst2", eval_split="test")
    (notice,) = said([wrong, str(tmp_path / "s")], [2, 1], split())
    assert notice.code == "other-task"
    assert "trained for sst2" in notice.message
    own = trained(tmp_path, "own", command="finetune", task="my-table", eval_split="test")
    assert said([own, str(tmp_path / "s")], [2, 1], split()) == []


@pytest.mark.parametrize(
    "plan",
    [
        {"command": "finetune", "training": {"best_by": "score"}},
        {"command": "distill", "recipe": {"training": {"best_by": "score"}}},
        {"command": "distill", "recipe": {"training": {"best_by": "last"},
         "stages": [{"training": {}}, {"training": {"best_by": "score"}}]}},
    ],
    ids=["finetune", "distill", "stages"],
)  # fmt: skip
def test_checkpoints_chosen_on_the_split_compared_on(tmp_path: Path, plan: dict[str, Any]):
    """Guards the best of ten evaluations on dev compared on dev as if it had been seen once."""
    one = trained(tmp_path, "one", **plan, eval_split="dev")
    (notice,) = said([one, str(tmp_path / "s")], [2, 1], split())
    assert notice.code == "selection-bias"
    assert "one the best of 2 by score" in notice.message
    other = trained(tmp_path, "other", **plan, eval_split="validation")
    assert said([other, str(tmp_path / "s")], [2, 1], split()) == []
    same = trained(
        tmp_path, "same", **plan, task="a table", eval_split="all",
        eval={"fingerprint": split().fingerprint},
    )  # fmt: skip
    assert codes(said([same, str(tmp_path / "s")], [2, 1], split())) == ["selection-bias"]


def test_missing_gold_is_counted(tmp_path: Path):
    """Guards scores of fewer examples than the page says, and no word of how many and why."""
    paths = [str(tmp_path / "t"), str(tmp_path / "s")]
    (notice,) = said(paths, [2, 1], split([0, NO_LABEL, 1, NO_LABEL], ("-",)))
    assert notice.code == "missing-gold"
    assert notice.message.startswith("2 of 4 examples have no gold label (written '-'); they are")
    (notice,) = said(paths, [2, 1], split([NO_LABEL] * 4))
    assert notice.code == "no-gold"
    assert "nothing is scored" in notice.message


def test_broken_records_say_nothing(tmp_path: Path):
    """Guards a comparison that ends because a file beside the weights is no record."""
    for number, text in enumerate(
        ("", "[1]", '{"task": 3}', '{"task": "x", "plan": [1]}', "[" * 9)
    ):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "kdprobe.json").write_text(text)
        record = training_record(str(place))
        assert record is None or record == TrainingRecord(task="x")
    assert training_record(str(tmp_path / "gone")) is None
