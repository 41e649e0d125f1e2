"""Tests of the weighted sum: what an optimiser step adds up to, however it is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.distillers.objective import (
    LOGITS,
    NOTHING,
    OBJECTIVES,
    Batch,
    ModelPair,
    ModelShape,
    Need,
    Needs,
    View,
)
from kdprobe.distillers.weighted_loss import (
    Term,
    WeightedLoss,
    build_weighted_loss,
    option_names,
    remarks,
    require_values,
)
from kdprobe.errors import CapabilityError, ConfigError, UnknownNameError
from tests.distillers.builders import TASK, toy_weighted_loss

SITUATION = ModelPair(TASK, ModelShape(1, 4, 1))
WIDTH = 4


class HiddenOptions(Options):
    """None."""


@dataclass(frozen=True)
class HiddenSquares:
    """An objective over tokens: the squared norm of each real token's hidden state."""

    name: str = "hidden_squares"
    version: int = 1
    title: str = "squares"

    @property
    def options(self) -> type[BaseModel]:
        return HiddenOptions

    def skip_reason(self, models: ModelPair, options: Any) -> str | None:
        return None

    def needs(self, models: ModelPair, options: Any) -> Needs:
        return Needs(student=frozenset({LOGITS, Need("hidden", 1)}))

    def projection(self, models: ModelPair, options: Any) -> nn.Module | None:
        return nn.Linear(models.student.width, models.student.width)

    def loss_count(self, batch: Batch, options: Any) -> Tensor:
        return batch.mask.sum(-1).float()

    def loss_sum(self, student: View, teacher: View, batch: Batch, options: Any) -> Tensor:
        assert student.projection is not None
        mapped = student.projected(student.hidden(1))
        squares: Tensor = ((mapped**2).sum(-1) * batch.mask).sum(-1)
        return squares


def example_batch(lengths: list[int], longest: int) -> tuple[View, Batch]:
    mask = torch.arange(longest)[None] < torch.tensor(lengths)[:, None]
    torch.manual_seed(0)
    hidden = torch.randn(len(lengths), 8, WIDTH)[:, :longest]
    labels = torch.arange(len(lengths)) % 2
    logits = torch.randn(len(lengths), 2)
    return View({LOGITS: logits, Need("hidden", 1): hidden}), Batch(mask, labels)


def part(view: View, batch: Batch, rows: slice) -> tuple[View, Batch]:
    values = {need: tensor[rows] for need, tensor in view.values.items()}
    assert batch.labels is not None
    return View(values), Batch(batch.mask[rows], batch.labels[rows])


def two_terms(reduction: Any) -> tuple[WeightedLoss, dict[str, nn.Module]]:
    torch.manual_seed(1)
    hidden = Term(HiddenSquares(), 0.3, HiddenOptions())
    weighted_loss = WeightedLoss((*toy_weighted_loss("hard_labels").terms, hidden), reduction)
    return weighted_loss, weighted_loss.projections(SITUATION)


@pytest.mark.parametrize("reduction", ["example", "token"])
def test_micro_batches_change_nothing(reduction: str) -> None:
    """Guards gradient accumulation: unequal micro-batches must add up to the whole step's loss."""
    weighted_loss, projections = two_terms(reduction)
    view, batch = example_batch([2, 5, 3, 7, 1], longest=8)
    whole = weighted_loss.losses(
        view, NOTHING, batch, window=weighted_loss.window([batch]), projections=projections
    )
    pieces = [part(view, batch, rows) for rows in (slice(0, 3), slice(3, 5))]
    window = weighted_loss.window([piece[1] for piece in pieces])
    parts = [
        weighted_loss.losses(piece, NOTHING, rows, window=window, projections=projections)
        for piece, rows in pieces
    ]
    assert sum(p.total.item() for p in parts) == pytest.approx(whole.total.item(), rel=1e-6)
    for name, term in whole.terms.items():
        assert sum(p.terms[name].item() for p in parts) == pytest.approx(term.item(), rel=1e-6)
    assert whole.examples.sum().item() == pytest.approx(whole.total.item(), rel=1e-6)


@pytest.mark.parametrize("reduction", ["example", "token"])
def test_padding_changes_nothing(reduction: str) -> None:
    """Guards length groups: a loss divided by the padded size shrinks beside a long text."""
    weighted_loss, projections = two_terms(reduction)
    values = []
    for longest in (5, 8):
        view, batch = example_batch([2, 5, 3], longest=longest)
        losses = weighted_loss.losses(
            view, NOTHING, batch, window=weighted_loss.window([batch]), projections=projections
        )
        values.append(losses.total.item())
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_reductions_by_hand() -> None:
    """Guards the two reductions: 1 token of value 1 and 3 tokens of value 4 each."""
    weighted_loss, _ = two_terms("example")
    mask = torch.tensor([[True, False, False], [True, True, True]])
    hidden = torch.zeros(2, 3, WIDTH)
    hidden[0, :, 0], hidden[1, :, 0] = 1.0, 2.0
    view = View({LOGITS: torch.zeros(2, 2), Need("hidden", 1): hidden})
    same = nn.Linear(WIDTH, WIDTH, bias=False)
    nn.init.eye_(same.weight)
    alone = WeightedLoss(weighted_loss.terms[1:], "example")
    batch = Batch(mask)
    projections: dict[str, nn.Module] = {"hidden_squares": same}
    window = alone.window([batch])
    example = alone.losses(
        view, NOTHING, batch, window=window, projections=projections
    ).total.item()
    assert example == pytest.approx(0.3 * (1 + 4) / 2)
    tokens = WeightedLoss(alone.terms, "token")
    window = tokens.window([batch])
    token = tokens.losses(view, NOTHING, batch, window=window, projections=projections).total.item()
    assert token == pytest.approx(0.3 * (1 + 12) / 4)


def test_unknown_objective_lists_neighbours() -> None:
    """Guards a misspelt objective: training without it would look like training with it."""
    with pytest.raises(UnknownNameError) as caught:
        build_weighted_loss(
            (ObjectiveSetting(name="soft_target"),), reduction="example", where="recipe r"
        )
    assert str(caught.value) == (
        "`objective`: no objective is called 'soft_target', expected one of "
        f"{', '.join(OBJECTIVES.names())}; did you mean 'soft_targets'?"
    )


def test_unknown_option_is_named_with_its_recipe() -> None:
    """Guards a misspelt temperature: it would silently stay at its default."""
    setting = ObjectiveSetting(name="soft_targets", options={"temperatur": 4})
    with pytest.raises(ConfigError) as caught:
        build_weighted_loss((setting,), reduction="example", where="recipe r")
    assert str(caught.value) == (
        "recipe r, objective soft_targets: unknown key 'temperatur', expected one of temperature, "
        "scale_by_temperature, divergence, anneal; did you mean 'temperature'?"
    )


def test_an_objective_without_a_value_stops_before_training() -> None:
    """Guards a term that could only be left out silently."""
    with pytest.raises(CapabilityError) as caught:
        require_values(toy_weighted_loss("soft_targets"), SITUATION)
    assert str(caught.value) == (
        "objective soft_targets: there is no teacher; leave it out of the recipe, or choose "
        "another student"
    )


def test_option_names() -> None:
    """Guards `settings`: it offers exactly the options that an objective has."""
    names = option_names((ObjectiveSetting(name="soft_targets"),))
    assert names == {
        "soft_targets": ("temperature", "scale_by_temperature", "divergence", "anneal")
    }


def test_stages_take_turns() -> None:
    """Guards recipes in stages: a term counts in its own part of the training only."""
    torch.manual_seed(1)
    early = Term(HiddenSquares(), 1.0, HiddenOptions(), (0.0, 0.5))
    late = replace(toy_weighted_loss("hard_labels").terms[0], during=(0.5, 1.0))
    weighted_loss = WeightedLoss((early, late))
    view, batch = example_batch([2, 3], longest=4)
    projections = weighted_loss.projections(SITUATION)
    turns = {0.0: ["hidden_squares"], 0.5: ["hard_labels"], 1.0: ["hard_labels"]}
    for progress, names in turns.items():
        now = replace(batch, progress=progress)
        losses = weighted_loss.losses(
            view, NOTHING, now, window=weighted_loss.window([now]), projections=projections
        )
        assert list(losses.terms) == names


def test_remarks_are_gathered() -> None:
    """Guards the preflight: heads that do not match are told, those that do are not."""
    setting = ObjectiveSetting(name="attention_probs")
    weighted_loss = build_weighted_loss((setting,), reduction="example", where="test")
    for heads, count in ((2, 1), (1, 0)):
        teacher = ModelShape(1, 4, heads)
        models = ModelPair(TASK, ModelShape(1, 4, 1), teacher, ((1, 1),), same_tokens=True)
        texts = remarks(weighted_loss, models)
        assert len(texts) == count
    assert remarks(weighted_loss, replace(models, teacher=ModelShape(1, 4, 2))) == (
        "attention_probs compares means over the heads: the student has 1 heads and the teacher 2; "
        "attention_relations compares any",
    )
