"""What models say with a property erased from a layer, as arrays; an observation of a `Study`.

Does: hold the outputs for each property, layer and control in frozen types. Does not: know a model,
a file or torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats


class ErasedProperty(NamedTuple):
    """A property that was erased, and the sentences that its erasers were fitted on."""

    name: str
    labels: tuple[str, ...]
    sentences: int
    origin: str


@dataclass(frozen=True)
class ErasedLayer:
    """What one checkpoint says with one property erased from one layer.

    Args:
        model, run: whose; the run counts from 0.
        property: which.
        layer: 0 the embedding output, 1 … L after each block.
        rank: the dimensions that were taken from the words; 0 where the layer holds nothing of it.
        share: of the variance of the examples' states, how much erasing took.
        control_share: how much random subspaces of this rank took, in the mean.
        erased: outputs, float64 `[n, c]`.
        controls: outputs with random subspaces erased, float64 `[draws, n, c]`.
    """

    model: str
    run: int
    property: str
    layer: int
    rank: int
    share: float
    control_share: float
    erased: Floats
    controls: Floats


@dataclass(frozen=True)
class CausalUse:
    """All erasures of a comparison.

    Args:
        ids: the examples that were run, `[n]`: a seeded choice of the split's.
        properties: what was erased.
        clean: (model, run) -> outputs with nothing erased, float64 `[n, c]`.
        layers: of every model, run, property and layer.
        reasons: model -> why nothing could be erased from it.
        unchanged: (model, layer) -> why its states could not be replaced.
        draws: random subspaces each erasure is held against.
        notes: choices that move the numbers.
    """

    ids: tuple[str, ...]
    properties: tuple[ErasedProperty, ...]
    clean: Mapping[tuple[str, int], Floats]
    layers: tuple[ErasedLayer, ...]
    reasons: Mapping[str, str]
    unchanged: Mapping[tuple[str, int], str]
    draws: int
    notes: tuple[str, ...] = ()

    def only(self, kept: Iterable[str]) -> CausalUse:
        """Return it with the rows of these examples alone."""
        known = set(kept)
        rows = np.array([row for row, key in enumerate(self.ids) if key in known], dtype=np.int64)
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            clean={key: values[rows] for key, values in self.clean.items()},
            layers=tuple(
                replace(one, erased=one.erased[rows], controls=one.controls[:, rows])
                for one in self.layers
            ),
        )
