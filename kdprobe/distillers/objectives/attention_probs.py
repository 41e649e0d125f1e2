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
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.loss_counts import PerToken
from kdprobe.distillers.masked import log_softmax_over, token_counts
from kdprobe.distillers.objective import Batch, View
from kdprobe.distillers.objectives._attention import (
    Layers,
    OfHeads,
    compared_layers,
    head_counts,
    head_scores,
)


class AttentionProbsOptions(Options):
    """Options of attention probabilities.

    Args:
        layers: one pair of layers, both models' `first` or `last`, or those of the layer `map`.
        divergence: `cross_entropy` (the paper) or `kl`, with the same gradients and 0 at equality;
            `mse`, the mean over keys of squared differences.
    """

    layers: Layers = "last"
    divergence: Literal["cross_entropy", "kl", "mse"] = "cross_entropy"


def _log_rows(view: View, layer: int, heads: int, averaged: bool, mask: Tensor) -> Tensor:
    """Log attention probabilities of a layer, `[B, heads, L, L]`; of their mean when averaged."""
    rows = log_softmax_over(head_scores(view, layer, heads), mask)
    if not averaged:
        return rows
    return rows.logsumexp(1, keepdim=True) - math.log(heads)


@dataclass(frozen=True)
class AttentionProbs(OfHeads, PerToken):
    """Divergence between the attention rows of teacher and student.

    Definition (Reading Between the LIMEs, section 5): -sum_j A_t,ij log A_s,ij in natural
    logarithms, summed over the compared layers, the mean over heads and real tokens i; j runs over
    real tokens. Loss count: real tokens. The paper names the cross-entropy and the layer; it
    prints no minus sign, no weight, no mask, and does not say whether another loss trains the
    classifier. A DistilBERT student starts with a copy of the teacher's first layer, so that
    `first` begins near its lowest value. TextBrewer's `attention_ce` given probabilities takes a
    second softmax of them. Where the numbers of heads differ, the means of the probabilities over
    the heads are compared, and the preflight says so.
    """

    name: str = "attention_probs"
    version: int = 1
    title: str = "attention probabilities"
    options: type[BaseModel] = AttentionProbsOptions

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: AttentionProbsOptions
    ) -> Tensor:
        """Each example's divergences, summed over its real tokens, `[B]`."""
        models, mask = batch.pair, batch.mask
        ours, theirs = head_counts(models)
        total = torch.zeros(batch.size, device=mask.device)
        for mine, yours in compared_layers(models, options.layers):
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


OBJECTIVE = AttentionProbs()
