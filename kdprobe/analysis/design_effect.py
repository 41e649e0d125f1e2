"""How much less dependent examples tell: the design effect of the headline numbers.

Does: divide the variance of a number over resamples of clusters by that over resamples of examples.
Does not: make the intervals of other analyses; those are over clusters already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, draws_of, pair_draws_of, resamples_of
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.task_scores import primary_statistic
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Metric
from kdprobe.stats.arrays import Floats
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.rank_correlations import spearman_draws
from kdprobe.tasks.clusters import codes_of

_METRIC = Metric(
    name="design_effect",
    label="design effect",
    definition="The variance of the number named as method over resamples of clusters, divided by "
    "its variance over resamples of single examples; the first run of each model. The examples "
    "tell as much about that number as n / (design effect) independent ones would.",
    minimum=0,
    source="Kish 1965",
)
_NOTE = "no interval: a ratio of the variances of resamples"
Number = tuple[str, str, str]


def _in_order_of_ids(study: Study) -> Study:
    """Return first runs alone, sorted by id, so that the order of the file moves no variance."""
    models = tuple(replace(model, runs=model.runs[:1]) for model in study.models)
    sorted_ = replace(study, models=models).take(np.argsort(np.array(study.split.ids)))
    assert sorted_.split.clusters is not None  # else it would not run
    clusters = codes_of(sorted_.split.clusters.tolist())
    return replace(sorted_, split=replace(sorted_.split, clusters=clusters))


def _scores(study: Study) -> Iterator[tuple[Number, Floats]]:
    """Draw the primary score of every model, and each student's difference to the teacher."""
    if study.split.labels is None:
        return
    statistic, name = primary_statistic(study), primary_name(study)
    drawn = {model.name: draws_of(study, model, statistic) for model in study.models}
    yield from (((name, model, ""), draws) for model, draws in drawn.items())
    teacher = study.teacher.name
    for student in study.students:
        at = (f"{name}_difference", teacher, student.name)
        yield at, drawn[student.name] - drawn[teacher]


def _closeness(study: Study, student: Population) -> Iterator[tuple[Number, Floats]]:
    """Draw agreement, kappa and the correlation of confidences, or of the scores."""
    sample = resamples_of(study)
    one, other = study.teacher.first, student.first
    drawn: dict[str, Callable[[Predictions, Predictions], Floats]] = {}
    if study.split.task.kind == "regression":
        drawn["spearman"] = lambda a, b: spearman_draws(sample, a.scores, b.scores)
    else:
        pairing = Pairing(sample, one.predicted, other.predicted, study.classes)
        drawn["agreement"] = lambda a, b: pairing.observed
        drawn["cohens_kappa"] = lambda a, b: pairing.kappa().draws
        if one.has_probabilities and other.has_probabilities:
            drawn["spearman"] = lambda a, b: spearman_draws(sample, a.confidence, b.confidence)
    for name, of in drawn.items():
        at = (name, study.teacher.name, student.name)
        yield at, pair_draws_of(study, study.teacher, student, of)


def _headline(study: Study) -> dict[Number, tuple[Floats, int]]:
    known = study.with_gold()
    numbers = {at: (draws, known.n) for at, draws in _scores(known)}
    for student in study.students:
        numbers |= {at: (draws, study.n) for at, draws in _closeness(study, student)}
    return numbers


def _effect(at: Number, clustered: Floats, single: Floats, n: int) -> Estimate:
    place = EstimateKey(_METRIC.name, at[1], at[2], method=at[0])
    spread = float(np.nanvar(single[1:])) if np.isfinite(single[1:]).any() else 0.0
    if not np.isfinite(single[0]):
        return Estimate(**vars(place), n=n, undefined=f"{at[0]} is undefined")
    if spread == 0.0:
        reason = f"{at[0]} is the same in every resample of single examples"
        return Estimate(**vars(place), n=n, undefined=reason)
    value = float(np.nanvar(clustered[1:])) / spread
    return Estimate(**vars(place), value=value, n=n, note=_NOTE)


@dataclass(frozen=True)
class DesignEffect:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = "design_effect"
    version: int = 1
    title: str = "Design effect"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = (_METRIC.name,)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies of independent examples."""
        if study.split.clusters is None:
            return "no column says which examples depend on each other (`cluster=COLUMN`)"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Draw the headline numbers over clusters and over examples; `done` is not read."""
        study = _in_order_of_ids(study)
        single = replace(study, split=replace(study.split, clusters=None, clustered_by=""))
        clustered, alone = _headline(study), _headline(single)
        return AnalysisResult(
            **described(self, options),
            caption=f"The {study.n:,} examples are {study.clusters_in():,} clusters of equal "
            f"{study.split.clustered_by!r}. A design effect of 2: half as many independent "
            "examples would tell as much, and an interval that took these for independent would "
            "be 1.4 times too narrow.",
            metrics=(_METRIC,),
            estimates=tuple(
                _effect(at, draws, alone[at][0], n) for at, (draws, n) in clustered.items()
            ),
        )


ANALYSIS = DesignEffect()
