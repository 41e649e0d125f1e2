"""What reductions must keep for every objective: micro-batches, processes and bfloat16."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kdprobe.distillers.forward import read
from kdprobe.distillers.objective import Batch, View
from kdprobe.distillers.weighted_loss import Term, WeightedLoss, WeightedLosses, Window
from tests.contracts.test_objectives import (
    NAMES,
    ROWS,
    SPLIT,
    TinyPair,
    inputs_of,
    projection_of,
    setting,
    tiny_pair,
    views,
)

both = pytest.mark.parametrize("reduction", ["example", "token"])
each_name = pytest.mark.parametrize("name", NAMES)


def weighted_loss_of(name: str, reduction: Any, **changed: Any) -> WeightedLoss:
    objective, options = setting(name, **changed)
    return WeightedLoss((Term(objective, 0.7, options),), reduction)


def batch_of(rows: tuple[int, ...], at: TinyPair) -> tuple[dict[str, Tensor], Batch]:
    inputs = inputs_of(rows)
    labels = torch.tensor([int(SPLIT.labels[row]) for row in rows])  # type: ignore[index]
    return inputs, Batch(inputs["attention_mask"].bool(), labels, models=at.models)


def losses_of(
    weighted_loss: WeightedLoss,
    rows: tuple[int, ...],
    at: TinyPair,
    window: Window,
    *,
    half: bool = False,
) -> WeightedLosses:
    term = weighted_loss.terms[0]
    inputs, batch = batch_of(rows, at)
    student, teacher = views(term.objective, term.options, at, inputs)
    wanted = term.objective.needs(at.models, term.options).student
    if half:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = read(at.student, inputs, wanted)
        student = View(said, inputs, student.model)
    projection = projection_of(term.name, at)
    projections: dict[str, nn.Module] = {} if projection is None else {term.name: projection}
    torch.manual_seed(0)
    return weighted_loss.losses(student, teacher, batch, window=window, projections=projections)


@both
@each_name
def test_a_step_is_cut_as_one_likes(name: str, reduction: str) -> None:
    """Guards accumulation and processes: the gradient of the parts is the gradient of the whole.

    Unequal parts of texts of unequal lengths; relations among the texts of a micro-batch are
    switched off, as they read who else is there.
    """
    alone: Any = {"lower": 9} if name == "granular_relations" else {}
    at = tiny_pair()
    weighted_loss = weighted_loss_of(name, reduction, **alone)
    weights = [weight for weight in at.student.parameters() if weight.requires_grad]
    window = weighted_loss.window([batch_of(ROWS, at)[1]])
    whole = losses_of(weighted_loss, ROWS, at, window)
    slopes = torch.autograd.grad(whole.total, weights, allow_unused=True)
    cuts = (ROWS[:1], ROWS[1:3], ROWS[3:])
    together = weighted_loss.window([batch_of(rows, at)[1] for rows in cuts])
    assert together.examples == window.examples
    assert together.loss_counts == pytest.approx(window.loss_counts)
    parts = [losses_of(weighted_loss, rows, at, together) for rows in cuts]
    total = torch.stack([part.total for part in parts]).sum()
    assert total.item() == pytest.approx(whole.total.item(), rel=1e-4, abs=1e-6)
    summed = torch.autograd.grad(total, weights, allow_unused=True)
    for left, right in zip(slopes, summed, strict=True):
        assert (left is None) == (right is None)
        if left is not None and right is not None:
            size = float(left.abs().max())
            assert torch.allclose(left, right, rtol=1e-3, atol=1e-4 * size + 1e-7)


@both
@each_name
def test_bfloat16_is_summed_in_float32(name: str, reduction: str) -> None:
    """Guards `bf16`: products in bfloat16, the loss in float32 and near the exact one."""
    at = tiny_pair()
    weighted_loss = weighted_loss_of(name, reduction)
    window = weighted_loss.window([batch_of(ROWS, at)[1]])
    exact = losses_of(weighted_loss, ROWS, at, window)
    rounded = losses_of(weighted_loss, ROWS, at, window, half=True)
    assert rounded.total.dtype == rounded.examples.dtype == torch.float32
    assert rounded.total.item() == pytest.approx(exact.total.item(), rel=0.1, abs=0.02)
    rounded.total.backward()
    slopes = [w.grad for w in at.student.parameters() if w.grad is not None]
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)
