"""Arithmetic over the real tokens of padded batches.

Does: count, pick and normalise so that padding changes nothing and an all-zero row has no infinite
gradient. Does not: know any objective.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kdprobe.distillers.objective import Batch, View
from kdprobe.models.gradients import precise as precise
from kdprobe.models.gradients import unit as unit

_SHUT = -1e4  # a logit no softmax gives weight to; minus infinity would make 0 x infinity = NaN


def ones(batch: Batch) -> Tensor:
    """One an example, float32 `[B]`."""
    return torch.ones(batch.size, device=batch.mask.device)


def token_counts(batch: Batch) -> Tensor:
    """The real tokens of each example, float32 `[B]`."""
    return batch.mask.sum(-1).to(torch.float32)


def pair_counts(batch: Batch) -> Tensor:
    """The pairs of real tokens of each example, float32 `[B]`."""
    return token_counts(batch) ** 2


def pair_mask(mask: Tensor) -> Tensor:
    """True where both tokens are real: bool `[B, L, L]` of a bool `[B, L]`."""
    return mask[:, :, None] & mask[:, None, :]


def mask_of(view: View, batch: Batch) -> Tensor:
    """The real tokens as this model read them, bool `[B, L]`; else the student's."""
    if "attention_mask" in view.inputs:
        return view.inputs["attention_mask"].bool()
    return batch.mask


def first_tokens(hidden: Tensor, mask: Tensor) -> Tensor:
    """The vectors of the first real tokens: `[B, H]` of `[B, L, H]`, whatever the padding side."""
    first = mask.to(torch.uint8).argmax(-1)
    return hidden[torch.arange(len(hidden), device=hidden.device), first]


def split_heads(projected: Tensor, heads: int) -> Tensor:
    """Cut the width into heads: `[B, heads, L, H / heads]` of `[B, L, H]`."""
    size, length, width = projected.shape
    return projected.view(size, length, heads, width // heads).transpose(1, 2)


def scaled_products(left: Tensor, right: Tensor) -> Tensor:
    """Dot products over the square root of the width: `[B, heads, L, L]` of `[B, heads, L, d]`."""
    products: Tensor = left @ right.transpose(-1, -2)
    return products / math.sqrt(left.shape[-1])


def log_softmax_over(scores: Tensor, keys: Tensor) -> Tensor:
    """Log-probabilities over the real keys, finite everywhere.

    Args:
        scores: `[B, heads, L, L]`, the last axis the keys.
        keys: bool `[B, L]`, the real tokens.
    """
    return torch.log_softmax(scores.masked_fill(~keys[:, None, None, :], _SHUT), -1)
