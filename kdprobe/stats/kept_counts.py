"""What is computed once of a matrix of counts, whoever asks, and memory that passes use again.

Does: hold the matrix in the types that passes need, and counts by group for the next one to ask.
Does not: count; `resamples.py` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Floats
from kdprobe.stats.columns import Columns

_EXACT_IN_INT16 = 2**14  # two running counts are added
_REMEMBERED, _MOST = 64_000_000, 256  # bytes of counts by group, and how many
GroupKey = tuple[int, bytes, bytes]


@dataclass(frozen=True)
class KeptCounts:
    """What is computed once of a matrix of counts.

    Args:
        counts: float32 `[B + 1, units]`.
        groups: counts by group that were asked for, as small whole numbers, the latest last.
        work: memory that passes use again; see `room`.
    """

    counts: NDArray[np.float32]
    groups: dict[GroupKey, Columns] = field(default_factory=dict)
    work: dict[str, Columns] = field(default_factory=dict)

    @cached_property
    def wide(self) -> Floats:
        """The matrix in float64."""
        return self.counts.astype(np.float64)

    @cached_property
    def most(self) -> float:
        """How often the most frequent unit is drawn."""
        return float(self.counts.max(initial=0.0))

    @cached_property
    def columns(self) -> Columns:
        """The matrix turned, a row a unit, as whole numbers."""
        return np.ascontiguousarray(self.counts.T.astype(_kind(self.most)))

    def room(self, use: str, shape: tuple[int, int], *, most: float) -> Columns:
        """Return memory for whole numbers up to twice `most`, the same for the same `use`."""
        size, kind = shape[0] * shape[1], np.dtype(_kind(most))
        held = self.work.get(use)
        if held is None or held.dtype != kind or held.size < size:
            held = self.work[use] = np.empty(size, dtype=kind)
        return held[:size].reshape(shape)

    def known(self, key: GroupKey) -> Floats | None:
        """Return counts by group that `remember` was given, or None."""
        held = self.groups.get(key)
        return None if held is None else held.astype(np.float64)

    def remember(self, key: GroupKey, counted: Floats) -> None:
        """Keep counts by group: the latest, no more than 256 of them and 64 MB in all."""
        self.groups[key] = counted.astype(_kind(float(counted.max(initial=0.0))))
        total = sum(each.nbytes for each in self.groups.values())
        while len(self.groups) > _MOST or total > _REMEMBERED:
            total -= self.groups.pop(next(iter(self.groups))).nbytes


def _kind(most: float) -> type[np.signedinteger]:
    """The type that passes are quick in, where numbers up to twice `most` fit it."""
    return np.int16 if most < _EXACT_IN_INT16 else np.int32


def digest(values: NDArray[np.integer]) -> bytes:
    """Return what tells whole numbers from others, 16 bytes."""
    whole = np.ascontiguousarray(values, dtype=np.int64)
    return hashlib.blake2b(whole.view(np.uint8).data, digest_size=16).digest()
