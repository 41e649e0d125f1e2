"""Tests of passes that leave tokens of the last layer out: the same numbers, where allowed."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.first_token_forward import (
    first_token_forward,
    first_token_suffices,
    leaves_last_attention,
    leaves_last_layer,
)
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.objective import LOGITS, ModelPair, Need, Needs, Quantity
from kdprobe.distillers.teacher_signal import LiveTeacher
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.weighted_loss import build_weighted_loss
from tests.distillers.builders import toy_job, toy_weighted_loss


def gradients(trainer: StudentTrainer, *, enough: bool) -> dict[str, torch.Tensor]:
    """The gradient of one batch."""
    trainer.short = enough
    sample = trainer.collate([0, 1, 2, 3, 4])
    window = trainer.job.weighted_loss.window([trainer._batch(sample)])
    trainer.trainable.zero_grad()
    trainer.compute_loss(trainer.trainable, sample, num_items_in_batch=window).backward()
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()
        for name, weight in trainer.trainable.named_parameters()
    }


@pytest.mark.parametrize("objective", ["hard_labels", "attention_relations"])
def test_gradients_are_those_of_the_whole_pass(objective: str, tmp_path: Path) -> None:
    """Guards the shortcut in training: a gradient through another token would be lost.

    An objective that reads the last layer's keys leaves that layer's attention whole.
    """
    torch.manual_seed(0)
    job = toy_job(TrainingSettings(batch_size=5), dropout=0.0)
    if objective != "hard_labels":
        shape = shape_of(job.student)
        settings = (
            ObjectiveSetting(name="hard_labels"),
            ObjectiveSetting(name=objective, options={"relation_heads": 2}),
        )
        teacher = deepcopy(job.student)
        torch.nn.init.normal_(teacher.bert.encoder.layer[0].attention.self.key.weight)
        models = ModelPair(job.split.task, shape, shape, same_tokens=True)
        weighted_loss = build_weighted_loss(settings, reduction="example", where="")
        needs = weighted_loss.needs(models).teacher
        live = LiveTeacher(teacher.eval(), job.encoded, needs, (0, 1))
        job = replace(job, models=models, weighted_loss=weighted_loss, teacher=live)
    trainer = StudentTrainer(job, folder=tmp_path, callbacks=[])
    assert trainer.short
    assert trainer.short_attention == (objective == "hard_labels")
    short, whole = (gradients(trainer, enough=enough) for enough in (True, False))
    for name, gradient in whole.items():
        assert torch.allclose(short[name], gradient, atol=1e-6), name
    assert float(whole["student.classifier.weight"].abs().sum()) > 0


def test_objectives_that_read_the_last_layer_run_it_whole() -> None:
    """Guards hidden states of the last layer: all but the first would be missing."""
    assert leaves_last_layer(Needs(student=frozenset({LOGITS})), 2)
    assert leaves_last_layer(Needs(student=frozenset({Need("hidden", 1), Need("value", 2)})), 2)
    for quantity in ("hidden", "first"):
        assert not leaves_last_layer(Needs(student=frozenset({Need(quantity, 2)})), 2)
    assert not leaves_last_layer(Needs(student_model=True), 2)
    read: tuple[Quantity, ...] = ("query", "key", "value", "attention")
    for one in read:
        needs = Needs(student=frozenset({LOGITS, Need(one, 1)}))
        assert leaves_last_attention(needs, 2)
        assert not leaves_last_attention(needs, 1)


def test_a_head_that_reads_every_token_is_found_out() -> None:
    """Guards models whose head takes a mean: their logits would change without a word."""
    torch.manual_seed(0)
    job = toy_job(TrainingSettings(), weighted_loss=toy_weighted_loss("hard_labels"))
    model = job.student.train()
    assert first_token_suffices(model, job.encoded)
    assert model.training
    pooler = model.bert.pooler
    whole = pooler.forward
    pooler.forward = lambda hidden: whole(hidden.mean(1, keepdim=True))
    assert not first_token_suffices(model, job.encoded)


def test_texts_of_one_token_do_not_hide_the_others() -> None:
    """Guards the texts that are tried: of one token, a mean over tokens is that of the first."""
    torch.manual_seed(0)
    job = toy_job(TrainingSettings(), weighted_loss=toy_weighted_loss("hard_labels"))
    ids = job.encoded.columns["input_ids"]
    rows = [[row[0]] for row in ids[:30]] + [list(ids[30]) * 3]
    columns = {
        name: rows if name == "input_ids" else [[0] * len(row) for row in rows]
        for name in job.encoded.columns
    }
    encoded = replace(job.encoded, columns=columns)
    assert first_token_suffices(job.student, encoded)
    pooler = job.student.bert.pooler
    whole = pooler.forward
    pooler.forward = lambda hidden: whole(hidden.mean(1, keepdim=True))
    assert not first_token_suffices(job.student, encoded)


@pytest.mark.parametrize("enough", [True, False])
def test_no_hook_is_left(enough: bool) -> None:
    """Guards the saved model's later passes: a hook left behind would cut them too."""
    job = toy_job(TrainingSettings())
    with pytest.raises(ZeroDivisionError), first_token_forward(job.student, enough=enough):
        raise ZeroDivisionError
    assert not any(module._forward_pre_hooks for module in job.student.modules())
    assert not any("forward" in vars(module) for module in job.student.modules())
