"""Online code length of a probing task's labels, all cells at once.

Does: code the training labels block by block, each block by a probe trained on those before it
(Voita and Titov 2020). Does not: fit the probe whose accuracy is shown, or turn bits into metrics.

Definition: the training sentences are shuffled once and cut at .1 .2 .4 .8 1.6 3.2 6.25 12.5 25 50
100 %. L = n_1 log2 K + the sum over blocks i of -log2 p_i(block i + 1), p_i being the probe trained
on all of blocks 1 to i. The probe is multinomial logistic regression on standardised features; its
L2 holds the biases, too (a class not seen yet must not cost infinitely many bits), and is chosen
for every block by the log loss on dev, up to a strength at which the probe says the uniform
distribution, so that labels that cannot be learned cost about n log2 K.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.extract.probes.data import ProbeData, with_ones
from kdprobe.extract.probes.logistic import NUMBERS, Loss, minimise, rotated
from kdprobe.seeds import derive_generator

PERCENT = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25.0, 50.0, 100.0)
STRENGTHS = (1e2, 1e1, 1.0, 1e-1, 1e-2, 1e-3)
"""Strongest first: of equal losses on dev the strongest is taken."""


def block_ends(n: int) -> list[int]:
    """Return where the blocks of n sentences end; blocks that would be empty are left out.

    >>> block_ends(2000)
    [2, 4, 8, 16, 32, 64, 125, 250, 500, 1000, 2000]
    >>> block_ends(40)
    [1, 3, 5, 10, 20, 40]
    """
    return sorted({max(1, int(share * n / 100 + 0.5)) for share in PERCENT})


def uniform_bits(n: int, classes: int) -> float:
    """Return the code length of n labels without any probe, n log2 K."""
    return float(n * np.log2(classes))


def code_lengths(
    data: ProbeData, *, seed: int, strengths: tuple[float, ...] = STRENGTHS
) -> NDArray[np.float64]:
    """Return each cell's online code length in bits, float64 `[cells]`.

    Args:
        data: raw features; they are standardised over the whole training part, which sender and
            receiver both hold: only labels are sent.
        seed: of the one shuffle, the same for every cell.
        strengths: of L2.
    """
    order = derive_generator(seed, "online code").permutation(len(data.y_train))
    y = data.y_train[torch.from_numpy(order)]
    step = max(1, NUMBERS // max(len(y) * data.classes * len(strengths), 1))
    parts = []
    for start in range(0, len(data.train), step):
        group, spread = rotated(data.cells(start, start + step).standardised())
        train = with_ones(group.train[:, torch.from_numpy(order)])
        parts.append(_coded(train, y, with_ones(group.dev), group, spread, strengths))
    return np.concatenate(parts)


def _coded(
    train: Tensor, y: Tensor, dev: Tensor, data: ProbeData, spread: Tensor,
    strengths: tuple[float, ...],
) -> NDArray[np.float64]:  # fmt: skip
    ends = block_ends(len(y))
    bits = np.full(len(train), uniform_bits(ends[0], data.classes))
    weights: Tensor | None = None
    for known, end in itertools.pairwise(ends):
        loss = Loss(train[:, :known].contiguous(), y[:known], data.classes, strengths, free=False)
        weights = minimise(loss, spread, start=weights)  # from where the block before ended
        chosen = _nats(dev, data.y_dev, weights).argmin(dim=1)
        cost = _nats(train[:, known:end], y[known:end], weights)
        bits += cost.gather(1, chosen[:, None])[:, 0].numpy() / np.log(2)
    return bits


def _nats(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Sum -ln p of the right classes, float64 `[cells, strengths]`."""
    cells, n = x.shape[:2]
    logits = torch.bmm(x, weights.reshape(cells, weights.shape[1], -1))
    log_probabilities = torch.log_softmax(logits.view(cells, n, *weights.shape[2:]), dim=-1)
    return -log_probabilities[:, torch.arange(n), :, y].double().sum(dim=0)
