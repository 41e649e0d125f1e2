"""Tests of the time a training may take."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers import estimate
from kdprobe.distillers.estimate import estimate_seconds, timed_examples
from tests.distillers.builders import toy_job, toy_weighted_loss


@pytest.mark.parametrize(("pieces", "steps"), [(1, 16), (2, 8)])
def test_steps_and_evaluations_by_hand(
    pieces: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the scaling: a step and an evaluation that take a second each, counted by hand.

    64 examples in batches of 8, two epochs: 16 batches; an evaluation every 4 steps.
    """
    clock = itertools.count()
    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    settings = TrainingSettings(
        epochs=2, batch_size=8, gradient_accumulation=pieces, evaluate_every=4
    )
    assert estimate_seconds(toy_job(settings)) == steps + steps / 4


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_nothing_is_changed(decay: float) -> None:
    """Guards the training that follows: weights, gradients, modes and random numbers as before."""
    torch.manual_seed(3)
    job = toy_job(
        TrainingSettings(batch_size=8, learning_rate=0.1, weight_decay=decay),
        weighted_loss=toy_weighted_loss("hard_labels"),
    )
    job.student.eval()
    before = {name: weight.clone() for name, weight in job.student.state_dict().items()}
    state = torch.get_rng_state()
    assert estimate_seconds(job) > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert not job.student.training
    assert all(weight.grad is None for weight in job.student.parameters())
    for name, weight in job.student.state_dict().items():
        assert torch.equal(weight, before[name]), name


def test_some_examples_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the stages of a recipe: a few examples are timed, the whole training is told.

    64 examples in batches of 8, two epochs: 16 steps and an evaluation after each 4.
    """
    clock = itertools.count()
    monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    settings = TrainingSettings(epochs=2, batch_size=8, evaluate_every=4)
    whole, few = toy_job(settings), toy_job(settings, n=32)
    assert timed_examples(whole) == 32
    assert estimate_seconds(few) == 8 + 2
    assert estimate_seconds(few, of=whole) == 16 + 4
