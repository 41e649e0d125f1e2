"""How sure the models are, and whether they are sure of the same examples.

Does: average confidence on hits and mistakes, correlations of confidences and of log-odds margins
for every pair of models, and the correlation between seeds as their ceiling. For a regression it
correlates the predicted scores. Does not: ask whether confidence is deserved; `calibration` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kdprobe.analysis.confidence import margins as _margins
from kdprobe.analysis.confidence import metrics as _confidence_metrics
from kdprobe.analysis.confidence.margins import (
    Subset,
    between_seeds,
    score_bias,
    score_distance,
)
from kdprobe.analysis.confidence.pairs import between_all
from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.examples import random_rows
from kdprobe.analysis.gold import (
    NO_GOLD,
    NO_PROBABILITIES,
    first_run_note,
    gold_of,
    hits_of,
    labelled_note,
    mean_size,
    no_right_and_wrong,
    several_runs,
)
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Curve, Estimate, Series, Table
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.bootstrap import mean_within

_POINTS = 5_000  # of a chart; as many examples as a page carries
_ALL_POINTS = 6_000  # of all charts together, where those are more than three
_SUBSETS = ("all", "hits", "mistakes")
_PAIR_SUBSETS: tuple[Subset, ...] = ("all", "agree", "disagree")


def _mask(study: Study, run: Predictions, subset: str) -> Bools:
    if subset == "all":
        return np.ones(study.n, dtype=bool)
    right = hits_of(run, gold_of(study))
    return right if subset == "hits" else ~right


def _about(study: Study, subset: str) -> Study:
    """Return the examples that a subset is taken of: hits and mistakes need gold labels."""
    return study if subset == "all" else study.with_gold()


def _mean(study: Study, population: Population, subset: str) -> Estimate:
    """Estimate a model's mean confidence over all examples, its hits or its mistakes."""
    at = EstimateKey("mean_confidence", population.name, subset=subset)
    if not population.has_probabilities:
        return undefined_estimate(at, NO_PROBABILITIES)
    study = _about(study, subset)
    if subset != "all" and no_right_and_wrong(study):
        return undefined_estimate(at, NO_GOLD)
    population = next(model for model in study.models if model.name == population.name)
    resamples = resamples_of(study)
    return estimate(
        at,
        draws_of(
            study,
            population,
            lambda run: mean_within(resamples, _mask(study, run, subset), run.confidence),
        ),
        n=mean_size([_mask(study, run, subset) for run in population.runs]),
        undefined=f"{population.name} makes no {subset}",
    )


def _difference(study: Study, a: Population, b: Population) -> Estimate:
    """Estimate by how much model_b is the more confident."""
    at = EstimateKey("confidence_difference", a.name, b.name)
    for population in (a, b):
        if not population.has_probabilities:
            return undefined_estimate(at, f"{population.name}: {NO_PROBABILITIES}")
    resamples = resamples_of(study)

    def mean(run: Predictions) -> Floats:
        return resamples.mean(run.confidence)

    draws = draws_of(study, b, mean) - draws_of(study, a, mean)
    return estimate(at, draws, n=study.n, undefined="there are no examples")


def _averages(study: Study) -> Table:
    """Lay out mean and standard deviation of confidence, as the thesis shows them (P2)."""
    rows = []
    labelled = no_right_and_wrong(study) is None
    for place, population in enumerate(study.models):
        if not population.has_probabilities:
            continue
        for subset in _SUBSETS if labelled else _SUBSETS[:1]:
            about = _about(study, subset)
            runs = about.models[place].runs
            masks = [_mask(about, run, subset) for run in runs]
            confidences = np.concatenate([run.confidence for run in runs])
            values = confidences[np.concatenate(masks)]
            rows.append(
                (
                    population.name,
                    subset,
                    mean_size(masks),
                    float(values.mean()) if len(values) else None,
                    float(values.std()) if len(values) else None,
                )
            )
    return Table(
        name="P2",
        title="Average confidence",
        caption="Mean and standard deviation of the probability given to the predicted class; "
        "an empty cell: no such prediction. Several runs of a model are pooled, and the count is "
        "the average over them.",
        columns=(
            Column(name="model", label="model"),
            Column(name="subset", label="examples"),
            Column(name="n", label="n", kind="count"),
            Column(name="mean", label="mean confidence", kind="number", unit="probability"),
            Column(name="sd", label="standard deviation", kind="number", unit="probability"),
        ),
        rows=tuple(rows),
    )


def _scatter(study: Study, a: Population, b: Population, most: int, *, regression: bool) -> Curve:
    """Draw what two models say of each example against each other, `most` points."""
    one, other = a.first, b.first
    x, y = (run.scores if regression else run.confidence for run in (one, other))
    groups = (
        {"examples": np.ones(study.n, dtype=bool)}
        if regression
        else {name: _margins.mask_of(name, one, other) for name in _PAIR_SUBSETS[1:]}
    )
    what = "predicted score" if regression else "confidence"
    shown, sampled = np.ones(study.n, dtype=bool), ""
    if study.n > most:
        shown[:] = False
        shown[random_rows(study, ~shown, top=most, names=("confidence", "points"))] = True
        sampled = f" {most:,} of the {study.n:,} examples are drawn, chosen at random."
    apart = (
        ""
        if regression
        else " On examples where they disagree the two confidences are about different labels."
    )
    return Curve(
        name=f"{a.name}:{b.name}",
        title=f"{what.capitalize()} of {a.name} and {b.name}",
        caption=f"Each point is an example: the {what} of {a.name} to the right, that of {b.name} "
        f"upwards.{apart}{sampled}",
        kind="scatter",
        x_title=f"{what} of {a.name}",
        y_title=f"{what} of {b.name}",
        series=tuple(
            Series(
                name=name,
                x=tuple(x[mask & shown].tolist()),
                y=tuple(y[mask & shown].tolist()),
                labels=tuple(study.split.ids[row] for row in np.flatnonzero(mask & shown)),
            )
            for name, mask in groups.items()
        ),
    )


def _histogram(study: Study, populations: list[Population]) -> Curve:
    """Draw how the confidences of each model are spread."""
    # Two classes leave only the upper half of the axis, so they get bins half as wide.
    edges = np.linspace(0.0, 1.0, (20 if study.classes == 2 else 10) + 1)
    edges = edges[int(np.searchsorted(edges, 1.0 / study.classes, side="right")) - 1 :]
    names = tuple(f"{low:.2f}–{high:.2f}".replace("0.", ".") for low, high in pairwise(edges))
    series = []
    for population in populations:
        # Rounding can leave a confidence a hair outside of 1/k..1; it belongs to the end bins.
        inside = np.clip(population.first.confidence, edges[0], 1.0)
        counts = np.histogram(inside, edges)[0]
        series.append(
            Series(
                name=population.name,
                x=tuple(((edges[:-1] + edges[1:]) / 2).tolist()),
                y=tuple((counts / study.n).tolist()),
                counts=tuple(counts.tolist()),
                labels=names,
            )
        )
    return Curve(
        name="confidences",
        title="How sure the models are",
        caption=f"The share of the {study.n} examples in each range of confidence. No confidence "
        f"can be below 1/{study.classes}: the predicted class is the likeliest.",
        kind="bars",
        x_title="confidence",
        y_title="share of examples",
        series=tuple(series),
    )


def _correlations(study: Study, *, regression: bool) -> list[Estimate]:
    """Estimate all correlations between models, and between the seeds of one model."""
    chosen = _margins.OF_SCORES if regression else _margins.OF_PROBABILITIES
    subsets = _PAIR_SUBSETS[:1] if regression else _PAIR_SUBSETS
    wanted = [(correlation, subset) for subset in subsets for correlation in chosen]
    return between_all(study, wanted) + [
        between_seeds(study, correlation, population)
        for population in several_runs(study)
        for correlation in chosen
    ]


@dataclass(frozen=True)
class Confidence:
    """Compare how sure the models are."""

    name: str = "confidence"
    version: int = 1
    title: str = "Confidence"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(
        dict.fromkeys(
            metric.name
            for metric in (*_confidence_metrics.OF_PROBABILITIES, *_confidence_metrics.OF_SCORES)
        )
    )
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """At least one model must say more than a label."""
        if study.split.task.kind == "regression":
            return (
                "a regression has no confidences, and one model has nothing to be compared with"
                if len(study.models) < 2
                else None
            )
        if not any(population.has_probabilities for population in study.models):
            return "of all models only the predicted labels are known, no probabilities"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Average confidences, and correlate them for every pair of models."""
        regression = study.split.task.kind == "regression"
        known = [model for model in study.models if regression or model.has_probabilities]
        drawn = [(a, b) for a, b in study.pairs if a is study.teacher and a in known and b in known]
        most = _POINTS if len(drawn) <= 3 else _ALL_POINTS // len(drawn)
        estimates: list[Estimate] = []
        if not regression:
            estimates += [_mean(study, model, part) for model in study.models for part in _SUBSETS]
            estimates += [_difference(study, a, b) for a, b in study.pairs]
        else:
            measures = (score_distance, score_bias)
            estimates += [measure(study, (a, b)) for measure in measures for a, b in study.pairs]
        return AnalysisResult(
            **described(self, options),
            caption="Are the models sure of the same examples? A correlation near the one between "
            "two seeds of one model is as good as it gets; without seeds there is no such ceiling."
            if not regression
            else "Do the models give the same examples high and low scores?",
            metrics=_confidence_metrics.OF_SCORES
            if regression
            else _confidence_metrics.OF_PROBABILITIES,
            estimates=(*estimates, *_correlations(study, regression=regression)),
            tables=() if regression else (_averages(study),),
            curves=(
                *(_scatter(study, a, b, most, regression=regression) for a, b in drawn),
                *(() if regression else (_histogram(study, known),)),
            ),
            notes=(
                *first_run_note(study, "The charts"),
                *(() if regression else labelled_note(study, "Hits and mistakes")),
            ),
        )


ANALYSIS = Confidence()
