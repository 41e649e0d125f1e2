"""Where the student loses: task score, gap to the teacher and agreement on parts of the examples.

Does: score every model on each slice, and per student the gap with a paired interval, a test, and a
q-value over all slices and students. Does not: choose the slices (`slicing.py`) or rank the gaps
(`student_gaps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kdprobe.analysis.estimates import EstimateKey, draws_of, estimate, pair_draws_of, resamples_of
from kdprobe.analysis.gold import NO_GOLD, labelled_note
from kdprobe.analysis.protocol import Gold, described
from kdprobe.analysis.slicing import Slice, SliceOptions, pooled_notes, slices_of
from kdprobe.analysis.student_gaps.gaps import gap_estimate, paired_p, with_q
from kdprobe.analysis.student_gaps.views import forest, gap_table
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Metric
from kdprobe.stats.arrays import Bools, Floats, Ints, ratio
from kdprobe.stats.clustered_tests import mcnemar_of

_EMPTY = "no example of this slice has a gold label"
Table = dict[tuple[int, ...], Floats]  # ids of runs -> draws `[B + 1, slices]`

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


@dataclass(frozen=True)
class _Cut:
    """A study cut into slices, and how a model's quality on one example is measured."""

    study: Study
    slices: tuple[Slice, ...]
    masks: Bools  # [n, slices]
    sizes: Floats  # [B + 1, slices]

    @property
    def regression(self) -> bool:
        return self.study.split.task.kind == "regression"

    @property
    def metric(self) -> str:
        return "mae" if self.regression else "accuracy"

    def quality(self, run: Predictions) -> Bools | Floats:
        """Whether each example is a hit, or how far off the score is, `[n]`."""
        if self.regression:
            errors: Floats = np.abs(run.scores - np.asarray(self.study.split.labels))
            return errors
        return np.asarray(run.predicted == np.asarray(self.study.split.labels))

    def clusters(self, part: Slice) -> Ints | None:
        """The clusters of a slice's examples."""
        clusters = self.study.split.clusters
        return None if clusters is None else clusters[part.mask]

    def means(self, values: Bools | Floats) -> Floats:
        """Average values over each slice in every resample, float64 `[B + 1, slices]`."""
        inside: NDArray[np.generic] = self.masks * values[:, None]
        return ratio(resamples_of(self.study).sums(inside), self.sizes)

    def draws(self, population: Population) -> list[Floats]:
        """Draws of a model's quality, one array a slice."""
        table: Table = {(id(run),): self.means(self.quality(run)) for run in population.runs}
        places = range(len(self.slices))
        return [draws_of(self.study, population, partial(_column, table, at)) for at in places]

    def agreement(self, a: Population, b: Population) -> list[Floats]:
        """Draws of the share of equal labels, one array a slice."""
        table: Table = {
            (id(run), id(other)): self.means(np.asarray(run.predicted == other.predicted))
            for run in a.runs
            for other in b.runs
        }
        places = range(len(self.slices))
        return [pair_draws_of(self.study, a, b, partial(_column, table, at)) for at in places]


def _column(table: Table, at: int, *runs: Predictions) -> Floats:
    """Look up the draws of these runs on one slice; runs hold arrays, so they go by identity."""
    return table[tuple(id(run) for run in runs)][:, at]


def _cut(study: Study, slices: tuple[Slice, ...]) -> _Cut:
    masks = np.array([part.mask for part in slices], dtype=bool).reshape(-1, study.n).T
    return _Cut(study, slices, masks, resamples_of(study).sums(masks))


def _cuts(study: Study, options: SliceOptions) -> tuple[_Cut, _Cut]:
    """Cut all examples, and those with a gold label; one slice is the same slice in both."""
    slices = slices_of(study, options)
    rows = study.split.gold_rows
    known = tuple(replace(part, mask=part.mask[rows]) for part in slices)
    whole = _cut(study, slices)
    return whole, whole if len(rows) in (0, study.n) else _cut(study.with_gold(), known)


def _p_values(cut: _Cut, student: Population) -> list[float | None]:
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
    cut: _Cut, student: Population, teacher_draws: list[Floats], student_draws: list[Floats]
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


def _labelled(cut: _Cut) -> tuple[list[Estimate], list[Estimate]]:
    """Estimates of every model's quality, and of every student's gap, on all slices."""
    draws = {model.name: cut.draws(model) for model in cut.study.models}
    scores = [
        estimate(
            EstimateKey(cut.metric, name, subset=part.subset),
            values,
            n=part.n,
            undefined=_EMPTY,
            share=not cut.regression,
            clusters=cut.study.clusters_in(part.mask),
        )
        for name, by_slice in draws.items()
        for part, values in zip(cut.slices, by_slice, strict=True)
    ]
    gaps = [
        gap
        for student in cut.study.students
        for gap in _gaps(cut, student, draws[cut.study.teacher.name], draws[student.name])
    ]
    return scores, [(_ERRORS if cut.regression else _HITS)[1].bounded(gap) for gap in with_q(gaps)]


def _agreements(whole: _Cut, known: _Cut) -> list[Estimate]:
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


def _notes(cut: _Cut, options: SliceOptions) -> tuple[str, ...]:
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
        cut, known = _cuts(study, options)
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
