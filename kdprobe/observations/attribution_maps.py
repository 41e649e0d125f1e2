"""Distances between the attribution maps of teacher and students; an observation of a `Study`.

Does: hold the distances in a frozen type. Does not: know a model, a file or torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MapGaps:
    """Distances of attribution maps, example by example.

    Args:
        gaps: (student, split) -> float64 `[m]`, at least 0.
        reasons: student -> why it has none.
        splits: the splits that were looked at, with the examples taken of each.
        classes: whose maps are joined; 1 for a regression.
        steps: points on the path of the integrated gradients.
        top: dimensions of the teacher that count; 0: all.
        clusters: split -> int64 `[m]`, the cluster of each example; of splits that have clusters.
    """

    gaps: Mapping[tuple[str, str], NDArray[np.float64]]
    reasons: Mapping[str, str]
    splits: Mapping[str, int]
    classes: int
    steps: int = 1
    top: int = 0
    clusters: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
