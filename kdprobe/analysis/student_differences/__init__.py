"""Who is nearer to the teacher: differences between students on every number of nearness.

Does: subtract the numbers that relate a model to the teacher, for every pair of students, with a
paired interval, a test, and Holm's adjustment; with a control, what a student took of the teacher's
mistakes and of its skill. Does not: define a number of nearness; the analyses do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.analysis.gold import labelled_note, no_right_and_wrong
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.student_differences.metrics import METRICS
from kdprobe.analysis.student_differences.pairs import differences
from kdprobe.analysis.student_differences.relations import relations_of
from kdprobe.analysis.student_differences.sentences import sentences
from kdprobe.analysis.student_differences.transfer import Transfer, transfer
from kdprobe.analysis.student_differences.views import (
    differences_table,
    nearness_chart,
    nearness_matrix,
    transfer_table,
)
from kdprobe.observations.controls import Controls
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult
from kdprobe.results.turned import DIFFERENCES

ALONE = "there is one student only, so no two students can be compared"


def _transfer(study: Study) -> Transfer | None:
    """Return the controls' part; None without a control, or without right and wrong."""
    if not study.has(Controls) or not study.get(Controls).pairs or no_right_and_wrong(study):
        return None
    return transfer(study.with_gold(), study.get(Controls).pairs)


def _caption(study: Study) -> str:
    pairs = len(study.students) * (len(study.students) - 1) // 2
    over = "one pair of students" if pairs == 1 else f"{pairs} pairs of students"
    return (
        f"Each number of a student and {study.teacher.name} minus the same of another student, on "
        f"the same resamples of the examples, so that what both share cancels ({over}). p: "
        "McNemar's exact test of having the teacher's label for agreement of single runs, the "
        "two-sided paired bootstrap elsewhere; q: after Holm over the "
        "pairs. With one seed each, the question is whether these two models differ, not whether "
        "another training of them would."
    )


def _remarks(study: Study) -> tuple[str, ...]:
    """State which examples need gold labels, and who said which student is the control."""
    of_gold = "Error consistency, flips, shared mistakes, right for other reasons and the transfer"
    controls = study.get(Controls) if study.has(Controls) else Controls(())
    source = "was named as" if controls.named else "is, as the record of its training says,"
    named = tuple(f"{name} {source} the control without a teacher." for name in controls.names)
    alone = len(study.students) - len(controls.names) == 1
    only = ("There is one student beside the control, so all differences are between those two.",)
    return (*named, *(only if named and alone else ()), *labelled_note(study, of_gold))


@dataclass(frozen=True)
class StudentDifferences:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = DIFFERENCES
    version: int = 1
    title: str = "Who is nearer to the teacher"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies without two students."""
        if not study.students:
            return "there is no student to compare with another"
        return ALONE if len(study.students) == 1 else None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Subtract every number, everywhere it stands; `done` is not read."""
        subtracted = [
            one for relation in relations_of(study) for one in differences(study, relation)
        ]
        beside = _transfer(study)
        of_control = () if beside is None else beside.differences
        estimates = [one.estimate for one in (*subtracted, *of_control)]
        estimates += [] if beside is None else beside.of_models
        used = {number.metric for number in estimates}
        return AnalysisResult(
            **described(self, options),
            caption=" ".join((_caption(study), *_remarks(study))),
            metrics=tuple(metric for metric in METRICS.values() if metric.name in used),
            estimates=tuple(estimates),
            tables=(*transfer_table(of_control), differences_table(subtracted)),
            matrices=nearness_matrix(study, subtracted),
            curves=nearness_chart(study, subtracted),
            warnings=() if beside is None else beside.notices,
            notes=sentences(study, subtracted),
        )


ANALYSIS = StudentDifferences()
