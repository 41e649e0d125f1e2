"""Tests of `with_control`: a control that is its student's training but for the teacher."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kdprobe.distillation import distill
from kdprobe.distillers.control_training import control_folder
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_digests import weights_digest
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.errors import ChangedPlanError, ConfigError, OutputError, TaskError
from kdprobe.models.folder import fingerprint
from kdprobe.sweeping.run import sweep
from tests.distillers.conftest import Toy

QUICK: dict[str, Any] = {
    "device": "cpu", "bf16": False, "threads": 1, "offline": True, "epochs": 2,
    "learning_rate": 2e-3, "batch_size": 16, "seed": 3, "limit": 90,
}  # fmt: skip
STAGED = """
name = "two"
student = "layers=1"
[training]
epochs = 1
learning_rate = 1e-3
[[stages]]
name = "first"
[[stages.objectives]]
name = "hidden_states"
[[stages]]
name = "second"
training = { epochs = 2, best_by = "kl" }
[[stages.objectives]]
name = "soft_targets"
"""
ASSISTED = """
name = "assisted"
student = "layers=1"
[training]
epochs = 1
learning_rate = 1e-3
[[stages]]
name = "assistant"
student = "layers=2"
[[stages.objectives]]
name = "soft_targets"
[[stages]]
name = "student"
teacher = "assistant"
[[stages.objectives]]
name = "soft_targets"
"""


class Watched:
    """Every training of a test: its first weights, and what its steps read and gave."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.ids: list[list[str]] = []
        self.logits: list[list[Tensor]] = []


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """What the trainer itself does, seen from inside."""
    trainings = Watched()
    begin, collate, loss = (
        StudentTrainer.__init__, StudentTrainer.collate, StudentTrainer.compute_loss,
    )  # fmt: skip

    def begins(self: Any, job: TrainingJob, **more: Any) -> None:
        trainings.weights.append({k: v.clone() for k, v in job.student.state_dict().items()})
        trainings.ids.append([])
        trainings.logits.append([])
        begin(self, job, **more)

    def collates(self: Any, rows: list[int]) -> Any:
        trainings.ids[-1] += [self.job.split.ids[row] for row in rows]
        return collate(self, rows)

    def computes(self: Any, model: Any, inputs: Any, *given: Any, **named: Any) -> Any:
        named["return_outputs"] = True
        total, logits = loss(self, model, inputs, **named)
        trainings.logits[-1].append(logits.detach().clone())
        return total

    monkeypatch.setattr(StudentTrainer, "__init__", begins)
    monkeypatch.setattr(StudentTrainer, "collate", collates)
    monkeypatch.setattr(StudentTrainer, "compute_loss", computes)
    return trainings


def record(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "kdprobe.json").read_text())
    return read


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.float32
@pytest.mark.parametrize(
    ("student", "more"),
    [
        ("layers=1", ", layers of its teacher among them"),
        ("layers=2,hidden=16", ", layers of its teacher among them"),
        ("bert:L1,H16,A2,I32", ""),
        ("bilstm:hidden=6,fc=8,layers=1", ""),
        ("bilstm:hidden=6,fc=8,embed=10,layers=1", ""),
    ],
)
def test_the_teacher_alone_lies_between_them(
    toy: Toy, tmp_path: Path, watched: Watched, student: str, more: str
) -> None:
    """Guards what the control is for: other weights, texts, steps or dropout pass for a teacher."""
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", student=student, with_control=True,
        **QUICK,
    )  # fmt: skip
    place = tmp_path / "s-control"
    assert result.control is not None
    assert result.control.folder == place
    ours, theirs = record(tmp_path / "s"), record(place)
    assert same_weights(*watched.weights)
    assert ours["initial_weights"] == theirs["initial_weights"]
    assert watched.ids[0] == watched.ids[1]
    assert len(watched.ids[0]) == 180
    assert ours["examples_order"] == theirs["examples_order"]
    assert ours["steps"] == theirs["steps"] == 12
    # the first step reads the same texts with the same weights: it differs if dropout does
    assert torch.equal(watched.logits[0][0], watched.logits[1][0])
    assert not torch.equal(watched.logits[0][-1], watched.logits[1][-1])
    assert theirs["kind"] == "finetune"
    assert theirs["role"] == "control"
    assert theirs["control_of"] == {"name": "s", "fingerprint": fingerprint(tmp_path / "s")}
    assert "role" not in ours
    recipe = ours["plan"]["recipe"]["training"]
    assert theirs["plan"]["training"] == recipe
    assert dict(theirs["preflight"]["facts"])["asks the teacher"] == "never"
    assert dict(theirs["preflight"]["facts"])["learns from"] == "1 x hard_labels"
    assert theirs["notes"][-1] == f"begins with the weights that s began with{more}"


def test_the_digests_are_those_of_what_was_done(toy: Toy, tmp_path: Path, watched: Watched) -> None:
    """Guards a digest of what was planned: SHA-256 worked out from what the steps read."""
    distill(toy.teacher, task=toy.task, output=tmp_path / "s", student="layers=1", **QUICK)
    ids = watched.ids[0]
    text = b"\x0016" + b"".join(
        b"\n" + "\0".join(ids[start : start + 90]).encode() for start in (0, 90)
    )
    assert record(tmp_path / "s")["examples_order"] == hashlib.sha256(text).hexdigest()
    digest = hashlib.sha256()
    for name, weight in sorted(watched.weights[0].items()):
        values = weight.numpy()
        digest.update(f"{name}\0torch.{values.dtype}\0{values.shape}\0".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    assert record(tmp_path / "s")["initial_weights"] == digest.hexdigest()
    layer = torch.nn.Linear(2, 2)
    before = weights_digest(layer)
    with torch.no_grad():
        layer.bias[1] += 1e-7
    assert weights_digest(layer) != before


@pytest.mark.float32
def test_stages_are_gone_through_one_by_one(toy: Toy, tmp_path: Path, watched: Watched) -> None:
    """Guards recipes in stages: the rate falls and the order begins again in each of them."""
    recipe = tmp_path / "two.toml"
    recipe.write_text(STAGED)
    options = {k: v for k, v in QUICK.items() if k not in ("epochs", "learning_rate")}
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", recipe=recipe, with_control=True,
        **options,
    )  # fmt: skip
    assert result.control is not None
    assert result.steps == result.control.steps == 18
    assert [len(ids) for ids in watched.ids] == [90, 180, 90, 180]
    assert watched.ids[0] == watched.ids[2]
    assert watched.ids[1] == watched.ids[3]
    assert same_weights(watched.weights[0], watched.weights[2])
    assert not same_weights(watched.weights[1], watched.weights[3])
    ours, theirs = record(tmp_path / "s"), record(tmp_path / "s-control")
    assert ours["initial_weights"] == theirs["initial_weights"]
    assert ours["examples_order"] == theirs["examples_order"]
    assert "its best checkpoint is chosen by score: kl needs a teacher" in theirs["notes"]
    assert theirs["plan"]["training"]["best_by"] == "score"


@pytest.mark.float32
def test_an_assistant_is_no_part_of_the_control(toy: Toy, tmp_path: Path, watched: Watched) -> None:
    """Guards a control that pays for the assistant's steps, or begins with the teacher's layers."""
    recipe = tmp_path / "assisted.toml"
    recipe.write_text(ASSISTED)
    options = {k: v for k, v in QUICK.items() if k not in ("epochs", "learning_rate")}
    given: dict[str, Any] = {"task": toy.task, "recipe": recipe, "with_control": True} | options
    checked = distill(toy.teacher, output=tmp_path / "s", dry_run=True, **given)
    assert checked.control is not None
    assert "not estimated" in checked.control.preflight.notes[-1]
    result = distill(toy.teacher, output=tmp_path / "s", **given)
    assert result.control is not None
    assert result.control.steps == 6
    assert same_weights(watched.weights[-2], watched.weights[-1])
    assert watched.ids[-2] == watched.ids[-1]


@pytest.mark.float32
def test_a_student_that_stopped_early(toy: Toy, tmp_path: Path, watched: Watched) -> None:
    """Guards a control that goes on when its student had stopped, or stops by a rule of its own."""
    options = QUICK | {"epochs": 20, "early_stopping": 1}
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", student="bert:L1,H16,A2,I32",
        with_control=True, **options,
    )  # fmt: skip
    control = result.control
    assert control is not None
    assert result.steps < 120
    assert control.steps == result.steps
    assert watched.ids[0][: result.steps // 6 * 90] == watched.ids[1][: result.steps // 6 * 90]
    assert result.examples_order == control.examples_order
    rates = [
        [entry["learning_rate"] for entry in each.history if "learning_rate" in entry]
        for each in (result, control)
    ]
    assert rates[0] == rates[1]
    assert control.notes[-1] == (f"stops after the {result.steps} steps after which s had stopped")


@pytest.mark.float32
def test_texts_without_gold_are_left_out_and_counted(toy: Toy, tmp_path: Path) -> None:
    """Guards a silent other budget: a transfer set has no gold labels to learn from."""
    texts = tmp_path / "more.tsv"
    texts.write_text("text\n" + "".join(f"the film number {row} is great\n" for row in range(84)))
    options = {k: v for k, v in QUICK.items() if k != "limit"}
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", student="bert:L1,H16,A2,I32",
        transfer_set=texts, with_control=True, settings={"hard_labels.weight": 0}, **options,
    )  # fmt: skip
    assert result.control is not None
    assert result.control.steps == result.steps == 48
    assert result.initial_weights == result.control.initial_weights
    assert result.control.notes[-1] == (
        "learns from 300 examples with gold labels for as many steps; s learnt from 384 texts, "
        "those without a gold label among them"
    )


def test_no_gold_at_all_is_refused_before_the_student_trains(toy: Toy, tmp_path: Path) -> None:
    """Guards ten minutes of training that end in the refusal of the control."""
    table = tmp_path / "bare.tsv"
    rows = Path(toy.task).read_text().splitlines()
    cut = [row if row.endswith("dev") else f"{row.split(chr(9))[0]}\t\ttrain" for row in rows[1:]]
    table.write_text("\n".join([rows[0], *cut]) + "\n")
    with pytest.raises(TaskError, match="has no gold labels"):
        distill(
            toy.teacher, task=str(table), output=tmp_path / "s", student="layers=1",
            settings={"hard_labels.weight": 0}, with_control=True, labels=("neg", "pos"), **QUICK,
        )  # fmt: skip
    assert not (tmp_path / "s").exists()


def test_a_folder_in_use_is_refused_before_the_student_trains(toy: Toy, tmp_path: Path) -> None:
    """Guards files of a person's where the control would stand."""
    place = tmp_path / "s-control"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    given: dict[str, Any] = {"task": toy.task, "output": tmp_path / "s", "with_control": True}
    for resume in (False, True):
        with pytest.raises(OutputError, match="s-control: is not empty"):
            distill(toy.teacher, student="layers=1", **given, **QUICK, resume=resume)
    assert not (tmp_path / "s").exists()
    distill(toy.teacher, student="layers=1", **given, **QUICK, force=True)
    assert (place / "notes.txt").read_text() == "mine"
    assert record(place)["role"] == "control"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ends the trainings whose places it holds, before their last score."""
    breaks: list[int] = []
    count = [0]
    whole = StudentTrainer.evaluate_student

    def scores(self: Any) -> Any:
        count[0] += 1
        if count[0] in breaks:
            raise KeyboardInterrupt
        return whole(self)

    monkeypatch.setattr(StudentTrainer, "evaluate_student", scores)
    return breaks


@pytest.mark.float32
@pytest.mark.parametrize(
    ("score", "advice"), [(2, "or `resume` to go on"), (5, "say `resume` to train the control")]
)
def test_it_goes_on_where_it_was_broken_off(
    toy: Toy, tmp_path: Path, broken: list[int], score: int, advice: str
) -> None:
    """Guards a student that is trained again because its control was interrupted."""
    given: dict[str, Any] = {"task": toy.task, "student": "layers=1", "with_control": True} | QUICK
    distill(toy.teacher, output=tmp_path / "whole", **given)  # each of the two is scored 3 times
    broken[:] = [6 + score]
    place = tmp_path / "s"
    with pytest.raises(KeyboardInterrupt):
        distill(toy.teacher, output=place, **given)
    stands = (place / "kdprobe.json").is_file()
    assert stands is (score == 5)
    before = (place / "model.safetensors").stat().st_mtime_ns if stands else 0
    with pytest.raises(OutputError, match=advice):
        distill(toy.teacher, output=place, **given)
    result = distill(toy.teacher, output=place, resume=True, **given)
    assert not stands or (place / "model.safetensors").stat().st_mtime_ns == before
    for name in ("", "-control"):
        assert fingerprint(tmp_path / f"s{name}") == fingerprint(tmp_path / f"whole{name}")
    assert not (tmp_path / "s-control" / "checkpoints").exists()
    again = distill(toy.teacher, output=place, resume=True, **given)
    assert result.control is not None
    assert again.control is not None
    assert again.control.scores == result.control.scores


@pytest.mark.float32
def test_a_control_for_a_student_that_stands(toy: Toy, tmp_path: Path) -> None:
    """Guards the second thought: --resume --with-control trains the control alone."""
    given: dict[str, Any] = {"task": toy.task, "student": "layers=1", "output": tmp_path / "s"}
    distill(toy.teacher, **given, **QUICK)
    before = fingerprint(tmp_path / "s")
    result = distill(toy.teacher, **given, **QUICK, resume=True, with_control=True)
    assert fingerprint(tmp_path / "s") == before
    assert result.control is not None
    assert result.control.initial_weights == result.initial_weights
    with pytest.raises(ChangedPlanError):
        distill(
            toy.teacher, **given, **(QUICK | {"learning_rate": 1e-4}), resume=True,
            with_control=True,
        )  # fmt: skip


@pytest.mark.float32
def test_an_older_control_is_trained_anew(toy: Toy, tmp_path: Path, broken: list[int]) -> None:
    """Guards a new student beside the control of the old one, after --force was killed."""
    given: dict[str, Any] = {
        "task": toy.task, "student": "layers=1", "output": tmp_path / "s", "with_control": True,
    }  # fmt: skip
    distill(toy.teacher, **given, **(QUICK | {"seed": 4}))
    old = record(tmp_path / "s-control")
    for at in (8, 14):  # in the student's training, then in the control's
        broken[:] = [at]
        with pytest.raises(KeyboardInterrupt):
            distill(toy.teacher, **given, **QUICK, force=True)
        assert record(tmp_path / "s-control")["control_of"] == old["control_of"]
    broken[:] = []
    distill(toy.teacher, **given, **QUICK, resume=True)
    new = record(tmp_path / "s-control")
    assert new["control_of"]["fingerprint"] == fingerprint(tmp_path / "s")
    assert new["plan"]["seed"] == 3


def test_a_dry_run_shows_both_and_writes_nothing(toy: Toy, tmp_path: Path) -> None:
    """Guards a control whose cost nobody was told of."""
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", student="layers=1", dry_run=True,
        with_control=True, **QUICK,
    )  # fmt: skip
    assert result.control is not None
    facts = dict(result.control.preflight.facts)
    assert facts["steps"] == dict(result.preflight.facts)["steps"]
    assert facts["estimated time"].startswith("about ")
    assert result.control.seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_refuses_it(toy: Toy, tmp_path: Path) -> None:
    """Guards controls that a sweep would train and never show."""
    with pytest.raises(ConfigError, match="`with_control`"):
        sweep(
            toy.teacher, "seed=1,2", task=toy.task, output=tmp_path / "s", student="layers=1",
            with_control=True,
        )  # fmt: skip


def test_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards `-o .`: a folder whose name is nowhere written."""
    place = tmp_path / "run" / "deep"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    assert control_folder(Path()) == tmp_path / "run" / "deep-control"
    assert control_folder(Path("..")) == tmp_path / "run-control"
    assert control_folder(Path("out/s/")) == Path("out/s-control")
