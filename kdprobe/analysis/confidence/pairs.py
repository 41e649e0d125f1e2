"""Correlations of all pairs of models, the ranks of each model taken once.

Does: correlate ranks over all examples of one model with those of many. Does not: know which
variables are correlated, or the correlations on subsets, which each pair has of its own;
`margins.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from kdprobe.analysis.confidence.margins import (
    FEWEST,
    Drawn,
    Wanted,
    between_models,
    without_values,
)
from kdprobe.analysis.estimates import resamples_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.rank_correlations import several_spearman_draws


def between_all(study: Study, wanted: Sequence[Wanted]) -> list[Estimate]:
    """Estimate correlations of every pair of models, see `between_models`."""
    estimates: list[Estimate] = []
    for first, pairs in groupby(study.pairs, key=itemgetter(0)):
        others = [other for _, other in pairs]
        able = [other for other in others if not without_values(study, (first, other))]
        known = _ranked_draws(study, wanted, first, able)
        for other in others:
            estimates += between_models(study, wanted, (first, other), known)
    return estimates


def _ranked_draws(
    study: Study, wanted: Sequence[Wanted], first: Population, others: Sequence[Population]
) -> Drawn:
    """Correlate ranks of a model over all examples with those of others, each ranked once.

    Of a correlation the first side is of the first run alone, so that it is the same with all.
    """
    of_ranks = [each for each in wanted if each[0].ranks and each[1] == "all"]
    resamples, runs = resamples_of(study), [run for other in others for run in other.runs]
    drawn: dict[tuple[int, int], dict[Wanted, Floats]] = {}
    if study.n < FEWEST or not runs:
        return drawn
    for run in first.runs:
        for each in of_ranks:
            sides = [each[0].sides(run, other) for other in runs]
            variables = [sides[0].a, *(side.b for side in sides)]
            pairs = [(0, place) for place in range(1, len(variables))]
            correlated = several_spearman_draws(resamples, variables, pairs)
            for other, draws in zip(runs, correlated, strict=True):
                drawn.setdefault((id(run), id(other)), {})[each] = draws
    return drawn
