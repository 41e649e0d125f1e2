"""What objectives have in common that compare relations within the hidden states of a layer.

Does: compare distances between vectors, and take means over texts or over a whole batch. Does not:
choose the vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.masked import unit
from kdprobe.distillers.objective import ModelPair, Needs, needs_of_pairs

Average = Literal["text", "batch"]
"""`text`: the mean over each text's own relations; `batch`: over those of all texts of a batch."""

Distance = Literal["euclidean", "squared", "cosine"]

_SHUT = -1e4  # see `masked`: no softmax gives weight to it, and it is finite


@dataclass(frozen=True)
class OfHiddenStates(PerExample):
    """An objective that reads the hidden states of matched layers, one value an example."""

    def needs(self, models: ModelPair, options: object) -> Needs:
        """Hidden states of the matched layers, the embeddings too when the map names them."""
        return needs_of_pairs(models.layer_map, "hidden")


def none_matched(models: ModelPair) -> str | None:
    """Return the reason why nothing can be compared: no layer is matched, nor the embeddings."""
    return None if models.layer_map else "the layer map matches 0 layers, and it needs 1"


def distance_gaps(left: Tensor, right: Tensor, apart: Tensor, distance: Distance) -> Tensor:
    """Compare how far vectors lie apart in two models, pair by pair.

    Args:
        left: the student's vectors, `[..., n, H]`.
        right: the teacher's, `[..., n, K]`; widths may differ.
        apart: bool `[..., n, n]`, which pairs count; a vector and itself never do.
        distance: `euclidean` or `squared` distances over their mean of all pairs that count, by the
            smooth L1 loss (half the square of a difference below 1, else the difference less one
            half); or `cosine`, of each vector the Kullback-Leibler divergence of the softmax of
            its cosines with the others, teacher || student, in nats, split by the other vector.

    Returns:
        Their differences `[..., n, n]`, 0 where `apart` is False.
    """
    if distance == "cosine":
        ours, theirs = (_log_rows(states, apart) for states in (left, right))
        return theirs.exp() * (theirs - ours) * apart
    ours, theirs = (_relative(states, apart, distance) for states in (left, right))
    return functional.smooth_l1_loss(ours, theirs, reduction="none") * apart


def _log_rows(states: Tensor, apart: Tensor) -> Tensor:
    """Log-probabilities of each vector's cosines with the others, `[..., n, n]`."""
    ends = unit(states)
    cosines = ends @ ends.transpose(-1, -2)
    return torch.log_softmax(cosines.masked_fill(~apart, _SHUT), -1)


def _relative(states: Tensor, apart: Tensor, distance: Distance) -> Tensor:
    """Distances over their mean, `[..., n, n]`."""
    squares, different = _squares(inner_products(states))
    lengths = torch.where(different, squares, 0.0)
    if distance == "euclidean":
        lengths = torch.where(different, torch.where(different, squares, 1.0).sqrt(), 0.0)
    count = apart.sum((-1, -2), keepdim=True).clamp_min(1)
    mean = (lengths * apart).sum((-1, -2), keepdim=True) / count
    return (lengths / mean.clamp_min(1e-12)).to(states.dtype)


def inner_products(vectors: Tensor) -> Tensor:
    """Return the inner products of vectors less their mean, `[..., n, n]` of `[..., n, H]`.

    In float64 where the device has it: what is computed of them are lengths and angles of
    differences, which would lose all figures of float32 where vectors are close.
    """
    wide = vectors if vectors.device.type == "mps" else vectors.double()
    middle = wide - wide.mean(-2, keepdim=True)
    return middle @ middle.transpose(-1, -2)


def _squares(products: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances of each two vectors, `[..., n, n]`, and whether they are different."""
    own = products.diagonal(dim1=-2, dim2=-1)
    scale = own[..., :, None] + own[..., None, :]
    squares = scale - 2 * products
    least = 1e-12 if products.dtype == torch.float64 else 1e-5  # of float32's own rounding
    return squares, squares > least * scale


def _over_lengths(products: Tensor) -> Tensor:
    """One over the distance of each two vectors, `[..., n, n]`; 0 where they are the same."""
    squares, different = _squares(products)
    return torch.where(different, torch.where(different, squares, 1.0).rsqrt(), 0.0)


def all_cosines(vectors: Tensor) -> Tensor:
    """Return the cosine of the angle at each vector between each two others.

    Args:
        vectors: `[..., n, H]`.

    Returns:
        `[..., n, n, n]`, the first n the corner; 0 where a side has no length.

    >>> corner = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> [round(float(all_cosines(corner)[0, i, k]), 6) for i, k in ((1, 2), (1, 1), (0, 1))]
    [0.0, 1.0, 0.0]
    """
    products = inner_products(vectors)
    over = _over_lengths(products)
    own = products.diagonal(dim1=-2, dim2=-1)[..., :, None, None]
    between = products.unsqueeze(-3) - products.unsqueeze(-1) - products.unsqueeze(-2) + own
    return (between * over.unsqueeze(-1) * over.unsqueeze(-2)).to(vectors.dtype)


def cosines_at(vectors: Tensor, corners: Tensor, others: Tensor) -> Tensor:
    """Return the cosines of the angles at some vectors, between some others.

    Args:
        vectors: `[B, n, H]`.
        corners: int64 `[B, k]`, where angles are taken.
        others: int64 `[B, k, m]`, for each corner, between which.

    Returns:
        `[B, k, m, m]`; 0 where a side has no length.
    """
    size, count, most = others.shape
    length = vectors.shape[1]
    products = inner_products(vectors)

    def taken(table: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        places = (rows * length + columns).reshape(size, -1)
        return table.reshape(size, -1).gather(1, places)

    sides = corners[:, :, None].expand_as(others)
    over = taken(_over_lengths(products), sides, others).view(size, count, most)
    to_corner = taken(products, sides, others).view(size, count, most)
    own = taken(products, corners, corners).view(size, count, 1, 1)
    apart = taken(products, others[..., :, None], others[..., None, :])
    between = apart.view(size, count, most, most) + own
    between = between - to_corner[..., :, None] - to_corner[..., None, :]
    return (between * over[..., :, None] * over[..., None, :]).to(vectors.dtype)


def mean_of(values: Tensor, counted: Tensor, average: Average) -> Tensor:
    """Take the mean over what counts, `[B]`.

    Args:
        values: `[B, ...]`, 0 where they do not count.
        counted: what counts, bool or whole numbers, of a shape that broadcasts to that of `values`.
        average: over each text, 0 where nothing counts; or over the batch, each text its share: the
            mean of the shares is the sum of all values over the number of all that count.

    >>> one = torch.tensor([[2.0, 4.0], [6.0, 0.0]])
    >>> real = torch.tensor([[True, True], [True, False]])
    >>> mean_of(one, real, "text").tolist(), mean_of(one, real, "batch").tolist()
    ([3.0, 6.0], [4.0, 4.0])
    """
    axes = tuple(range(1, values.ndim))
    sums = values.sum(axes)
    counts = counted.expand_as(values).sum(axes).to(sums.dtype)
    if average == "text":
        return sums / counts.clamp_min(1)
    return len(sums) * sums / counts.sum().clamp_min(1)
