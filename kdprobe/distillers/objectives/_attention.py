"""What objectives have in common that compare the attention heads of two models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from torch import Tensor

from kdprobe.distillers.compatibility import (
    first_of,
    no_projections,
    no_teacher,
    other_tokens,
    too_few_pairs,
)
from kdprobe.distillers.loss_counts import WithoutProjection
from kdprobe.distillers.masked import scaled_products, split_heads
from kdprobe.distillers.objective import (
    BIAS,
    ModelPair,
    Need,
    Needs,
    Quantity,
    View,
    needs_of_pairs,
)

Layers = Literal["first", "last", "map"]
_NAMES: tuple[Quantity, ...] = ("query", "key")


class OfLayers(Protocol):
    """Options that say which layers are compared."""

    @property
    def layers(self) -> Layers:
        """Both models' `first` or `last` layer, or those of the layer `map`."""


def head_scores(view: View, layer: int, heads: int) -> Tensor:
    """Scaled dot products of queries and keys of a layer, `[B, heads, L, L]`.

    What the model adds to them by position is added, where it does (MPNet).
    """
    query, key = (view.values[Need(name, layer)] for name in _NAMES)
    products = scaled_products(split_heads(query, heads), split_heads(key, heads))
    return products + view.values[BIAS] if BIAS in view.values else products


def head_counts(models: ModelPair) -> tuple[int, int]:
    """The student's number of heads and the teacher's."""
    return models.student.heads, (models.teacher or models.student).heads


def compared_layers(models: ModelPair, which: Layers) -> tuple[tuple[int, int], ...]:
    """The pairs of layers that are compared."""
    teacher = models.teacher
    if which == "map" or teacher is None:
        return models.layer_pairs
    return ((1, 1),) if which == "first" else ((models.student.layers, teacher.layers),)


@dataclass(frozen=True)
class OfHeads(WithoutProjection):
    """An objective that compares heads one by one, or their mean where their numbers differ."""

    name: str = ""

    def skip_reason(self, models: ModelPair, options: OfLayers) -> str | None:
        """It needs equal tokens and queries and keys that can be read."""
        few = too_few_pairs(models) if options.layers == "map" else None
        return first_of(no_teacher(models), other_tokens(models), no_projections(models), few)

    def needs(self, models: ModelPair, options: OfLayers) -> Needs:
        """Queries and keys of the compared layers, and what is added to their products."""
        needs = needs_of_pairs(compared_layers(models, options.layers), *_NAMES)
        ours, theirs = (
            frozenset({BIAS} if shape is not None and shape.biased else ())
            for shape in (models.student, models.teacher)
        )
        return replace(needs, student=needs.student | ours, teacher=needs.teacher | theirs)

    def remark(self, models: ModelPair, options: OfLayers) -> str | None:
        """Return what a reader of its value must know for these models, or None."""
        ours, theirs = head_counts(models)
        if ours == theirs:
            return None
        return (
            f"{self.name} compares means over the heads: the student has {ours} heads and the "
            f"teacher {theirs}; attention_relations compares any"
        )
