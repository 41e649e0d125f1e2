"""What every objective does with a regression, 57 classes and two: a value or a reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kdprobe.distillers.objective import OBJECTIVES, Batch, View
from kdprobe.distillers.weighted_loss import Remarking
from kdprobe.tasks.task import Task
from tests.contracts.test_objectives import (
    NAMES,
    ROWS,
    inputs_of,
    projection_of,
    setting,
    tiny_pair,
    values,
    views,
)
from tests.distillers.builders import RATING, TASK

SARA = Task("sara", 1, "classification", tuple(f"intent {n}" for n in range(57)), "accuracy")
LABELS = {
    "rating": torch.tensor([0.5, 1.5, 3.0, 0.0, 2.0, 4.5]),
    "sara": torch.tensor([0, 56, 7, 7, 30, 12]),
    "toy": torch.tensor([0, 1, 0, 1, 0, 1]),
}
NO_CLASSES = {"teacher_argmax"}
each_name = pytest.mark.parametrize("name", NAMES)


@each_name
@pytest.mark.parametrize("task", [RATING, SARA, TASK], ids=lambda task: task.name)
def test_a_value_or_a_reason(name: str, task: Task) -> None:
    """Guards tasks of one output, of many and of two: no crash in step 1, no term that is dead.

    A softmax over one output is always 1, a relation of classes among two is always the same: such
    a term would add nothing and say nothing.
    """
    at = tiny_pair(task=task)
    objective, options = setting(name)
    reason = objective.skip_reason(at.models, options)
    if task is RATING and name in NO_CLASSES:
        assert reason == "the task is a regression and has no classes"
        return
    assert reason is None
    projection = projection_of(name, at)
    losses = values(name, at, labels=LABELS[task.name], trained=projection)
    assert bool(torch.isfinite(losses).all())
    assert losses.mean().item() > 1e-6
    losses.sum().backward()
    slopes = [w.grad for w in at.student.parameters() if w.grad is not None]
    assert all(bool(torch.isfinite(slope).all()) for slope in slopes)
    assert max(slope.abs().max().item() for slope in slopes) > 1e-6


@each_name
def test_the_number_of_classes_and_their_order_change_nothing(name: str) -> None:
    """Guards means over classes: outputs renamed alike in both models are the same 57 classes."""
    at = tiny_pair(task=SARA)
    order = torch.randperm(57, generator=torch.Generator().manual_seed(0))
    objective, options = setting(name)
    inputs = inputs_of(ROWS)
    if objective.needs(at.models, options).student_model:
        before = values(name, at, labels=LABELS["sara"])
        with torch.no_grad():
            for model in (at.student, at.teacher):
                model.classifier.weight.copy_(model.classifier.weight[order])
                model.classifier.bias.copy_(model.classifier.bias[order])
        after = values(name, at, labels=order.argsort()[LABELS["sara"]])
        assert torch.allclose(before, after, rtol=1e-4, atol=1e-6)
        return
    shown = views(objective, options, at, inputs)
    turned = tuple(reordered(view, order) for view in shown)
    before = objective_values(name, at, shown, LABELS["sara"])
    after = objective_values(name, at, turned, order.argsort()[LABELS["sara"]])
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-6)


def reordered(view: View, order: Tensor) -> View:
    """The same view with its outputs in another order."""
    return View(
        {
            need: value[:, order] if need.quantity == "logits" else value
            for need, value in view.values.items()
        },
        view.inputs,
    )


def objective_values(name: str, at: Any, shown: Any, labels: Tensor) -> Tensor:
    """Numerators of an objective for two views."""
    objective, options = setting(name)
    mask = inputs_of(ROWS)["attention_mask"].bool()
    batch = Batch(mask, labels, models=at.models)
    torch.manual_seed(0)
    losses: Tensor = objective.loss_sum(*shown, batch, options)
    return losses


def test_regressions_by_hand() -> None:
    """Guards what each logit term of a regression is: squared differences, (z_s - z_t)^2."""
    at = tiny_pair(task=RATING)
    inputs = inputs_of(ROWS)
    with torch.no_grad():
        zs, zt = (m(**inputs).logits[:, 0] for m in (at.student, at.teacher))
    labels = LABELS["rating"]
    for name, expected in (
        ("soft_targets", (zs - zt) ** 2),
        ("logit_mse", (zs - zt) ** 2),
        ("noisy_teacher", (zs - zt) ** 2),
        ("hard_labels", (zs - labels) ** 2),
    ):
        changed: Any = {"temperature": 1.0} if name == "soft_targets" else {}
        losses = values(name, at, labels=labels, **changed)
        assert torch.allclose(losses, expected, atol=1e-5), name


def test_two_classes_that_say_the_same_twice() -> None:
    """Guards what degenerates with two classes: the reader is told, not left to find out.

    With p of one class the other's map is that of 1 - p: the same but for its sign.
    """
    objective = OBJECTIVES.load("attribution")
    assert isinstance(objective, Remarking)
    at = tiny_pair()
    remark = objective.remark(at.models, objective.options())
    assert remark == (
        "attribution maps of two classes are each other's double with one step: the second only "
        "scales the term"
    )
    both = values("attribution", at, labels=LABELS["toy"])
    one = values("attribution", at, labels=LABELS["toy"], views="gold")
    assert torch.allclose(both, one * 2**0.5, rtol=1e-4)
    assert objective.remark(tiny_pair(task=SARA).models, objective.options()) is None
    assert objective.remark(at.models, objective.options(views="gold")) is None


@pytest.mark.parametrize("name", ["attention_probs", "attention_scores"])
def test_unequal_heads_are_told(name: str) -> None:
    """Guards heads that cannot be matched one by one: their means are compared, and it is told."""
    objective, options = setting(name)
    assert objective.remark(tiny_pair(heads=4).models, options) == (
        f"{name} compares means over the heads: the student has 4 heads and the teacher 2; "
        "attention_relations compares any"
    )
    assert objective.remark(tiny_pair().models, options) is None
    assert bool(torch.isfinite(values(name, tiny_pair(heads=4))).all())
