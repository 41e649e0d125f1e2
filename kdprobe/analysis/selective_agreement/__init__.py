"""On which examples may the student answer for its teacher?

Does: coverage against agreement (and accuracy) as the student's confidence threshold rises, with
the areas beside chance and oracle; a threshold that guarantees a share of agreement, chosen on one
half and checked on the other; and the suspects, on which a sure student disagrees. Does not: train
a rejector or recalibrate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.examples import PickedExamples, confidence_of, examples_table, ranked_rows
from kdprobe.analysis.gold import (
    NO_GOLD,
    NO_PROBABILITIES,
    first_run_note,
    gold_of,
    hits_of,
    labelled_note,
    no_right_and_wrong,
)
from kdprobe.analysis.protocol import Gold, described
from kdprobe.analysis.selective_agreement import threshold as _threshold
from kdprobe.analysis.selective_agreement.metrics import METRICS
from kdprobe.analysis.selective_agreement.threshold import (
    ChosenThreshold,
    SelectiveAgreementOptions,
)
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series, Table
from kdprobe.stats import selective
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.hypothesis_tests import clopper_pearson

FEWEST = 40
_AREAS: Mapping[str, Callable[[selective.Areas], Floats]] = {
    "": lambda areas: areas.area,
    "_chance": lambda areas: areas.chance,
    "_oracle": lambda areas: areas.oracle,
    "_excess": lambda areas: areas.excess,
    "_normalised": lambda areas: areas.normalised,
}
_POINTS = 25


def _agreement_areas(study: Study, student: Population) -> list[Estimate]:
    """Estimate the areas of agreement, over all pairs of runs."""
    resamples, teacher = resamples_of(study), study.teacher
    areas = {
        (id(a), id(b)): selective.area_draws(
            resamples, confidence_of(b), a.predicted == b.predicted
        )
        for a in teacher.runs
        for b in student.runs
    }

    def of_pair(of: Callable[[selective.Areas], Floats]) -> Floats:
        return pair_draws_of(study, teacher, student, lambda a, b: of(areas[id(a), id(b)]))

    return [
        estimate(
            EstimateKey(f"agreement_auc{part}", teacher.name, student.name),
            of_pair(of),
            n=study.n,
            undefined="a run always agrees with the teacher, or never: every order is as good",
        )
        for part, of in _AREAS.items()
    ]


def _accuracy_areas(study: Study, student: Population) -> list[Estimate]:
    """Estimate the areas of accuracy, of the examples that have a gold label."""
    gold, resamples = gold_of(study), resamples_of(study)
    areas = {
        id(run): selective.area_draws(resamples, confidence_of(run), hits_of(run, gold))
        for run in student.runs
    }

    def of_runs(of: Callable[[selective.Areas], Floats]) -> Floats:
        return draws_of(study, student, lambda run: of(areas[id(run)]))

    return [
        estimate(
            EstimateKey(f"accuracy_auc{part}", student.name),
            of_runs(of),
            n=study.n,
            undefined="a run is always right, or never: every order is as good",
        )
        for part, of in _AREAS.items()
    ]


def _line(name: str, run: Predictions, good: Bools) -> tuple[Series, Series, Series]:
    """Lay out coverage against the share of good answers, of the model, by chance and at best."""
    curve = selective.coverage_curve(confidence_of(run), good)
    n, most = int(curve.answered[-1]), int(curve.good[-1])
    sizes = np.linspace(n / _POINTS, n, _POINTS)
    at = np.unique(np.searchsorted(curve.answered, sizes))
    answered, right = curve.answered[at], curve.good[at]
    low, high = clopper_pearson(right, answered)
    x = tuple((answered / n).tolist())
    own = Series(
        name=name, x=x, y=tuple((right / answered).tolist()),
        low=tuple(low.tolist()), high=tuple(high.tolist()), counts=tuple(answered.tolist()),
        labels=tuple(
            f"{part:.2f}, confidence from {_threshold.shown(float(sure))}"
            for part, sure in zip(x, curve.thresholds[at], strict=True)
        ),
    )  # fmt: skip
    ends = (x[0], 1.0) if x[0] < 1 else (1.0,)
    chance = Series(name="chance", x=ends, y=(most / n,) * len(ends))
    best = Series(
        name="oracle", x=x, y=tuple(np.minimum(1.0, most / answered).tolist()),
        labels=tuple(f"{part:.2f}" for part in x),
    )  # fmt: skip
    return own, chance, best


def _curve(
    study: Study, student: Population, chosen: ChosenThreshold, options: SelectiveAgreementOptions
) -> Curve:
    """Draw the curves of a student's first run, the target, and the threshold as it was checked."""
    run = student.first
    series = list(_line("agreement", run, run.predicted == study.teacher.first.predicted))
    if no_right_and_wrong(study) is None:
        known = study.with_gold()
        own = next(model for model in known.students if model.name == student.name).first
        series.append(_line("accuracy", own, hits_of(own, gold_of(known)))[0])
    if chosen.threshold is not None:
        share = chosen.counts[0] / chosen.checked
        marks = {f"threshold {_threshold.shown(chosen.threshold)}": share}
        series[0] = series[0].model_copy(update={"marks": marks})
    clustered = study.split.clusters is not None
    if clustered:  # the exact intervals of shares are those of independent examples
        series = [one.model_copy(update={"low": (), "high": ()}) for one in series]
    return Curve(
        name=student.name,
        title=f"Coverage and agreement of {student.name}",
        caption="To the right, the share of examples that the student answers, the surest first; "
        "upwards, the share of these answers that is good, "
        f"{'without intervals' if clustered else 'with the 95 % interval'}. The dashed line "
        f"is the target, {options.target:g}; the threshold stands at the share that it answers of "
        "the half that did not choose it.",
        x_title="share of examples answered",
        y_title="share of the answers as the teacher, or right",
        series=tuple(series),
        reference=options.target,
    )


def _suspects(study: Study, student: Population, options: SelectiveAgreementOptions) -> Table:
    """List the disagreements of which the student is surest."""
    run, teacher = student.first, study.teacher.first
    differ: Bools = run.predicted != teacher.predicted
    rows = ranked_rows(study, differ, confidence_of(run), top=options.top)
    caption = (
        f"Examples on which {student.name} disagrees with {study.teacher.name}, those it is surest "
        "of first: likely mistakes of the teacher, or of the label."
    )
    labels = study.split.labels
    known = rows[study.split.has_gold[rows]]
    if labels is not None and len(known):
        right, other = (
            int((one.predicted[known] == labels[known]).sum()) for one in (run, teacher)
        )
        caption += (
            f" Of these {len(known)} with a gold label {student.name} is right on {right}, "
            f"{study.teacher.name} on {other}."
        )
    return examples_table(
        study,
        [PickedExamples((), rows, int(differ.sum()))],
        name=f"suspects:{student.name}",
        title=f"Suspects: {student.name} is sure and disagrees",
        caption=caption,
        headings=(),
        models=(study.teacher, student),
    )


def _of_student(study: Study, student: Population, chosen: list[ChosenThreshold]) -> list[Estimate]:
    """Make every estimate of one student."""
    if not student.has_probabilities:
        return [
            undefined_estimate(
                EstimateKey(metric.name, student.name)
                if metric.name.startswith("accuracy")
                else EstimateKey(metric.name, study.teacher.name, student.name),
                f"{student.name}: {NO_PROBABILITIES}",
            )
            for metric in METRICS
        ]
    numbers = _agreement_areas(study, student)
    if no_right_and_wrong(study) is None:
        known = study.with_gold()
        own = next(model for model in known.students if model.name == student.name)
        numbers += _accuracy_areas(known, own)
    else:
        numbers += [
            undefined_estimate(EstimateKey(f"accuracy_auc{part}", student.name), NO_GOLD)
            for part in _AREAS
        ]
    return [*numbers, *_threshold.estimates(study, student, chosen)]


@dataclass(frozen=True)
class SelectiveAgreement:
    """Ask where a student may be trusted to answer as its teacher."""

    name: str = "selective_agreement"
    version: int = 1
    title: str = "Where the student may answer itself"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[SelectiveAgreementOptions] = SelectiveAgreementOptions

    def skip_reason(self, study: Study) -> str | None:
        """A student with confidences, and examples enough for two halves."""
        if study.split.task.kind == "regression":
            return "a regression has no confidences and no answers that are the same or not"
        if not study.students:
            return "there is no student"
        if not any(student.has_probabilities for student in study.students):
            return "of all students only the predicted labels are known, no probabilities"
        if study.n < FEWEST:
            return f"there are fewer than {FEWEST} examples, too few for two halves: {study.n}"
        return None

    def run(
        self, study: Study, options: SelectiveAgreementOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Measure areas, choose and check thresholds, and list suspects, for every student."""
        half = _threshold.choosing_half(study)
        known = [student for student in study.students if student.has_probabilities]
        chosen = {
            student.name: [_threshold.choose(study, run, half, options) for run in student.runs]
            for student in known
        }
        numbers = [
            _of_student(study, student, chosen.get(student.name, [])) for student in study.students
        ]
        sentences = [
            _threshold.sentence(name, choices, options) for name, choices in chosen.items()
        ]
        return AnalysisResult(
            **described(self, options),
            caption="A small model need not answer everything: what it is not sure of it can hand "
            "on to its teacher. " + " ".join(sentences),
            metrics=METRICS,
            estimates=tuple(number for group in numbers for number in group),
            tables=(
                _threshold.thresholds_table(study, chosen, options),
                *(_suspects(study, student, options) for student in known),
            ),
            curves=tuple(
                _curve(study, student, chosen[student.name][0], options) for student in known
            ),
            notes=(
                "The guarantee is for new examples like these: texts of another kind need a "
                "threshold of their own.",
                *first_run_note(study, "The charts and the suspects"),
                *(
                    (f"Thresholds are those against the first run of {study.teacher.name}.",)
                    if len(study.teacher.runs) > 1
                    else ()
                ),
                *labelled_note(study, "Accuracy"),
            ),
        )


ANALYSIS = SelectiveAgreement()
