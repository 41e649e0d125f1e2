"""Layer by layer: what the student's layers and heads share with the teacher's.

Does: show heat maps, lines by depth, best matches, and every head on a few examples. Does not:
compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.attention_maps import MAPS, by_layer, mapped_examples
from kdprobe.report.blocks import analyses_block, folded
from kdprobe.report.examples import links
from kdprobe.report.markup import fill
from kdprobe.results.schema import ResultsDocument, Table

_ATTENTION = "attention_similarity"


@dataclass(frozen=True)
class _Similarity:
    name: str = "similarity"
    title: str = "Similarity of layers"
    order: int = 62
    reads: tuple[str, ...] = ("similarity", _ATTENTION)

    def render(self, document: ResultsDocument) -> Markup | None:
        rest = analyses_block(_without_maps(document), self.reads, self.title)
        table = _maps(document)
        if table is None or rest is None:
            return rest
        pictures = fill(
            "attention.html", caption=table.caption,
            layers=by_layer(mapped_examples(table)), links=links(document),
        )  # fmt: skip
        return rest + folded(table.title, pictures)


def _maps(document: ResultsDocument) -> Table | None:
    result = document.analysis(_ATTENTION)
    tables = result.tables if result is not None else ()
    return next((table for table in tables if table.name == MAPS and table.rows), None)


def _without_maps(document: ResultsDocument) -> ResultsDocument:
    """Take out the table that is shown as pictures."""
    kept = tuple(
        result.model_copy(update={"tables": tuple(t for t in result.tables if t.name != MAPS)})
        if result.name == _ATTENTION
        else result
        for result in document.analyses
    )
    return document.model_copy(update={"analyses": kept})


SECTION = _Similarity()
