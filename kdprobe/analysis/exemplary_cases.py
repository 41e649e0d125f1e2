"""The lists of the 2020 thesis: examples to read, by who is right and how sure.

Does: the points P1, P4, P5, P7 and P8 of its prediction analysis, as tables of example ids. Does
not: the points that are numbers; P2 and P3 (average confidence) are in `confidence`, P6 (shared
mistakes and hits) in `overlap`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from kdprobe.analysis.examples import (
    PickedExamples,
    confidence_of,
    examples_table,
    random_rows,
    ranked_rows,
)
from kdprobe.analysis.gold import (
    NO_GOLD,
    first_run_note,
    gold_of,
    hits_of,
    labelled_note,
    no_right_and_wrong,
)
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Column, Table
from kdprobe.stats.arrays import Bools

_SEED = "lists"  # the name this analysis had when its generators were named
_PLAIN = {
    "P1": "most and least confident hits and mistakes",
    "P4": "only one student right",
    "P5": "one student confident, another not",
    "P7": "teacher right, all students wrong",
    "P8": "teacher confident, all students not",
}
"""The thesis's names, which tables keep, in the words that a reader sees."""


class ExemplaryCasesOptions(Options):
    """How long the lists are."""

    top: int = Field(default=10, ge=1, le=1000, description="examples in each list")


def _extremes(study: Study, model: Population, top: int) -> Table:
    """P1: the most and least confident hits and mistakes of one model."""
    right, sure = hits_of(model.first, gold_of(study)), confidence_of(model.first)
    picked = [
        PickedExamples(
            (f"{degree} confident {what}",),
            ranked_rows(study, mask, sign * sure, top=top),
            int(mask.sum()),
        )
        for what, mask in (("hits", right), ("mistakes", ~right))
        for degree, sign in (("most", 1.0), ("least", -1.0))
    ]
    return examples_table(
        study,
        picked,
        name=f"P1:{model.name}",
        title=f"Most and least confident hits and mistakes of {model.name}",
        caption="Confident hits are what the model finds easy; confident mistakes are wrong "
        "labels, misleading words, or something it never learned.",
        headings=(Column(name="list", label="list"),),
        models=(model,),
    )


def _only_one_student(study: Study, top: int) -> Table:
    """P4: the teacher and exactly one student are right."""
    gold = gold_of(study)
    teacher = hits_of(study.teacher.first, gold)
    right = np.stack([hits_of(student.first, gold) for student in study.students])
    alone = teacher & (right.sum(axis=0) == 1)
    picked = []
    for student, own in zip(study.students, right, strict=True):
        mask: Bools = alone & own
        names = (_SEED, "P4", student.name)
        picked.append(
            PickedExamples(
                (student.name,), random_rows(study, mask, top=top, names=names), int(mask.sum())
            )
        )
    return examples_table(
        study,
        picked,
        name="P4",
        title="Only one student right",
        caption="Examples that the teacher and one single student get right and every other "
        f"student gets wrong; up to {top} for each student, drawn at random with the run's seed.",
        headings=(Column(name="student", label="only right student"),),
        models=study.models,
    )


def _confidence_gaps(study: Study, top: int) -> Table:
    """P5: the largest differences in confidence between two students, both ways."""
    known = [student for student in study.students if student.first.has_probabilities]
    picked = []
    for sure in known:
        for unsure in known:
            if sure is not unsure:
                gap = confidence_of(sure.first) - confidence_of(unsure.first)
                rows = ranked_rows(study, gap > 0, gap, top=top)
                picked.append(PickedExamples((sure.name, unsure.name), rows, int((gap > 0).sum())))
    return examples_table(
        study,
        picked,
        name="P5",
        title="One student confident, another not",
        caption=f"For each ordered pair of students the {top} examples on which the first is most "
        "more confident than the second, largest difference first; right or wrong does not matter. "
        "`out of` counts the examples on which the first is the more confident.",
        headings=(
            Column(name="confident", label="confident student"),
            Column(name="unconfident", label="unconfident student"),
        ),
        models=study.models,
    )


def _all_students_wrong(study: Study, top: int) -> Table:
    """P7: the teacher is right and every student wrong."""
    gold = gold_of(study)
    wrong = np.stack([~hits_of(student.first, gold) for student in study.students])
    mask: Bools = hits_of(study.teacher.first, gold) & wrong.all(axis=0)
    rows = random_rows(study, mask, top=top, names=(_SEED, "P7"))
    return examples_table(
        study,
        [PickedExamples((), rows, int(mask.sum()))],
        name="P7",
        title="Teacher right, all students wrong",
        caption=f"Up to {top} examples that distillation did not hand on, drawn at random with the "
        "run's seed.",
        headings=(),
        models=study.models,
    )


def _all_students_unsure(study: Study, top: int) -> Table:
    """P8: the teacher is more confident than every student, ranked by the average difference."""
    teacher = confidence_of(study.teacher.first)
    gaps = np.stack([teacher - confidence_of(student.first) for student in study.students])
    mask: Bools = np.all(gaps > 0, axis=0)
    rows = ranked_rows(study, mask, gaps.mean(axis=0), top=top)
    return examples_table(
        study,
        [PickedExamples((), rows, int(mask.sum()))],
        name="P8",
        title="Teacher confident, all students not",
        caption=f"The {top} examples with the largest average difference between the teacher's "
        "confidence and each student's, among those on which every student is less confident than "
        "the teacher; right or wrong does not matter.",
        headings=(),
        models=study.models,
    )


def _skipped(study: Study) -> dict[str, str]:
    """Return the reason for each list that cannot be made."""
    reasons: dict[str, str] = {}
    blind = [model.name for model in study.models if not model.first.has_probabilities]
    if no_right_and_wrong(study):
        reasons |= dict.fromkeys(("P1", "P4", "P7"), NO_GOLD)
    elif len(blind) == len(study.models):
        reasons["P1"] = "no confidences are known"
    if not study.students:
        reasons |= {
            name: "there is no student" for name in ("P4", "P5", "P7", "P8") if name not in reasons
        }
    elif len(study.students) == 1:
        for name in ("P4", "P5"):
            reasons.setdefault(name, "it compares students, and there is only one")
    sighted = [student for student in study.students if student.first.has_probabilities]
    if len(sighted) < 2:
        reasons.setdefault("P5", "the confidences of fewer than two students are known")
    if blind:
        reasons.setdefault("P8", f"the confidences of {', '.join(blind)} are not known")
    return reasons


@dataclass(frozen=True)
class ExemplaryCases:
    """List examples worth reading."""

    name: str = "exemplary_cases"
    version: int = 1
    title: str = "Examples to read"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = ()
    options: type[ExemplaryCasesOptions] = ExemplaryCasesOptions

    def skip_reason(self, study: Study) -> str | None:
        """At least one list must be possible."""
        if study.split.task.kind == "regression":
            return no_right_and_wrong(study)
        reasons = _skipped(study)
        if len(reasons) == 5:
            return "; ".join(f"{_PLAIN[name]}: {reasons[name]}" for name in sorted(reasons))
        return None

    def run(
        self, study: Study, options: ExemplaryCasesOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Make every list that can be made, and say why the others cannot."""
        skipped, known = _skipped(study), study.with_gold()
        tables: list[Table] = []
        blind = [model.name for model in study.models if not model.first.has_probabilities]
        if "P1" not in skipped:
            tables += [
                _extremes(known, model, options.top)
                for model in known.models
                if model.name not in blind
            ]
        for name, make, about in (
            ("P4", _only_one_student, known),
            ("P5", _confidence_gaps, study),
            ("P7", _all_students_wrong, known),
            ("P8", _all_students_unsure, study),
        ):
            if name not in skipped:
                tables.append(make(about, options.top))
        notes = [
            f"The list “{_PLAIN[name]}” was skipped: {skipped[name]}." for name in sorted(skipped)
        ]
        if blind and "P1" not in skipped:
            notes.append(f"Of {', '.join(blind)} no confidences are known, so no most confident.")
        return AnalysisResult(
            **described(self, options),
            caption="Examples worth reading one at a time: the lists P1, P4, P5, P7 and P8 of the "
            "prediction analysis of the 2020 thesis, in this order.",
            tables=tuple(tables),
            notes=(
                *notes,
                *first_run_note(study, "The lists"),
                *labelled_note(study, "The lists of right and wrong"),
            ),
        )


ALIASES = ("lists",)
ANALYSIS = ExemplaryCases()
