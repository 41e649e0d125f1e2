"""Tests of `like`: a control that differs from its student in nothing but the teacher."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import kdprobe.distillers.staged_training
import kdprobe.finetuning
from kdprobe.config.training import TrainingSettings
from kdprobe.distillation import distill
from kdprobe.distillers.control import Control
from kdprobe.distillers.encoding import GroupedByLength, steps_per_epoch
from kdprobe.distillers.student_record import DistilledStudent, read_student
from kdprobe.distillers.training_job import TrainingJob, TrainingResult
from kdprobe.errors import ConfigError
from kdprobe.finetuning import finetune
from kdprobe.models.folder import fingerprint
from tests.distillers.conftest import Toy

QUICK: dict[str, Any] = {"device": "cpu", "bf16": False, "threads": 1, "offline": True}


class Begun(NamedTuple):
    """A training before its first step: weights, texts in the order they are learnt, settings."""

    weights: dict[str, Tensor]
    texts: list[str]
    settings: TrainingSettings
    steps: int


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Begun]:
    """Every training that is begun in a test."""
    trainings: list[Begun] = []

    def watched(fit: Any) -> Any:
        def look(job: TrainingJob, *args: Any, **more: Any) -> TrainingResult:
            batch = job.settings.batch_size * job.settings.gradient_accumulation
            order = GroupedByLength(job.encoded.lengths, batch=batch, seed=job.seed)
            weights = {k: v.clone() for k, v in job.student.state_dict().items()}
            texts = [job.split.texts[row] for row in order]
            trainings.append(Begun(weights, texts, job.settings, job.steps))
            return fit(job, *args, **more)

        return look

    for module in (kdprobe.distillers.staged_training, kdprobe.finetuning):
        monkeypatch.setattr(module, "fit", watched(module.fit))
    return trainings


def distilled(toy: Toy, output: Path, student: str, **more: Any) -> TrainingResult:
    options: dict[str, Any] = {"epochs": 2, "learning_rate": 2e-3, "batch_size": 16, "seed": 3}
    return distill(
        toy.teacher, task=toy.task, output=output, student=student, **(QUICK | options | more)
    )


@pytest.mark.float32
@pytest.mark.parametrize(
    "student", ["bert:L1,H16,A2,I32", "bilstm:hidden=6,fc=8,embed=10,layers=2"]
)
def test_a_control_differs_in_the_teacher_alone(
    toy: Toy, tmp_path: Path, begun: list[Begun], student: str
) -> None:
    """Guards what a control is for: other weights, texts or steps would pass for the teacher.

    A tokenizer that is trained on the limited texts would differ by itself.
    """
    student_result = distilled(toy, tmp_path / "s", student, limit=90, sample_seed=5)
    done = finetune(like=tmp_path / "s", task=toy.task, output=tmp_path / "c", **QUICK)
    ours, theirs = begun
    assert list(ours.weights) == list(theirs.weights)
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    assert ours.texts == theirs.texts
    assert len(ours.texts) == 90
    assert ours.settings == theirs.settings
    assert done.steps == student_result.steps == 12
    record = json.loads((tmp_path / "c" / "kdprobe.json").read_text())
    assert record["plan"]["seed"] == 3
    assert (
        record["plan"]["train"]
        == json.loads((tmp_path / "s" / "kdprobe.json").read_text())["plan"]["train"]
    )
    assert record["notes"][1:] == ["begins with the weights that s began with, by the same seed"]
    card = (tmp_path / "c" / "README.md").read_text()
    assert "kdprobe finetune --task PATH/TO/toy.tsv -o PATH/TO/c --like PATH/TO/s" in card


def test_it_is_the_control_that_distil_trains_beside_a_student(toy: Toy, tmp_path: Path) -> None:
    """Guards two ways to one control: where the student's weights are random they are one model."""
    distilled(toy, tmp_path / "s", "bilstm:hidden=6,fc=8,embed=10", with_control=True, limit=90)
    finetune(like=tmp_path / "s", task=toy.task, output=tmp_path / "c", **QUICK)
    beside, like = (
        json.loads((tmp_path / name / "kdprobe.json").read_text()) for name in ("s-control", "c")
    )
    assert fingerprint(tmp_path / "s-control") == fingerprint(tmp_path / "c")
    for key in ("role", "control_of", "initial_weights", "examples_order", "steps"):
        assert beside[key] == like[key]


def test_copied_layers_come_from_the_encoder(toy: Toy, tmp_path: Path) -> None:
    """Guards a control that begins with its teacher's own layers without a word about it."""
    distilled(toy, tmp_path / "s", "layers=1")
    with pytest.raises(ConfigError) as caught:
        finetune(like=tmp_path / "s", task=toy.task, output=tmp_path / "c", **QUICK)
    assert str(caught.value) == (
        f"`like` {tmp_path / 's'}: MODEL is missing, expected the encoder that layers=1 is copied "
        "from; name the pretrained encoder that its teacher was fine-tuned from"
    )
    other = finetune(
        "bert:L2,H16,A2,I32,V200", task=toy.task, output=tmp_path / "encoder", epochs=1, **QUICK
    )
    assert other.folder is not None
    more: dict[str, Any] = {"like": tmp_path / "s", "task": toy.task, "dry_run": True} | QUICK
    preflight = finetune(str(other.folder), output=tmp_path / "c", **more).preflight
    assert preflight.notes[-1] == (
        "begins with layers of its encoder; s began with those of its teacher"
    )
    assert dict(preflight.facts)["steps"] == "38 of 16 examples (2 epochs), scored every 19"
    preflight = finetune(toy.teacher, output=tmp_path / "c", **more).preflight
    assert preflight.notes[-1] == (
        "begins with layers of the teacher of s: it has learnt from it already"
    )


@pytest.mark.float32
def test_what_is_typed_wins_and_is_told(toy: Toy, tmp_path: Path) -> None:
    """Guards a budget that differs without a word: two numbers under one heading."""
    distilled(toy, tmp_path / "s", "bert:L1,H16,A2,I32", settings={"best_by": "kl"})
    more: dict[str, Any] = {"like": tmp_path / "s", "task": toy.task, "dry_run": True} | QUICK
    plain = finetune(output=tmp_path / "c", **more).preflight
    assert plain.notes[2:] == ("its best checkpoint is chosen by score: kl needs a teacher",)
    typed = finetune(
        output=tmp_path / "c", epochs=1, learning_rate=1e-3, seed=4, best_by="loss", **more
    ).preflight
    assert typed.notes[1:] == (
        "another budget than s: 19 steps of 16 examples, and 38 of 16 there",
        "learning_rate is 0.001, and 0.002 for s",
        "seed 4, and 3 for s: other new weights and another order of the examples",
    )
    wide = finetune("bert:L1,H32,A2,I32", output=tmp_path / "c", batch_size=32, **more).preflight
    assert wide.notes[1:4] == (
        "another shape than s, which is bert:L1,H16,A2,I32",
        "its best checkpoint is chosen by score: kl needs a teacher",
        "another budget than s: 38 steps of 32 examples, and 38 of 16 there",
    )
    few = finetune(output=tmp_path / "c", limit=32, **more).preflight
    assert dict(few.facts)["steps"].startswith("38 of 16 examples (19 epochs)")
    assert few.notes[-1] == "learns from 32 labelled examples; s learnt from 300 other texts"


@pytest.mark.float32
def test_stages_and_transfer_sets_are_summed(toy: Toy, tmp_path: Path) -> None:
    """Guards a student of two stages beside a control of one: half the steps."""
    texts = tmp_path / "more.tsv"
    texts.write_text("text\n" + "".join(f"the film number {row} is great\n" for row in range(84)))
    recipe = tmp_path / "two.toml"
    recipe.write_text(
        'name = "two"\nstudent = "bert:L1,H16,A2,I32"\n[training]\nepochs = 1\n'
        "learning_rate = 1e-3\n"
        '[[stages]]\nname = "first"\n[[stages.objectives]]\nname = "logit_mse"\n'
        '[[stages]]\nname = "second"\ntraining = { epochs = 2 }\n'
        '[[stages.objectives]]\nname = "soft_targets"\n'
    )
    student_result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", recipe=recipe, transfer_set=texts,
        **QUICK,
    )  # fmt: skip
    assert student_result.steps == 36  # 384 texts are 12 batches of 32; one pass, then two
    done = finetune(like=tmp_path / "s", task=toy.task, output=tmp_path / "c", **QUICK)
    assert done.steps == 36
    assert done.notes[2:] == (
        "as many steps as s took in 2 stages together",
        "learns from 300 labelled examples; s learnt from 384 other texts without labels, those "
        "of a transfer set among them",
    )


@pytest.mark.float32
def test_embeddings_of_a_teacher(toy: Toy, tmp_path: Path) -> None:
    """Guards an LSTM that begins with its teacher's embeddings: the control has their width."""
    distilled(toy, tmp_path / "s", "bilstm:hidden=6,fc=8", epochs=1)
    more: dict[str, Any] = {"like": tmp_path / "s", "task": toy.task, "dry_run": True} | QUICK
    preflight = finetune(output=tmp_path / "c", **more).preflight
    assert preflight.notes[1] == "its embeddings begin at random; those of s began as its teacher's"
    whole = json.loads((tmp_path / "s" / "kdprobe.json").read_text())["preflight"]["facts"]
    assert dict(preflight.facts)["student's parameters"] == dict(whole)["student's parameters"]
    distilled(toy, tmp_path / "static", "bilstm:hidden=6,fc=8,mode=static", epochs=1)
    with pytest.raises(ConfigError, match="a student that reads with its teacher's embeddings"):
        finetune(output=tmp_path / "c", **(more | {"like": tmp_path / "static"}))


def test_refusals(toy: Toy, tmp_path: Path) -> None:
    """Guards a control of something that has no budget to be like."""
    distilled(toy, tmp_path / "s", "bert:L1,H16,A2,I32", epochs=1)
    more: dict[str, Any] = {"output": tmp_path / "c"} | QUICK

    def refused(like: object, **others: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            finetune(like=like, **({"task": toy.task} | more | others))  # type: ignore[arg-type]
        assert not (tmp_path / "c").exists()
        return str(caught.value)

    assert "no such folder, expected a student that" in refused(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no kdprobe.json" in refused(tmp_path / "empty")
    assert "learnt from gold labels; it had no teacher" in refused(toy.teacher)
    assert "its task 'toy' is none that ships" in refused(tmp_path / "s", task=None)
    assert "learnt toy, and `task` says grammar" in refused(tmp_path / "s", task="grammar")
    assert "leave MODEL out" in refused(tmp_path / "s", model=toy.teacher)
    record = json.loads((tmp_path / "s" / "kdprobe.json").read_text())
    for number, broken in enumerate(("{", "[]", "[" * 100_000, "{}", '{"kind": "distill"}')):
        place = tmp_path / f"broken{number}"
        place.mkdir()
        (place / "kdprobe.json").write_text(broken)
        message = refused(place)
        assert message.startswith((f"`like` {place}", f"{place / 'kdprobe.json'}"))
    for key in ("recipe", "train", "eval", "fingerprint", "seed"):
        place = tmp_path / f"without-{key}"
        place.mkdir()
        lacking = record | {"plan": {k: v for k, v in record["plan"].items() if k != key}}
        (place / "kdprobe.json").write_text(json.dumps(lacking))
        assert "lacks what a control needs" in refused(place)


def test_nothing_named() -> None:
    """Guards a command line without a model or a task: one message, not a traceback."""
    with pytest.raises(ConfigError, match="`task`: is missing, expected a task, or `like`"):
        finetune("bert:L1,H16,A2", output="out")
    with pytest.raises(ConfigError, match="MODEL: is missing, expected a folder"):
        finetune(task="grammar", output="out")


@given(
    steps=st.integers(1, 20_000),
    examples=st.integers(1, 200_000),
    batch=st.integers(1, 512),
    own=st.integers(1, 200_000),
)
@settings(deadline=None, max_examples=300)
def test_any_number_of_examples_gets_the_steps(
    steps: int, examples: int, batch: int, own: int
) -> None:
    """Guards rounding: epochs are a fraction, and one step more or less is another budget."""
    student = DistilledStudent(
        folder=Path("s"), task="toy", train_split="train", eval_split="dev", train_fingerprint="",
        examples=own, eval_examples=None, transfer=False, seed=0, sample_seed=0, teacher="",
        shape="bert:L1,H16", settings=TrainingSettings(batch_size=batch), steps=steps, stages=1,
        bf16=False,
    )  # fmt: skip
    budget, _ = Control(student).budget(examples, {})
    assert math.ceil(budget.epochs * steps_per_epoch(examples, batch, 1)) == steps


def test_a_student_and_its_control_have_equal_defaults(
    toy: Toy, tmp_path: Path, begun: list[Begun]
) -> None:
    """Guards the two lines of a README: 2,680 steps beside 804 is no control."""
    distill(
        toy.teacher, task=toy.task, output=tmp_path / "s", student="bert:L1,H16,A2,I32", limit=32,
        **QUICK,
    )  # fmt: skip
    finetune("bert:L1,H16,A2,I32", task=toy.task, output=tmp_path / "c", limit=32, **QUICK)
    assert begun[0].settings == begun[1].settings
    assert begun[0].settings.epochs == 10
    cut = finetune(
        toy.teacher, task=toy.task, output=tmp_path / "cut", student="layers=1", dry_run=True,
        **QUICK,
    )  # fmt: skip
    whole = finetune(toy.teacher, task=toy.task, output=tmp_path / "w", dry_run=True, **QUICK)
    assert "(10 epochs)" in dict(cut.preflight.facts)["steps"]
    assert "(3 epochs)" in dict(whole.preflight.facts)["steps"]
    assert read_student(tmp_path / "s").settings == begun[1].settings
