"""What a reader must know before the numbers: alarms, choices, what is undefined.

Does: show every notice whole, undefined numbers by reason, and examples that were cut; the verdict
has them in few words, and what was not run. Does not: raise any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.examples import kept_examples
from kdprobe.report.markup import fill
from kdprobe.results.headline import headline
from kdprobe.results.notices import all_notices
from kdprobe.results.numbers import show_count
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
    title: str = "Warnings"
    order: int = 20
    reads: tuple[str, ...] = ()

    def render(self, document: ResultsDocument) -> Markup | None:
        notices, cut = all_notices(document, headline(document)), examples_cut(document)
        undefined = undefined_by_reason(document)
        if not (notices or cut or undefined):
            return Markup(
                "<p>Nothing to warn of: everything asked for ran, every number is defined.</p>"
            )
        return fill(
            "warnings.html",
            notices=notices,
            cut=cut,
            undefined=undefined,
            undefined_total=sum(len(places) for _, places in undefined),
        )


SECTION = _Warnings()
