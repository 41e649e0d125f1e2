"""SentEval's classifiers of one hidden width, many fits as one stack of matrices.

Does: hold the weights of `Linear` or `Linear → Dropout → Sigmoid → Linear` of all fits, take one
step of Adam for all of them at once, and let fits leave. Does not: know when to stop.

All fits of one protocol see the same initial weights, permutations and dropout masks, so shared
minibatches are no approximation; only the order of sums inside a matrix product may differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim.adam import adam

_ROWS = 1024
"""Sentences looked at at once: bounds memory whatever the size of dev and test."""


class ProbeSetting(NamedTuple):
    """One point of the grid."""

    hidden: int
    dropout: float
    l2: float

    @property
    def name(self) -> str:
        """For the table of what was chosen."""
        before = f"h {self.hidden} p {self.dropout:g} " if self.hidden else ""
        return f"{before}l2 {self.l2:g}"


class _Draws(NamedTuple):
    """What torch draws after the seed: both layers, then dropout masks from the same generator."""

    weights: list[Tensor]
    state: Tensor


def _drawn(d: int, hidden: int, classes: int, seed: int) -> _Draws:
    """Draw `Linear`'s start: the first layer with its biases as a last column, then the second."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = [(d, hidden), (hidden, classes)] if hidden else [(d, classes)]
        first, *rest = [torch.nn.Linear(*size) for size in sizes]
        state = torch.get_rng_state()
    weights = [torch.cat([first.weight.detach(), first.bias.detach()[:, None]], dim=1)]
    for layer in rest:
        weights += [layer.weight.detach(), layer.bias.detach()[:, None]]
    return _Draws(weights, state)


class Stack:
    """Fits of several cells and settings of one hidden width; `[cells, slots]` of them.

    Units stand before sentences, `[rows, slots, units, b]`: the slots of a cell are one matrix for
    the wide first layer and a batch of matrices for the second, and no step moves numbers about.

    Args:
        x: float32 `[cells, n, d + 1]`, the last dimension all ones.
        y: int64 `[n]`.
        classes: the number of classes.
        settings: of one width; every cell starts with all of them.
        seed: of initial weights, order and dropout.
        rate: Adam's learning rate.
        summed: whether the loss is the sum over a minibatch, not the mean.

    Attributes:
        cell: which cell each row of the stack is, int64 `[rows]`.
        setting: which setting each slot is, int64 `[rows, slots]`.
        weights: of the first layer `[rows, d + 1, slots, units]`, its biases the weights of the
            ones (matrix products write this order twice as fast as the other); with a hidden layer
            also those of the second, `[rows, slots, classes, units]`, and its biases, `[rows,
            slots, classes, 1]`.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        classes: int,
        settings: list[ProbeSetting],
        *,
        seed: int,
        rate: float,
        summed: bool = False,
    ) -> None:
        self.x, self.y, self.classes, self.rate, self.summed = x, y, classes, rate, summed
        self.hidden = settings[0].hidden
        cells, _, inputs = x.shape
        self.cell = torch.arange(cells)
        self.setting = torch.arange(len(settings)).repeat(cells, 1)
        self._l2 = torch.tensor([setting.l2 for setting in settings])
        (first, *rest), state = _drawn(inputs - 1, self.hidden, classes, seed)
        slots = len(settings)
        self.weights = [first.t()[None, :, None].repeat(cells, 1, slots, 1)]
        self.weights += [one.repeat(cells, slots, 1, 1) for one in rest]
        self._means, self._squares = ([torch.zeros_like(w) for w in self.weights] for _ in "12")
        self._steps = [torch.tensor(0.0) for _ in self.weights]
        shares = sorted({setting.dropout for setting in settings})
        self._share_of = torch.tensor([shares.index(setting.dropout) for setting in settings])
        self._dropout = [(share, torch.Generator()) for share in shares]
        for _, generator in self._dropout:
            generator.set_state(state)
        self._order = np.random.RandomState(seed)

    def run(self, passes: int, batch: int) -> None:
        """Train for some passes over the sentences, each in a new order."""
        n = len(self.y)
        for _ in range(passes):
            permuted = torch.from_numpy(self._order.permutation(n))
            for start in range(0, n, batch):
                self._step(permuted[start : start + batch])

    def keep(self, alive: Tensor) -> None:
        """Let fits leave: all that are not alive, as far as rows stay equally long.

        Args:
            alive: bool `[rows, slots]`.
        """
        slots = int(alive.sum(dim=1).max())
        rows = alive.any(dim=1)
        if slots == alive.shape[1] and bool(rows.all()):
            return
        at = (~alive).to(torch.uint8).argsort(dim=1, stable=True)[rows, :slots]
        row = rows.nonzero()[:, 0][:, None]
        for held in (self.weights, self._means, self._squares):
            first, *rest = by_slot([w[row, at] for w in by_slot(held)])
            held[:] = [first.contiguous(), *rest]
        self.setting, self.cell = self.setting[row, at], self.cell[rows]
        if not bool(rows.all()):
            self.x = self.x[rows]

    def _masks(self, rows: int) -> Tensor | None:
        """The dropout masks of one minibatch as `nn.Dropout` draws them, `[rows, slots, h, b]`."""
        if not self.hidden or not self._dropout[-1][0]:
            return None
        masks = torch.ones(len(self._dropout), rows, self.hidden)
        for mask, (share, generator) in zip(masks, self._dropout, strict=True):
            if share:
                mask.bernoulli_(1 - share, generator=generator).div_(1 - share)
        by_slot = self._share_of[self.setting].flatten()
        chosen = masks.transpose(1, 2).contiguous().index_select(0, by_slot)
        return chosen.view(*self.setting.shape, self.hidden, rows)

    def _step(self, at: Tensor) -> None:
        x, y = self.x.index_select(1, at), self.y[at]
        masks = self._masks(len(at))
        logits, units = forward(x, self.weights, masks)
        error = torch.softmax(logits, dim=2)
        gold = y.expand(*error.shape[:2], 1, -1)
        error.scatter_add_(2, gold, torch.full((1, 1, 1, 1), -1.0).expand_as(gold))
        if not self.summed:
            error.div_(len(y))
        gradients = []
        if self.hidden:
            gradients = [error @ units.transpose(2, 3), error.sum(dim=3, keepdim=True)]
            back = self.weights[1].transpose(2, 3) @ error
            error = torch.ops.aten.sigmoid_backward(back, units)
            if masks is not None:
                error.mul_(masks)
        flat = error.view(len(x), -1, len(y)).transpose(1, 2)
        first = torch.bmm(x.transpose(1, 2).contiguous(), flat)
        self._adam([first.view_as(self.weights[0]), *gradients])

    def _adam(self, gradients: list[Tensor]) -> None:
        """One step of torch's Adam with coupled L2, which differs from slot to slot."""
        l2 = self._l2[self.setting]
        rows, inputs, _, units = self.weights[0].shape
        wide = l2.repeat_interleave(units, dim=1)[:, None]  # one long row is added fast
        flat = gradients[0].view(rows, inputs, -1)
        flat.addcmul_(wide, self.weights[0].view_as(flat))
        for gradient, weight in zip(gradients[1:], self.weights[1:], strict=True):
            gradient.addcmul_(l2[:, :, None, None], weight)
        adam(
            self.weights, gradients, self._means, self._squares, [], self._steps, fused=True,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=0.0, eps=1e-8,
            maximize=False,
        )  # fmt: skip


def by_slot(weights: list[Tensor]) -> list[Tensor]:
    """Swap the middle dimensions of the first layer: `[rows, slots, …]` from a stack, and back."""
    return [weights[0].transpose(1, 2), *weights[1:]]


def forward(x: Tensor, weights: list[Tensor], masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Run sentences through fits.

    Args:
        x: float32 `[rows, b, d + 1]`.
        weights: see `Stack`.
        masks: of dropout, before the sigmoid, `[rows, slots, units, b]`.

    Returns:
        Logits `[rows, slots, classes, b]`, and what the hidden layer gives, `[rows, slots, units,
        b]`; without one, the logits again.
    """
    first = weights[0]
    rows, inputs, slots, units = first.shape
    hidden = torch.bmm(first.view(rows, inputs, -1).transpose(1, 2), x.transpose(1, 2))
    hidden = hidden.view(rows, slots, units, -1)
    if len(weights) == 1:
        return hidden, hidden
    if masks is not None:
        hidden.mul_(masks)
    hidden.sigmoid_()
    return (weights[1] @ hidden).add_(weights[2]), hidden


def right(x: Tensor, y: Tensor, weights: list[Tensor]) -> Tensor:
    """Return which sentences fits get right, bool `[rows, slots, n]`; see `forward`."""
    parts = []
    for start in range(0, len(y), _ROWS):
        logits, _ = forward(x[:, start : start + _ROWS], weights)
        parts.append(logits.argmax(dim=2) == y[start : start + _ROWS])
    return torch.cat(parts, dim=2)
