"""How long a training will take, from a few of its steps.

Does: time forward, backward and update on a few batches of the training, and an evaluation batch,
and scale them up. Does not: change the student, or know what else the machine will be doing.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from kdprobe.distillers.compute import settled
from kdprobe.distillers.teacher_store import all_logits
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.distillers.training_job import TrainingJob
from kdprobe.models.reparametrised_embeddings import UsedRows, fold
from kdprobe.progress import Silent

_TIMED = 3


def timed_examples(job: TrainingJob) -> int:
    """Return the number of examples that are timed; a training of fewer takes them again."""
    settings = job.settings
    return (1 + _TIMED) * settings.batch_size * settings.gradient_accumulation


def estimate_seconds(job: TrainingJob, *, of: TrainingJob | None = None) -> float:
    """Estimate the seconds of a whole training.

    Definition: the mean time of three optimiser steps, after one that is not counted, times the
    number of steps, and one evaluation of the student times the number of evaluations. The
    learning rate of these steps is 0: weights, modes and random states are as before.

    Args:
        job: what is timed.
        of: the training whose length is meant, of which `job` has some examples; None: itself.
    """
    whole = of or job
    with (
        tempfile.TemporaryDirectory() as folder,
        settled(job.compute, seed=job.seed, purpose="estimate"),
    ):
        step = _seconds_a_step(job, Path(folder))
        evaluation = _seconds_an_evaluation(job)
    evaluations = -(-whole.steps // whole.evaluate_every)
    return step * whole.steps + evaluation * evaluations


def _seconds_a_step(job: TrainingJob, folder: Path) -> float:
    trainer = StudentTrainer(job, folder=folder, callbacks=[])
    settings = job.settings
    # As `train` prepares it: without this nothing would be multiplied in bfloat16.
    model = trainer.accelerator.prepare_model(trainer.trainable)
    training = job.student.training
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0)
    pieces = settings.gradient_accumulation
    order = list(trainer._get_train_sampler())
    batches = _spread(order, size=settings.batch_size, count=(1 + _TIMED) * pieces)
    taken = []
    model.train()
    for turn in range(1 + _TIMED):
        started = time.perf_counter()
        for rows in batches[turn * pieces : (turn + 1) * pieces]:
            sample = trainer._prepare_inputs(trainer.collate(rows))
            window = job.weighted_loss.window([trainer._batch(sample)])
            trainer.compute_loss(model, sample, num_items_in_batch=window).backward()
        optimiser.step()
        optimiser.zero_grad()
        _finish(job)
        taken.append(time.perf_counter() - started)
    job.student.train(training)
    fold(job.student, UsedRows)
    return sum(taken[1:]) / _TIMED


def _spread(order: list[int], *, size: int, count: int) -> list[list[int]]:
    """Take batches from all over an epoch, whose lengths differ; a short epoch begins again.

    >>> _spread([5, 6, 7, 8], size=3, count=2)
    [[5, 6, 7], [7, 8, 5]]
    """
    starts = (place * len(order) // count for place in range(count))
    return [(order[start:] + order)[:size] for start in starts]


def _seconds_an_evaluation(job: TrainingJob) -> float:
    started = time.perf_counter()
    examined = job.evaluation.encoded
    device = next(job.student.parameters()).device
    all_logits(
        job.student, examined, columns=None, device=device,
        batch_size=4 * job.settings.batch_size, progress=Silent(), title="",
    )  # fmt: skip
    return time.perf_counter() - started


def _finish(job: TrainingJob) -> None:
    """Wait for a device that works in the background."""
    if job.compute.device == "cuda":
        torch.cuda.synchronize()
