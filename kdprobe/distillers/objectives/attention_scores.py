"""Attention scores before the softmax, of matched layers.

Does: compare the scores of all pairs of real tokens, head by head. Does not: compare probabilities;
`attention_probs` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.distillers.masked import pair_counts, pair_mask, scaled_products, split_heads
from kdprobe.distillers.objective import Batch, Need, Needs, Quantity, Situation, View
from kdprobe.distillers.obstacles import (
    first_of,
    no_projections,
    no_teacher,
    other_tokens,
    too_few_pairs,
)


class AttentionScoresOptions(Options):
    """Options of attention scores.

    Args:
        layers: the layers of the layer `map`, or one pair: both models' `first` or `last`.
    """

    layers: Literal["map", "first", "last"] = "map"


_NAMES: tuple[Quantity, ...] = ("query", "key")


def _scores(view: View, layer: int, heads: int, averaged: bool) -> Tensor:
    """Scores of a layer, `[B, heads, L, L]`; one mean over the heads when they are averaged."""
    query, key = (view.values[Need(name, layer)] for name in _NAMES)
    products = scaled_products(split_heads(query, heads), split_heads(key, heads))
    return products.mean(1, keepdim=True) if averaged else products


def _pairs(situation: Situation, which: str) -> tuple[tuple[int, int], ...]:
    """The layers that are compared."""
    teacher = situation.teacher
    if which == "map" or teacher is None:
        return situation.layer_pairs
    return ((1, 1),) if which == "first" else ((situation.student.layers, teacher.layers),)


@dataclass(frozen=True)
class AttentionScores:
    """Squared difference of scaled dot products of queries and keys.

    Definition (Jiao et al. 2020, TinyBERT, arXiv:1909.10351, eq. 7): the sum over matched layers of
    the mean over heads and pairs of real tokens of (A_s - A_t)^2, A = Q K^T / sqrt(d) before the
    softmax. Denominator: pairs of real tokens. The released code sets masked entries to 0 and
    divides by the padded size squared: the same batch with 58 pads more gave 0.0106 instead of
    0.107. Where the models have unequal numbers of heads the means over the heads are compared, and
    the preflight says so.
    """

    name: str = "attention_scores"
    version: int = 1
    title: str = "attention scores of matched layers"

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""
        return AttentionScoresOptions

    def unmet(self, situation: Situation, options: AttentionScoresOptions) -> str | None:
        """It needs equal tokens and queries and keys that can be read."""
        few = too_few_pairs(situation) if options.layers == "map" else None
        return first_of(
            no_teacher(situation), other_tokens(situation), no_projections(situation), few
        )

    def needs(self, situation: Situation, options: AttentionScoresOptions) -> Needs:
        """Queries and keys of the compared layers."""
        pairs = _pairs(situation, options.layers)
        return Needs(
            student=frozenset(Need(name, pair[0]) for pair in pairs for name in _NAMES),
            teacher=frozenset(Need(name, pair[1]) for pair in pairs for name in _NAMES),
        )

    def bridge(self, situation: Situation, options: AttentionScoresOptions) -> None:
        """Nothing else is trained."""
        return

    def denominators(self, batch: Batch, options: AttentionScoresOptions) -> Tensor:
        """The pairs of real tokens."""
        return pair_counts(batch)

    def numerators(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        options: AttentionScoresOptions,
        bridge: nn.Module | None,
    ) -> Tensor:
        """Each example's squared differences, summed over pairs of real tokens, `[B]`."""
        situation = batch.known
        ours, theirs = situation.student.heads, (situation.teacher or situation.student).heads
        total = torch.zeros(batch.size, device=batch.mask.device)
        for mine, yours in _pairs(situation, options.layers):
            left = _scores(student, mine, ours, ours != theirs)
            right = _scores(teacher, yours, theirs, ours != theirs)
            squares = ((left - right) ** 2).mean(1)
            total = total + (squares * pair_mask(batch.mask)).sum((-1, -2))
        return total

    def remark(self, situation: Situation, options: AttentionScoresOptions) -> str | None:
        """Say what a reader of its value must know here, or None."""
        teacher = situation.teacher
        if teacher is None or teacher.heads == situation.student.heads:
            return None
        return (
            f"{self.name} compares means over the heads: the student has {situation.student.heads} "
            f"heads and the teacher {teacher.heads}; attention_relations compares any"
        )


OBJECTIVE = AttentionScores()
