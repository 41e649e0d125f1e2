"""The numbers of every student of a sweep, by the code that `kdprobe compare` uses.

Does: task scores, closeness to the teacher, the same of each single run, and the fronts. Does not:
define a score; the analyses do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kdprobe.analysis.agreement.metrics import METRICS as AGREEMENT
from kdprobe.analysis.agreement.pair_view import PairView
from kdprobe.analysis.agreement.pairs import pair_estimates
from kdprobe.analysis.clusters import by_cluster
from kdprobe.analysis.confidence.margins import OF_SCORES, correlation_draws
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.analysis.task_scores import ANALYSIS as TASK_SCORES
from kdprobe.analysis.task_scores import UNDEFINED, TaskScoresOptions
from kdprobe.analysis.task_scores.metrics import METRICS as SCORES
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate, Metric
from kdprobe.results.sweep import Front
from kdprobe.stats.pareto import Point, non_dominated
from kdprobe.sweeping.statistics import interval_method

CLOSE = ("agreement", "cohens_kappa", "kl")
PEARSON = SCORES["pearson"].model_copy(
    update={
        "name": "pearson_to_teacher",
        "label": "Pearson with the teacher",
        "definition": "The linear correlation of the student's scores with the teacher's.",
    }
)
DEFINED: Mapping[str, Metric] = {
    **SCORES,
    **{name: AGREEMENT[name] for name in CLOSE},
    PEARSON.name: PEARSON,
}
_FRONTS = (
    ("score-parameters", "score", "parameters", True),
    ("score-throughput", "score", "throughput", False),
    ("closeness-parameters", "closeness", "parameters", True),
)


def closeness_of(study: Study) -> str:
    """Return the metric of closeness to the teacher, more being closer."""
    return PEARSON.name if study.split.task.kind == "regression" else "agreement"


def closeness_rows(study: Study) -> Mapping[str, str]:
    """Return the numbers of closeness, and their rows in `analysis.student_differences`."""
    if study.split.task.kind == "regression":
        return {PEARSON.name: "score_pearson"}
    return {name: name for name in CLOSE}


def numbers(study: Study) -> tuple[Estimate, ...]:
    """Return the task scores of every model, and each student's closeness to the teacher.

    An interval says whether it is over the examples alone or over the student's seeds as well.
    """
    scored = TASK_SCORES.run(study, TaskScoresOptions(per_label=False), {}).estimates
    models = {model.name: model for model in study.models}
    estimates = [number for number in scored if number.model_a in models and not number.model_b]
    for student in study.students:
        estimates += _closeness(study, student)
    return tuple(
        by_cluster(
            _with_origin(number, models[number.model_b or number.model_a]),
            DEFINED[number.metric], study,
        )
        for number in estimates
    )  # fmt: skip


def _closeness(study: Study, student: Population) -> list[Estimate]:
    if study.split.task.kind != "regression":
        pair = pair_estimates(PairView(study, study.teacher, student))
        return [number for number in pair if number.metric in CLOSE and not number.method]
    pearson = next(one for one in OF_SCORES if one.metric == "pearson")
    draws = correlation_draws(study, [(pearson, "all")], (study.teacher, student))[pearson, "all"]
    at = EstimateKey(PEARSON.name, study.teacher.name, student.name)
    return [estimate(at, draws, n=study.n, undefined=UNDEFINED["pearson"])]


def _with_origin(number: Estimate, model: Population) -> Estimate:
    """Add what the interval of a bootstrap is over; other intervals have it already."""
    if not number.interval.startswith("paired bootstrap"):
        return number
    return number.model_copy(update={"interval": interval_method(model)})


def of_each_run(study: Study, runs: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Return the same numbers of each single run, undefined ones left out.

    Args:
        study: the teacher and the students.
        runs: the runs' names of each student, in the order of its predictions.

    Returns:
        By the run's name, then by metric.
    """
    single = [
        Population(name, "student", (predictions,))
        for student in study.students
        for name, predictions in zip(runs[student.name], student.runs, strict=True)
    ]
    # Without resamples: the values alone, a hundred times cheaper.
    alone = replace(study, models=(study.teacher, *single), resamples=0)
    values: dict[str, dict[str, float]] = {model.name: {} for model in single}
    for number in numbers(alone):
        name = number.model_b or number.model_a
        if name in values and number.value is not None:
            values[name][number.metric] = number.value
    return values


def fronts(study: Study, estimates: Sequence[Estimate], *, score: str) -> tuple[Front, ...]:
    """Compute the Pareto fronts: score and closeness against size, score against speed."""
    value = {(e.metric, e.model_b or e.model_a): e.value for e in estimates}
    names = {"score": score, "closeness": closeness_of(study)}
    listed = []
    for name, gain, cost, falls in _FRONTS:
        points = []
        for student in study.students:
            price, gained = value[cost, student.name], value[names[gain], student.name]
            if price is not None and gained is not None:
                points.append(Point(student.name, price, gained))
        listed.append(
            Front(
                name=name,
                gain=names[gain],
                cost=cost,
                cost_falls=falls,
                students=non_dominated(points, cost_falls=falls),
            )
        )
    return tuple(listed)
