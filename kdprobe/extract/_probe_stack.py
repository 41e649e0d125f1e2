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


class Setting(NamedTuple):
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

    layers: list[tuple[Tensor, Tensor]]
    state: Tensor


def _drawn(d: int, hidden: int, classes: int, seed: int) -> _Draws:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = [(d, hidden), (hidden, classes)] if hidden else [(d, classes)]
        layers = [torch.nn.Linear(*size) for size in sizes]
        state = torch.get_rng_state()
    return _Draws([(one.weight.detach().t(), one.bias.detach()) for one in layers], state)


class Stack:
    """Fits of several cells and settings of one hidden width; `[cells, slots]` of them.

    Args:
        x: float32 `[cells, n, d + 1]`, the last dimension all ones.
        y: int64 `[n]`.
        classes: the number of classes.
        settings: of one width; every cell starts with all of them.
        seed: of initial weights, order and dropout.
        rate: Adam's learning rate.

    Attributes:
        cell: which cell each row of the stack is, int64 `[rows]`.
        setting: which setting each slot is, int64 `[rows, slots]`.
    """

    def __init__(
        self, x: Tensor, y: Tensor, classes: int, settings: list[Setting], *, seed: int, rate: float
    ) -> None:
        self.x, self.y, self.classes, self.rate = x, y, classes, rate
        self.hidden = settings[0].hidden
        cells, _, inputs = x.shape
        self.cell = torch.arange(cells)
        self.setting = torch.arange(len(settings)).repeat(cells, 1)
        self._l2 = torch.tensor([setting.l2 for setting in settings])
        layers, state = _drawn(inputs - 1, self.hidden, classes, seed)
        slots = len(settings)
        weight, bias = layers[0]
        first = torch.cat([weight, bias[None]])  # the biases are the weights of the ones
        self.weights = [first[None, :, None].repeat(cells, 1, slots, 1)]
        if self.hidden:
            self.weights += [
                layers[1][0][None, :, None].repeat(cells, 1, slots, 1),
                layers[1][1][None, None, None].repeat(cells, 1, slots, 1),
            ]
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

    def right(self, x: Tensor, y: Tensor) -> Tensor:
        """Which sentences each fit gets right, bool `[rows, slots, n]`; x is of all cells."""
        parts = []
        for start in range(0, len(y), _ROWS):
            logits, _ = self._logits(x[self.cell, start : start + _ROWS])
            parts.append(logits.argmax(dim=-1) == y[None, None, start : start + _ROWS])
        return torch.cat(parts, dim=2)

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
            held[:] = [w.transpose(1, 2)[row, at].transpose(1, 2).contiguous() for w in held]
        self.setting, self.cell = self.setting[row, at], self.cell[rows]
        if not bool(rows.all()):
            self.x = self.x[rows]

    def _masks(self, rows: int) -> Tensor | None:
        """The dropout masks of one minibatch as `nn.Dropout` draws them, `[rows, b, slots, h]`."""
        if not self.hidden or not self._dropout[-1][0]:
            return None
        made = torch.ones(len(self._dropout), rows, self.hidden)
        for mask, (share, generator) in zip(made, self._dropout, strict=True):
            if share:
                mask.bernoulli_(1 - share, generator=generator).div_(1 - share)
        return made[self._share_of[self.setting]].transpose(1, 2)

    def _logits(self, x: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits `[rows, slots, b, classes]` and the hidden units `[rows, b, slots, h]`."""
        first = self.weights[0]
        rows, inputs, slots, width = first.shape
        made = torch.bmm(x, first.view(rows, inputs, -1)).view(rows, x.shape[1], slots, width)
        if not self.hidden:
            return made.transpose(1, 2), made
        if masks is not None:
            made.mul_(masks)
        made.sigmoid_()
        second, bias = (w.transpose(1, 2) for w in self.weights[1:])
        return torch.matmul(made.transpose(1, 2), second) + bias, made

    def _step(self, at: Tensor) -> None:
        x, y = self.x[:, at], self.y[at]
        masks = self._masks(len(at))
        logits, units = self._logits(x, masks)
        error = torch.softmax(logits, dim=-1)
        error[:, :, torch.arange(len(y)), y] -= 1.0
        error.div_(len(y))
        gradients = []
        if self.hidden:
            gradients = [
                torch.matmul(units.permute(0, 2, 3, 1), error).transpose(1, 2),
                error.sum(dim=2)[:, None],
            ]
            back = torch.matmul(error, self.weights[1].permute(0, 2, 3, 1))
            error = (1 - units).mul_(units).mul_(back.transpose(1, 2))
            if masks is not None:
                error.mul_(masks)
        else:
            error = error.transpose(1, 2)
        flat = error.reshape(len(x), len(y), -1)
        first = torch.bmm(x.transpose(1, 2), flat).view_as(self.weights[0])
        self._adam([first, *gradients])

    def _adam(self, gradients: list[Tensor]) -> None:
        """One step of torch's Adam with coupled L2, which differs from slot to slot."""
        l2 = self._l2[self.setting]
        for at, (gradient, weight) in enumerate(zip(gradients, self.weights, strict=True)):
            decay = l2[:, None, :, None].expand(-1, 1, -1, weight.shape[3])
            gradients[at] = gradient.addcmul_(decay, weight).contiguous()
        adam(
            self.weights, gradients, self._means, self._squares, [], self._steps, fused=True,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate, weight_decay=0.0, eps=1e-8,
            maximize=False,
        )  # fmt: skip
