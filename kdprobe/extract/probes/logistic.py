"""Multinomial logistic regression with L2, all cells and all strengths at once.

Does: minimise every cell's convex loss by one batched L-BFGS (Nocedal 1980) in the principal axes
of its features, which makes the start of every step nearly Newton's; choose the strength on dev.
Does not: draw anything at random; zero is the start.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kdprobe.extract.probes.data import CellFits, ProbeData, join_fits, with_ones

STRENGTHS = (1.0, 1e-1, 1e-2, 1e-3)
"""Strongest first: of equal dev accuracies the strongest is taken.

SentEval's own grid ends at 0.01 and overfits a few hundred sentences.
"""

ITERATIONS = 60
_MEMORY = 6
_TOLERANCE = 1e-4
_CROWDED = 0.75
"""Cells that have ended are left out once at most this share goes on: a copy takes two losses."""
NUMBERS = 24_000_000
"""Logits held at once: bounds memory whatever the number of classes."""


def fit_logistic(
    data: ProbeData, *, strengths: tuple[float, ...] = STRENGTHS, iterations: int = ITERATIONS
) -> CellFits:
    """Fit mean cross-entropy + strength / 2 · |weights|² (biases free) on standardised features.

    Args:
        data: raw features; they are standardised here.
        strengths: of L2, strongest first.
        iterations: at most so many; a cell stops when its largest gradient is below
            0.0001.
    """
    cells, n, _ = data.train.shape
    step = max(1, NUMBERS // max(n * data.classes * len(strengths), 1))
    parts = []
    for start in range(0, cells, step):
        group, spread = rotated(data.cells(start, min(cells, start + step)).standardised())
        loss = Loss(with_ones(group.train), data.y_train, data.classes, strengths)
        parts.append(_choose(group, minimise(loss, spread, iterations), strengths))
    return join_fits(parts)


def rotated(data: ProbeData) -> tuple[ProbeData, Tensor]:
    """Return the features in their principal axes and the variance along each, `[cells, d]`.

    L2 does not see a rotation, and the weights along axes without variance are 0: nothing changes
    but the speed.
    """
    n, d = data.train.shape[1:]
    # In double precision: on many equal eigenvalues (units that never fire) LAPACK's single
    # precision does not converge, or gives numbers that are none.
    gram = (data.train.transpose(1, 2) @ data.train / n).double()
    spread, axes = (one.float() for one in torch.linalg.eigh(gram))
    keep = min(n, d)
    axes, spread = axes[:, :, -keep:], spread[:, -keep:].clamp_min(0.0)
    train, dev, test = (part @ axes for part in (data.train, data.dev, data.test))
    turned = ProbeData(train, dev, test, data.y_train, data.y_dev, data.y_test, data.classes)
    return turned, spread


def _choose(data: ProbeData, weights: Tensor, strengths: tuple[float, ...]) -> CellFits:
    def right(features: Tensor, labels: Tensor) -> Tensor:
        shape = (*features.shape[:2], len(strengths), data.classes)
        flat = weights.reshape(*weights.shape[:2], -1)
        predicted = torch.bmm(with_ones(features), flat).view(shape).argmax(dim=-1)
        return predicted == labels[None, :, None]

    return chosen_fits(right(data.dev, data.y_dev), right(data.test, data.y_test), strengths)


def chosen_fits(dev_hits: Tensor, hits: Tensor, strengths: tuple[float, ...]) -> CellFits:
    """Choose each cell's strength by its hits on dev.

    Args:
        dev_hits: bool `[cells, n, strengths]`, which sentences of dev each fit gets right.
        hits: likewise, of test.
        strengths: of L2, strongest first.
    """
    dev = dev_hits.double().mean(dim=1)
    best = dev.argmax(dim=1)
    chosen = torch.stack([hits[cell, :, at] for cell, at in enumerate(best.tolist())])
    return CellFits(
        dev.gather(1, best[:, None])[:, 0].numpy(),
        chosen.numpy(),
        tuple(f"l2 {strengths[at]:g}" for at in best.tolist()),
        np.zeros((len(best), len(strengths)), dtype=np.int64),
    )


class Loss:
    """The losses of all cells and strengths, `[cells, strengths]`, and their gradients.

    Args:
        x: float32 `[cells, n, d + 1]`, the last dimension all ones.
        y: int64 `[n]`.
        classes: the number of classes.
        strengths: of L2.
        free: whether the biases are free of it.
    """

    def __init__(
        self, x: Tensor, y: Tensor, classes: int, strengths: tuple[float, ...], *, free: bool = True
    ) -> None:
        self.x, self.y, self.classes, self.strengths, self.free = x, y, classes, strengths, free
        self.xt = x.transpose(1, 2)
        self.shape = (x.shape[0], x.shape[2])
        self.penalty = penalties(x.shape[2], strengths, free=free)
        self.rows = torch.arange(len(y))

    def only(self, cells: Tensor) -> Loss:
        """Return the losses of the cells that are true in bool `[cells]`."""
        return Loss(self.x[cells], self.y, self.classes, self.strengths, free=self.free)

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses at weights `[cells, d + 1, strengths, classes]`, and the gradients."""
        cells, d, strengths, classes = w.shape
        n = len(self.y)
        logits = torch.bmm(self.x, w.reshape(cells, d, -1)).view(cells, n, strengths, classes)
        logp = torch.log_softmax(logits, dim=-1)
        loss = -logp[:, self.rows, :, self.y].sum(dim=0) / n
        loss = loss + 0.5 * (self.penalty * w.square()).sum(dim=(1, 3))
        error = logp.exp_()
        error[:, self.rows, :, self.y] -= 1.0
        gradient = torch.bmm(self.xt, error.view(cells, n, -1).div_(n)).view_as(w)
        return loss, gradient.addcmul_(self.penalty.expand_as(w), w)


def penalties(d: int, strengths: tuple[float, ...], *, free: bool) -> Tensor:
    """Return the strength at each weight, float32 `[1, d, strengths, 1]`, the biases last.

    >>> penalties(2, (1.0, 0.5), free=True)[0, :, :, 0].tolist()
    [[1.0, 0.5], [0.0, 0.0]]
    """
    penalty = torch.tensor(strengths)[None, None, :, None].expand(1, d, -1, 1).clone()
    if free:
        penalty[:, -1] = 0.0
    return penalty


class AnyLoss(Protocol):
    """A loss that `minimise` takes: `Loss`, or one that is added up shard by shard.

    Attributes:
        shape: cells, and weights of each class.
        classes: the number of classes.
        penalty: see `penalties`.
    """

    shape: tuple[int, int]
    classes: int
    penalty: Tensor

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses at weights, and the gradients; see `Loss`."""

    def only(self, cells: Tensor) -> AnyLoss:
        """Return the losses of the cells that are true in bool `[cells]`."""


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(1, 3), keepdim=True)


def minimise(
    loss_of: AnyLoss, spread: Tensor, iterations: int = ITERATIONS, *, start: Tensor | None = None
) -> Tensor:
    """Batched L-BFGS; every (cell, strength) has its own history, step and end.

    Args:
        loss_of: the loss.
        spread: variance of the features along each of their axes, `[cells, d]`; moves nothing but
            the speed.
        iterations: at most so many.
        start: where to start; None: zero.

    Returns:
        float32 `[cells, d + 1, strengths, classes]`, the biases last.
    """
    # The Hessian at zero is diagonal in the principal axes when the features' means are 0.
    variance = torch.cat([spread, torch.ones_like(spread[:, :1])], dim=1)[:, :, None, None]
    inverse = 1.0 / (variance / loss_of.classes + loss_of.penalty).clamp_min(1e-6)
    cells, d = loss_of.shape
    w = torch.zeros(cells, d, loss_of.penalty.shape[2], loss_of.classes) if start is None else start
    loss, gradient = loss_of(w)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    ended, places = torch.empty_like(w), torch.arange(cells)
    for _ in range(iterations):
        active = gradient.abs().amax(dim=(1, 3)) > _TOLERANCE
        going = active.any(dim=1)
        if not bool(going.any()):
            break
        if int(going.sum()) <= _CROWDED * len(places):
            ended[places] = w
            loss_of, places = loss_of.only(going), places[going]
            w, loss, gradient, inverse, active = (
                one[going] for one in (w, loss, gradient, inverse, active)
            )
            pairs = [(a[going], b[going], rho[going]) for a, b, rho in pairs]
        trial, new_loss, new_gradient = _step(loss_of, (w, loss, gradient), active, pairs, inverse)
        moved, turned = trial - w, new_gradient - gradient
        curvature = _dot(moved, turned)
        usable = curvature > 1e-10
        rho = torch.where(usable, 1.0 / curvature.clamp_min(1e-10), 0.0)
        pairs = [*pairs[-(_MEMORY - 1) :], (moved, turned, rho)]
        w, loss, gradient = trial, new_loss, new_gradient
    ended[places] = w
    return ended


def _step(
    loss_of: AnyLoss,
    now: tuple[Tensor, Tensor, Tensor],
    active: Tensor,
    pairs: list[tuple[Tensor, Tensor, Tensor]],
    inverse: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights, losses and gradients after one step of the active fits, halved till it helps.

    Args:
        loss_of: the loss.
        now: weights, losses and gradients before it.
        active: bool `[cells, strengths]`.
        pairs: the history, the earliest first.
        inverse: of the diagonal of the Hessian at zero.
    """
    w, loss, gradient = now
    direction = _direction(gradient, pairs, inverse)
    slope = _dot(direction, gradient)
    uphill = slope >= 0
    direction = torch.where(uphill, -gradient, direction)
    slope = torch.where(uphill, -_dot(gradient, gradient), slope)
    step = torch.ones_like(slope) * active[:, None, :, None]
    for _ in range(8):
        trial = w + step * direction
        new_loss, new_gradient = loss_of(trial)
        # Rounding of a 32-bit loss must not look like a step uphill.
        allowed = loss + 1e-4 * (step * slope)[:, 0, :, 0] + 1e-6 * loss.abs()
        refused = (new_loss > allowed) & active
        if not bool(refused.any()):
            break
        step = torch.where(refused[:, None, :, None], step * 0.5, step)
    return trial, new_loss, new_gradient


def _direction(
    gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]], inverse: Tensor
) -> Tensor:
    q = gradient.clone()
    alphas = []
    for moved, turned, rho in reversed(pairs):
        alpha = rho * _dot(moved, q)
        q.addcmul_(-alpha.expand_as(q), turned)
        alphas.append(alpha)
    q.mul_(inverse)
    if pairs:
        _, turned, rho = pairs[-1]
        square = _dot(turned, turned * inverse)
        q.mul_(torch.where(rho > 0, 1.0 / (rho * square).clamp_min(1e-12), 1.0))
    for (moved, turned, rho), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = rho * _dot(turned, q)
        q.addcmul_((alpha - beta).expand_as(q), moved)
    return q.neg_()
