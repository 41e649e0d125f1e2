"""The probes of one model on one task, a group of layers at a time.

Does: cut the cells of a task into groups of bounded memory, fit each with its control task and its
code length, and join them. Does not: choose who fits which; no group knows of another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.extract.layer_features import LayerFeatures
from kdprobe.extract.probes.data import CellFits, ProbeData, join_fits
from kdprobe.extract.probes.fits import Fitted, ProbeOptions, fit_cells
from kdprobe.extract.probes.mdl import code_lengths
from kdprobe.tasks.probing.sets import ProbingSet

_BYTES = 768_000_000
_COPIES = 12
"""Bytes that a number of a vector takes while it is fitted: three copies in float32."""
_SPREAD = 0.05
"""A mean deviation over mean size below this is called flat: SentEval's probe hardly trains."""


def fit_probes(
    features: LayerFeatures,
    probing_set: ProbingSet,
    options: ProbeOptions,
    *,
    control: ProbingSet | None = None,
    tell: Callable[[int], None] = lambda cells: None,
) -> Fitted:
    """Fit the probes of one model on one task.

    Args:
        features: hold every sentence of the set.
        probing_set: the sentences and their classes.
        options: which probe.
        control: the control task on the same sentences, or None.
        tell: told the number of cells that are done.

    Returns:
        One row a probe seed, one column a cell; cells are read in groups, so that memory is bounded
        by the sentences of one layer, however many layers there are.
    """
    fitted = []
    for request in fit_requests(features, probing_set, options, control):
        fitted.append(fit_group(features, request))
        tell(len(request.cells))
    return join_groups(fitted)


class FitRequest(NamedTuple):
    """The probes of some cells on one task.

    Args:
        cells: neighbours of one width.
        set: the sentences and their classes.
        options: which probe.
        control: the control task on the same sentences, or None.
    """

    cells: list[int]
    set: ProbingSet
    options: ProbeOptions
    control: ProbingSet | None

    def bytes(self, features: LayerFeatures) -> int:
        """The memory that the vectors take while they are fitted."""
        sentences = sum(len(part) for part in self.set.parts)
        return _COPIES * len(self.cells) * sentences * features.widths[self.cells[0]]


class FittedGroup(NamedTuple):
    """The probes of some cells: fits by seed, the control's, code lengths, flat cells."""

    seeds: list[CellFits]
    controls: list[CellFits]
    bits: NDArray[np.float64] | None
    flat: list[int]


def fit_requests(
    features: LayerFeatures,
    probing_set: ProbingSet,
    options: ProbeOptions,
    control: ProbingSet | None,
) -> list[FitRequest]:
    """Cut the cells of a task into groups whose vectors are held at one time."""
    sentences = sum(len(part) for part in probing_set.parts)
    groups = features.groups(lambda width: _BYTES // (_COPIES * sentences * width))
    return [FitRequest(cells, probing_set, options, control) for cells in groups]


def fit_group(features: LayerFeatures, request: FitRequest) -> FittedGroup:
    """Fit the probes of a group of cells."""
    cells, probing_set, options, control = request
    rows = [features.rows(part.sentences) for part in probing_set.parts]
    x = [torch.from_numpy(features.take(part, cells)) for part in rows]
    data = _data(x, probing_set)
    size = data.train.abs().mean(dim=(1, 2)).clamp_min(1e-9)
    spread = data.train.std(dim=1).mean(dim=1) / size
    return FittedGroup(
        seeds=fit_cells(data, options),
        bits=code_lengths(data, seed=options.seed) if options.mdl else None,
        controls=[] if control is None else fit_cells(_data(x, control), replace(options, seeds=1)),
        flat=[cells[at] for at, value in enumerate(spread.tolist()) if value < _SPREAD],
    )


def join_groups(groups: Sequence[FittedGroup]) -> Fitted:
    """Join the groups of one task, in the order of their cells."""
    seeds = [join_fits([group.seeds[at] for group in groups]) for at in range(len(groups[0].seeds))]
    controls = [fits for group in groups for fits in group.controls]
    bits = [group.bits for group in groups if group.bits is not None]
    return Fitted(
        dev=np.stack([fits.dev for fits in seeds]),
        hits=np.stack([fits.hits for fits in seeds]),
        control=join_fits(controls).hits if controls else None,
        flat=np.array([cell for group in groups for cell in group.flat], dtype=np.int64),
        bits=np.concatenate(bits) if bits else None,
    )


def _data(x: Sequence[torch.Tensor], probing_set: ProbingSet) -> ProbeData:
    y = [torch.from_numpy(part.labels) for part in probing_set.parts]
    return ProbeData(x[0], x[1], x[2], y[0], y[1], y[2], len(probing_set.labels))
