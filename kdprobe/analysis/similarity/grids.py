"""All pairs of layers of two encoders under one pooling, in every resample of the sentences.

Does: average over runs, draw, and find best matches and layers at equal depth. Does not: make
estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdprobe.analysis.probing.cells import HEAD, equal_depth
from kdprobe.observations.layer_similarity import LayerPairs, LayerVector
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import draw_resamples, draw_run_weights, mean_over_runs
from kdprobe.stats.layer_similarity import resampled

HOW = "bootstrap over sentences of the linearised statistic, percentile"
NOTHING = "no layer varies over sentences"


@dataclass(frozen=True)
class LayerGrid:
    """The teacher's layers against another encoder's, all under one pooling, heads last.

    Args:
        rows, columns: names of layers.
        cka, procrustes: draws, float64 `[rows, columns, B + 1]`, the value first; NaN where the
            vectors of a side do not vary.
        p_values: `[rows, columns]`, NaN where there is none.
        flat: names of the layers that do not vary, of the teacher and of the other.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cka: Floats
    procrustes: Floats
    p_values: Floats
    flat: tuple[frozenset[str], frozenset[str]]

    @property
    def depths(self) -> tuple[int, int]:
        """How many blocks each side has."""
        return _depth(self.rows), _depth(self.columns)

    def best(self, row: int) -> int | None:
        """The other's layer most like a layer of the teacher; None where none is defined."""
        values = self.cka[row, :, 0]
        return None if np.isnan(values).all() else int(np.nanargmax(values))

    def best_draws(self) -> Floats:
        """The mean of the best matches of all layers but the head, `[B + 1]`; NaN without any."""
        places = [
            (row, best)
            for row, layer in enumerate(self.rows)
            if layer != HEAD and (best := self.best(row)) is not None
        ]
        return self._mean(places)

    def diagonal(self) -> list[tuple[int, int]]:
        """The places of layers at equal relative depth, those of the heads last."""
        pairs = [*equal_depth(*self.depths), (HEAD, HEAD)]
        return [
            (self.rows.index(one), self.columns.index(other))
            for one, other in pairs
            if one in self.rows and other in self.columns
        ]

    def equal_depth_draws(self) -> Floats:
        """The mean over layers at equal depth, heads left out, `[B + 1]`; NaN without any."""
        places = [place for place in self.diagonal() if self.rows[place[0]] != HEAD]
        return self._mean([place for place in places if np.isfinite(self.cka[*place, 0])])

    def _mean(self, places: Sequence[tuple[int, int]]) -> Floats:
        if not places:
            return np.full(self.cka.shape[-1], np.nan)
        averaged: Floats = np.mean([self.cka[place] for place in places], axis=0)
        return averaged

    def reason(self, row: int, column: int) -> str:
        """State why a cell is undefined."""
        for side, layer in zip(self.flat, (self.rows[row], self.columns[column]), strict=True):
            if layer in side:
                return f"the vectors of layer {layer} are the same for all sentences"
        return "the vectors vary in one sentence alone"


def _depth(layers: Sequence[str]) -> int:
    return max((int(layer) for layer in layers if layer != HEAD), default=0)


def _places(vectors: Sequence[LayerVector], pooling: str) -> list[int]:
    of_pooling = [at for at, one in enumerate(vectors) if one.pooling == pooling]
    return [*of_pooling, *(at for at, one in enumerate(vectors) if one.layer == HEAD)]


def grid_of(study: Study, runs: Sequence[LayerPairs], pooling: str) -> LayerGrid | None:
    """Join the runs of one encoder under one pooling.

    Returns:
        None where there is no run, or a side has no layer under the pooling.
    """
    if not runs:
        return None
    first = runs[0]
    rows, columns = _places(first.rows, pooling), _places(first.columns, pooling)
    if not all(
        any(vectors[at].pooling == pooling for at in places)
        for vectors, places in ((first.rows, rows), (first.columns, columns))
    ):
        return None
    at = np.ix_(rows, columns)
    flat = (
        np.any([one.flat_rows[rows] for one in runs], axis=0),
        np.any([one.flat_columns[columns] for one in runs], axis=0),
    )
    names = (
        tuple(first.rows[place].layer for place in rows),
        tuple(first.columns[place].layer for place in columns),
    )
    alike = _draws(
        study, runs, at, [1 - one.procrustes / 2 for one in runs], "procrustes_influence"
    )
    p_values = np.max([one.p_values[at] for one in runs], axis=0)  # NaN stays
    return LayerGrid(
        *names,
        _draws(study, runs, at, [one.cka for one in runs], "cka_influence"),
        2 - 2 * alike,
        p_values,
        (
            frozenset(np.array(names[0])[flat[0]].tolist()),
            frozenset(np.array(names[1])[flat[1]].tolist()),
        ),
    )


def _draws(
    study: Study,
    runs: Sequence[LayerPairs],
    at: tuple[NDArray[np.int64], ...],
    values: Sequence[Floats],
    influence: str,
) -> Floats:
    """Resample sentences, then average over runs, which are resampled too."""
    groups = getattr(runs[0], influence).shape[-1]
    counts = draw_resamples(study.seed, groups, study.resamples).counts.astype(np.float64)
    weights = draw_run_weights(study.seed, runs[0].model, len(runs), study.resamples)
    chosen = [
        (value[at], np.asarray(getattr(run, influence)[at], dtype=np.float64))
        for value, run in zip(values, runs, strict=True)
    ]
    shape = chosen[0][0].shape
    draws = np.full((*shape, len(counts)), np.nan)
    for row, column in np.ndindex(shape):
        each = [(float(value[row, column]), held[row, column]) for value, held in chosen]
        if all(np.isfinite(value) for value, _ in each):
            drawn = np.stack([resampled(value, held, counts) for value, held in each])
            draws[row, column] = mean_over_runs(drawn, weights)
    return draws
