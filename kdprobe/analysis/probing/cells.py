"""Accuracies of probes over resampled test sentences.

Does: average hits over runs and probe seeds, draw the paired bootstrap of a probing task's own test
sentences, and find best layers and layers at equal relative depth. Does not: make estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.observations.probes import ProbeFit, ProbeTask
from kdprobe.observations.study import Study
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.bootstrap import Resamples, draw_run_weights, mean_over_runs

HOW = "paired bootstrap over test sentences, percentile"
HEAD = "head"


@dataclass(frozen=True)
class Cells:
    """One model's probes of one task.

    Args:
        fits: of its runs, all with the same cells.
        hits: bool `[runs · seeds, cells, n]`, the seeds of a run beside each other.
        dev: mean dev accuracy, `[cells]`.
        draws: accuracy of every cell, float64 `[B + 1, cells]`, the value on the sample first.
        control: likewise of the control task, or None.
        bits: mean online code length of the training labels, `[cells]`, or None.
    """

    fits: tuple[ProbeFit, ...]
    hits: Bools
    dev: Floats
    draws: Floats
    control: Floats | None
    bits: Floats | None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layer of each cell."""
        return self.fits[0].layers

    @property
    def poolings(self) -> tuple[str, ...]:
        """The pooling of each cell."""
        return self.fits[0].poolings

    @property
    def depth(self) -> int:
        """The number of blocks."""
        return max((int(layer) for layer in self.layers if layer != HEAD), default=0)

    def cell(self, layer: str, pooling: str) -> int | None:
        """The place of a cell; the head has no pooling."""
        wanted = (layer, "" if layer == HEAD else pooling)
        pairs = list(zip(self.layers, self.poolings, strict=True))
        return pairs.index(wanted) if wanted in pairs else None

    def of_pooling(self, pooling: str) -> list[int]:
        """The cells of layers 0 to L under one pooling."""
        return [at for at, name in enumerate(self.poolings) if name == pooling]

    def best(self, pooling: str) -> int | None:
        """The cell with the highest dev accuracy under one pooling; ties go to the lower layer.

        None where the model has no such pooling.
        """
        cells = self.of_pooling(pooling)
        return cells[int(np.argmax(self.dev[cells]))] if cells else None

    def means(self, at: int) -> Floats:
        """Who gets which test sentence right at one cell, float64 `[runs or seeds, n]`.

        Rows are what an interval may draw from: the runs, each the mean of its probe seeds (which
        share its checkpoint, and so are no further evidence of others), or the seeds of one run.
        """
        runs = len(self.fits)
        hits = self.hits[:, at].astype(np.float64)
        averaged: Floats = hits.reshape(runs, -1, hits.shape[1]).mean(axis=1) if runs > 1 else hits
        return averaged

    def named(self, at: int) -> str:
        """The layer's name."""
        return self.layers[at]


def resamples_of_task(study: Study, task: ProbeTask) -> Resamples:
    """Draw the resamples of a task's test sentences; the same for every model."""
    generator = derive_generator(study.seed, "bootstrap", "probing", task.name)
    counts = np.ones((study.resamples + 1, task.test), dtype=np.float32)
    for row in range(1, len(counts)):
        drawn = generator.integers(0, task.test, size=task.test)
        counts[row] = np.bincount(drawn, minlength=task.test)
    return Resamples(counts)


def _means(study: Study, hits: Bools, runs: int, resamples: Resamples, *names: str) -> Floats:
    """Average accuracy over runs and seeds, `[B + 1, cells]`.

    What is drawn are the runs, each the mean of its probe seeds, or the seeds of a single run.
    """
    members, cells, n = hits.shape
    flat = hits.reshape(members * cells, n).T
    sums = resamples.sums(flat).reshape(-1, members, cells) / n
    units = runs if runs > 1 else members
    weights = draw_run_weights(study.seed, "probe fits ".join(names), units, len(sums) - 1)
    each = np.repeat(weights, members // units, axis=1)
    columns = [mean_over_runs(column.T, each) for column in np.moveaxis(sums, 2, 0)]
    averaged: Floats = np.stack(columns, axis=1)
    return averaged


def cells_of(
    study: Study, task: ProbeTask, fits: Sequence[ProbeFit], resamples: Resamples
) -> Cells:
    """Join the fits of one model's runs and draw their accuracies."""
    hits = np.concatenate([fit.hits for fit in fits])
    controls = [fit.control for fit in fits if fit.control is not None]
    bits = [fit.bits for fit in fits if fit.bits is not None]
    name = (task.name, fits[0].model, fits[0].weights)
    return Cells(
        fits=tuple(fits),
        hits=hits,
        dev=np.concatenate([fit.dev for fit in fits]).mean(axis=0),
        draws=_means(study, hits, len(fits), resamples, *name),
        control=_means(study, np.stack(controls), len(controls), resamples, *name, "control")
        if controls
        else None,
        bits=np.stack(bits).mean(axis=0) if bits else None,
    )


def equal_depth(teacher: int, student: int) -> list[tuple[str, str]]:
    """Pair every layer of a student with the teacher's at the same relative depth.

    Definition: layer s of S with layer round(s T / S) of T, halves go up.

    Args:
        teacher: how many blocks it has.
        student: likewise.

    >>> equal_depth(6, 3)
    [('0', '0'), ('2', '1'), ('4', '2'), ('6', '3')]
    """
    return [
        (str(int(np.floor(s * teacher / student + 0.5)) if student else 0), str(s))
        for s in range(student + 1)
    ]


def matched_layers(teacher: Cells, student: Cells) -> list[tuple[str, str]]:
    """Pair the layers of equal relative depth, and head with head."""
    both = HEAD in teacher.layers and HEAD in student.layers
    return [*equal_depth(teacher.depth, student.depth), *([(HEAD, HEAD)] if both else [])]


def gravity_draws(cells: Cells, pooling: str, majority: float) -> Floats:
    """Centre of gravity in every resample, float64 `[B + 1]`; NaN where no layer beats guessing."""
    places = cells.of_pooling(pooling)
    weights = np.maximum(cells.draws[:, places] - majority, 0.0)
    depths = np.array([int(cells.layers[at]) for at in places]) / max(cells.depth, 1)
    total = weights.sum(axis=1)
    result: Floats = np.full(len(total), np.nan)
    np.divide(weights @ depths, total, out=result, where=total > 0)
    return result


def compression(task: ProbeTask, bits: float) -> float:
    """Return n log2 K over the online code length: how many times shorter a layer makes the labels.

    >>> task = ProbeTask("t", "other", ("a", "b"), 8, 2, 2, 0.5, 0.5, "")
    >>> compression(task, 4.0)
    2.0
    """
    return task.train * float(np.log2(len(task.labels))) / bits
