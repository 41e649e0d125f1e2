"""How alike the heads of two models attend to the same tokens; an observation of a `Study`.

Does: hold the numbers of every pair of layers and of every head in frozen types. Does not: know a
model, a file or torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kdprobe.stats.arrays import Floats, Ints


@dataclass(frozen=True)
class AttentionPairs:
    """All heads of the teacher's first run against all heads of another encoder.

    Args:
        model: whose the other encoder is: a student, or the teacher itself.
        run: which of its runs, from 0.
        weights: `trained`, or `random` for its architecture before training.
        ids: the examples that both read, `[n]`.
        layers: the divergence of each pair of layers in each sentence, the mean over heads matched
            one to one, nats, `[teacher's layers, other's layers, n]`.
        matches: the other's head for each of the teacher's, from 0; -1: none is left for it,
            `[teacher's layers, other's layers, teacher's heads]`.
        nearest: of each of the teacher's heads the other's layer and head with the least
            divergence, from 0, `[layers, heads, 2]`.
        nearest_js: that divergence in each sentence, `[layers, heads, n]`.
        teacher_heads: `stats.attention.STATISTICS` of the teacher's heads, `[7, layers, heads]`.
        heads: likewise of the other's.
        teacher_layers: the means over heads in each sentence, `[7, layers, n]`.
        own_layers: likewise of the other's.
    """

    model: str
    run: int
    weights: Literal["trained", "random"]
    ids: tuple[str, ...]
    layers: Floats
    matches: Ints
    nearest: Ints
    nearest_js: Floats
    teacher_heads: Floats
    heads: Floats
    teacher_layers: Floats
    own_layers: Floats

    def only(self, kept: Iterable[str]) -> AttentionPairs:
        """Return it with the numbers of these examples; matches stay those of all."""
        known = set(kept)
        rows = np.array([row for row, key in enumerate(self.ids) if key in known], dtype=np.int64)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            layers=self.layers[..., rows],
            nearest_js=self.nearest_js[..., rows],
            teacher_layers=self.teacher_layers[..., rows],
            own_layers=self.own_layers[..., rows],
        )


@dataclass(frozen=True)
class AttentionMap:
    """All attention of one model's first run in one example.

    Args:
        example: the id.
        model: whose.
        tokens: as the models' tokenizer names them.
        maps: `[layers, heads, tokens, tokens]`, special tokens with them.
    """

    example: str
    model: str
    tokens: tuple[str, ...]
    maps: Floats


@dataclass(frozen=True)
class AttentionSimilarities:
    """All attention of a comparison.

    Args:
        pairs: the teacher's first run with every run of every student, with every student's
            architecture with random weights, and with the teacher's other runs.
        tokens: `words`: among words, renormalised; `all`: special tokens with them.
        reasons: model -> why its attention cannot be compared.
        notes: choices that move the numbers.
        maps: of a few examples.
    """

    pairs: tuple[AttentionPairs, ...]
    tokens: Literal["words", "all"]
    reasons: Mapping[str, str]
    notes: tuple[str, ...] = ()
    maps: tuple[AttentionMap, ...] = ()

    def only(self, kept: Iterable[str]) -> AttentionSimilarities:
        """Return it with the numbers of these examples alone."""
        known = set(kept)
        return replace(self, pairs=tuple(pair.only(known) for pair in self.pairs))
