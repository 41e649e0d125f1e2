"""What a probe is trained on and what it gives: plain tensors of one task, many cells at once.

Does: hold features and labels, standardise. Does not: train.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class ProbeData:
    """Features of many cells and the labels they share.

    Args:
        train, dev, test: float32 `[cells, n, d]`.
        y_train, y_dev, y_test: int64 `[n]`, 0 to classes - 1.
        classes: the number of classes.
    """

    train: Tensor
    dev: Tensor
    test: Tensor
    y_train: Tensor
    y_dev: Tensor
    y_test: Tensor
    classes: int

    def standardised(self) -> ProbeData:
        """Return features with mean 0 and deviation 1 over the training sentences, by dimension.

        A dimension that does not vary stays 0.
        """
        mean = self.train.mean(dim=1, keepdim=True)
        deviation = self.train.std(dim=1, keepdim=True, correction=0)
        scale = scale_of(deviation)
        train, dev, test = ((part - mean).mul_(scale) for part in (self.train, self.dev, self.test))
        return ProbeData(train, dev, test, self.y_train, self.y_dev, self.y_test, self.classes)

    def cells(self, start: int, stop: int) -> ProbeData:
        """Return some of the cells."""
        return ProbeData(
            self.train[start:stop], self.dev[start:stop], self.test[start:stop],
            self.y_train, self.y_dev, self.y_test, self.classes,
        )  # fmt: skip


def scale_of(deviation: Tensor) -> Tensor:
    """Return what a dimension is multiplied by: one over its deviation, 0 where it does not vary.

    >>> scale_of(torch.tensor([4.0, 0.0])).tolist()
    [0.25, 0.0]
    """
    return torch.where(deviation > 1e-6, 1.0 / deviation.clamp_min(1e-6), 0.0)


@dataclass(frozen=True)
class CellFits:
    """The chosen probe of every cell.

    Args:
        dev: accuracy on dev, float64 `[cells]`.
        hits: which test sentences it gets right, bool `[cells, n]`.
        chosen: the setting chosen on dev, one name per cell.
        evaluations: how often dev was looked at, int64 `[cells, settings]`; 0 for probes
            without early stopping.
    """

    dev: NDArray[np.float64]
    hits: NDArray[np.bool_]
    chosen: tuple[str, ...]
    evaluations: NDArray[np.int64]


def with_ones(features: Tensor) -> Tensor:
    """Append a dimension that is always 1, whose weights are the biases."""
    return torch.cat([features, torch.ones_like(features[..., :1])], dim=-1)


def join_fits(parts: list[CellFits]) -> CellFits:
    """Put the fits of groups of cells behind each other."""
    return CellFits(
        np.concatenate([part.dev for part in parts]),
        np.concatenate([part.hits for part in parts]),
        tuple(name for part in parts for name in part.chosen),
        np.concatenate([part.evaluations for part in parts]),
    )
