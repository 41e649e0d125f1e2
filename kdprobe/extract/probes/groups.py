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
from kdprobe.extract.probes import shards
from kdprobe.extract.probes.data import CellFits, ProbeData, join_fits
from kdprobe.extract.probes.fits import Fitted, ProbeOptions, fit_cells
from kdprobe.extract.probes.mdl import code_lengths
from kdprobe.tasks.probing.sets import ProbingSet

_BYTES = 768_000_000
_TOGETHER = 192_000_000
"""Of logistic probes that are fitted together: more at once are no faster, and no bit moves."""
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
        if sharded(self.set, self.options, features.widths[self.cells[0]]):
            return _COPIES * shards.NUMBERS
        sentences = sum(len(part) for part in self.set.parts)
        return _COPIES * len(self.cells) * sentences * features.widths[self.cells[0]]


def sharded(probing_set: ProbingSet, options: ProbeOptions, width: int) -> bool:
    """Whether a probe is fitted shard by shard: a logistic one of more than is held at once."""
    if options.probe != "logistic" or options.mdl:
        return False
    return _COPIES * width * sum(len(part) for part in probing_set.parts) > _BYTES


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
    most = min(_BYTES, _TOGETHER) if options.probe == "logistic" else _BYTES
    groups = features.groups(lambda width: most // (_COPIES * sentences * width))
    return [FitRequest(cells, probing_set, options, control) for cells in groups]


def fit_group(features: LayerFeatures, request: FitRequest) -> FittedGroup:
    """Fit the probes of a group of cells."""
    cells, probing_set, options, control = request
    if sharded(probing_set, options, features.widths[cells[0]]):
        return _fit_in_shards(features, request)
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


def _fit_in_shards(features: LayerFeatures, request: FitRequest) -> FittedGroup:
    cells, probing_set, _, control = request
    train = shards.ShardedPart(features, cells, probing_set.train, len(probing_set.labels))
    axes = shards.axes_of(train)
    sets = [probing_set, *([control] if control is not None else [])]
    fits = [shards.fit_shards(features, cells, each, axes) for each in sets]
    return FittedGroup(
        seeds=fits[:1],
        controls=fits[1:],
        bits=None,
        flat=[cells[at] for at, value in enumerate(axes.flat.tolist()) if value < _SPREAD],
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
