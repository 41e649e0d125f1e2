"""Correlations of what two models say of the same examples, over all resamples.

Does: give the two variables that are correlated (confidences, log-odds margins, predicted scores),
the subsets they are correlated on, and the estimates. Does not: draw charts or average one model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from kdprobe.analysis.estimates import (
    HOW,
    EstimateKey,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.examples import DIGITS, confidence_of
from kdprobe.analysis.gold import NO_PROBABILITIES, mean_size
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Bools, Floats, Ints, blocks_of
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.correlations import Variables, several_pearson_draws
from kdprobe.stats.rank_correlations import several_spearman_draws

Subset = Literal["all", "agree", "disagree"]
FEWEST = 3  # two examples always correlate perfectly
BETWEEN_SEEDS = "between seeds"


class Sides(NamedTuple):
    """The two variables of a correlation, float64 `[n]` each."""

    a: Floats
    b: Floats


@dataclass(frozen=True)
class Correlation:
    """A metric: which variables, whether of their ranks, and whether (a, b) equals (b, a)."""

    metric: str
    sides: Callable[[Predictions, Predictions], Sides]
    ranks: bool = False
    symmetric: bool = True


def margin_of(values: Floats, classes: Ints) -> Floats:
    """Return the log-odds of one class of each example against all others together.

    Definition: log p_c - log(1 - p_c) = v_c - log sum_{j != c} exp v_j, for logits v or
    log-probabilities v alike. In this form nothing saturates: a probability that rounds to 1 still
    has its margin.

    Args:
        values: float64 `[n, c]`, c >= 2, logits or log-probabilities.
        classes: int64 `[n]`, the class of each example.

    Returns:
        float64 `[n]` in nats, unbounded; positive where the class has more than half.

    >>> margin_of(np.array([[0.0, 100.0], [3.0, 1.0]]), np.array([1, 1]))
    array([100.,  -2.])
    """
    margins = np.empty(len(values))
    for block in blocks_of(values):
        part, of = values[block], classes[block]
        rows, others = np.arange(len(part)), np.array(part, copy=True)
        others[rows, of] = -np.inf
        top = others.max(axis=1)
        rest = top + np.log(np.exp(others - top[:, None]).sum(axis=1))
        margins[block] = part[rows, of] - rest
    return margins


def _confidences(a: Predictions, b: Predictions) -> Sides:
    return Sides(confidence_of(a), confidence_of(b))


def _margins(a: Predictions, b: Predictions) -> Sides:
    one, other = (margin_of(run.values, a.predicted) for run in (a, b))
    return Sides(one.round(DIGITS), other.round(DIGITS))


def _scores(a: Predictions, b: Predictions) -> Sides:
    return Sides(a.scores, b.scores)


OF_PROBABILITIES = (
    Correlation("pearson", _confidences),
    Correlation("spearman", _confidences, ranks=True),
    Correlation("margin_pearson", _margins, symmetric=False),
    Correlation("margin_spearman", _margins, ranks=True, symmetric=False),
)
OF_SCORES = (
    Correlation("pearson", _scores),
    Correlation("spearman", _scores, ranks=True),
)


def mask_of(subset: Subset, a: Predictions, b: Predictions) -> Bools:
    """Return which examples belong to a subset, bool `[n]`."""
    if subset == "all":
        return np.ones(len(a.ids), dtype=bool)
    same: Bools = a.predicted == b.predicted
    return same if subset == "agree" else ~same


def why_undefined(correlation: Correlation, subset: Subset, a: Population, b: Population) -> str:
    """Return the reason why a correlation does not exist, from the first pair of runs at fault."""
    for run in a.runs:
        for other in b.runs:
            mask = mask_of(subset, run, other)
            if mask.sum() < FEWEST:
                return f"examples here: {int(mask.sum())}; a correlation needs at least {FEWEST}"
            for population, side in zip((a, b), correlation.sides(run, other), strict=True):
                if np.ptp(side[mask]) == 0:
                    return f"{population.name} says the same of every example here"
    return "the values differ by too little to correlate"


Wanted = tuple[Correlation, Subset]
Drawn = Mapping[tuple[int, int], Mapping[Wanted, Floats]]
"""Draws by the identities of two runs."""


def _draws(
    resamples: Resamples,
    wanted: Sequence[Wanted],
    run: Predictions,
    other: Predictions,
    known: Mapping[Wanted, Floats],
) -> dict[Wanted, Floats]:
    """Draw correlations of two runs, those of a subset together; NaN on too few examples."""
    sides = {each: each(run, other) for each in {correlation.sides for correlation, _ in wanted}}
    drawn = dict(known)
    by_value: dict[Wanted, Variables] = {}
    for subset in dict.fromkeys(subset for _, subset in wanted):
        mask = mask_of(subset, run, other)
        ranked: dict[Wanted, Variables] = {}
        for each in (each for each in wanted if each[1] == subset and each not in drawn):
            if mask.sum() < FEWEST:
                drawn[each] = np.full(len(resamples.counts), np.nan)
                continue
            x, y = (side[mask] for side in sides[each[0].sides])
            (ranked if each[0].ranks else by_value)[each] = Variables(mask, x, y)
        variables = [side for each in ranked.values() for side in (each.x, each.y)]
        pairs = [(2 * place, 2 * place + 1) for place in range(len(ranked))]
        correlated = several_spearman_draws(resamples.within(mask), variables, pairs)
        drawn |= dict(zip(ranked, correlated, strict=True))
    together = several_pearson_draws(resamples, list(by_value.values()))
    return {**drawn, **dict(zip(by_value, together, strict=True))}


def correlation_draws(
    study: Study,
    wanted: Sequence[Wanted],
    pair: tuple[Population, Population],
    known: Drawn = MappingProxyType({}),
) -> dict[Wanted, Floats]:
    """Return correlations of two models on subsets, float64 `[B + 1]` each, over pairs of runs.

    Args:
        study: the examples.
        wanted: which correlations on which subsets.
        pair: the models.
        known: some of them, see `pairs.py`.
    """
    resamples = resamples_of(study)
    drawn = {
        (id(a), id(b)): _draws(resamples, wanted, a, b, known.get((id(a), id(b)), {}))
        for a in pair[0].runs
        for b in pair[1].runs
    }

    def averaged(each: Wanted) -> Floats:
        return pair_draws_of(study, *pair, lambda run, other: drawn[id(run), id(other)][each])

    return {each: averaged(each) for each in wanted}


def without_values(study: Study, pair: tuple[Population, Population]) -> str:
    """Return why a pair has nothing to correlate; empty where it has."""
    bare = [model.name for model in pair if not model.has_probabilities]
    classes = study.split.task.kind == "classification"
    return f"{bare[0]}: {NO_PROBABILITIES}" if bare and classes else ""


def between_models(
    study: Study, wanted: Sequence[Wanted], pair: tuple[Population, Population], known: Drawn
) -> list[Estimate]:
    """Estimate correlations of two models on subsets, averaged over all pairs of their runs."""
    a, b = pair
    places = [EstimateKey(each.metric, a.name, b.name, subset) for each, subset in wanted]
    if lacking := without_values(study, pair):
        return [undefined_estimate(at, lacking) for at in places]
    sizes = {
        subset: mean_size([mask_of(subset, run, other) for run in a.runs for other in b.runs])
        for subset in {subset for _, subset in wanted}
    }
    drawn = correlation_draws(study, wanted, pair, known)
    return [
        estimate(
            at,
            drawn[each],
            n=sizes[each[1]],
            undefined="" if np.isfinite(drawn[each][0]) else why_undefined(*each, a, b),
        )
        for at, each in zip(places, wanted, strict=True)
    ]


def score_distance_draws(study: Study, pair: tuple[Population, Population]) -> Floats:
    """Return the mean absolute difference of two models' predicted scores, float64 `[B + 1]`."""
    resamples = resamples_of(study)
    return pair_draws_of(
        study, *pair, lambda run, other: resamples.mean(np.abs(run.scores - other.scores))
    )


def score_distance(study: Study, pair: tuple[Population, Population]) -> Estimate:
    """Estimate how far the predicted scores of two models lie apart."""
    a, b = pair
    at = EstimateKey("mean_absolute_difference", a.name, b.name)
    return estimate(at, score_distance_draws(study, pair), n=study.n, undefined="")


def score_bias(study: Study, pair: tuple[Population, Population]) -> Estimate:
    """Estimate how much higher the second model's predicted scores are than the first's."""
    a, b = pair
    resamples = resamples_of(study)
    draws = pair_draws_of(study, a, b, lambda run, other: resamples.mean(other.scores - run.scores))
    return estimate(EstimateKey("mean_difference", a.name, b.name), draws, n=study.n, undefined="")


def between_seeds(study: Study, correlation: Correlation, population: Population) -> Estimate:
    """Estimate how two runs of one model correlate: the ceiling for any other model.

    Averaged over all pairs of different runs; where the class explained is that of the first, both
    ways. The runs are not resampled: a run drawn twice would be compared with itself.
    """
    at = EstimateKey(correlation.metric, population.name, population.name, BETWEEN_SEEDS)
    if study.split.task.kind == "classification" and not population.has_probabilities:
        return undefined_estimate(at, f"{population.name}: {NO_PROBABILITIES}")
    resamples = resamples_of(study)
    runs = population.runs
    pairs = list((combinations if correlation.symmetric else permutations)(runs, 2))
    if study.n < FEWEST:
        reason = f"examples here: {study.n}; a correlation needs at least {FEWEST}"
        return undefined_estimate(at, reason, n=study.n)
    wanted: Wanted = (correlation, "all")
    draws = [_draws(resamples, [wanted], a, b, {})[wanted] for a, b in pairs]
    return estimate(
        at,
        np.mean(draws, axis=0),
        n=study.n,
        undefined="a run of this model says the same of every example",
        how=f"{HOW}; the runs themselves are not resampled",
    )
