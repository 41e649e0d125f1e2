"""Where the student loses: task score, gap to the teacher and agreement on parts of the examples.

Does: score every model on each slice, and per student the gap with a paired interval, a test, and a
q-value over all slices and students. Does not: choose the slices (`slicing.py`) or rank the gaps
(`student_gaps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.analysis.gold import NO_GOLD, labelled_note
from kdprobe.analysis.protocol import Gold, described
from kdprobe.analysis.slices.cut import Cut, cuts_of
from kdprobe.analysis.slicing import SliceOptions, pooled_notes, slices_of
from kdprobe.analysis.student_gaps.gaps import gap_estimate, paired_p, with_q
from kdprobe.analysis.student_gaps.views import forest, gap_table
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Metric
from kdprobe.stats.arrays import Floats
from kdprobe.stats.clustered_tests import mcnemar_of

_EMPTY = "no example of this slice has a gold label"

_AGREEMENT = Metric(
    name="agreement",
    label="agreement",
    definition="Share of the slice's examples to which both models give the same label.",
    minimum=0,
    maximum=1,
    higher_is_better=True,
)
_HITS = (
    Metric(
        name="accuracy",
        label="accuracy",
        definition="Share of the slice's examples that a model labels rightly; on the slice of one "
        "gold label this is the recall of that label.",
        minimum=0,
        maximum=1,
        higher_is_better=True,
    ),
    Metric(
        name="gap",
        label="gap",
        definition="Teacher's accuracy minus the student's on the slice; positive means lost. The "
        "p-value is McNemar's, or a t-test's over examples and runs where a model has several; the "
        "q-value is Benjamini-Hochberg's over all slices and students of this analysis.",
        minimum=-1,
        maximum=1,
        higher_is_better=False,
        source="McNemar 1947; Benjamini and Hochberg 1995",
    ),
)
_ERRORS = (
    Metric(
        name="mae",
        label="mean absolute error",
        definition="Mean distance between a model's score and the gold score on the slice.",
        unit="score points",
        minimum=0,
        higher_is_better=False,
    ),
    Metric(
        name="gap",
        label="gap",
        definition="The student's mean absolute error minus the teacher's on the slice; positive "
        "means lost. The p-value is a paired t-test's, the q-value Benjamini-Hochberg's over "
        "all slices and students of this analysis.",
        unit="score points",
        higher_is_better=False,
        source="Benjamini and Hochberg 1995",
    ),
)


def _p_values(cut: Cut, student: Population) -> list[float | None]:
    """McNemar's p-value on each slice, or a t-test's where there is no single right and wrong."""
    teacher = cut.study.teacher
    if cut.regression or len(teacher.runs) > 1 or len(student.runs) > 1:
        left, right = (
            np.stack([cut.quality(run).astype(np.float64) for run in model.runs])
            for model in (teacher, student)
        )
        return [paired_p(left[:, part.mask], right[:, part.mask], cut.clusters(part))
                for part in cut.slices]  # fmt: skip
    t, s = cut.quality(teacher.first).astype(bool), cut.quality(student.first).astype(bool)
    return [mcnemar_of(t[part.mask], s[part.mask], cut.clusters(part)) for part in cut.slices]


def _gaps(
    cut: Cut, student: Population, teacher_draws: list[Floats], student_draws: list[Floats]
) -> list[Estimate]:
    sign = -1.0 if cut.regression else 1.0
    gaps = [sign * (t - s) for t, s in zip(teacher_draws, student_draws, strict=True)]
    return [
        gap_estimate(
            EstimateKey("gap", cut.study.teacher.name, student.name, subset=part.subset),
            draws,
            n=part.n,
            undefined=_EMPTY,
            share=not cut.regression,
            p_value=p,
            clusters=cut.study.clusters_in(part.mask),
        )
        for part, draws, p in zip(cut.slices, gaps, _p_values(cut, student), strict=True)
    ]


def _labelled(cut: Cut) -> tuple[list[Estimate], list[Estimate]]:
    """Estimates of every model's quality, and of every student's gap, on all slices."""
    scores: list[Estimate] = []
    gaps: list[Estimate] = []
    of_teacher = cut.draws(cut.study.teacher)
    for model in cut.study.models:
        draws = of_teacher if model is cut.study.teacher else cut.draws(model)
        scores += [
            estimate(
                EstimateKey(cut.metric, model.name, subset=part.subset),
                values,
                n=part.n,
                undefined=_EMPTY,
                share=not cut.regression,
                clusters=cut.study.clusters_in(part.mask),
            )
            for part, values in zip(cut.slices, draws, strict=True)
        ]
        if model is not cut.study.teacher:
            gaps += _gaps(cut, model, of_teacher, draws)
    return scores, [(_ERRORS if cut.regression else _HITS)[1].bounded(gap) for gap in with_q(gaps)]


def _agreements(whole: Cut, known: Cut) -> list[Estimate]:
    """Agreement on all examples of a slice; on a gold label's, those that have it."""
    estimates = []
    for place, student in enumerate(whole.study.students):
        cuts = {cut.study.n: cut for cut in (whole, known)}
        drawn = {n: cut.agreement(cut.study.teacher, cut.study.students[place])
                 for n, cut in cuts.items()}  # fmt: skip
        for at, part in enumerate(whole.slices):
            cut = known if part.kind == "label" else whole
            estimates.append(
                estimate(
                    EstimateKey(
                        "agreement", whole.study.teacher.name, student.name, subset=part.subset
                    ),
                    drawn[cut.study.n][at],
                    n=part.n,
                    undefined="no example in this slice",
                    share=True,
                    clusters=whole.study.clusters_in(part.mask),
                )
            )
    return estimates


def _notes(cut: Cut, options: SliceOptions) -> tuple[str, ...]:
    notes = pooled_notes(cut.slices, options)
    if cut.study.split.labels is None:
        notes += (f"No scores and no gaps: {NO_GOLD}.",)
    notes += labelled_note(cut.study, "Scores and gaps")
    kinds = {part.kind for part in cut.slices}
    if not kinds:
        notes += ("With these options all examples fall into one slice: nothing to compare.",)
    if "length" not in kinds:
        notes += ("Not cut by length: all texts fall into one range of lengths.",)
    return notes


@dataclass(frozen=True)
class Slices:
    """Scores, gaps and agreement by gold label, text length and extra columns."""

    name: str = "slices"
    version: int = 1
    title: str = "Slices"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(
        dict.fromkeys(metric.name for metric in (*_HITS, *_ERRORS, _AGREEMENT))
    )
    options: type[SliceOptions] = SliceOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies that cannot be cut, or of which nothing can be said on a part."""
        if not study.students:
            return "there is no student to compare the teacher with"
        if study.split.labels is None and study.split.task.kind == "regression":
            return "the split has no gold scores, so no model's error is known"
        if not slices_of(study, SliceOptions()):
            return "all examples fall into one slice: no labels, equal lengths, no extra columns"
        return None

    def run(
        self, study: Study, options: SliceOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Score every model on every slice and measure each student's gap."""
        cut, known = cuts_of(study, options)
        scores, gaps = _labelled(known) if study.split.labels is not None else ([], [])
        agreements = [] if cut.regression else _agreements(cut, known)
        metrics = _ERRORS if cut.regression else (*(_HITS if gaps else ()), _AGREEMENT)
        score = "mean absolute error" if cut.regression else "accuracy"
        return AnalysisResult(
            **described(self, options),
            caption="The same comparison on parts of the examples. Length is counted in words, cut "
            "where about equally many examples fall into each range; small slices have wide "
            "intervals, and a gap counts as found where its q-value is below .05.",
            metrics=metrics,
            estimates=(*scores, *gaps, *agreements),
            tables=(gap_table(study, gaps, scores, score=score, title="By slice", more=agreements),)
            if gaps
            else (),
            curves=forest(study, gaps, what="slice", unit=score),
            notes=_notes(cut, options),
        )


ANALYSIS = Slices()
