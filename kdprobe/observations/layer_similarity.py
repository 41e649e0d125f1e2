"""How alike the layers of two models are on the same sentences; an observation of a `Study`.

Does: hold the numbers of every pair of layers in frozen types. Does not: know a model, a file or
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from kdprobe.observations.probes import Unread
from kdprobe.stats.arrays import Bools, Floats


class LayerVector(NamedTuple):
    """One layer under one pooling; the head's vector, which the classifier reads, has none."""

    layer: str
    pooling: str


@dataclass(frozen=True)
class LayerPairs:
    """All layers of the teacher's first run against all layers of another encoder.

    Args:
        model: whose the other encoder is: a student, or the teacher itself.
        run: which of its runs, from 0.
        weights: `trained`, or `random` for its architecture before training.
        rows: the teacher's layers under every pooling.
        columns: the other's.
        cka, procrustes: float64 `[rows, columns]`; NaN where poolings differ or a side does not
            vary. See `stats.layer_similarity.similarity`.
        cka_influence, procrustes_influence: float32 `[rows, columns, groups of sentences]`.
        p_values: of the permutation test of CKA, float64 `[rows, columns]`; NaN where there is
            none.
        flat_rows, flat_columns: which vectors do not vary over sentences, bool.
    """

    model: str
    run: int
    weights: Literal["trained", "random"]
    rows: tuple[LayerVector, ...]
    columns: tuple[LayerVector, ...]
    cka: Floats
    procrustes: Floats
    cka_influence: Floats
    procrustes_influence: Floats
    p_values: Floats
    flat_rows: Bools
    flat_columns: Bools


@dataclass(frozen=True)
class LayerSimilarities:
    """All pairs of layers of a comparison.

    Args:
        pairs: the teacher's first run with every run of every student, with every student's
            architecture with random weights, and with the teacher's other runs.
        poolings: in the order asked for.
        sentences: how many, all different.
        biased: whether CKA keeps its bias.
        permutations: how often rows were shuffled, and of how many sentences.
        unread: poolings and models without vectors, and why.
        notes: choices that move the numbers.
    """

    pairs: tuple[LayerPairs, ...]
    poolings: tuple[str, ...]
    sentences: int
    biased: bool = False
    permutations: tuple[int, int] = (0, 0)
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
