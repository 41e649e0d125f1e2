"""Tests of the attention a student trains with: chosen by what is trained, the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.attention_kernel import SHORT, choose_attention
from kdprobe.distillers.compute import Compute
from kdprobe.distillers.trainer import StudentTrainer
from tests.distillers.builders import toy_job


@pytest.mark.parametrize(
    ("dropout", "bf16", "longest", "device", "kernel"),
    [
        (0.1, False, SHORT, "cpu", "eager"),
        (0.0, True, SHORT, "cpu", "eager"),
        (0.0, False, SHORT, "cpu", "sdpa"),
        (0.1, True, SHORT + 1, "cpu", "sdpa"),
        (0.1, True, SHORT, "cuda", "sdpa"),
    ],
)
def test_what_it_depends_on(
    dropout: float, bf16: bool, longest: int, device: str, kernel: str
) -> None:
    """Guards long texts from a square of memory, and GPUs from the slower kernel."""
    model = toy_job(TrainingSettings(), dropout=dropout, n=4).student
    choose_attention(model, longest=longest, compute=Compute(device, bf16=bf16, threads=1))  # type: ignore[arg-type]
    assert model.config._attn_implementation == kernel


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_the_loss_and_its_gradients_are_the_same(dropout: float, tmp_path: Path) -> None:
    """Guards the choice from changing what is learnt: to rounding, and with the same dropout."""
    torch.manual_seed(0)
    job = replace(toy_job(TrainingSettings(batch_size=8), dropout=dropout), seed=1)
    trainer = StudentTrainer(job, folder=tmp_path, callbacks=[])
    trainer.short = False
    sample = trainer.collate([0, 1, 2, 3, 4])
    window = job.weighted_loss.window([trainer._batch(sample)])
    results = []
    for kernel in ("eager", "sdpa"):
        job.student.set_attn_implementation(kernel)
        trainer.trainable.train().zero_grad()
        torch.manual_seed(2)
        loss = trainer.compute_loss(trainer.trainable, sample, num_items_in_batch=window)
        loss.backward()
        weights = trainer.trainable.parameters()
        results.append([loss.detach(), *(w.grad for w in weights if w.grad is not None)])
    for plain, fused in zip(*results, strict=True):
        torch.testing.assert_close(plain, fused, atol=1e-6, rtol=1e-4)
