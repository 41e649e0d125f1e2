"""Attribution: do the models look at the same words, and do those words matter?

Does: agreement by method against ceiling and floor, word scores side by side, and faithfulness.
Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.report.charts import analysis_charts
from kdprobe.report.drawing import drawing
from kdprobe.report.examples import explaining_methods, links
from kdprobe.report.highlights import marked
from kdprobe.report.markup import fill
from kdprobe.results.schema import AnalysisResult, Estimate, ResultsDocument
from kdprobe.results.words import EXPLAINED_SENTENCES

SENTENCES = 3
_COLUMNS = (
    ("Rank correlation", "spearman"), ("Between floor and ceiling", "normalised"),
    ("Top words", "top_k"), ("Right for other reasons", "other_reasons"),
)  # fmt: skip
"""What stands beside the chart; the other numbers are folded below."""


def summary(
    result: AnalysisResult,
) -> list[tuple[str, str, list[Estimate | None]]]:
    """Lay out method, student and the estimates of the columns, in the document's order."""
    by_pair: dict[tuple[str, str], dict[tuple[str, str], Estimate]] = {}
    for one in result.estimates:
        if one.model_b:
            by_pair.setdefault((one.method, one.model_b), {})[one.metric, one.subset] = one
    return [
        (method, student, [cells.get((metric, "all")) for _, metric in _COLUMNS])
        for (method, student), cells in by_pair.items()
    ]


@dataclass(frozen=True)
class _Attribution:
    name: str = "attribution"
    title: str = "Same answer, same reasons?"
    order: int = 50
    reads: tuple[str, ...] = ("attribution_agreement", "faithfulness", "attribution_gap")

    def render(self, document: ResultsDocument) -> Markup | None:
        result = document.analysis("attribution_agreement")
        charts = analysis_charts(result, links(document), document) if result else []
        plain = self._without(document)
        rest = analyses_block(plain, self.reads, self.title, opened=not result) or Markup()
        if result is None:
            return rest or None
        table = next((table for table in result.tables if table.name == EXPLAINED_SENTENCES), None)
        return fill(
            "highlights.html",
            drawing=drawing(document, charts),
            heads=[head for head, _ in _COLUMNS],
            summary=summary(result),
            sentences=marked(document, table),
            methods=explaining_methods(document),
            classes=document.task.kind != "regression",
            most=SENTENCES,
            caption=table.caption if table else "",
            links=links(document),
            rest=rest,
        )

    def _without(self, document: ResultsDocument) -> ResultsDocument:
        """Take out the table that is shown as coloured words, and the charts that lead."""
        kept = tuple(
            result.model_copy(
                update={
                    "tables": tuple(t for t in result.tables if t.name != EXPLAINED_SENTENCES),
                    "curves": (),
                    "matrices": (),
                }
            )
            if result.name == "attribution_agreement"
            else result
            for result in document.analyses
        )
        return document.model_copy(update={"analyses": kept})


SECTION = _Attribution()
