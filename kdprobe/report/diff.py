"""The page of a diff: the first numbers, what else changed, what is not compared.

Does: lay a `DiffDocument` out as tables. Does not: compute any number.
"""

from __future__ import annotations

from markupsafe import Markup

from kdprobe.report.build import RenderedSection, compose, page_script, page_style
from kdprobe.report.markup import fill
from kdprobe.results.diff import DiffDocument
from kdprobe.results.diff_markdown import diff_title
from kdprobe.results.diff_view import (
    changed,
    changes_table,
    first_changes,
    further_changes,
    model_words,
    other_rows,
    sentence,
    summary_sentence,
)
from kdprobe.results.notices import joined
from kdprobe.results.parts import Column, Table

_PAIRED = (
    "After minus before, with its 95 % interval over the same resamples of the same examples "
    "(2.5 % of them beyond each end); q is adjusted by Holm over the models that have this number, "
    "not over different numbers: where nothing changed, about one in 20 would still seem to. A "
    "change is beyond noise where q is below .05 and the interval leaves 0. With one seed each the "
    "question is whether these two models differ, not whether another training of them would."
)


def render_diff(document: DiffDocument) -> str:
    """Render the page of a diff.

    Returns:
        The page as HTML; the same document gives the same text, on every machine.
    """
    first, further = first_changes(document), further_changes(document)
    whole, proof = "What changed", "All numbers"
    parts = [
        RenderedSection(10, "first", "First numbers", _first(document), group=whole),
        RenderedSection(12, "models", "Models", _models(document), group=whole),
        RenderedSection(14, "further", "What else changed", _table(changes_table(
            document, further, name="further", title="Numbers that changed",
            caption="Those whose change is beyond noise; without a paired interval those whose own "
            "intervals do not meet. Times are left out." if further else
            "No other number changed beyond noise.")), group=whole),
        RenderedSection(16, "apart", "What is not compared", _apart(document), group=whole),
        RenderedSection(40, "all", "Every number of both reports", _table(changes_table(
            document, document.changes, name="all", title="All changes", caption=_PAIRED)),
            summary_sentence(document), proof),
    ]  # fmt: skip
    if not first and not document.changes:
        parts = [part for part in parts if part.name not in ("further", "all")]
    return compose(
        document,
        title=diff_title(document),
        alarms=joined([one for one in document.notices if one.severity == "alarm"]),
        parts=parts,
        style=page_style("sweep.css"),
        script=page_script(),
        data={},
        file="the JSON of kdprobe diff",
    )


def _first(document: DiffDocument) -> Markup:
    first = first_changes(document)
    sentences = [summary_sentence(document), *(sentence(document, one) for one in changed(first))]
    table = changes_table(
        document, first, name="first", title="The first screen, before and after",
        caption=_PAIRED if first else "The two reports have none of these numbers in common.",
    )  # fmt: skip
    notices = [notice for notice in document.notices if notice.severity != "alarm"]
    return fill("diff.html", notices=notices, sentences=sentences, table=table)


def _models(document: DiffDocument) -> Markup:
    heads = (("model", "Model"), ("role", "Role"), ("state", "Weights"), ("print", "Fingerprint"))
    return _table(Table(
        name="models", title="Models", caption="A model is that of the same name; its fingerprint "
        "says whether it has the same weights, config and tokenizer.",
        columns=tuple(Column(name=name, label=label) for name, label in heads),
        rows=tuple(model_words(document)),
    ))  # fmt: skip


def _apart(document: DiffDocument) -> Markup:
    rows = other_rows(document)
    heads = (("what", "What"), ("how", "How it differs"), ("before", "Before"), ("after", "After"))
    return _table(Table(
        name="apart", title="Definitions, analyses and settings that differ",
        caption="A number that is defined otherwise is not compared." if rows else
        "Nothing: every analysis of one report is in the other, with the same definitions and "
        "settings.",
        columns=tuple(Column(name=name, label=label) for name, label in heads), rows=tuple(rows),
    ))  # fmt: skip


def _table(table: Table) -> Markup:
    return fill("sweep_table.html", table=table, failed=())
