"""What objectives have in common that compare the attention heads of two models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from kdprobe.distillers.compatibility import (
    first_of,
    no_projections,
    no_teacher,
    other_tokens,
    too_few_pairs,
)
from kdprobe.distillers.loss_counts import Unbridged
from kdprobe.distillers.masked import scaled_products, split_heads
from kdprobe.distillers.objective import Need, Needs, Quantity, Situation, View, needs_of_pairs

Layers = Literal["first", "last", "map"]
_NAMES: tuple[Quantity, ...] = ("query", "key")


class OfLayers(Protocol):
    """Options that say which layers are compared."""

    @property
    def layers(self) -> Layers:
        """Both models' `first` or `last` layer, or those of the layer `map`."""


def head_scores(view: View, layer: int, heads: int) -> Tensor:
    """Scaled dot products of queries and keys of a layer, `[B, heads, L, L]`."""
    query, key = (view.values[Need(name, layer)] for name in _NAMES)
    return scaled_products(split_heads(query, heads), split_heads(key, heads))


def head_counts(situation: Situation) -> tuple[int, int]:
    """The student's number of heads and the teacher's."""
    return situation.student.heads, (situation.teacher or situation.student).heads


def compared_layers(situation: Situation, which: Layers) -> tuple[tuple[int, int], ...]:
    """The pairs of layers that are compared."""
    teacher = situation.teacher
    if which == "map" or teacher is None:
        return situation.layer_pairs
    return ((1, 1),) if which == "first" else ((situation.student.layers, teacher.layers),)


@dataclass(frozen=True)
class OfHeads(Unbridged):
    """An objective that compares heads one by one, or their mean where their numbers differ."""

    name: str = ""

    def unmet(self, situation: Situation, options: OfLayers) -> str | None:
        """It needs equal tokens and queries and keys that can be read."""
        few = too_few_pairs(situation) if options.layers == "map" else None
        return first_of(
            no_teacher(situation), other_tokens(situation), no_projections(situation), few
        )

    def needs(self, situation: Situation, options: OfLayers) -> Needs:
        """Queries and keys of the compared layers."""
        return needs_of_pairs(compared_layers(situation, options.layers), *_NAMES)

    def remark(self, situation: Situation, options: OfLayers) -> str | None:
        """Say what a reader of its value must know here, or None."""
        ours, theirs = head_counts(situation)
        if ours == theirs:
            return None
        return (
            f"{self.name} compares means over the heads: the student has {ours} heads and the "
            f"teacher {theirs}; attention_relations compares any"
        )
