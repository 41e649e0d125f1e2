"""What was lost: one ranked list over labels, lengths, columns and minimal-pair phenomena.

Does: collect every gap that `slices`, `minimal_pairs` and `probing` measured, put the surest first,
name examples, and say it in one sentence a student. Does not: measure or test anything anew;
intervals, p- and q-values are those of the analysis a gap comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.slicing import Slice, SliceOptions, slices_of
from kdprobe.analysis.student_gaps.probing import probing_gaps, probing_rows
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.predictions import Population
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.losses import CERTAINTIES, LOST, PERHAPS_LOST, certainty
from kdprobe.results.numbers import show_p
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Gap, Table

_EXAMPLES = 3


class Ranked(NamedTuple):
    """A gap and how sure it is."""

    status: str
    gap: Gap


def _rank(gap: Gap) -> tuple[int, float, float, str, str]:
    """Sort by status, then by what is lost at least (lower end), then by the gap itself."""
    tier = CERTAINTIES.index(certainty(gap))
    low = gap.low if gap.low is not None else float("-inf")
    return tier, -low, -gap.gap, gap.subset, gap.student


def _examples(study: Study, student: Population, part: Slice) -> tuple[str, ...]:
    """Return examples the teacher gets right and the student does not, surest teacher first.

    Of a regression: those on which the student is furthest beyond the teacher's error.
    """
    labels = study.split.labels
    if labels is None:
        return ()
    t, s, inside = study.teacher.first, student.first, part.mask & study.split.has_gold
    if study.split.task.kind == "regression":
        size = np.abs(s.scores - labels) - np.abs(t.scores - labels)
        lost = inside & (size > 0)
    else:
        lost = inside & (t.predicted == labels) & (s.predicted != labels)
        size = t.confidence if t.has_probabilities else np.zeros(study.n)
    rows = np.flatnonzero(lost)
    order = rows[np.argsort(-size[rows], kind="stable")][:_EXAMPLES]
    return tuple(study.split.ids[row] for row in order.tolist())


def _gaps_of(
    result: AnalysisResult,
    study: Study,
    score: str,
    kinds: Mapping[str, tuple[str, Slice | None]],
) -> list[Gap]:
    """Read the gaps above 0 of one analysis."""
    scores = {
        (number.model_a, number.subset): number.value
        for number in result.estimates
        if number.metric == score and not number.model_b
    }
    students = {student.name: student for student in study.students}
    gaps = []
    for number in result.estimates:
        part = number.subset
        if number.metric != "gap" or part not in kinds or number.value is None or number.value <= 0:
            continue
        t, s = scores.get((number.model_a, part)), scores.get((number.model_b, part))
        if t is None or s is None:
            continue
        kind, cut = kinds[part]
        gaps.append(
            Gap(
                student=number.model_b,
                kind=kind,
                subset=part,
                metric=score,
                teacher_value=t,
                student_value=s,
                gap=number.value,
                low=number.low,
                high=number.high,
                p_value=number.p_value,
                q_value=number.q_value,
                n=number.n or 0,
                examples=() if cut is None else _examples(study, students[number.model_b], cut),
            )
        )
    return gaps


def _from_slices(study: Study, result: AnalysisResult) -> list[Gap]:
    """Read the gaps on slices, cut as that analysis cut them."""
    parts = slices_of(study, SliceOptions.model_validate(result.options))
    score = "mae" if study.split.task.kind == "regression" else "accuracy"
    return _gaps_of(result, study, score, {part.subset: (part.kind, part) for part in parts})


def _from_pairs(study: Study, result: AnalysisResult) -> list[Gap]:
    """Read the gaps on phenomena; fields and the total only repeat them."""
    phenomena = set(study.get(MinimalPairs).phenomena)
    kinds: dict[str, tuple[str, Slice | None]] = dict.fromkeys(phenomena, ("phenomenon", None))
    return [
        gap.model_copy(update={"quotes": _quotes(study, gap)})
        for gap in _gaps_of(result, study, "accuracy", kinds)
    ]


def _quotes(study: Study, gap: Gap) -> tuple[str, ...]:
    """Quote pairs the teacher judges rightly and the student does not, widest margins first."""
    pairs = study.get(MinimalPairs)
    t, s = (pairs.margins[name][0] for name in (study.teacher.name, gap.student))
    inside = np.array([phenomenon == gap.subset for phenomenon in pairs.phenomena])
    rows = np.flatnonzero(inside & (t > 0) & (s < 0))
    order = rows[np.argsort(-(t - s)[rows], kind="stable")][:_EXAMPLES]
    return tuple(f"{pairs.good[row]} / *{pairs.bad[row]}" for row in order.tolist())


def _gap_count(study: Study, done: Mapping[str, AnalysisResult], student: str) -> int:
    """How many subsets the student was compared with the teacher on (those with a q-value)."""
    return sum(
        number.metric == "gap" and number.model_b == student and number.q_value is not None
        for name in ("slices", "minimal_pairs")
        if name in done
        for number in done[name].estimates
    ) + sum(number.model_b == student for number in probing_gaps(study, done))


def _in_words(gap: Gap) -> str:
    if gap.metric == "mae":
        values = f"mean error {gap.student_value:.3f} where the teacher has {gap.teacher_value:.3f}"
        size = f"{gap.gap:.3f} score points, interval {gap.low:.3f} to {gap.high:.3f}"
    else:
        values = f"{gap.student_value:.1%} right where the teacher has {gap.teacher_value:.1%}"
        low, high = 100 * (gap.low or 0.0), 100 * (gap.high or 0.0)
        size = f"{100 * gap.gap:.1f} points, interval {low:.1f} to {high:.1f}"
    q = "" if gap.q_value is None else f", q {show_p(gap.q_value)}"
    return f"{gap.subset} ({values}: {size}{q}, n {gap.n})"


def _overall(study: Study, done: Mapping[str, AnalysisResult], student: str) -> str:
    """State both primary scores, where they were computed."""
    result, score = done.get("task_scores"), study.split.task.primary_score
    by_model: dict[str, Estimate] = {}
    for number in result.estimates if result else ():
        if number.metric == score and not number.model_b and number.subset == "all":
            by_model.setdefault(number.model_a, number)
    t, s = by_model.get(study.teacher.name), by_model.get(student)
    if t is None or s is None or t.value is None or s.value is None:
        return ""
    return f" Overall {score}: {s.value:.3f}, the teacher's {t.value:.3f}."


def _sentence(
    study: Study, done: Mapping[str, AnalysisResult], student: str, ranked: Sequence[Ranked]
) -> str:
    """State in one sentence what a student loses most on, or that nothing is lost beyond noise."""
    tested = _gap_count(study, done, student)
    own = [row for row in ranked if row.gap.student == student]
    sure = [row.gap for row in own if row.status == LOST]
    perhaps = sum(row.status == PERHAPS_LOST for row in own)
    overall = _overall(study, done, student)
    if not tested:
        return f"{student} could not be compared with the teacher on any part.{overall}"
    if sure:
        first = f"{student} loses most on {_in_words(sure[0])}"
        return f"{first}; {len(sure)} of {tested} parts are lost beyond noise.{overall}"
    hint = f" ({perhaps} stand out alone, but not among so many)" if perhaps else ""
    nothing = f"nothing is lost beyond noise on any of {tested} parts{hint}"
    return f"For {student} {nothing}.{overall}"


def _table(ranked: Sequence[Ranked]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            row.status,
            row.gap.student,
            row.gap.subset,
            row.gap.n,
            row.gap.teacher_value,
            row.gap.student_value,
            row.gap.gap,
            row.gap.low,
            row.gap.high,
            row.gap.q_value,
            row.gap.examples[0] if row.gap.examples else None,
        )
        for row in ranked
    ]
    number = (
        ("teacher_value", "teacher"),
        ("student_value", "student"),
        ("gap", "gap"),
        ("low", "at least"),
        ("high", "at most"),
    )
    return Table(
        name="gaps",
        title="Every part on which a student is behind, surest losses first",
        caption="Only rows marked 'lost' are claimed; the others may be chance.",
        columns=(
            Column(name="status", label="status"),
            Column(name="student", label="student"),
            Column(name="subset", label="part"),
            Column(name="n", label="n", kind="count"),
            *(Column(name=name, label=label, kind="number") for name, label in number),
            Column(name="q_value", label="q", kind="p"),
            Column(name="example", label="for example", kind="example"),
        ),
        rows=tuple(rows),
    )


def _caption(study: Study) -> str:
    unit = (
        "the student's mean absolute error minus the teacher's, in score points"
        if study.split.task.kind == "regression"
        else "the teacher's accuracy minus the student's"
    )
    return (
        f"The gap is {unit}; positive means lost. First come gaps with an interval above 0 and q "
        "below .05, then those whose interval alone lies above 0, then those within noise; each "
        "sorted by the lower end of the interval, what is lost at least, so that small noisy parts "
        "do not top the list. Parts on which a student is as good or better are left out."
    )


@dataclass(frozen=True)
class StudentGaps:
    """One ranked list of what the teacher has and a student does not."""

    name: str = "student_gaps"
    version: int = 1
    title: str = "What was lost"
    after: tuple[str, ...] = ("task_scores", "slices", "minimal_pairs", "probing")
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = ()
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies in which no gap can be measured."""
        if not study.students:
            return "there is no student to compare the teacher with"
        others = study.has(MinimalPairs) or study.has(ProbeFits)
        if study.split.labels is None and not others:
            return "there are neither gold labels nor minimal pairs, so nothing is known to be lost"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Rank the gaps of the analyses that ran."""
        gaps = _from_slices(study, done["slices"]) if "slices" in done else []
        gaps += _from_pairs(study, done["minimal_pairs"]) if "minimal_pairs" in done else []
        gaps += probing_rows(study, done)
        ranked = [Ranked(certainty(gap), gap) for gap in sorted(gaps, key=_rank)]
        notes = [_sentence(study, done, student.name, ranked) for student in study.students]
        if not {"slices", "minimal_pairs", "probing"} & set(done):
            notes = ["Neither slices nor minimal_pairs ran, so there are no gaps to rank."]
        return AnalysisResult(
            **described(self, options),
            caption=_caption(study),
            tables=(_table(ranked),) if ranked else (),
            gaps=tuple(row.gap for row in ranked),
            notes=tuple(notes),
        )


ALIASES = ("losses",)
ANALYSIS = StudentGaps()
