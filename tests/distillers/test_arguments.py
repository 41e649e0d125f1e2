"""Tests of the optimisers: what a recipe names is what takes the steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdprobe.config.base import parse
from kdprobe.config.recipe import open_recipe
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.trainer import StudentTrainer
from kdprobe.errors import ConfigError
from tests.distillers.builders import toy_job


def optimizer_of(settings: TrainingSettings, folder: Path) -> torch.optim.Optimizer:
    torch.manual_seed(0)
    trainer = StudentTrainer(toy_job(settings, n=8), folder=folder, callbacks=[])
    optimizer: torch.optim.Optimizer = trainer.create_optimizer()
    return optimizer


def test_adamw_as_named(tmp_path: Path) -> None:
    """Guards sucik-bert: betas and epsilon of the recipe, not the usual ones."""
    usual = optimizer_of(TrainingSettings(), tmp_path).param_groups[0]
    assert (usual["betas"], usual["eps"], usual["lr"]) == ((0.9, 0.999), 1e-8, 5e-5)
    named = open_recipe("sucik-bert").training
    group = optimizer_of(named, tmp_path).param_groups[0]
    assert (group["betas"], group["eps"], group["lr"]) == ((0.9, 0.98), 1e-6, 5e-4)


def test_adadelta_as_published(tmp_path: Path) -> None:
    """Guards tang-bilstm: Adadelta with 1.0 and rho .95, weight decay on matrices only.

    The first step by hand: with accumulators at 0, E[g2] = (1 - rho) g2, and the step is
    sqrt(eps) / sqrt(E[g2] + eps) g.
    """
    named = open_recipe("tang-bilstm").training
    optimizer = optimizer_of(named.model_copy(update={"weight_decay": 0.1}), tmp_path)
    assert isinstance(optimizer, torch.optim.Adadelta)
    decays = {group["weight_decay"] for group in optimizer.param_groups}
    assert decays == {0.0, 0.1}
    group = next(g for g in optimizer.param_groups if g["weight_decay"] == 0.0)
    assert (group["lr"], group["rho"], group["eps"]) == (1.0, 0.95, 1e-6)
    weight = group["params"][0]
    before = weight.detach().clone()
    weight.grad = torch.full_like(weight, 0.5)
    optimizer.step()
    moved = 0.5 * (1e-6**0.5) / ((0.05 * 0.25 + 1e-6) ** 0.5)
    assert torch.allclose(before - weight.detach(), torch.full_like(weight, moved), rtol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizer": "sgd"}, "recipe r: optimizer is 'sgd'"),
        ({"betas": [0.9, 1.0]}, "recipe r: betas.1 is 1.0; Input should be less than 1"),
        ({"epsilon": 0}, "recipe r: epsilon is 0; Input should be greater than 0"),
    ],
)
def test_wrong_values(wrong: dict[str, object], message: str) -> None:
    """Guards an optimiser that is not there and settings that would never train."""
    with pytest.raises(ConfigError) as caught:
        parse(TrainingSettings, wrong, "recipe r")
    assert str(caught.value).startswith(message)
