"""Whether confidence is deserved: is a model that is 80 % sure right 8 times in 10?

Does: calibration errors beside what chance alone gives, Brier score, likelihood, the best
temperature, differences to the teacher, and reliability diagrams. Does not: change any probability,
or recommend a temperature for use: it is fitted on the examples it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from pydantic import Field

from kdprobe.analysis.calibration.metrics import metrics
from kdprobe.analysis.estimates import (
    HOW,
    EstimateKey,
    draws_of,
    estimate,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.gold import (
    NO_PROBABILITIES,
    first_run_note,
    gold_of,
    hits_of,
    no_right_and_wrong,
)
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.predictions import (
    Population,
    Predictions,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series
from kdprobe.seeds import derive_generator
from kdprobe.stats import calibration as _calibration
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.hypothesis_tests import wilson

Statistic = Callable[[Predictions], Floats]

_CENTRED = f"{HOW}, centred on the value"
_DIGITS = 12  # equal confidences must share a bin, whatever their last bit says


class CalibrationOptions(Options):
    """How finely confidences are binned, and how long chance is simulated."""

    bins: int = Field(default=15, ge=2, le=200, description="number of bins of confidence")
    simulations: int = Field(
        default=2000,
        ge=100,
        le=100_000,
        description="outcomes drawn for the ECE of a calibrated model",
    )


def _confidence(run: Predictions) -> Floats:
    return run.confidence.round(_DIGITS)


def _statistics(study: Study, bins: int) -> dict[str, Statistic]:
    """Return the draws of each metric, for one run."""
    gold, resamples = gold_of(study), resamples_of(study)
    rows = np.arange(study.n)

    def error(run: Predictions, binned: Callable[[Floats, int], Ints]) -> Floats:
        sure = _confidence(run)
        gaps = hits_of(run, gold) - sure
        draws = _calibration.ece_draws(resamples, gaps, binned(sure, bins), bins=bins)
        return _calibration.centred(draws)

    def brier(run: Predictions) -> Floats:
        distance = np.exp(run.log_probabilities)
        distance[rows, gold] -= 1.0
        return resamples.mean((distance**2).sum(axis=1))

    return {
        "ece": lambda run: error(run, _calibration.equal_width),
        "ece_equal_mass": lambda run: error(run, _calibration.equal_mass),
        "overconfidence": lambda run: resamples.mean(_confidence(run) - hits_of(run, gold)),
        "brier": brier,
        "nll": lambda run: resamples.mean(-run.log_probabilities[rows, gold]),
        "temperature": lambda run: (
            _calibration.fit_temperatures(resamples, run.values, gold).temperature
        ),
        "nll_at_temperature": lambda run: (
            _calibration.fit_temperatures(resamples, run.values, gold).nll
        ),
    }


def _no_temperature(study: Study, population: Population) -> str:
    """Return the reason why no temperature is best."""
    gold = gold_of(study)
    if any(hits_of(run, gold).all() for run in population.runs):
        return "every prediction is right, so the loss falls as long as the temperature falls"
    return (
        "the loss falls as long as the temperature rises: these probabilities tell no more about "
        "the gold labels than guessing"
    )


def _null(study: Study, population: Population, options: CalibrationOptions) -> Floats:
    """Simulate the ECE of a calibrated model, averaged over the runs; float64 `[simulations]`."""
    simulated = []
    for place, run in enumerate(population.runs):
        sure = _confidence(run)
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


def _of_model(
    study: Study, population: Population, options: CalibrationOptions, draws: dict[str, Floats]
) -> list[Estimate]:
    """Make the estimates of one model from its draws, and simulate chance."""
    null = _null(study, population, options)
    # Runs share their examples, so their average has another null than independent simulations.
    single = len(population.runs) == 1
    as_large = int((null >= draws["ece"][0]).sum())
    estimates = [
        estimate(
            EstimateKey(metric, population.name),
            values,
            n=study.n,
            undefined=_no_temperature(study, population),
            p_value=(1 + as_large) / (1 + len(null)) if metric == "ece" and single else None,
            how=_CENTRED if metric.startswith("ece") else HOW,
        )
        for metric, values in draws.items()
    ]
    estimates.append(
        estimate(
            EstimateKey("ece_null", population.name),
            np.concatenate([[null.mean()], null]),
            n=study.n,
            undefined="nothing was simulated",
            how=f"the middle 95 % of {options.simulations:,} simulated outcomes",
        )
    )
    estimates.append(
        Estimate(
            metric="ece_null_95",
            model_a=population.name,
            value=float(np.quantile(null, 0.95)),
            n=study.n,
            note=f"no interval: a percentile of {options.simulations:,} simulated outcomes",
        )
    )
    return estimates


def _differences(
    study: Study, student: Population, draws: Mapping[str, dict[str, Floats]]
) -> list[Estimate]:
    """Estimate how much worse calibrated a student is than the teacher, on paired resamples."""
    teacher = study.teacher
    estimates = []
    for metric in ("ece", "brier", "nll"):
        at = EstimateKey(f"{metric}_difference", teacher.name, student.name)
        missing = [name for name in (teacher.name, student.name) if name not in draws]
        if missing:
            estimates.append(undefined_estimate(at, f"{missing[0]}: {NO_PROBABILITIES}"))
            continue
        paired = draws[student.name][metric] - draws[teacher.name][metric]
        how = _CENTRED if metric == "ece" else HOW
        estimates.append(estimate(at, paired, n=study.n, undefined="no examples", how=how))
    return estimates


def _reliability(study: Study, population: Population, bins: int) -> Series:
    """Lay out, for each bin that holds examples, mean confidence against the share of hits."""
    gold, run = gold_of(study), population.first
    sure, right = _confidence(run), hits_of(run, gold)
    members = _calibration.equal_width(sure, bins)
    counts = np.bincount(members, minlength=bins)
    filled = np.flatnonzero(counts)
    hits = np.bincount(members, right, minlength=bins)
    bounds = [wilson(int(hits[b]), int(counts[b])) for b in filled]
    return Series(
        name=population.name,
        x=tuple(float(sure[members == b].mean()) for b in filled),
        y=tuple(float(hits[b] / counts[b]) for b in filled),
        low=tuple(ends.low if ends else None for ends in bounds),
        high=tuple(ends.high if ends else None for ends in bounds),
        counts=tuple(int(counts[b]) for b in filled),
        labels=tuple(f"{b / bins:.3f}–{(b + 1) / bins:.3f}" for b in filled),
    )


@dataclass(frozen=True)
class Calibration:
    """Compare confidence with the share of right predictions."""

    name: str = "calibration"
    version: int = 1
    title: str = "Calibration"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "needed"
    defines: tuple[str, ...] = tuple(metric.name for metric in metrics(CalibrationOptions().bins))
    options: type[CalibrationOptions] = CalibrationOptions

    def skip_reason(self, study: Study) -> str | None:
        """Right and wrong must exist, and probabilities of at least one model."""
        reason = no_right_and_wrong(study)
        if reason is None and not any(model.has_probabilities for model in study.models):
            reason = "of all models only the predicted labels are known, no probabilities"
        return reason

    def run(
        self, study: Study, options: CalibrationOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate every metric of every model, the differences, and draw reliability."""
        explained = metrics(options.bins)
        draws: dict[str, dict[str, Floats]] = {}
        estimates: list[Estimate] = []
        for model in study.models:
            if model.has_probabilities:
                statistics = _statistics(study, options.bins)
                average = partial(draws_of, study, model)
                draws[model.name] = {name: average(of) for name, of in statistics.items()}
                estimates += _of_model(study, model, options, draws[model.name])
            else:
                estimates += [
                    undefined_estimate(EstimateKey(metric.name, model.name), NO_PROBABILITIES)
                    for metric in explained
                    if not metric.name.endswith("_difference")
                ]
        for student in study.students:
            estimates += _differences(study, student, draws)
        return AnalysisResult(
            **described(self, options),
            caption="Is a model that is 80 % sure right 8 times in 10? Soft targets often hand the "
            "teacher's doubts on, or its overconfidence.",
            metrics=explained,
            estimates=tuple(estimates),
            curves=(
                Curve(
                    name="reliability",
                    title="Reliability",
                    caption="Each point is a bin of predictions: mean confidence to the right, the "
                    "share of them that is right upwards, with Wilson's 95 % interval. Below the "
                    "diagonal: overconfident. The bars count the examples.",
                    kind="reliability",
                    x_title="mean confidence",
                    y_title="share right",
                    series=tuple(
                        _reliability(study, model, options.bins)
                        for model in study.models
                        if model.has_probabilities
                    ),
                ),
            ),
            notes=(
                "The interval of an ECE is centred on its value: resampling alone makes any ECE "
                "larger.",
                *first_run_note(study, "The reliability diagrams"),
            ),
        )


ANALYSIS = Calibration()
