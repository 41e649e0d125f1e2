"""Tests of the trainer on one-layer models: what reaches the optimiser, and what stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.arguments import check_best_by
from kdprobe.distillers.compute import settled
from kdprobe.distillers.forward import read, shape_of
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, Need, Needs, View
from kdprobe.distillers.objectives.hard_labels import OBJECTIVE, HardLabels, HardLabelsOptions
from kdprobe.distillers.teacher_signal import LiveTeacher, StoredTeacher
from kdprobe.distillers.trainer import UNDEFINED_RANK, StudentTrainer
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.distillers.weighted_loss import Term, WeightedLoss
from kdprobe.errors import ConfigError, TrainingError
from kdprobe.models import mixed_precision
from tests.distillers.builders import CPU, RATING, TASK, toy_job, toy_split, toy_weighted_loss
from tests.distillers.test_weighted_loss import HiddenOptions, HiddenSquares


def trained(job: TrainingJob, folder: Path) -> StudentTrainer:
    with settled(CPU, seed=0, purpose="test"):
        trainer = StudentTrainer(job, folder=folder, callbacks=[])
        trainer.train()
    return trainer


def weights(job: TrainingJob) -> Tensor:
    return torch.cat([weight.detach().ravel() for weight in job.student.parameters()])


def one_step(batch_size: int, accumulation: int, **more: Any) -> TrainingSettings:
    return TrainingSettings(
        epochs=1,
        batch_size=batch_size,
        gradient_accumulation=accumulation,
        learning_rate=1e-2,
        warmup=0,
        schedule="constant",
        max_grad_norm=0,
        **more,
    )


@pytest.mark.parametrize("examples", [16, 14])
def test_accumulation_equals_one_batch(tmp_path: Path, examples: int) -> None:
    """Guards the trap of loss keywords: 4 x 4 must train as 16 x 1, not with 4 times the gradient.

    Adam hides a factor in its first step, so that the logged loss and gradient norm are read.
    """
    logs = []
    for size, accumulation in ((16, 1), (4, 4)):
        torch.manual_seed(0)
        job = toy_job(one_step(size, accumulation), n=examples, dropout=0.0)
        trainer = StudentTrainer(job, folder=tmp_path / str(size), callbacks=[])
        trainer.args.logging_steps = trainer.state.logging_steps = 1
        trainer.train()
        logs.append((trainer.state.log_history[0], weights(job)))
    (whole, left), (split, right) = logs
    assert split["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert split["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-4)
    assert whole["hard_labels_value"] == pytest.approx(whole["loss"], rel=1e-5)
    assert torch.allclose(left, right, atol=1e-4)


def test_dropout_is_on_and_seeded(tmp_path: Path) -> None:
    """Guards dropout: a student made in eval mode must train with it, the same on every run."""
    results = []
    for name, dropout in (("a", 0.3), ("b", 0.3), ("c", 0.0)):
        torch.manual_seed(0)
        job = toy_job(one_step(16, 1), dropout=dropout)
        trained(job, tmp_path / name)
        results.append(weights(job))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_stored_teacher_is_matched_by_row(tmp_path: Path) -> None:
    """Guards alignment: shuffled batches must find their own teacher logits."""
    torch.manual_seed(0)
    split = toy_split(64)
    logits = torch.zeros(64, 2)
    logits[torch.arange(64), torch.tensor(np.asarray(split.labels))] = 6.0
    settings = TrainingSettings(epochs=12, batch_size=16, learning_rate=5e-3)
    job = toy_job(settings, weighted_loss=toy_weighted_loss("soft_targets"), split=split)
    job = TrainingJob(**{**vars(job), "teacher": StoredTeacher(logits)})
    trainer = trained(job, tmp_path)
    score = trainer.evaluate_student()["accuracy"].value
    assert score is not None
    assert score > 0.9


def test_live_teacher_and_projection(tmp_path: Path) -> None:
    """Guards objectives that ask for hidden states: the projection trains, the teacher stays."""
    torch.manual_seed(0)
    teacher = toy_job(one_step(16, 1)).student.eval().requires_grad_(False)
    before = torch.cat([weight.ravel().clone() for weight in teacher.parameters()])
    weighted_loss = WeightedLoss(
        (*toy_weighted_loss("soft_targets").terms, Term(HiddenSquares(), 1.0, HiddenOptions()))
    )
    job = toy_job(one_step(16, 1), weighted_loss=weighted_loss)
    models = ModelPair(TASK, shape_of(job.student), shape_of(teacher), ((1, 1),), same_tokens=True)
    needs = frozenset({LOGITS, Need("hidden", 1)})
    signal = LiveTeacher(teacher, job.encoded, needs, (1, 0))
    view = signal.view([3, 1], torch.device("cpu"))
    plain = read(teacher, job.encoded.batch([3, 1]), needs)
    assert torch.equal(view.logits, plain[LOGITS][:, [1, 0]])
    assert torch.equal(view.hidden(1), plain[Need("hidden", 1)])
    job = TrainingJob(**{**vars(job), "models": models, "teacher": signal})
    trainer = StudentTrainer(job, folder=tmp_path, callbacks=[])
    projection = trainer.trainable.projections["hidden_squares"].weight.detach().clone()  # type: ignore[operator]
    trainer.train()
    after = trainer.trainable.projections["hidden_squares"].weight
    assert not torch.equal(projection, after.detach())  # type: ignore[operator]
    assert not teacher.training
    assert torch.equal(before, torch.cat([weight.ravel() for weight in teacher.parameters()]))
    assert not any("bridges" in name for name, _ in job.student.named_parameters())
    # the names in checkpoints of every version, from which an interrupted run goes on
    kept = {name.partition(".")[0] for name in trainer.trainable.state_dict()}
    assert kept == {"student", "bridges"}


class Attentive(HardLabels):
    """Hard labels that also ask for attention probabilities."""

    def needs(self, models: ModelPair, options: Any) -> Needs:
        return Needs(student=frozenset({LOGITS, Need("attention", 1)}), student_model=True)

    def loss_sum(self, student: View, teacher: View, batch: Batch, options: Any) -> Tensor:
        rows = student.attention(1).sum(-1)
        assert torch.allclose(rows, torch.ones_like(rows), atol=1e-5)
        assert student.model is not None
        return student.logits.square().sum(-1)


def test_attention_is_shown(tmp_path: Path) -> None:
    """Guards fused attention, which gives an empty tuple of probabilities and no error."""
    torch.manual_seed(0)
    weighted_loss = WeightedLoss((Term(Attentive(), 1.0, HardLabelsOptions()),))
    job = toy_job(one_step(16, 1), weighted_loss=weighted_loss, dropout=0.0)
    assert trained(job, tmp_path).state.global_step == 4


def test_a_layer_that_is_not_there_is_a_fault() -> None:
    """Guards an objective that asks for a layer beyond the last."""
    torch.manual_seed(0)
    job = toy_job(one_step(16, 1))
    with pytest.raises(ValueError, match="no hidden of layer 5 in BertForSequenceClassification"):
        read(job.student, job.encoded.batch([0]), frozenset({Need("hidden", 5)}))


class Exploding(HardLabels):
    """Hard labels whose loss is infinite for one example."""

    def loss_sum(self, student: View, teacher: View, batch: Batch, options: Any) -> Tensor:
        values = OBJECTIVE.loss_sum(student, teacher, batch, options)
        return torch.where(batch.mask.sum(-1) == batch.mask.sum(-1).max(), torch.inf, values)


def test_a_loss_that_is_not_finite_stops(tmp_path: Path) -> None:
    """Guards against a ruined model: the step, the examples and the way out are told."""
    torch.manual_seed(0)
    split = toy_split(7)
    longest = split.take([6])
    longer = f"{longest.texts[0]} the man the dog the city the man the dog"
    texts = (*split.texts[:6], longer)
    split = type(split)(task=TASK, name="train", ids=split.ids, texts=texts, labels=split.labels)
    weighted_loss = WeightedLoss((Term(Exploding(), 1.0, HardLabelsOptions()),))
    job = toy_job(one_step(8, 1), weighted_loss=weighted_loss, split=split)
    with pytest.raises(TrainingError) as caught:
        trained(job, tmp_path)
    assert str(caught.value) == (
        "step 1: the loss of 1 of 7 examples in a batch is not finite ('train-6'); lower the "
        "learning rate or leave out bf16; earlier checkpoints are kept and `resume` goes on from "
        "the last one"
    )


def test_undefined_score_ranks_lowest(tmp_path: Path) -> None:
    """Guards the best checkpoint: an undefined score must not win as 0 or NaN."""
    torch.manual_seed(0)
    job = toy_job(one_step(16, 1), split=toy_split(16, task=RATING), dropout=0.0)
    for weight in job.student.classifier.parameters():  # one score for everybody
        weight.data.zero_()
    trainer = StudentTrainer(job, folder=tmp_path, callbacks=[])
    metrics = trainer.evaluate()
    assert "eval_pearson" not in metrics
    assert metrics["eval_selection"] == UNDEFINED_RANK


@pytest.mark.parametrize(
    ("best_by", "task", "teacher", "message"),
    [
        ("kl", TASK, False, "`best_by`: kl without a teacher, expected score or loss"),
        ("agreement", RATING, True, "`best_by`: agreement of a regression, expected score or loss"),
    ],
)
def test_rules_that_have_no_number(best_by: str, task: Any, teacher: bool, message: str) -> None:
    """Guards a rule that could never choose: it is refused before the first step."""
    logits = np.zeros((20, task.outputs), dtype=np.float32) if teacher else None
    settings = TrainingSettings(best_by=best_by)
    job = toy_job(settings, split=toy_split(8, task=task), teacher_logits=logits)
    shape = shape_of(job.student)
    models = ModelPair(task, shape, shape if teacher else None)
    job = TrainingJob(**{**vars(job), "models": models})
    with pytest.raises(ConfigError) as caught:
        check_best_by(job)
    assert str(caught.value) == message


def test_bf16_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards bfloat16 on a CPU: float32 weights and a finite loss, not a silent fallback."""
    monkeypatch.setattr(mixed_precision, "SMALL_WEIGHT", 0)  # the toy's weights are small
    torch.manual_seed(0)
    job = toy_job(one_step(16, 1))
    job = TrainingJob(**{**vars(job), "compute": type(CPU)("cpu", bf16=True, threads=1)})
    dtypes: list[torch.dtype] = []
    hook = job.student.classifier.register_forward_hook(
        lambda module, args, output: dtypes.append(output.dtype)
    )
    trainer = trained(job, tmp_path)
    hook.remove()
    assert torch.bfloat16 in dtypes
    assert all(weight.dtype == torch.float32 for weight in job.student.parameters())
    assert np.isfinite(trainer.evaluate_student()["loss"].value or np.nan)
