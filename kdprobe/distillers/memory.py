"""How much memory a training will take, from one of its batches.

Does: count weights, what an optimiser keeps of them, and what one batch keeps for its gradients.
Does not: count Python, torch or the texts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kdprobe.distillers.compute import settled
from kdprobe.distillers.teacher_quantities import show_size
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models.reparametrised_embeddings import UsedRows, fold

_TRAINED = 4  # times a weight: itself, its gradient, and two running means of the optimiser


class Memory(NamedTuple):
    """Bytes of a training: the student's weights with all that belongs to them, a batch, a teacher.

    Teacher outputs that are kept have a fact of their own.
    """

    student: int
    batch: int
    teacher: int

    @property
    def summary(self) -> str:
        """For people."""
        teacher = f", {show_size(self.teacher)} for the teacher" if self.teacher else ""
        return (
            f"about {show_size(sum(self))}: {show_size(self.student)} for the student's weights, "
            f"gradients and moments, {show_size(self.batch)} for a batch of long texts{teacher}"
        )


def estimate_memory(job: TrainingJob, teacher: nn.Module | None) -> Memory:
    """Estimate the memory of a training; the student is afterwards what it was.

    Definition: four times the bytes of each trained weight and once those of the others; the bytes
    of all tensors that automatic differentiation keeps of a batch of the longest texts, each
    storage once, weights left out; the bytes of the teacher's weights (None: it has none).
    """
    training = job.student.training
    with (
        tempfile.TemporaryDirectory() as folder,
        settled(job.compute, seed=job.seed, purpose="estimate"),
    ):
        trainer = StudentTrainer(job, folder=Path(folder), callbacks=[])
        kept = _kept(trainer)
        student = sum(
            _bytes(weight) * (_TRAINED if weight.requires_grad else 1)
            for weight in (*trainer.trainable.parameters(), *trainer.trainable.buffers())
        )
        fold(job.student, UsedRows)
    job.student.train(training)
    weights = () if teacher is None else teacher.parameters()
    return Memory(student, kept, sum(_bytes(weight) for weight in weights))


def _kept(trainer: StudentTrainer) -> int:
    """Run a batch of the longest texts, and count what is kept for its gradients."""
    job = trainer.job
    order = np.argsort(-job.encoded.lengths, kind="stable")
    rows = [int(row) for row in order[: job.settings.batch_size]]
    weights = {weight.untyped_storage().data_ptr() for weight in trainer.trainable.parameters()}
    storages: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        return value

    trainer.trainable.train()
    sample = trainer._prepare_inputs(trainer.collate(rows))
    window = job.weighted_loss.window([trainer._batch(sample)])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        trainer.compute_loss(trainer.trainable, sample, num_items_in_batch=window)
    trainer.term_log.drain(0)
    return sum(storages.values())


def _bytes(weight: Tensor) -> int:
    return weight.numel() * weight.element_size()
