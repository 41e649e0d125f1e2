"""The verdict: a row per student, the numbers of the first screen, one plain sentence each.

Does: show the headline. Does not: choose its numbers; `results/headline.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import PLAIN_UNITS
from kdprobe.report.markup import fill
from kdprobe.results.headline import headline, model_figure
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Verdict:
    name: str = "verdict"
    title: str = "Verdict"
    order: int = 10
    reads: tuple[str, ...] = ()

    def render(self, document: ResultsDocument) -> Markup | None:
        head = headline(document)
        return fill(
            "verdict.html",
            head=head,
            task=document.task,
            added=_of_the_teacher(document),
            controls={model.name for model in document.models if model.role == "control"},
            plain=PLAIN_UNITS,
            teacher_score=head.rows[0].teacher_score if head.rows else None,
            teacher_calibration=model_figure(document, document.teacher, "calibration"),
            teacher_parameters=model_figure(document, document.teacher, "parameters"),
            teacher_latency=model_figure(document, document.teacher, "latency"),
            attributed=document.analysis("attribution_agreement") is not None,
            timed=document.analysis("efficiency") is not None,
        )


def _of_the_teacher(document: ResultsDocument) -> list[str]:
    """Return what the teacher added to students, and whom it handed on its mistakes."""
    notices = (*document.warnings, *(w for result in document.analyses for w in result.warnings))
    return [
        notice.message
        for code in ("teacher-added", "asymmetric-transfer")
        for notice in notices
        if notice.code == code
    ]


SECTION = _Verdict()
