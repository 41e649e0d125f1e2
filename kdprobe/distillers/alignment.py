"""Vectors of two models for the same tokens, or for the same words.

Does: pool tokens to words, so that models that cut texts differently can be compared. Does not:
know any objective, or find the words (`word_alignment.py`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from kdprobe.distillers.compatibility import other_tokens
from kdprobe.distillers.masked import ones, token_counts
from kdprobe.distillers.objective import Batch, ModelPair, View

Level = Literal["token", "word"]
_TINY = 1e-12


class Matched(NamedTuple):
    """Vectors of both models for the same places.

    `ours` and `theirs` are `[B, P, H]`, `real` bool `[B, P]`: where both have something.
    """

    ours: Tensor
    theirs: Tensor
    real: Tensor


def tokens_differ(models: ModelPair, level: Level) -> str | None:
    """Return why positions cannot be matched; None where they can, or words are compared."""
    return other_tokens(models) if level == "token" else None


def places(batch: Batch, level: Level) -> Tensor:
    """Count what each example's loss sums over, float32 `[B]`: its real tokens; 1 for words.

    The words that both models read are known after both have run, and counts before: `summed`
    takes the mean over words.
    """
    return token_counts(batch) if level == "token" else ones(batch)


def words_read(student: View, teacher: View) -> Tensor:
    """Return which words have tokens in both models, bool `[B, W]`; a cut text loses its last."""
    real: Tensor = (student.words.sum(-1) > 0) & (teacher.words.sum(-1) > 0)
    return real


def word_means(hidden: Tensor, shares: Tensor) -> Tensor:
    """Average the vectors of each word's tokens, a shared token by its share.

    Args:
        hidden: `[B, L, H]`.
        shares: `[B, W, L]`.

    Returns:
        `[B, W, H]`; zeros for a word without tokens.

    >>> hidden = torch.tensor([[[1.0], [3.0], [9.0]]])
    >>> word_means(hidden, torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])).tolist()
    [[[2.0], [0.0]]]
    """
    weights = shares.to(hidden.dtype)
    return (weights / weights.sum(-1, keepdim=True).clamp_min(_TINY)) @ hidden


def matched(
    student: View, teacher: View, batch: Batch, pair: tuple[int, int], level: Level
) -> Matched:
    """Return the hidden states of a pair of layers (the student's first), place by place."""
    ours, theirs = student.hidden(pair[0]), teacher.hidden(pair[1])
    if level == "token":
        return Matched(ours, theirs, batch.mask)
    return Matched(
        word_means(ours, student.words),
        word_means(theirs, teacher.words),
        words_read(student, teacher),
    )


def summed(values: Tensor, real: Tensor, level: Level) -> Tensor:
    """Add up an example's values `[B, P]` over its tokens, or average them over its words: `[B]`.

    An example without a word that both models read counts 0.
    """
    total = torch.where(real, values, torch.zeros_like(values)).sum(-1)
    return total if level == "token" else total / real.sum(-1).clamp_min(1)
