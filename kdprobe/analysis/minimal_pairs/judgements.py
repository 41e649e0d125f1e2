"""Judgements of minimal pairs, and their bootstrap within phenomena.

Does: turn margins into hits (ties count half) and draw accuracies and rank correlations of margins
over resamples of the pairs. Does not: name metrics or make estimates; `minimal_pairs.py` does.

The pairs are resampled within each phenomenon, whose size is fixed by whoever made the pairs. A
resample of a mean only depends on how often each combination of judgements is drawn, so these few
counts are drawn from a multinomial distribution instead of the pairs themselves: the same
distribution, at a cost that does not grow with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import MisalignedError
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.rank_correlations import spearman_draws

Rows = NDArray[np.intp]
_CELLS = 4_000_000  # counts held at once
_RANKED = 400_000  # pairs × resamples ranked for one correlation, at most


def judgements(margins: Floats) -> Floats:
    """Return 1 for a pair judged rightly (margin above 0), 0.5 for a tie, 0 for a wrong judgement.

    >>> judgements(np.array([0.3, 0.0, -2.0]))
    array([1. , 0.5, 0. ])
    """
    half: Floats = (np.sign(margins) + 1.0) / 2.0
    return half


def judged(study: Study, pairs: MinimalPairs) -> tuple[Population, ...]:
    """Return the models whose margins are known, in the study's order.

    Raises:
        MisalignedError: the margins of a model are not one row a run and one column a pair.
    """
    models = tuple(model for model in study.models if model.name in pairs.margins)
    for model in models:
        shape, expected = pairs.margins[model.name].shape, (len(model.runs), len(pairs.ids))
        if shape != expected:
            raise MisalignedError(
                f"minimal pairs of {model.name}",
                found=f"margins of shape {shape}",
                expected=f"{expected} (runs × pairs)",
            )
    return models


Cell = tuple[str, str]  # (phenomenon, field)


@dataclass(frozen=True)
class PairGroup:
    """A named set of pairs: a phenomenon, a field, or all.

    Args:
        subset: what the reader sees.
        cells: the pairs of each phenomenon (and field) in it; resampled within each.
    """

    subset: str
    cells: Mapping[Cell, Rows]

    @property
    def rows(self) -> Rows:
        """The rows of all its pairs."""
        return np.concatenate(list(self.cells.values()))


def parts_of(pairs: MinimalPairs) -> tuple[tuple[PairGroup, ...], tuple[PairGroup, ...]]:
    """Return the phenomena, by name, and the wider parts: all pairs, then the fields by name."""
    places: dict[Cell, list[int]] = {}
    for row, cell in enumerate(zip(pairs.phenomena, pairs.fields, strict=True)):
        places.setdefault(cell, []).append(row)
    cells = {cell: np.array(places[cell], dtype=np.intp) for cell in sorted(places)}
    narrow = tuple(
        PairGroup(name, {cell: rows for cell, rows in cells.items() if cell[0] == name})
        for name in dict.fromkeys(phenomenon for phenomenon, _ in cells)
    )
    fields = tuple(
        PairGroup(f"field: {name}", {cell: rows for cell, rows in cells.items() if cell[1] == name})
        for name in sorted({field for _, field in cells if field})
    )
    return narrow, (PairGroup("all", cells), *fields)


def accuracy_sums(study: Study, scores: Floats, cells: Mapping[Cell, Rows]) -> dict[Cell, Floats]:
    """Draw the summed judgements of each cell for every model run at once.

    Args:
        study: gives the seed and B.
        scores: float64 `[runs of all models, m]` in {0, 0.5, 1}.
        cells: the pairs of each; a cell has its own generator, so adding one changes no other.

    Returns:
        float64 `[B + 1, runs of all models]` a cell, the sum on the sample first.
    """
    sums = {}
    for cell, rows in cells.items():
        patterns, times = np.unique(scores[:, rows], axis=1, return_counts=True)
        generator = derive_generator(study.seed, "bootstrap", "minimal pairs", *cell)
        drawn = generator.multinomial(len(rows), times / len(rows), size=study.resamples)
        counts = np.concatenate([times[None], drawn]).astype(np.float64)
        sums[cell] = counts @ patterns.T
    return sums


def _counts(
    generator: np.random.Generator, strata: Sequence[Rows], draws: int
) -> NDArray[np.float32]:
    """Draw how often each pair is in each resample, `[draws, pairs]`, strata side by side."""
    blocks = []
    for rows in strata:
        size = len(rows)
        drawn = generator.integers(0, size, size=(draws, size))
        drawn += np.arange(draws)[:, None] * size
        counted = np.bincount(drawn.ravel(), minlength=draws * size)
        blocks.append(counted.reshape(draws, size).astype(np.float32))
    return np.concatenate(blocks, axis=1)


def _resampled(study: Study, part: PairGroup, draws: int) -> Iterator[tuple[slice, Resamples]]:
    """Yield blocks of resamples small enough to hold; the sample itself comes first."""
    size = len(part.rows)
    yield slice(0, 1), Resamples(np.ones((1, size), dtype=np.float32))
    generator = derive_generator(study.seed, "bootstrap", "minimal pair margins", part.subset)
    step = max(1, _CELLS // size)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        counts = _counts(generator, tuple(part.cells.values()), rows)
        yield slice(1 + start, 1 + start + rows), Resamples(counts)


def ranked_draws(study: Study, part: PairGroup) -> int:
    """How many resamples a rank correlation on this part gets: B, fewer for many pairs.

    Ranking anew in every resample is the costly part; the interval says when there were fewer.

    >>> from types import SimpleNamespace as S
    >>> ranked_draws(S(resamples=2000), PairGroup("all", {("", ""): np.arange(1000)}))
    400
    """
    return min(study.resamples, max(200, _RANKED // len(part.rows)))


def spearman_tables(
    study: Study, part: PairGroup, columns: Sequence[tuple[Floats, Floats]]
) -> list[Floats]:
    """Draw Spearman's correlation of several pairs of margins over the same resamples.

    Args:
        study: gives the seed and B.
        part: the pairs.
        columns: (teacher's margins, student's margins), each `[m]` over all pairs.

    Returns:
        float64 `[B' + 1]` for each, NaN where a side is constant; B' is `ranked_draws`.
    """
    draws = ranked_draws(study, part)
    rows = part.rows
    results = [np.full(draws + 1, np.nan) for _ in columns]
    for block, resamples in _resampled(study, part, draws):
        for result, (x, y) in zip(results, columns, strict=True):
            result[block] = spearman_draws(resamples, x[rows], y[rows])
    return results
