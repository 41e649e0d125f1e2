"""What a reader must know before the numbers: alarms, choices, what did not run.

Does: gather the warnings of the document and of every analysis, skipped parts, and examples that
were cut. Does not: raise any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.examples import kept_examples
from kdprobe.report.markup import fill
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import Notice, ResultsDocument
from kdprobe.results.unable import unable

_RANK = {"alarm": 0, "warning": 1, "note": 2}


def all_notices(document: ResultsDocument) -> list[Notice]:
    """Return every notice once, alarms first, otherwise in the document's order."""
    unique = dict.fromkeys(
        (
            notice.code,
            notice.severity,
            notice.message,
            notice.models,
        )
        for source in (document.warnings, *(result.warnings for result in document.analyses))
        for notice in source
    )
    notices = [Notice(code=c, severity=s, message=m, models=who) for c, s, m, who in unique]
    return sorted(notices, key=lambda notice: _RANK[notice.severity])


def examples_cut(document: ResultsDocument) -> str:
    """State how many examples the page leaves out, or nothing when it holds all."""
    total = max(document.examples_total, len(document.examples))
    held = len(kept_examples(document))
    if held >= total:
        return ""
    return (
        f"The example browser holds {show_count(held)} of {show_count(total)} examples; all "
        f"numbers are over all examples, and predictions.parquet beside this page holds every "
        f"prediction."
    )


@dataclass(frozen=True)
class _Warnings:
    name: str = "warnings"
    title: str = "Before you read on"
    order: int = 20
    reads: tuple[str, ...] = ()

    def render(self, document: ResultsDocument) -> Markup | None:
        notices, cut = all_notices(document), examples_cut(document)
        if not (notices or cut or document.skipped):
            return Markup("<p>Nothing to warn of: everything asked for ran.</p>")
        return fill(
            "warnings.html",
            notices=notices,
            cut=cut,
            skipped=unable(document.skipped),
        )


SECTION = _Warnings()
