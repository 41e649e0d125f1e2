"""The example browser: every example with what each model says of it.

Does: write the first rows and the controls, and fold the numbers of the analyses whose lists are
saved filters; the page's script does the rest from the page's data. Does not: hold more examples
than `examples.MOST`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.report.examples import (
    FULL_PROBABILITIES,
    explained,
    kept_examples,
    page_data,
    slice_columns,
)
from kdprobe.report.markup import fill
from kdprobe.results.numbers import show_count
from kdprobe.results.renamed import present_name
from kdprobe.results.schema import ExamplePrediction, ResultsDocument, Table

FIRST = 50
_NUMBERED = re.compile(r"^P\d: ")
_BESIDE = "attributions.parquet beside this page holds every word score."


def _summary(document: ResultsDocument, held: int) -> str:
    """State what the list does not hold of the document, and the panel of an example."""
    total = max(document.examples_total, len(document.examples))
    parts = []
    if held < total:
        parts.append(f"The list holds {show_count(held)} of {show_count(total)} examples.")
    if any(model.runs > 1 for model in document.models):
        parts.append("Of a model with several runs the first run is shown.")
    if len(document.task.labels) > FULL_PROBABILITIES:
        parts.append(f"The panel shows each model’s {FULL_PROBABILITIES} most probable labels.")
    return " ".join([*parts, *_words_summary(document)])


def _words_summary(document: ResultsDocument) -> list[str]:
    """State how many examples have word scores on the page, and where the others are."""
    examples = explained(document)
    held = sum(one.words is not None and bool(one.words.words) for one in examples)
    if not examples:
        return []
    if held == len(examples):
        return [f"The panel shows word scores of the {show_count(held)} examples that have them."]
    return [
        f"{show_count(len(examples))} examples were explained; this page carries the word scores "
        f"of {show_count(held)} (those that a table names, then those of least agreement), and "
        f"{_BESIDE}"
    ]


def _least(row: list[list[object]]) -> float | None:
    """Return the least agreement of any student by the first method, of a packed row."""
    packed = row[6] if len(row) > 6 else None
    if packed is None or not isinstance(packed[1], list):
        return None
    return min((value for value in packed[1][0] if value is not None), default=None)


def _plainly_titled(document: ResultsDocument) -> ResultsDocument:
    """Take the thesis's numbering out of titles that older versions wrote."""
    plain = tuple(
        result.model_copy(update={"tables": tuple(map(_plain, result.tables))})
        if present_name(result.name) == "exemplary_cases"
        else result
        for result in document.analyses
    )
    return document.model_copy(update={"analyses": plain})


def _plain(table: Table) -> Table:
    title = _NUMBERED.sub("", table.title)
    return table.model_copy(update={"title": title[:1].upper() + title[1:]})


def _known(prediction: ExamplePrediction) -> bool:
    return prediction.confidence is not None or prediction.score is not None


@dataclass(frozen=True)
class _Browser:
    name: str = "browser"
    title: str = "Examples"
    order: int = 82
    reads: tuple[str, ...] = ("correctness_groups", "exemplary_cases", "exemplars")

    def render(self, document: ResultsDocument) -> Markup | None:
        examples = kept_examples(document)
        numbers = analyses_block(_plainly_titled(document), self.reads, self.title)
        if not examples:
            return numbers
        # The head of the document is packed once more: it is written by the template.
        data = page_data(document)
        rows = data["rows"]
        if not isinstance(rows, list):
            raise TypeError("page_data gives its rows as a list")
        return fill(
            "browser.html",
            summary=_summary(document, len(examples)),
            held=len(examples),
            numbers=numbers,
            lists=data["lists"],
            shown=data["shown"],
            sure=any(_known(one) for e in examples for one in e.predictions),
            first=[(row, _least(row)) for row in rows[:FIRST]],
            methods=data["methods"],
            gold=any(e.label is not None or e.score is not None for e in examples),
            kind=document.task.kind,
            labels=document.task.answers,
            models=[model.name for model in document.models],
            teacher=data["teacher"],
            columns=data["columns"],
            slices=sorted(slice_columns(examples).items()),
        )


SECTION = _Browser()
