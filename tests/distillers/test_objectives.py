"""Tests of hard labels and soft targets: values by hand and by torch, and what must not matter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kdprobe.distillers.objective import (
    LOGITS,
    OBJECTIVES,
    Batch,
    ModelPair,
    ModelShape,
    Needs,
    View,
)
from kdprobe.distillers.objectives.hard_labels import HardLabelsOptions
from kdprobe.distillers.objectives.soft_targets import SoftTargetsOptions
from tests.distillers.builders import RATING, TASK

ZS = torch.tensor([[1.0, -0.5, 0.25], [0.0, 2.0, -1.0]], dtype=torch.float64)
ZT = torch.tensor([[2.0, 0.5, -1.0], [-1.0, 1.5, 0.5]], dtype=torch.float64)
SHAPE = ModelShape(2, 16, 2)
DIVERGENCES = ("forward", "reverse", "symmetric", "cross_entropy")


def batch_of(rows: int, labels: Tensor | None = None) -> Batch:
    return Batch(torch.ones(rows, 4, dtype=torch.bool), labels)


def soft(zs: Tensor, zt: Tensor, **options: object) -> Tensor:
    return OBJECTIVES.load("soft_targets").loss_sum(
        View({LOGITS: zs}), View({LOGITS: zt}), batch_of(len(zs)), SoftTargetsOptions(**options)
    )


def hard(z: Tensor, labels: Tensor) -> Tensor:
    options = HardLabelsOptions()
    return OBJECTIVES.load("hard_labels").loss_sum(
        View({LOGITS: z}), View({}), batch_of(len(z), labels), options
    )


def test_check_values() -> None:
    """Guards against a wrong direction, a lost T squared, a mean over classes: all run quietly."""
    assert soft(ZS, ZT, temperature=2.0).mean().item() == pytest.approx(0.405346, abs=1e-6)
    plain = soft(ZS, ZT, temperature=2.0, scale_by_temperature=False, divergence="cross_entropy")
    assert plain.mean().item() == pytest.approx(1.062284, abs=1e-6)
    unscaled = soft(ZS, ZT, temperature=2.0, scale_by_temperature=False)
    assert (4 * unscaled).tolist() == pytest.approx(soft(ZS, ZT, temperature=2.0).tolist())


def test_equals_torch() -> None:
    """Guards our formula against torch's own KL divergence and cross-entropy."""
    expected = torch.nn.functional.kl_div(
        (ZS / 3).log_softmax(-1), (ZT / 3).log_softmax(-1), log_target=True, reduction="batchmean"
    )
    assert soft(ZS, ZT, temperature=3.0).mean().item() == pytest.approx(9 * expected.item())
    backward = soft(ZS, ZT, temperature=1.0, divergence="reverse")
    assert backward.tolist() == pytest.approx(soft(ZT, ZS, temperature=1.0).tolist())
    both = soft(ZS, ZT, temperature=1.0, divergence="symmetric")
    halves = (soft(ZS, ZT, temperature=1.0) + backward) / 2
    assert both.tolist() == pytest.approx(halves.tolist())


def test_hard_labels_by_hand() -> None:
    """Guards against a gold label read as a soft one: equal logits must cost exactly log 2."""
    loss = hard(torch.zeros(2, 2), torch.tensor([0, 1]))
    assert loss.tolist() == pytest.approx([0.6931472, 0.6931472])
    squares = hard(torch.tensor([[1.0], [4.0]]), torch.tensor([3.0, 4.0]))
    assert squares.tolist() == [4.0, 0.0]


def test_regression_has_no_softmax() -> None:
    """Guards a regression: the softmax of one number is always 1 and would teach nothing."""
    assert soft(torch.tensor([[1.0]]), torch.tensor([[3.0]]), temperature=2.0).tolist() == [4.0]
    raw = soft(
        torch.tensor([[1.0]]), torch.tensor([[3.0]]), temperature=2.0, scale_by_temperature=False
    )
    assert raw.tolist() == [1.0]


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_no_gradient_at_the_teacher(divergence: str) -> None:
    """Guards against an objective that pulls a perfect student away from its teacher."""
    student = ZT.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(soft(student, ZT, divergence=divergence).sum(), student)
    assert gradient.abs().max().item() < 1e-12


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_gradcheck(divergence: str) -> None:
    """Guards the derivative by finite differences."""
    student = ZS.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda z: soft(z, ZT, divergence=divergence), (student,))


def test_hot_limit_is_squared_difference() -> None:
    """Guards T squared: as T grows the value tends to half the mean squared centred difference."""
    difference = ZS - ZT
    centred = difference - difference.mean(-1, keepdim=True)
    expected = (centred**2).mean(-1) / 2
    hot = soft(ZS, ZT, temperature=10_000.0)
    assert hot.tolist() == pytest.approx(expected.tolist(), rel=1e-3)


def test_extreme_logits_stay_finite() -> None:
    """Guards against log(softmax): a sure teacher and a student sure of the opposite."""
    value = soft(torch.tensor([[500.0, -500.0]]), torch.tensor([[-500.0, 500.0]]), temperature=1.0)
    assert value.tolist() == pytest.approx([1000.0])


numbers = st.floats(-8, 8, allow_nan=False, width=32)
logits = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5)


@settings(deadline=None, max_examples=50)
@given(pairs=st.lists(st.tuples(*[numbers] * 6), min_size=1, max_size=5), shift=numbers)
def test_invariances(pairs: list[tuple[float, ...]], shift: float) -> None:
    """Guards what must not matter: logit shifts, the order of classes and of examples."""
    both = torch.tensor(pairs, dtype=torch.float64)
    zs, zt = both[:, :3], both[:, 3:]
    value = soft(zs, zt)
    assert value.min().item() >= -1e-9
    assert soft(zs + shift, zt - shift).tolist() == pytest.approx(value.tolist(), abs=1e-9)
    order = [2, 0, 1]
    assert soft(zs[:, order], zt[:, order]).tolist() == pytest.approx(value.tolist(), abs=1e-9)
    assert soft(zs.flip(0), zt.flip(0)).flip(0).tolist() == pytest.approx(value.tolist(), abs=1e-9)


def test_every_objective_keeps_the_contract() -> None:
    """Guards a new file of the folder: its name, its options' defaults and one value an example."""
    models = ModelPair(TASK, SHAPE, SHAPE, ((1, 1), (2, 2)), same_tokens=True)
    for name in OBJECTIVES.names():
        objective = OBJECTIVES.load(name)
        options = objective.options()
        assert objective.name == name
        assert objective.version >= 1
        assert objective.title
        assert isinstance(objective.needs(models, options), Needs)
        loss_count = objective.loss_count(batch_of(3), options)
        assert loss_count.shape == (3,)
        assert (loss_count > 0).all()


def test_needs_are_joined() -> None:
    """Guards the union: a forgotten need would read nothing, or run the teacher for nothing."""
    models = ModelPair(RATING, SHAPE, SHAPE)
    hard_needs = OBJECTIVES.load("hard_labels").needs(models, HardLabelsOptions())
    soft_needs = OBJECTIVES.load("soft_targets").needs(models, SoftTargetsOptions())
    joined = hard_needs | soft_needs
    assert joined == Needs(frozenset({LOGITS}), frozenset({LOGITS}), labels=True)
    assert joined.asks_teacher
    assert not hard_needs.asks_teacher
    assert Needs(teacher_model=True).asks_teacher


def test_soft_targets_without_a_teacher() -> None:
    """Guards a recipe used without a teacher: the reason is told before training."""
    skip_reason = OBJECTIVES.load("soft_targets").skip_reason(
        ModelPair(TASK, SHAPE), SoftTargetsOptions()
    )
    assert skip_reason == "there is no teacher"


def test_labels_that_are_missing_are_a_fault() -> None:
    """Guards against training on None labels: the trainer must have asked for them."""
    with pytest.raises(ValueError, match="hard_labels got a batch without labels"):
        OBJECTIVES.load("hard_labels").loss_sum(
            View({LOGITS: torch.zeros(1, 2)}), View({}), batch_of(1), HardLabelsOptions()
        )
