"""Attention scores before the softmax, of matched layers.

Does: compare the scores of all pairs of real tokens, head by head. Does not: compare probabilities;
`attention_probs` does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import BaseModel
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.masked import pair_counts, pair_mask
from kdprobe.distillers.objective import Batch, View
from kdprobe.distillers.objectives._attention import (
    Layers,
    OfHeads,
    compared_layers,
    head_counts,
    head_scores,
)


class AttentionScoresOptions(Options):
    """Options of attention scores.

    Args:
        layers: the layers of the layer `map`, or one pair: both models' `first` or `last`.
    """

    layers: Layers = "map"


def _scores(view: View, layer: int, heads: int, averaged: bool) -> Tensor:
    """Scores of a layer, `[B, heads, L, L]`; one mean over the heads when they are averaged."""
    products = head_scores(view, layer, heads)
    return products.mean(1, keepdim=True) if averaged else products


@dataclass(frozen=True)
class AttentionScores(OfHeads):
    """Squared difference of scaled dot products of queries and keys.

    Definition (Jiao et al. 2020, TinyBERT, arXiv:1909.10351, eq. 7): the sum over matched layers of
    the mean over heads and pairs of real tokens of (A_s - A_t)^2, A = Q K^T / sqrt(d) before the
    softmax. Loss count: pairs of real tokens. The released code sets masked entries to 0 and
    divides by the padded size squared: the same batch with 58 pads more gave 0.0106 instead of
    0.107. Where the models have unequal numbers of heads the means over the heads are compared, and
    the preflight says so.
    """

    name: str = "attention_scores"
    version: int = 1
    title: str = "attention scores of matched layers"
    options: type[BaseModel] = AttentionScoresOptions

    def loss_count(self, batch: Batch, options: AttentionScoresOptions) -> Tensor:
        """The pairs of real tokens."""
        return pair_counts(batch)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: AttentionScoresOptions
    ) -> Tensor:
        """Each example's squared differences, summed over pairs of real tokens, `[B]`."""
        models = batch.pair
        ours, theirs = head_counts(models)
        total = torch.zeros(batch.size, device=batch.mask.device)
        for mine, yours in compared_layers(models, options.layers):
            left = _scores(student, mine, ours, ours != theirs)
            right = _scores(teacher, yours, theirs, ours != theirs)
            squares = ((left - right) ** 2).mean(1)
            total = total + (squares * pair_mask(batch.mask)).sum((-1, -2))
        return total


OBJECTIVE = AttentionScores()
