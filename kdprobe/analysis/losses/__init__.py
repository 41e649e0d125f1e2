"""What was lost: one ranked list over labels, lengths, columns and minimal-pair phenomena.

Does: collect every gap that `slices` and `minimal_pairs` measured, put those that are surely losses
first, name examples, and say it in one sentence a student. Does not: measure or test anything anew;
intervals, p- and q-values are those of the analysis a gap comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.losses.probing import probing_gaps, probing_losses
from kdprobe.analysis.protocol import Gold
from kdprobe.analysis.slicing import Slice, SliceOptions, slices_of
from kdprobe.config.base import Options
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.predictions import Population
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Loss, Table
from kdprobe.results.sentences import CERTAINTIES, LOST, PERHAPS_LOST, certainty

_EXAMPLES = 3


class LossOptions(Options):
    """This analysis has nothing to choose."""


class Ranked(NamedTuple):
    """A loss and how sure it is."""

    status: str
    loss: Loss


def _rank(loss: Loss) -> tuple[int, float, float, str, str]:
    """Sort by status, then by what is lost at least (lower end), then by the gap itself."""
    tier = CERTAINTIES.index(certainty(loss))
    low = loss.low if loss.low is not None else float("-inf")
    return tier, -low, -loss.gap, loss.subset, loss.student


def _examples(study: Study, student: Population, part: Slice) -> tuple[str, ...]:
    """Name examples the teacher gets right and the student does not, surest teacher first.

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


def _losses_of(
    result: AnalysisResult,
    study: Study,
    score: str,
    kinds: Mapping[str, tuple[str, Slice | None]],
) -> list[Loss]:
    """Read the gaps above 0 of one analysis as losses."""
    scores = {
        (made.model_a, made.subset): made.value
        for made in result.estimates
        if made.metric == score and not made.model_b
    }
    students = {student.name: student for student in study.students}
    losses = []
    for gap in (made for made in result.estimates if made.metric == "gap"):
        t, s = scores.get((gap.model_a, gap.subset)), scores.get((gap.model_b, gap.subset))
        if gap.subset not in kinds or gap.value is None or gap.value <= 0 or t is None or s is None:
            continue
        kind, part = kinds[gap.subset]
        losses.append(
            Loss(
                student=gap.model_b,
                kind=kind,
                subset=gap.subset,
                metric=score,
                teacher_value=t,
                student_value=s,
                gap=gap.value,
                low=gap.low,
                high=gap.high,
                p_value=gap.p_value,
                q_value=gap.q_value,
                n=gap.n or 0,
                examples=() if part is None else _examples(study, students[gap.model_b], part),
            )
        )
    return losses


def _from_slices(study: Study, result: AnalysisResult) -> list[Loss]:
    """Read the losses on slices, cut as that analysis cut them."""
    parts = slices_of(study, SliceOptions.model_validate(result.options))
    score = "mae" if study.split.task.kind == "regression" else "accuracy"
    return _losses_of(result, study, score, {part.subset: (part.kind, part) for part in parts})


def _from_pairs(study: Study, result: AnalysisResult) -> list[Loss]:
    """Read the losses on phenomena; fields and the total only repeat them."""
    phenomena = set(study.get(MinimalPairs).phenomena)
    kinds: dict[str, tuple[str, Slice | None]] = dict.fromkeys(phenomena, ("phenomenon", None))
    return [
        loss.model_copy(update={"quotes": _quotes(study, loss)})
        for loss in _losses_of(result, study, "accuracy", kinds)
    ]


def _quotes(study: Study, loss: Loss) -> tuple[str, ...]:
    """Quote pairs the teacher judges rightly and the student does not, widest margins first."""
    pairs = study.get(MinimalPairs)
    t, s = (pairs.margins[name][0] for name in (study.teacher.name, loss.student))
    inside = np.array([phenomenon == loss.subset for phenomenon in pairs.phenomena])
    rows = np.flatnonzero(inside & (t > 0) & (s < 0))
    order = rows[np.argsort(-(t - s)[rows], kind="stable")][:_EXAMPLES]
    return tuple(f"{pairs.good[row]} / *{pairs.bad[row]}" for row in order.tolist())


def _gap_count(study: Study, done: Mapping[str, AnalysisResult], student: str) -> int:
    """How many subsets the student was compared with the teacher on (those with a q-value)."""
    return sum(
        made.metric == "gap" and made.model_b == student and made.q_value is not None
        for name in ("slices", "minimal_pairs")
        if name in done
        for made in done[name].estimates
    ) + sum(made.model_b == student for made in probing_gaps(study, done))


def _in_words(loss: Loss) -> str:
    if loss.metric == "mae":
        values = (
            f"mean error {loss.student_value:.3f} where the teacher has {loss.teacher_value:.3f}"
        )
        size = f"{loss.gap:.3f} score points, interval {loss.low:.3f} to {loss.high:.3f}"
    else:
        values = f"{loss.student_value:.1%} right where the teacher has {loss.teacher_value:.1%}"
        low, high = 100 * (loss.low or 0.0), 100 * (loss.high or 0.0)
        size = f"{100 * loss.gap:.1f} points, interval {low:.1f} to {high:.1f}"
    q = "" if loss.q_value is None else f", q {loss.q_value:.2g}"
    return f"{loss.subset} ({values}: {size}{q}, n {loss.n})"


def _overall(study: Study, done: Mapping[str, AnalysisResult], student: str) -> str:
    """Say both primary scores, where they were computed."""
    result, score = done.get("task_scores"), study.split.task.primary_score
    found: dict[str, Estimate] = {}
    for made in result.estimates if result else ():
        if made.metric == score and not made.model_b and made.subset == "all":
            found.setdefault(made.model_a, made)
    t, s = found.get(study.teacher.name), found.get(student)
    if t is None or s is None or t.value is None or s.value is None:
        return ""
    return f" Overall {score}: {s.value:.3f}, the teacher's {t.value:.3f}."


def _sentence(
    study: Study, done: Mapping[str, AnalysisResult], student: str, ranked: Sequence[Ranked]
) -> str:
    """Say in one sentence what a student loses most on, or that nothing is lost beyond noise."""
    tested = _gap_count(study, done, student)
    own = [row for row in ranked if row.loss.student == student]
    sure = [row.loss for row in own if row.status == LOST]
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
            row.loss.student,
            row.loss.subset,
            row.loss.n,
            row.loss.teacher_value,
            row.loss.student_value,
            row.loss.gap,
            row.loss.low,
            row.loss.high,
            row.loss.q_value,
            row.loss.examples[0] if row.loss.examples else None,
        )
        for row in ranked
    ]
    number = (
        ("teacher_value", "teacher"),
        ("student_value", "student"),
        ("gap", "gap"),
        ("low", "at least"),
        ("high", "at most"),
        ("q_value", "q"),
    )
    return Table(
        name="losses",
        title="Every part on which a student is behind, surest losses first",
        caption="Only rows marked 'lost' are claimed; the others may be chance.",
        columns=(
            Column(name="status", label="status"),
            Column(name="student", label="student"),
            Column(name="subset", label="part"),
            Column(name="n", label="n", kind="count"),
            *(Column(name=name, label=label, kind="number") for name, label in number),
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
        f"The gap is {unit}; positive means lost. First come losses with an interval above 0 and q "
        "below .05, then those whose interval alone lies above 0, then those within noise; each "
        "sorted by the lower end of the interval, what is lost at least, so that small noisy parts "
        "do not top the list. Parts on which a student is as good or better are left out."
    )


@dataclass(frozen=True)
class Losses:
    """One ranked list of what the teacher has and a student does not."""

    name: str = "losses"
    version: int = 1
    title: str = "What was lost"
    after: tuple[str, ...] = ("task_scores", "slices", "minimal_pairs", "probing")
    gold: Gold = "both"
    defines: tuple[str, ...] = ()
    options: type[LossOptions] = LossOptions

    def unmet(self, study: Study) -> str | None:
        """Refuse studies in which no gap can be measured."""
        if not study.students:
            return "there is no student to compare the teacher with"
        others = study.has(MinimalPairs) or study.has(ProbeFits)
        if study.split.labels is None and not others:
            return "there are neither gold labels nor minimal pairs, so nothing is known to be lost"
        return None

    def run(
        self, study: Study, options: LossOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Rank the gaps of the analyses that ran."""
        losses = _from_slices(study, done["slices"]) if "slices" in done else []
        losses += _from_pairs(study, done["minimal_pairs"]) if "minimal_pairs" in done else []
        losses += probing_losses(study, done)
        ranked = [Ranked(certainty(loss), loss) for loss in sorted(losses, key=_rank)]
        notes = [_sentence(study, done, student.name, ranked) for student in study.students]
        if not {"slices", "minimal_pairs", "probing"} & set(done):
            notes = ["Neither slices nor minimal_pairs ran, so there are no gaps to rank."]
        return AnalysisResult(
            name=self.name,
            version=self.version,
            title=self.title,
            caption=_caption(study),
            options=options.model_dump(mode="json"),
            tables=(_table(ranked),) if ranked else (),
            losses=tuple(row.loss for row in ranked),
            notes=tuple(notes),
        )


ALIASES = ("student_gaps",)
ANALYSIS = Losses()
