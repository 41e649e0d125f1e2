"""SentEval's probe to the letter, all cells and all settings of a task at once.

Does: train `Linear` or `Linear → Dropout → Sigmoid → Linear` exactly as SentEval's one fit after
the other does: same start, same order of minibatches, same Adam, same rule to stop; or, with
`Protocol.halvings`, drop the worse half of the settings early. Does not: standardise or select
sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdprobe.extract.probes.data import CellFits, ProbeData, join_fits, with_ones
from kdprobe.extract.probes.stack import ProbeSetting, Stack, by_slot, right

_BYTES = 512_000_000
_WEIGHTS = 1_000_000
"""Bytes of weights in one stack: Adam reads them all at every step, so they must stay in cache."""


@dataclass(frozen=True)
class SentEvalProtocol:
    """SentEval's numbers (Conneau and Kiela 2018; code of 2020).

    Args:
        hidden: widths of the hidden layer to try; 0: none.
        dropout: before the sigmoid; shares to try.
        strengths: L2, coupled with Adam, on weights and biases.
        seed: of initial weights, order and dropout.
        batch: sentences in a minibatch; the last short one is kept.
        rate: Adam's learning rate.
        passes: over the training sentences between two looks at dev.
        patience: the counter is never reset: the sixth look without a strict improvement ends.
        looks: at most so many.
        summed: whether the cross-entropy is summed over a minibatch, as SentEval's code asks for
            and torch did up to 0.4, or averaged, as its code does in every later torch. Under Adam
            it only makes L2 that many times weaker.
        halvings: after these looks the better half of a cell's running settings goes on (Jamieson
            and Talwalkar 2016); SentEval has none.
    """

    hidden: tuple[int, ...] = (0,)
    dropout: tuple[float, ...] = (0.0,)
    strengths: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    seed: int = 1111
    batch: int = 64
    rate: float = 1e-3
    passes: int = 4
    patience: int = 5
    looks: int = 51
    summed: bool = False
    halvings: tuple[int, ...] = ()

    @property
    def settings(self) -> tuple[ProbeSetting, ...]:
        """The grid; the first best on dev is taken."""
        return tuple(
            ProbeSetting(hidden, dropout, l2)
            for hidden in self.hidden
            for dropout in self.dropout
            for l2 in self.strengths
        )


def fit_senteval(data: ProbeData, protocol: SentEvalProtocol) -> CellFits:
    """Fit every cell and every setting by the protocol; see `CellFits`."""
    cells, n, d = data.train.shape
    widest = max(protocol.hidden) or data.classes
    slots = len(protocol.dropout) * len(protocol.strengths)
    step = min(
        _BYTES // (4 * (n + len(data.y_dev)) * (d + 1)), _WEIGHTS // (4 * (d + 1) * slots * widest)
    )
    step = max(step, 1)
    return join_fits(
        [
            _Fits(data.cells(start, min(cells, start + step)), protocol).fit()
            for start in range(0, cells, step)
        ]
    )


class _Fits:
    """The fits of some cells, `[cells, settings]`: who still runs, and the best of each."""

    def __init__(self, data: ProbeData, protocol: SentEvalProtocol) -> None:
        self.data, self.protocol, self.settings = data, protocol, protocol.settings
        self.x, self.dev, self.test = map(with_ones, (data.train, data.dev, data.test))
        shape = (len(self.x), len(self.settings))
        self.best = torch.full(shape, -1, dtype=torch.int64)
        self.misses = torch.zeros(shape, dtype=torch.int64)
        self.looks = torch.zeros(shape, dtype=torch.int64)
        self.running = torch.ones(shape, dtype=torch.bool)
        self.kept: dict[int, list[Tensor]] = {}

    @property
    def _slots(self) -> int:
        """How many settings share a width."""
        return len(self.settings) // len(self.protocol.hidden)

    def fit(self) -> CellFits:
        """Train until every fit has stopped; widths take turns only where halving compares them."""
        offsets = range(0, len(self.settings), self._slots)
        if self.protocol.halvings:
            self._race([(self._stack(at), at) for at in offsets])
        else:
            for at in offsets:
                self._race([(self._stack(at), at)])
        return self._choose()

    def _stack(self, offset: int) -> Stack:
        settings = self.settings[offset : offset + self._slots]
        stack = Stack(
            self.x, self.data.y_train, self.data.classes, list(settings), seed=self.protocol.seed,
            rate=self.protocol.rate, summed=self.protocol.summed,
        )  # fmt: skip
        self.kept[offset] = [weight.clone() for weight in stack.weights]
        return stack

    def _race(self, stacks: list[tuple[Stack, int]]) -> None:
        for look in range(1, self.protocol.looks + 1):
            for stack, offset in stacks:
                stack.run(self.protocol.passes, self.protocol.batch)
                self._look(stack, offset)
            if look in self.protocol.halvings:
                self._halve()
            left = []
            for stack, offset in stacks:
                alive = self.running[stack.cell[:, None], stack.setting + offset]
                if bool(alive.any()):
                    stack.keep(alive)
                    left.append((stack, offset))
            stacks = left
            if not stacks:
                break

    def _look(self, stack: Stack, offset: int) -> None:
        """Look at dev, and keep a copy of fits that are strictly better, as SentEval does."""
        at = (stack.cell[:, None], stack.setting + offset)
        count = right(self.dev[stack.cell], self.data.y_dev, stack.weights).sum(dim=2)
        alive = self.running[at]
        better = alive & (count > self.best[at])
        if bool(better.any()):
            row, slot = better.nonzero(as_tuple=True)
            cell, setting = stack.cell[row], stack.setting[row, slot]
            self.best[cell, setting + offset] = count[row, slot]
            for kept, now in zip(by_slot(self.kept[offset]), by_slot(stack.weights), strict=True):
                kept[cell, setting] = now[row, slot]
        self.looks[at] += alive.long()
        worse = alive & ~better
        self.running[at] = alive & ~(worse & (self.misses[at] >= self.protocol.patience))
        self.misses[at] += worse.long()

    def _halve(self) -> None:
        """Stop the worse half of each cell's running fits; of equal ones the later stops."""
        known = torch.where(self.running, self.best, -1)
        place = known.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        self.running &= place < (self.running.sum(dim=1, keepdim=True) + 1) // 2

    def _choose(self) -> CellFits:
        """Take the first maximum of the dev accuracy in percent, rounded to two digits.

        SentEval trains that setting once more and tests it, bit for bit the fit that was kept.
        """
        share = self.best.double().numpy() / len(self.data.y_dev)
        first = np.argmax(np.round(100 * share, 2), axis=1)
        rows = np.arange(len(first))
        hits = np.zeros((len(first), len(self.data.y_test)), dtype=np.bool_)
        for cell, at in enumerate(first.tolist()):
            slot = at % self._slots
            kept = by_slot(self.kept[at - slot])
            chosen = by_slot([w[cell : cell + 1, slot : slot + 1].contiguous() for w in kept])
            test = self.test[cell : cell + 1]
            hits[cell] = right(test, self.data.y_test, chosen)[0, 0].numpy()
        return CellFits(
            share[rows, first],
            hits,
            tuple(self.settings[at].name for at in first.tolist()),
            self.looks.numpy(),
        )
