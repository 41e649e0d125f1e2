"""The draws behind the numbers of `calibration`, one run at a time.

Does: bin confidences and draw calibration errors, Brier score, likelihood and best temperature;
simulate a calibrated model. Does not: make estimates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import Field

from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.examples import confidence_of
from kdprobe.analysis.gold import gold_of, hits_of
from kdprobe.config.base import Options
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.seeds import derive_generator
from kdprobe.stats import calibration as _calibration
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.calibration_error import (
    Bins,
    debiased_square,
    filled_bins,
    in_order_of,
    rank_squares,
    signed_root,
    square_quantiles,
)
from kdprobe.stats.temperature import Fit, fit_temperatures

ERROR = "calibration_error"
Statistic = Callable[[Predictions], Floats]


class CalibrationOptions(Options):
    """How finely confidences are binned, and how long chance is simulated."""

    bins: int = Field(default=15, ge=2, le=200, description="number of bins of confidence")
    simulations: int = Field(
        default=2000,
        ge=100,
        le=100_000,
        description="outcomes drawn for the ECE of a calibrated model",
    )


def statistics(study: Study, options: CalibrationOptions) -> dict[str, Statistic]:
    """Return the draws of each metric, for one run."""
    bins = options.bins
    gold, resamples = gold_of(study), resamples_of(study)
    rows = np.arange(study.n)

    def error(run: Predictions, binned: Callable[[Floats, int], Ints]) -> Floats:
        sure = confidence_of(run)
        gaps = hits_of(run, gold) - sure
        return _calibration.ece_draws(resamples, gaps, binned(sure, bins), bins=bins)

    fits: dict[int, Fit] = {}

    def fit(run: Predictions) -> Fit:
        if id(run) not in fits:
            fits[id(run)] = fit_temperatures(resamples, run.values, gold)
        return fits[id(run)]

    def brier(run: Predictions) -> Floats:
        distance = np.exp(run.log_probabilities)
        distance[rows, gold] -= 1.0
        return resamples.mean((distance**2).sum(axis=1))

    return {
        ERROR: lambda run: _debiased(study, options, run),
        "ece": lambda run: error(run, _calibration.equal_width),
        "ece_equal_mass": lambda run: error(run, _calibration.equal_mass),
        "overconfidence": lambda run: resamples.mean(confidence_of(run) - hits_of(run, gold)),
        "brier": brier,
        "nll": lambda run: resamples.mean(-run.log_probabilities[rows, gold]),
        "temperature": lambda run: fit(run).temperature,
        "nll_at_temperature": lambda run: fit(run).nll,
    }


def bins_of(study: Study, run: Predictions, bins: int) -> tuple[Ints, Bins]:
    """Return the bin of each example, int64 `[n]`, and what the filled bins hold."""
    sure, hits = confidence_of(run), hits_of(run, gold_of(study)).astype(np.float64)
    members = _calibration.equal_width(sure, bins)
    return members, filled_bins(sure, hits, members, study.split.clusters)


def _debiased(study: Study, options: CalibrationOptions, run: Predictions) -> Floats:
    hits = hits_of(run, gold_of(study)).astype(np.float64)
    return debiased_error(study, options, confidence_of(run), hits)


def debiased_error(study: Study, options: CalibrationOptions, sure: Floats, hits: Floats) -> Floats:
    """Draw a calibration error from its confidence distribution, float64 `[B + 1]`.

    Args:
        study: the examples, the seed and B.
        options: of the bins and of the simulation.
        sure: what is claimed of each example, float64 `[n]` in 0..1.
        hits: whether it is so, 0 or 1, float64 `[n]`.
    """
    members = _calibration.equal_width(sure, options.bins)
    bins = filled_bins(sure, hits, members, study.split.clusters)
    order = rank_squares(resamples_of(study), hits - sure, members, bins=options.bins)
    draws = len(order) - 1
    quantiles = square_quantiles(
        bins,
        (np.arange(draws) + 0.5) / max(draws, 1),
        simulations=options.simulations,
        generator=derive_generator(study.seed, "calibration", "debiased"),
    )
    return signed_root(in_order_of(order, float(debiased_square(bins)), quantiles))


def no_temperature(study: Study, population: Population) -> str:
    """Return the reason why no temperature is best."""
    gold = gold_of(study)
    if any(hits_of(run, gold).all() for run in population.runs):
        return "every prediction is right, so the loss falls as long as the temperature falls"
    return (
        "the loss falls as long as the temperature rises: these probabilities tell no more about "
        "the gold labels than guessing"
    )


def simulated_null(study: Study, population: Population, options: CalibrationOptions) -> Floats:
    """Simulate the ECE of a calibrated model, averaged over the runs; float64 `[simulations]`."""
    simulated = []
    for place, run in enumerate(population.runs):
        sure = confidence_of(run)
        simulated.append(
            _calibration.simulate_null(
                sure,
                _calibration.equal_width(sure, options.bins),
                bins=options.bins,
                simulations=options.simulations,
                generator=derive_generator(
                    study.seed, "calibration", "null", population.name, str(place)
                ),
            )
        )
    averaged: Floats = np.mean(simulated, axis=0)
    return averaged
