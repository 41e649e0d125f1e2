"""Logistic probes of more sentences than are held in memory at once.

Does: minimise the loss of `logistic.py` over all sentences, read from their file in shards and
added up, so that memory does not grow with sentences. Does not: hold vectors between passes; each
iteration reads them once.

Standardising and turning into principal axes are linear: they are applied to the weights of a
pass, not to every vector. Sums over shards are float64; the last digits of weights differ from
those of one product over all sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.extract.probes.data import CellFits, scale_of
from kdprobe.extract.probes.logistic import STRENGTHS, chosen_fits, minimise, penalties
from kdprobe.tasks.probing.sets import ProbingPart, ProbingSet

NUMBERS = 4_000_000
"""Of vectors and logits each: held at once."""


class Shard(NamedTuple):
    """Some sentences of a part: their vectors, float32 `[cells, k, d]`, and places in the part."""

    x: Tensor
    places: Tensor


class ShardedPart:
    """The sentences of one part of a probing set, read in the order of their file.

    Args:
        features: the file.
        cells: neighbours of one width.
        part: the sentences.
        classes: of how many logits there are, which bounds a shard, too.

    Attributes:
        cells, width: how many cells, and of which width.
    """

    def __init__(
        self, features: LayerFeatures, cells: list[int], part: ProbingPart, classes: int
    ) -> None:
        rows = features.rows(part.sentences)
        self._order = np.argsort(rows, kind="stable")
        self._rows = rows[self._order]
        self._features, self._cells = features, cells
        self.cells, self.width = len(cells), features.widths[cells[0]]
        widest = max(self.width, classes * len(STRENGTHS)) * len(cells)
        self._step = max(1, NUMBERS // widest)

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Shard]:
        """Read all shards once."""
        for start in range(0, len(self), self._step):
            part = slice(start, start + self._step)
            vectors = torch.from_numpy(self._features.take(self._rows[part], self._cells))
            yield Shard(vectors, torch.from_numpy(self._order[part]))
        self._features.let_go()


class Axes(NamedTuple):
    """What turns vectors into standardised ones in their principal axes; see `logistic.rotated`.

    Args:
        mean: float32 `[cells, 1, d]`.
        turn: `(x - mean) @ turn` are the features, float32 `[cells, d, k]`.
        spread: the variance along each, `[cells, k]`.
        flat: the mean deviation over the mean size of each cell, `[cells]`.
    """

    mean: Tensor
    turn: Tensor
    spread: Tensor
    flat: Tensor


def axes_of(train: ShardedPart) -> Axes:
    """Measure the training sentences in three passes: means, deviations, products."""
    n, cells, width = len(train), train.cells, train.width
    total, size = (torch.zeros(cells, k, dtype=torch.float64) for k in (width, 1))
    for x, _ in train:
        total += x.double().sum(dim=1)
        size += x.abs().double().sum(dim=(1, 2))[:, None] / (n * width)
    mean = (total / n)[:, None].float()
    squares = torch.zeros_like(total)
    for x, _ in train:
        squares += x.sub_(mean).double().square().sum(dim=1)
    deviation = (squares / n).sqrt()[:, None].float()
    scale = scale_of(deviation)
    gram = torch.zeros(cells, width, width, dtype=torch.float64)
    for x, _ in train:
        ready = x.sub_(mean).mul_(scale)
        gram += (ready.transpose(1, 2) @ ready).double()
    spread, axes = (one.float() for one in torch.linalg.eigh(gram / n))
    flat = deviation.mean(dim=(1, 2)) / size[:, 0].clamp_min(1e-9)
    return Axes(mean, scale.transpose(1, 2) * axes, spread.clamp_min(0.0), flat)


class ShardedLoss:
    """What `logistic.Loss` gives, over all shards of a part.

    Args:
        part: the training sentences.
        y: int64 `[n]`, their classes.
        classes: the number of classes.
        axes: of the training sentences.
        strengths: of L2.
    """

    def __init__(
        self, part: ShardedPart, y: Tensor, classes: int, axes: Axes, strengths: tuple[float, ...]
    ) -> None:
        self.part, self.y, self.classes, self.axes = part, y, classes, axes
        cells, _, kept = axes.turn.shape
        self.shape = (cells, kept + 1)
        self.penalty = penalties(kept + 1, strengths, free=True)
        self._cells: Tensor | None = None

    def only(self, cells: Tensor) -> ShardedLoss:
        """Return the losses of the cells that are true in bool `[cells]`; all are still read."""
        fewer = copy(self)
        fewer.axes = Axes(*(one[cells] for one in self.axes))
        fewer.shape = (len(fewer.axes.mean), self.shape[1])
        held = torch.arange(self.part.cells) if self._cells is None else self._cells
        fewer._cells = held[cells]
        return fewer

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses at weights `[cells, d + 1, strengths, classes]`, and the gradients."""
        cells, _, strengths, classes = w.shape
        n = len(self.y)
        turned, biases = _for_vectors(w, self.axes)
        loss = torch.zeros(cells, strengths, dtype=torch.float64)
        by_vector = torch.zeros(turned.shape, dtype=torch.float64)
        by_bias = torch.zeros(biases.shape, dtype=torch.float64)
        for x, places in self.part:
            x = (x if self._cells is None else x[self._cells]).sub_(self.axes.mean)
            logits = torch.baddbmm(biases, x, turned).view(cells, len(places), strengths, classes)
            error = torch.log_softmax(logits, dim=-1)
            y, rows = self.y[places], torch.arange(len(places))
            loss -= error[:, rows, :, y].double().sum(dim=0)
            error = error.exp_()
            error[:, rows, :, y] -= 1.0
            flat = error.view(cells, len(places), -1)
            by_vector += torch.bmm(x.transpose(1, 2), flat).double()
            by_bias += flat.double().sum(dim=1, keepdim=True)
        turn = self.axes.turn.double().transpose(1, 2)
        gradient = torch.cat([turn @ by_vector, by_bias], dim=1).div_(n).float().view_as(w)
        penalised = 0.5 * (self.penalty * w.square()).sum(dim=(1, 3))
        whole = (loss / n).float() + penalised
        return whole, gradient.addcmul_(self.penalty.expand_as(w), w)


def _for_vectors(w: Tensor, axes: Axes) -> tuple[Tensor, Tensor]:
    """Turn weights of the axes into those of centred vectors, `[cells, d, s c]`, and biases."""
    flat = w.reshape(*w.shape[:2], -1)
    return axes.turn @ flat[:, :-1], flat[:, -1:]


def fit_shards(
    features: LayerFeatures, cells: list[int], probing_set: ProbingSet, axes: Axes
) -> CellFits:
    """Fit the cells as `logistic.fit_logistic` does, and choose the strength on dev."""
    classes = len(probing_set.labels)
    parts = [ShardedPart(features, cells, part, classes) for part in probing_set.parts]
    labels = [torch.from_numpy(part.labels) for part in probing_set.parts]
    loss = ShardedLoss(parts[0], labels[0], classes, axes, STRENGTHS)
    weights = minimise(loss, axes.spread)
    dev, test = (
        _right(part, y, weights, axes) for part, y in zip(parts[1:], labels[1:], strict=True)
    )
    return chosen_fits(dev, test, STRENGTHS)


def _right(part: ShardedPart, y: Tensor, weights: Tensor, axes: Axes) -> Tensor:
    """Return which sentences each fit gets right, bool `[cells, n, strengths]`."""
    cells, _, strengths, classes = weights.shape
    turned, biases = _for_vectors(weights, axes)
    hits = torch.empty(cells, len(part), strengths, dtype=torch.bool)
    for x, places in part:
        logits = torch.baddbmm(biases, x.sub_(axes.mean), turned)
        predicted = logits.view(cells, len(places), strengths, classes).argmax(dim=-1)
        hits[:, places] = predicted == y[places][None, :, None]
    return hits
