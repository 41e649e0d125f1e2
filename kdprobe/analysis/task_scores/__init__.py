"""How well each model does the task, and how far each student is from its teacher.

Does: accuracy, MCC, F1, precision and recall by label, those of several labels at once, or the
correlations and errors of a regression; differences student minus teacher with a paired interval;
baselines. Does not: test anything (`paired_tests` does) or look at slices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, draws_of, estimate, resamples_of
from kdprobe.analysis.protocol import Gold, described
from kdprobe.analysis.student_gaps.gaps import gap_estimate
from kdprobe.analysis.task_scores.metrics import METRICS
from kdprobe.analysis.task_scores.run_scores import NO_LABEL, RunScore, label_scores, set_scores
from kdprobe.analysis.task_scores.views import forest, label_table, primary_name
from kdprobe.config.base import Options
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Table
from kdprobe.stats import classification as _scores
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.classification import Counts, counts_of
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.rank_correlations import spearman_draws

_ONE_SIDED = "the predictions or the gold labels are all one label; MCC compares at least two"
_ABSENT = "no example has the positive label or is predicted so"
_FLAT = "the predictions or the gold scores are all equal; a constant has no correlation"
UNDEFINED = {
    "mcc": _ONE_SIDED, "f1": _ABSENT, "pearson": _FLAT, "spearman": _FLAT,
    "f1_micro": NO_LABEL, "f1_macro": NO_LABEL,
}  # fmt: skip
"""Why a primary score can be undefined."""


class TaskScoresOptions(Options):
    """Whether each label gets its own precision and recall."""

    per_label: bool = True


@dataclass(frozen=True)
class _Tally:
    """The counts of the runs of a classification: made for each that asks, as there may be many."""

    study: Study
    gold: Ints

    def of(self, run: Predictions) -> Counts:
        return counts_of(
            resamples_of(self.study), self.gold, run.predicted, classes=self.study.classes
        )


def _tally(study: Study) -> _Tally:
    return _Tally(study, np.asarray(study.split.labels, dtype=np.int64))


def positive_class(study: Study) -> int:
    """Return the class that F1 of a binary task is about: the task's positive label or the last."""
    task = study.split.task
    return task.labels.index(task.positive) if task.positive else len(task.labels) - 1


def _class_scores(tally: _Tally) -> tuple[RunScore, ...]:
    shared = (
        RunScore("accuracy", lambda run: _scores.accuracy(tally.of(run)), share=True),
        RunScore("mcc", lambda run: _scores.mcc(tally.of(run)), _ONE_SIDED),
    )
    if tally.study.classes == 2:
        positive = positive_class(tally.study)
        return (
            *shared,
            RunScore("f1", lambda run: _scores.f1(tally.of(run))[:, positive], _ABSENT),
        )
    return (
        *shared,
        RunScore("f1_macro", lambda run: _scores.f1_macro(tally.of(run))),
        RunScore("f1_micro", lambda run: _scores.accuracy(tally.of(run)), share=True),
    )


def _number_scores(study: Study) -> tuple[RunScore, ...]:
    gold = np.asarray(study.split.labels, dtype=np.float64)
    sample = resamples_of(study)
    return (
        RunScore("pearson", lambda run: pearson_draws(sample, gold, run.scores), _FLAT),
        RunScore("spearman", lambda run: spearman_draws(sample, gold, run.scores), _FLAT),
        RunScore("mse", lambda run: _scores.mean_squared_error(sample, gold, run.scores)),
        RunScore(
            "mean_absolute_error",
            lambda run: _scores.mean_absolute_error(sample, gold, run.scores),
        ),
        RunScore("concordance", lambda run: _scores.concordance(sample, gold, run.scores), _FLAT),
    )


def primary_statistic(study: Study) -> Callable[[Predictions], Floats]:
    """Return the statistic of the task's primary score: a run's predictions in, its draws out."""
    scores = _scores_of(study)
    return next(score.draws for score in scores if score.name == primary_name(study))


def _scores_of(study: Study) -> tuple[RunScore, ...]:
    """Return the scores that a study's kind of task has."""
    task = study.split.task
    if task.sets is not None:
        return set_scores(study, task.sets)
    return _number_scores(study) if task.kind == "regression" else _class_scores(_tally(study))


def _model_scores(study: Study, scores: Sequence[RunScore]) -> list[Estimate]:
    """Every score of every model, then every difference of a student to its teacher."""
    levels: list[Estimate] = []
    differences: list[Estimate] = []
    primary = primary_name(study)
    teacher = study.teacher
    for score in scores:
        of = {model.name: draws_of(study, model, score.draws) for model in study.models}
        levels += [
            estimate(
                EstimateKey(score.name, model.name),
                of[model.name],
                n=study.n,
                undefined=score.undefined,
                share=score.share,
                clusters=study.clusters_in(),
            )
            for model in study.models
        ]
        for student in study.students:
            gap = of[student.name] - of[teacher.name]
            at = EstimateKey(f"{score.name}_difference", teacher.name, student.name)
            differences.append(
                gap_estimate(
                    at, gap, n=study.n, undefined=score.undefined, share=score.share, p_value=None,
                    clusters=study.clusters_in(),
                )
            )  # fmt: skip
            if score.name == primary:
                differences.append(_drop(study, student, of))
    return [*levels, *differences]


def _drop(study: Study, student: Population, of: Mapping[str, Floats]) -> Estimate:
    """The share of the teacher's primary score that the student lacks."""
    teacher = study.teacher.name
    positive = np.where(of[teacher] > 0, of[teacher], np.nan)
    return estimate(
        EstimateKey("relative_drop", teacher, student.name),
        (positive - of[student.name]) / positive,
        n=study.n,
        undefined=f"the {primary_name(study)} of the teacher or of the student is undefined, or "
        f"the teacher's is not above 0, so there is no share of it to lose",
    )


def _by_label(tally: _Tally) -> list[Estimate]:
    """Precision and recall of every model on every label."""
    study = tally.study
    estimates: list[Estimate] = []
    for model in study.models:
        counts = {id(run): tally.of(run) for run in model.runs}
        for place, label in enumerate(study.split.task.labels):
            predicted = [float(counts[id(run)].predicted[0, place]) for run in model.runs]
            sizes = {
                "precision": round(float(np.mean(predicted))),
                "recall": int((tally.gold == place).sum()),
            }
            reasons = {
                "precision": f"{model.name} never predicts {label!r}",
                "recall": f"no example has the label {label!r}",
            }
            for name, of in (("precision", _scores.precision), ("recall", _scores.recall)):
                draws = draws_of(study, model, partial(_of_label, counts, of, place))
                estimates.append(
                    estimate(
                        EstimateKey(name, model.name, subset=label),
                        draws,
                        n=sizes[name],
                        undefined=reasons[name],
                        share=True,
                        clusters=study.clusters_in(
                            (tally.gold if name == "recall" else model.first.predicted) == place
                        ),
                    )
                )
    return estimates


def _of_label(
    counts: Mapping[int, Counts], of: Callable[[Counts], Floats], place: int, run: Predictions
) -> Floats:
    """Draw the score of one label; runs hold arrays, so they go by identity."""
    return of(counts[id(run)].of_class(place))[:, 0]


def _majority(tally: _Tally) -> Estimate:
    """The accuracy of always giving the label that is most frequent in this split."""
    study = tally.study
    frequent = int(np.argmax(np.bincount(tally.gold, minlength=study.classes)))
    number = estimate(
        EstimateKey("majority_baseline", "majority baseline"),
        resamples_of(study).mean(tally.gold == frequent),
        n=study.n,
        undefined="",
        share=True,
        clusters=study.clusters_in(),
    )
    label = study.split.task.labels[frequent]
    return number.model_copy(update={"note": f"always {label!r}"})


def _mean_baseline(study: Study) -> Estimate:
    gold = np.asarray(study.split.labels, dtype=np.float64)
    draws = resamples_of(study).mean((gold - gold.mean()) ** 2)
    return estimate(EstimateKey("mean_baseline", "mean baseline"), draws, n=study.n, undefined="")


@dataclass(frozen=True)
class TaskScores:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = "task_scores"
    version: int = 1
    title: str = "Task scores"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "needed"
    defines: tuple[str, ...] = tuple(METRICS)
    options: type[TaskScoresOptions] = TaskScoresOptions

    def skip_reason(self, study: Study) -> str | None:
        """Return a reason where there are no gold labels to score against, or None."""
        if study.split.labels is None:
            return "the split has no gold labels, so nothing can be scored against them"
        return None

    def run(
        self, study: Study, options: TaskScoresOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Score every model; `done` is not read."""
        tables: tuple[Table, ...] = ()
        sets = study.split.task.sets
        estimates = _model_scores(study, _scores_of(study))
        if study.split.task.kind == "regression":
            estimates.append(_mean_baseline(study))
        else:
            tally = _tally(study)
            estimates.append(_majority(tally))
            if options.per_label and sets is not None:
                estimates += label_scores(study, sets)
            elif options.per_label:
                by_label = _by_label(tally)
                estimates += by_label
                tables = (label_table(study, by_label, tally.gold),)
        used = {e.metric for e in estimates}
        return AnalysisResult(
            **described(self, options),
            caption=f"Scores of each model against the gold labels of {study.n:,} examples, and "
            f"each student minus its teacher. Primary score of this task: {primary_name(study)}.",
            metrics=tuple(metric for metric in METRICS.values() if metric.name in used),
            estimates=tuple(estimates),
            tables=tables,
            curves=forest(study, estimates),
        )


ANALYSIS = TaskScores()
