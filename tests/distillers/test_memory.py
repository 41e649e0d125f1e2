"""Tests of the memory a training may take."""

from __future__ import annotations

import torch

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.memory import Memory, estimate_memory
from tests.distillers.builders import toy_job


def test_counted_by_hand() -> None:
    """Guards the factor of the optimiser, and tables that are trained in part only.

    With weight decay every weight has a gradient and two moments, 16 bytes; without it only the
    rows of the words that occur.
    """
    torch.manual_seed(0)
    job = toy_job(TrainingSettings(weight_decay=0.1, batch_size=8))
    size = sum(weight.numel() for weight in job.student.parameters())
    buffers = sum(b.numel() * b.element_size() for b in job.student.buffers())
    state = {name: weight.clone() for name, weight in job.student.state_dict().items()}
    teacher = torch.nn.Linear(9, 1)
    memory = estimate_memory(job, teacher)
    assert memory.student == 16 * size + buffers
    assert memory.teacher == 4 * 10
    fewer = estimate_memory(toy_job(TrainingSettings(batch_size=8)), teacher)
    assert fewer.student < memory.student
    for name, weight in job.student.state_dict().items():
        assert torch.equal(weight, state[name])


def test_a_batch_keeps_more_of_more_examples() -> None:
    """Guards what is kept for the gradients: it grows with the batch, weights are not in it.

    A student of one layer keeps of most tokens what its embeddings and dropout give, and no more.
    """
    small, large = (
        estimate_memory(toy_job(TrainingSettings(batch_size=size)), torch.nn.Linear(1, 1))
        for size in (4, 32)
    )
    assert 4 * small.batch < large.batch < 9 * small.batch
    job = toy_job(TrainingSettings(batch_size=4))
    length = int(job.encoded.lengths.max())
    width = int(job.student.config.hidden_size)
    assert small.batch > 5 * 4 * 4 * length * width  # five tensors of its states at the least


def test_told() -> None:
    """Guards the sum."""
    assert Memory(2_000_000, 500_000, 1_000).summary == (
        "about 2.5 MB: 2.0 MB for the student's weights, gradients and moments, 500.0 kB for a "
        "batch of long texts, 1.0 kB for the teacher"
    )
