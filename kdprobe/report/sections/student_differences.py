"""Who is nearer to the teacher: sentences beyond noise, a chart, every difference in a table.

Does: show the differences between students, and what they took beyond a control. Does not: compute
or judge them; `analysis/student_differences` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analysis_markup
from kdprobe.report.markup import fill
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.turned import DIFFERENCES, OF_ONE


@dataclass(frozen=True)
class _StudentDifferences:
    name: str = DIFFERENCES
    title: str = "Who is nearer to the teacher"
    order: int = 12
    reads: tuple[str, ...] = (DIFFERENCES,)

    def render(self, document: ResultsDocument) -> Markup | None:
        result = document.analysis(DIFFERENCES)
        if result is None:
            return None
        of_one = tuple(number for number in result.estimates if number.metric in OF_ONE)
        plain = result.model_copy(update={"notes": ()})
        return fill(
            "student_differences.html",
            sentences=result.notes,
            rest=analysis_markup(document, plain, of_one),
        )


SECTION = _StudentDifferences()
