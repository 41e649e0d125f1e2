"""SentEval's probe to the letter, all cells and all L2 of a task at once.

Does: train `Linear` or `Linear → Dropout → Sigmoid → Linear` exactly as SentEval's one fit after
the other does: same start, same order of minibatches, same Adam, same rule to stop. Does not:
standardise or select sentences.

All fits of one protocol see the same initial weights, permutations and dropout masks, so shared
minibatches are no approximation; only the order of sums inside a matrix product may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdprobe.extract._probe_data import CellFits, ProbeData, join_fits, with_ones


@dataclass(frozen=True)
class Protocol:
    """SentEval's numbers (Conneau and Kiela 2018; code of 2020, mean cross-entropy).

    Args:
        hidden: width of the hidden layer; 0: none.
        dropout: before the sigmoid.
        strengths: L2, coupled with Adam, on weights and biases; the first best on dev is taken.
        seed: of initial weights, order and dropout.
        batch: sentences in a minibatch; the last short one is kept.
        rate: Adam's learning rate.
        passes: over the training sentences between two looks at dev.
        patience: the counter is never reset: the sixth look without a strict improvement ends.
        looks: at most so many.
    """

    hidden: int = 0
    dropout: float = 0.0
    strengths: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    seed: int = 1111
    batch: int = 64
    rate: float = 1e-3
    passes: int = 4
    patience: int = 5
    looks: int = 51


_BYTES = 512_000_000


def fit_senteval(data: ProbeData, protocol: Protocol) -> CellFits:
    """Fit every cell and every L2 by the protocol; see `CellFits`."""
    cells, n, d = data.train.shape
    step = max(1, _BYTES // (4 * (n + len(data.y_dev)) * (d + 1)))
    return join_fits(
        [
            _Trainer(data.cells(start, min(cells, start + step)), protocol).fit()
            for start in range(0, cells, step)
        ]
    )


class _Adam:
    """torch's Adam with coupled L2, one state for all fits; `decay` broadcasts over the fits."""

    def __init__(self, parameters: list[Tensor], decays: list[Tensor], rate: float) -> None:
        self.parameters, self.decays, self.rate = parameters, decays, rate
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    def step(self, gradients: list[Tensor]) -> None:
        self.steps += 1
        first, second = 1 - 0.9**self.steps, (1 - 0.999**self.steps) ** 0.5
        for p, decay, g, mean, square in zip(
            self.parameters, self.decays, gradients, self.means, self.squares, strict=True
        ):
            g.addcmul_(decay, p)
            mean.lerp_(g, 0.1)
            square.mul_(0.999).addcmul_(g, g, value=0.001)
            p.addcdiv_(mean, square.sqrt().div_(second).add_(1e-8), value=-self.rate / first)

    def keep(self, cells: Tensor) -> None:
        """Go on with these cells only."""
        for held in (self.parameters, self.means, self.squares):
            held[:] = [one[cells].contiguous() for one in held]


class _Trainer:
    """One task's fits: `[cells, strengths]` of them."""

    def __init__(self, data: ProbeData, protocol: Protocol) -> None:
        self.data, self.protocol = data, protocol
        self.x, self.dev, self.test = map(with_ones, (data.train, data.dev, data.test))
        self.g = len(protocol.strengths)
        cells, d = len(data.train), data.train.shape[2]
        parameters = [
            _spread(weight, bias, cells, self.g) for weight, bias in self._start(d, data.classes)
        ]
        decay = torch.tensor(protocol.strengths)
        decays = [decay[None, None, :, None].expand(1, 1, -1, 1)]
        if protocol.hidden:
            decays.append(decay[None, :, None, None])
            parameters[1] = parameters[1].permute(0, 2, 1, 3).contiguous()
        self.adam = _Adam(parameters, decays, protocol.rate)

    def _start(self, d: int, classes: int) -> list[tuple[Tensor, Tensor]]:
        """The layers as torch draws them after the seed; its generator goes on to dropout."""
        hidden = self.protocol.hidden
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.protocol.seed)
            sizes = [(d, hidden), (hidden, classes)] if hidden else [(d, classes)]
            layers = [torch.nn.Linear(*size) for size in sizes]
            self._random = torch.get_rng_state()
        return [(layer.weight.detach(), layer.bias.detach()) for layer in layers]

    def _mask(self, rows: int) -> Tensor | None:
        """The dropout mask of one minibatch, drawn as `nn.Dropout` draws it."""
        if not self.protocol.hidden or not self.protocol.dropout:
            return None
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            ones = torch.ones(rows, self.protocol.hidden)
            mask = torch.nn.functional.dropout(ones, self.protocol.dropout)
            self._random = torch.get_rng_state()
        return mask

    def _logits(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits `[cells, n, strengths, classes]` and the hidden units `[cells, g, n, h + 1]`."""
        first = self.adam.parameters[0]
        cells, n = x.shape[:2]
        made = torch.bmm(x, first.reshape(cells, first.shape[1], -1))
        made = made.view(cells, n, self.g, -1)
        if not self.protocol.hidden:
            return made, None
        if mask is not None:
            made = made * mask[None, :, None, :]
        units = with_ones(torch.sigmoid(made)).transpose(1, 2)
        return torch.matmul(units, self.adam.parameters[1]).transpose(1, 2), units

    def _step(self, rows: Tensor) -> None:
        x, y = self.x[:, rows], self.data.y_train[rows]
        mask = self._mask(len(rows))
        logits, units = self._logits(x, mask)
        error = torch.softmax(logits, dim=-1)
        error[:, torch.arange(len(y)), :, y] -= 1.0
        error = error / len(y)
        cells = len(x)
        gradients = []
        if units is not None:
            error = error.transpose(1, 2)  # [cells, g, n, classes]
            gradients.append(torch.matmul(units.transpose(2, 3), error))
            back = torch.matmul(error, self.adam.parameters[1].transpose(2, 3))[..., :-1]
            active = units[..., :-1]
            error = (back * active * (1 - active)).transpose(1, 2)
            if mask is not None:
                error = error * mask[None, :, None, :]
        flat = error.reshape(cells, len(y), -1)
        first = torch.bmm(x.transpose(1, 2), flat).view_as(self.adam.parameters[0])
        self.adam.step([first, *gradients])

    def _right(self, x: Tensor, y: Tensor) -> Tensor:
        """Which sentences each fit gets right, bool `[cells, strengths, n]`."""
        logits, _ = self._logits(x)
        return (logits.argmax(dim=-1) == y[None, :, None]).transpose(1, 2)

    def fit(self) -> CellFits:
        cells, n = self.x.shape[:2]
        shape = (cells, self.g)
        best = torch.full(shape, -1, dtype=torch.int64)
        misses = torch.zeros(shape, dtype=torch.int64)
        looks = torch.zeros(shape, dtype=torch.int64)
        running = torch.ones(shape, dtype=torch.bool)
        hits = torch.zeros((*shape, len(self.data.y_test)), dtype=torch.bool)
        places = torch.arange(cells)  # which cell stands at each place of the shrinking stack
        order = np.random.RandomState(self.protocol.seed)
        for _ in range(self.protocol.looks):
            for _ in range(self.protocol.passes):
                permuted = torch.from_numpy(order.permutation(n))
                for start in range(0, n, self.protocol.batch):
                    self._step(permuted[start : start + self.protocol.batch])
            right = self._right(self.dev, self.data.y_dev).sum(dim=2)
            alive = running[places]
            better = alive & (right > best[places])
            if bool(better.any()):
                tested = self._right(self.test, self.data.y_test)
                at, g = better.nonzero(as_tuple=True)
                hits[places[at], g] = tested[at, g]
                best[places[at], g] = right[at, g]
            looks[places] += alive.long()
            worse = alive & ~better
            ended = worse & (misses[places] >= self.protocol.patience)
            misses[places] += worse.long()
            running[places] = alive & ~ended
            left = running[places].any(dim=1)
            if not bool(left.any()):
                break
            if not bool(left.all()):
                places = places[left]
                self.x, self.dev, self.test = self.x[left], self.dev[left], self.test[left]
                self.adam.keep(left)
        return self._choose(best, hits, looks)

    def _choose(self, best: Tensor, hits: Tensor, looks: Tensor) -> CellFits:
        """Take the first maximum of the dev accuracy in percent, rounded to two digits."""
        share = best.double().numpy() / len(self.data.y_dev)
        first = np.argmax(np.round(100 * share, 2), axis=1)
        rows = np.arange(len(first))
        setting = f"h {self.protocol.hidden} p {self.protocol.dropout:g} " * bool(
            self.protocol.hidden
        )
        return CellFits(
            share[rows, first],
            hits.numpy()[rows, first],
            tuple(f"{setting}l2 {self.protocol.strengths[at]:g}" for at in first.tolist()),
            looks.numpy(),
        )


def _spread(weight: Tensor, bias: Tensor, cells: int, g: int) -> Tensor:
    """Lay a linear layer out as `[cells, in + 1, g, out]`, the biases as its last input."""
    one = torch.cat([weight.t(), bias[None]], dim=0)
    return one[None, :, None, :].repeat(cells, 1, g, 1)
