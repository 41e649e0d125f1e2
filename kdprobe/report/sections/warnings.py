"""What a reader must know before the numbers: alarms and choices.

Does: show every notice whole, those of one kind in one fold, and examples that were cut; the
verdict has them in few words, and what was not run. Does not: raise any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.examples import kept_examples
from kdprobe.report.markup import fill
from kdprobe.results.headline import headline
from kdprobe.results.notices import all_notices, joined
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import ResultsDocument


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
        groups = joined(all_notices(document, headline(document)))
        cut = examples_cut(document)
        if not (groups or cut):
            return Markup("<p>Nothing to warn of: everything asked for ran.</p>")
        return fill("warnings.html", groups=groups, cut=cut)


SECTION = _Warnings()
