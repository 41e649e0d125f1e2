"""Whether confidence is deserved: is a model that is 80 % sure right 8 times in 10?

Does: calibration errors beside what chance alone gives, Brier score, likelihood, the best
temperature, differences to the teacher, and reliability diagrams. Does not: change any probability,
or recommend a temperature for use: it is fitted on the examples it is judged on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from kdprobe.analysis.calibration.draws import (
    ERROR,
    CalibrationOptions,
    bins_of,
    no_temperature,
    simulated_null,
    statistics,
)
from kdprobe.analysis.calibration.metrics import metrics
from kdprobe.analysis.estimates import HOW, EstimateKey, draws_of, estimate, undefined_estimate
from kdprobe.analysis.examples import confidence_of
from kdprobe.analysis.gold import (
    NO_PROBABILITIES,
    first_run_note,
    gold_of,
    hits_of,
    no_right_and_wrong,
)
from kdprobe.analysis.protocol import Gold, described
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series
from kdprobe.stats.arrays import Floats
from kdprobe.stats.hypothesis_tests import wilson

_PLAIN = ("ece", "ece_equal_mass")
_BY_TESTS = f"all true errors that a test does not refuse, ordered by the {HOW}"
_NO_INTERVAL = "no interval: chance alone makes an ECE larger; calibration_error has one"
_DEPENDENT = "the simulated outcomes are independent, those of examples in one cluster are not"


def _of_model(
    study: Study, population: Population, options: CalibrationOptions, draws: dict[str, Floats]
) -> list[Estimate]:
    """Make the estimates of one model from its draws, and simulate chance."""
    name, clustered = population.name, study.split.clusters is not None
    estimates = [
        estimate(
            EstimateKey(metric, name),
            values,
            n=study.n,
            undefined=no_temperature(study, population),
            how=_BY_TESTS if metric == ERROR else HOW,
        )
        for metric, values in draws.items()
        if metric not in _PLAIN
    ]
    null = simulated_null(study, population, options)
    as_large = int((null >= draws["ece"][0]).sum())
    # Runs share their examples, so their average has another null than independent simulations.
    tested = len(population.runs) == 1 and not clustered
    for metric in _PLAIN:
        p = (1 + as_large) / (1 + len(null)) if metric == "ece" and tested else None
        at, value = EstimateKey(metric, name), float(draws[metric][0])
        estimates.append(Estimate(**vars(at), value=value, n=study.n, p_value=p, note=_NO_INTERVAL))
    if clustered:
        return estimates + [
            undefined_estimate(EstimateKey(metric, name), _DEPENDENT, n=study.n)
            for metric in ("ece_null", "ece_null_95")
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
    for metric in (ERROR, "brier", "nll"):
        at = EstimateKey(f"{metric}_difference", teacher.name, student.name)
        missing = [name for name in (teacher.name, student.name) if name not in draws]
        if missing:
            estimates.append(undefined_estimate(at, f"{missing[0]}: {NO_PROBABILITIES}"))
            continue
        paired = draws[student.name][metric] - draws[teacher.name][metric]
        how = _BY_TESTS if metric == ERROR else HOW
        estimates.append(estimate(at, paired, n=study.n, undefined="no examples", how=how))
    return estimates


def _reliability(study: Study, population: Population, bins: int) -> Series:
    """Lay out, for each bin that holds examples, mean confidence against the share of hits."""
    run = population.first
    members, held = bins_of(study, run, bins)
    filled, counts = np.unique(members, return_counts=True)
    hits = np.bincount(members, hits_of(run, gold_of(study)))[filled]
    # Clusters count as the independent examples that they are worth.
    bounds = [wilson(*each) for each in zip(hits * held.size / counts, held.size, strict=True)]
    return Series(
        name=population.name,
        x=tuple(float(confidence_of(run)[members == b].mean()) for b in filled),
        y=tuple((hits / counts).tolist()),
        low=tuple(ends.low if ends else None for ends in bounds),
        high=tuple(ends.high if ends else None for ends in bounds),
        counts=tuple(counts.tolist()),
        labels=tuple(f"{b / bins:.3f}–{(b + 1) / bins:.3f}" for b in filled),
    )


@dataclass(frozen=True)
class Calibration:
    """Compare confidence with the share of right predictions."""

    name: str = "calibration"
    version: int = 2
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
                of_run = statistics(study, options)
                average = partial(draws_of, study, model)
                draws[model.name] = {name: average(of) for name, of in of_run.items()}
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
                "The calibration error is an ECE's squared kind without the part that chance adds "
                "(Kumar et al. 2019); below 0, hits follow confidence more closely than those of a "
                "perfectly calibrated model would on average. Its interval holds all true errors "
                "that a test at 5 % does not refuse.",
                *first_run_note(study, "The reliability diagrams"),
            ),
        )


ANALYSIS = Calibration()
