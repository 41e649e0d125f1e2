"""How long probes will take, measured on a little of them.

Does: time a few iterations of the probe that was asked for on random features, and scale. Does not:
promise; early stopping ends fits when it ends them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch

from kdprobe.extract.probes.data import ProbeData
from kdprobe.extract.probes.fits import ProbeOptions, protocols
from kdprobe.extract.probes.logistic import fit_logistic
from kdprobe.extract.probes.senteval import fit_senteval

_ROWS = 256
_ITERATIONS = 4
_USUAL_ITERATIONS = 30
_USUAL_LOOKS = 10
_HALVED = 0.4
"""Of the usual steps, with successive halving."""
_MDL = 3.0
"""Online code against one logistic fit."""


def fit_seconds(n: int, classes: int, widths: Sequence[int], options: ProbeOptions) -> float:
    """Estimate the wall-clock seconds of all cells of one task.

    Args:
        n: training sentences.
        classes: the number of classes.
        widths: of each cell.
        options: which probe, and whether control task and code length are wanted, too.
    """
    return sum(
        cells * _one_cell(n, classes, width, options) for width, cells in Counter(widths).items()
    )


def _one_cell(n: int, classes: int, width: int, options: ProbeOptions) -> float:
    rows = min(n, _ROWS)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, rows, width, generator=generator)
    y = torch.randint(classes, (rows,), generator=generator)
    data = ProbeData(x, x[:, :1], x[:, :1], y, y[:1], y[:1], classes)
    chosen = protocols(options)
    logistic = 0.0
    if not chosen or options.mdl:
        logistic = _logistic_seconds(data, n / rows)
    once = 0.0 if chosen else logistic
    for protocol in chosen[:1]:
        started = time.perf_counter()
        fit_senteval(data, replace(protocol, passes=1, looks=1))
        steps = protocol.passes * _USUAL_LOOKS * (_HALVED if protocol.halvings else 1.0)
        once += (time.perf_counter() - started) * n / rows * steps
    # Every seed costs what the first costs; the control task is fitted from one.
    fits = max(len(chosen), 1) + options.control
    return once * fits + logistic * _MDL * options.mdl


def _logistic_seconds(data: ProbeData, more: float) -> float:
    """Estimate one logistic fit on `more` times these rows; what is done once is counted once."""
    taken = []
    for iterations in (1, 1 + _ITERATIONS):
        started = time.perf_counter()
        fit_logistic(data, iterations=iterations)
        taken.append(time.perf_counter() - started)
    each = max(0.0, taken[1] - taken[0]) / _ITERATIONS
    return taken[0] + each * more * (_USUAL_ITERATIONS - 1)
