"""Fewer numbers for the same function: columns that stand for all, products of lower rank.

Does: pure arithmetic on samples, in float64. Does not: know models; `narrowing.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_RIDGE = 1e-6  # of the mean variance: keeps a fit to few samples finite
_DEAD = 1e-10  # of the largest eigenvalue: directions in which the samples do not vary


class KeptColumns(NamedTuple):
    """Columns that stand for all: x is about x[picked] @ matrix + offset.

    Args:
        picked: int64 `[k]`, rising.
        matrix: float64 `[k, d]`; the identity on the picked columns.
        offset: float64 `[d]`; 0 on the picked columns.
    """

    picked: Tensor
    matrix: Tensor
    offset: Tensor


class Linear(NamedTuple):
    """A linear map as torch keeps it: y = x @ weight.T + bias, `[out, in]` and `[out]`."""

    weight: Tensor
    bias: Tensor

    def through(self, kept: KeptColumns) -> Linear:
        """Read the kept columns in place of all."""
        return Linear(self.weight @ kept.matrix.T, self.bias + self.weight @ kept.offset)

    def rows(self, picked: Tensor) -> Linear:
        """Return these outputs only."""
        return Linear(self.weight[picked], self.bias[picked])


def pick_columns(gram: Tensor, count: int) -> Tensor:
    """Pick the columns that say most about all.

    Definition: the pivots of a Cholesky factorisation with complete pivoting: each time the column
    of the largest variance that those before it do not explain (Harbrecht, Peters and Schneider
    2012).

    Args:
        gram: float64 `[d, d]`, products of centred columns.
        count: at most d.

    Returns:
        int64 `[count]`, rising.

    >>> pick_columns(torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.5]]), 2).tolist()
    [0, 2]
    """
    size = len(gram)
    left = gram.diagonal().clone()
    factor = gram.new_zeros(size, count)
    taken: list[int] = []
    for step in range(count):
        left[taken] = -torch.inf
        pivot = int(left.argmax())
        taken.append(pivot)
        column = gram[:, pivot] - factor[:, :step] @ factor[pivot, :step]
        size_left = float(column[pivot])
        if size_left > 0:
            factor[:, step] = column / size_left**0.5
            left = left - factor[:, step] ** 2
    return torch.tensor(sorted(taken))


def keep(samples: Tensor, picked: Tensor) -> KeptColumns:
    """Fit how the picked columns stand for the others: least squares with a constant.

    Args:
        samples: `[n, d]`.
        picked: int64 `[k]`.
    """
    values = samples.double()
    mean, width = values.mean(0), values.shape[1]
    matrix = torch.zeros(len(picked), width, dtype=torch.float64)
    matrix[torch.arange(len(picked)), picked] = 1.0
    others = torch.ones(width, dtype=torch.bool)
    others[picked] = False
    if others.any():
        centred = values - mean
        known = centred[:, picked]
        gram = known.T @ known
        ridge = _RIDGE * gram.diagonal().mean().clamp_min(1e-30)
        gram = gram + ridge * torch.eye(len(picked), dtype=torch.float64)
        matrix[:, others] = torch.linalg.solve(gram, known.T @ centred[:, others])
    offset = (mean - mean[picked] @ matrix) * others
    return KeptColumns(picked, matrix, offset)


def keep_best(samples: Tensor, count: int, *, weights: Tensor | None = None) -> KeptColumns:
    """Pick columns and fit how they stand for all.

    Args:
        samples: `[n, d]`.
        count: at most d.
        weights: `[d]`, how much a column matters; None: all the same.
    """
    values = samples.double()
    if count == values.shape[1]:
        return keep(values, torch.arange(count))
    centred = values - values.mean(0)
    if weights is not None:
        centred = centred * weights.double()
    return keep(values, pick_columns(centred.T @ centred, count))


def principal_directions(samples: Tensor, count: int) -> Tensor:
    """Return the directions in which samples vary most: float64 `[d, count]`, orthonormal.

    All d of them are given as the identity. Each points to where its largest entry is positive.
    """
    values = samples.double()
    if count == values.shape[1]:
        return torch.eye(count, dtype=torch.float64)
    centred = values - values.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    leading = vectors.flip(1)[:, :count]
    largest = leading.gather(0, leading.abs().argmax(0, keepdim=True))
    directions: Tensor = leading * largest.sign()
    return directions


def _roots(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the square root of a positive matrix and the pseudo-inverse of that root."""
    values, vectors = torch.linalg.eigh(moments)
    alive = values > _DEAD * values.max().clamp_min(1e-30)
    roots = torch.where(alive, values.clamp_min(0).sqrt(), torch.zeros_like(values))
    inverse = torch.where(alive, 1 / roots.clamp_min(1e-30), torch.zeros_like(values))
    return (vectors * roots) @ vectors.T, (vectors * inverse) @ vectors.T


def _padded(size: int, rank: int) -> Tensor:
    """The identity, with columns of zeros: what a rank that is not smaller needs."""
    return torch.eye(size, rank, dtype=torch.float64)


def product_factors(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Keep the products of two kinds of vectors in fewer numbers.

    Definition: P and R `[d, rank]` such that (l P) . (r R) is closest to l . r in the mean square
    over all pairs of the samples: the singular vectors of E[l l']^1/2 E[r r']^1/2.

    Args:
        left: samples of l, `[n, d]`.
        right: samples of r, `[m, d]`.
        rank: numbers kept; from d on, zeros are added.
    """
    size = left.shape[1]
    if rank >= size:
        return _padded(size, rank), _padded(size, rank)
    ours, theirs = left.double(), right.double()
    root, inverse = _roots(ours.T @ ours / len(ours))
    other, undone = _roots(theirs.T @ theirs / len(theirs))
    u, sizes, vh = torch.linalg.svd(root @ other)
    scale = sizes[:rank].sqrt()
    return inverse @ u[:, :rank] * scale, undone @ vh[:rank].T * scale


def output_factors(inputs: Tensor, weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Keep what a linear map makes of its inputs in fewer numbers.

    Definition: P `[d, rank]` and W' `[out, rank]` such that (x P) W'^T is closest to x W^T in the
    mean square over the samples.

    Args:
        inputs: `[n, d]`.
        weight: `[out, d]`.
        rank: numbers kept; from d on, zeros are added.
    """
    size = inputs.shape[1]
    if rank >= size:
        return _padded(size, rank), weight.double() @ _padded(size, rank)
    values = inputs.double()
    root, inverse = _roots(values.T @ values / len(values))
    u, sizes, vh = torch.linalg.svd(root @ weight.double().T, full_matrices=False)
    rank_there = min(rank, len(sizes))
    inward = values.new_zeros(size, rank)
    outward = values.new_zeros(len(weight), rank)
    inward[:, :rank_there] = inverse @ u[:, :rank_there]
    outward[:, :rank_there] = vh[:rank_there].T * sizes[:rank_there]
    return inward, outward


def refit_norm(
    before: Tensor, after: Tensor, *, weight: Tensor, bias: Tensor, eps: float
) -> Linear:
    """Fit scale and shift of a layer normalisation over fewer columns.

    Args:
        before: `[n, k]`, the kept columns of what is normalised.
        after: `[n, k]`, what the wide normalisation gives there.
        weight: `[k]`, the scale of the wide one, kept where a column does not vary.
        bias: `[k]`, its shift, likewise.
        eps: of the normalisation.

    Returns:
        `weight` and `bias`, `[k]` each.
    """
    values, wanted = before.double(), after.double()
    centred = values - values.mean(1, keepdim=True)
    scaled = centred / (centred.square().mean(1, keepdim=True) + eps).sqrt()
    spread = scaled - scaled.mean(0)
    variance = spread.square().mean(0)
    slope = (spread * (wanted - wanted.mean(0))).mean(0) / variance.clamp_min(1e-30)
    lively = variance > _DEAD
    slopes = torch.where(lively, slope, weight.double())
    shifts = torch.where(lively, wanted.mean(0) - slope * scaled.mean(0), bias.double())
    return Linear(slopes, shifts)


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """Stack samples of several places, each centred and of one total variance."""
    centred = [part.double() - part.double().mean(0) for part in parts]
    return torch.cat([part / part.square().sum().clamp_min(1e-30).sqrt() for part in centred])
