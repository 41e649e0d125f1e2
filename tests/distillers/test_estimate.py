"""Tests of the time a training may take."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from kdprobe.config.training import TrainingSettings
from kdprobe.distillers import cost_facts, estimate
from kdprobe.distillers.estimate import estimate_seconds, timed_examples
from kdprobe.distillers.training_job import TrainingJob
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


@pytest.mark.parametrize("half", [True, False])
def test_steps_are_timed_in_the_numbers_of_the_training(half: bool) -> None:
    """Guards `bf16`: its steps were timed in float32, so that it seemed to save nothing."""
    job = toy_job(TrainingSettings(epochs=1, batch_size=8))
    job = replace(job, compute=replace(job.compute, bf16=half))
    formats: list[bool] = []
    job.student.register_forward_pre_hook(
        lambda *_: (
            formats.append(torch.is_autocast_enabled("cpu")) if job.student.training else None
        )
    )
    estimate_seconds(job)
    assert formats == [half] * 4


@pytest.mark.parametrize(
    ("has", "half", "seconds", "large", "other", "named"),
    [
        (True, False, 100.0, 3, 40.0, True),
        (False, False, 100.0, 3, 40.0, False),  # no such instructions
        (True, True, 100.0, 3, 40.0, False),  # it is in bfloat16 already
        (True, False, 20.0, 3, 8.0, False),  # too short to be worth a line
        (True, False, 100.0, 0, 40.0, False),  # no matrix is large enough: a BiLSTM, for one
        (True, False, 100.0, 3, 95.0, False),  # it saves next to nothing
    ],
)
def test_what_bfloat16_would_save(
    has: bool, half: bool, seconds: float, large: int, other: float, named: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Guards a saving that is named where there is none, and one that is not named where it is."""
    timed: list[bool] = []

    def estimated(job: TrainingJob, *, of: TrainingJob | None) -> float:
        timed.append(job.compute.bf16)
        return other

    monkeypatch.setattr(cost_facts, "has_bfloat16", lambda device: has)
    monkeypatch.setattr(cost_facts, "products", lambda model: (large, 9))
    monkeypatch.setattr(cost_facts, "estimate_seconds", estimated)
    job = toy_job(TrainingSettings())
    rows = cost_facts.bfloat16_facts(replace(job, compute=replace(job.compute, bf16=half)), seconds)
    assert bool(rows) == named
    if named:
        assert timed == [True]
        assert "save about 60% of 2 min" in rows[0][1]
        assert "bert, copied layers, on cola" in rows[0][1]


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
