"""Checks and undefined numbers: what was looked at, and what has no value and why.

Does: show the checks of the inputs, and every undefined number under its reason. Does not: check.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analysis_block, folded
from kdprobe.report.markup import fill
from kdprobe.results.schema import ResultsDocument


def undefined_by_reason(document: ResultsDocument) -> list[tuple[str, list[str]]]:
    """Return each reason why a number is undefined, with the numbers it is the reason of."""
    reasons: dict[str, list[str]] = {}
    for result in document.analyses:
        labels = {metric.name: metric.label for metric in result.metrics}
        for estimate in result.estimates:
            if estimate.value is None:
                who = " with ".join(m for m in (estimate.model_a, estimate.model_b) if m)
                subset = "" if estimate.subset == "all" else f" on {estimate.subset}"
                place = f"{labels[estimate.metric]} of {who}{subset}"
                reasons.setdefault(estimate.undefined, []).append(place)
    return list(reasons.items())


def _title(document: ResultsDocument) -> str:
    """Count the checks by their outcome."""
    result = document.analysis("sanity_checks")
    for table in result.tables if result else ():
        names = [column.name for column in table.columns]
        if "outcome" in names:
            outcomes = Counter(str(row[names.index("outcome")]) for row in table.rows)
            counts = [f"{count} {outcome}" for outcome, count in outcomes.most_common()]
            return f"Checks made before the comparison: {', '.join(counts)}"
    return "Checks made before the comparison"


@dataclass(frozen=True)
class _Checks:
    name: str = "checks"
    title: str = "Checks and undefined numbers"
    order: int = 94
    reads: tuple[str, ...] = ("sanity_checks",)

    def render(self, document: ResultsDocument) -> Markup | None:
        checks = analysis_block(document, self.reads[0], heading=False)
        undefined = undefined_by_reason(document)
        if checks is None and not undefined:
            return None
        return fill(
            "checks.html",
            checks=folded(_title(document), checks) if checks else Markup(),
            undefined=undefined,
        )


SECTION = _Checks()
