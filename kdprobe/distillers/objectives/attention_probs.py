"""Attention probabilities of the first, the last or all matched layers.

Does: compare where each real token looks. Does not: see dropout; the probabilities are computed
from queries and keys, so that no entry is zeroed by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.distillers.masked import log_softmax_over, scaled_products, split_heads, token_counts
from kdprobe.distillers.objective import Batch, Need, Needs, Quantity, Situation, View
from kdprobe.distillers.obstacles import (
    first_of,
    no_projections,
    no_teacher,
    other_tokens,
    too_few_pairs,
)


class AttentionProbsOptions(Options):
    """Options of attention probabilities.

    Args:
        layers: one pair of layers, both models' `first` or `last`, or those of the layer `map`.
        divergence: `cross_entropy` (the paper) or `kl`, with the same gradients and 0 at equality;
            `mse`, the mean over keys of squared differences.
    """

    layers: Literal["first", "last", "map"] = "last"
    divergence: Literal["cross_entropy", "kl", "mse"] = "cross_entropy"


_NAMES: tuple[Quantity, ...] = ("query", "key")


def _log_rows(view: View, layer: int, heads: int, averaged: bool, mask: Tensor) -> Tensor:
    """Log attention probabilities of a layer, `[B, heads, L, L]`; of their mean when averaged."""
    query, key = (view.values[Need(name, layer)] for name in _NAMES)
    rows = log_softmax_over(
        scaled_products(split_heads(query, heads), split_heads(key, heads)), mask
    )
    if not averaged:
        return rows
    return rows.logsumexp(1, keepdim=True) - math.log(heads)


def _pairs(situation: Situation, which: str) -> tuple[tuple[int, int], ...]:
    """The layers that are compared."""
    teacher = situation.teacher
    if which == "map" or teacher is None:
        return situation.layer_pairs
    return ((1, 1),) if which == "first" else ((situation.student.layers, teacher.layers),)


@dataclass(frozen=True)
class AttentionProbs:
    """Divergence between the attention rows of teacher and student.

    Definition (Reading Between the LIMEs, section 5): -sum_j A_t,ij log A_s,ij in natural
    logarithms, summed over the compared layers, the mean over heads and real tokens i; j runs over
    real tokens. Denominator: real tokens. The paper names the cross-entropy and the layer; it
    prints no minus sign, no weight, no mask, and does not say whether another loss trains the
    classifier. A DistilBERT student starts with a copy of the teacher's first layer, so that
    `first` begins near its lowest value. TextBrewer's `attention_ce` given probabilities takes a
    second softmax of them. Where the numbers of heads differ, the means of the probabilities over
    the heads are compared, and the preflight says so.
    """

    name: str = "attention_probs"
    version: int = 1
    title: str = "attention probabilities"

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""
        return AttentionProbsOptions

    def unmet(self, situation: Situation, options: AttentionProbsOptions) -> str | None:
        """It needs equal tokens and queries and keys that can be read."""
        few = too_few_pairs(situation) if options.layers == "map" else None
        return first_of(
            no_teacher(situation), other_tokens(situation), no_projections(situation), few
        )

    def needs(self, situation: Situation, options: AttentionProbsOptions) -> Needs:
        """Queries and keys of the compared layers."""
        pairs = _pairs(situation, options.layers)
        return Needs(
            student=frozenset(Need(name, pair[0]) for pair in pairs for name in _NAMES),
            teacher=frozenset(Need(name, pair[1]) for pair in pairs for name in _NAMES),
        )

    def bridge(self, situation: Situation, options: AttentionProbsOptions) -> None:
        """Nothing else is trained."""
        return

    def denominators(self, batch: Batch, options: AttentionProbsOptions) -> Tensor:
        """The real tokens."""
        return token_counts(batch)

    def numerators(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        options: AttentionProbsOptions,
        bridge: nn.Module | None,
    ) -> Tensor:
        """Each example's divergences, summed over its real tokens, `[B]`."""
        situation, mask = batch.known, batch.mask
        ours, theirs = situation.student.heads, (situation.teacher or situation.student).heads
        total = torch.zeros(batch.size, device=mask.device)
        for mine, yours in _pairs(situation, options.layers):
            log_q = _log_rows(student, mine, ours, ours != theirs, mask)
            log_p = _log_rows(teacher, yours, theirs, ours != theirs, mask)
            if options.divergence == "mse":
                entries = (log_q.exp() - log_p.exp()) ** 2
                entries = entries / token_counts(batch)[:, None, None, None]
            elif options.divergence == "kl":
                entries = log_p.exp() * (log_p - log_q)
            else:
                entries = -log_p.exp() * log_q
            keys = mask[:, None, None, :]
            rows = (entries * keys).sum(-1).mean(1)
            total = total + (rows * mask).sum(-1)
        return total

    def remark(self, situation: Situation, options: AttentionProbsOptions) -> str | None:
        """Say what a reader of its value must know here, or None."""
        teacher = situation.teacher
        if teacher is None or teacher.heads == situation.student.heads:
            return None
        return (
            f"{self.name} compares means over the heads: the student has {situation.student.heads} "
            f"heads and the teacher {teacher.heads}; attention_relations compares any"
        )


OBJECTIVE = AttentionProbs()
