"""A comparison in the hand: what `compare` and `load_results` give.

Does: hold the document and show it (in a notebook, as a data frame, as a page). Does not: compute.
"""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe.plain_text import printable
from kdprobe.results.headline import Figure, Headline, HeadlineRow, headline
from kdprobe.results.io import metrics_csv, read_document
from kdprobe.results.numbers import show_estimate
from kdprobe.results.schema import ResultsDocument

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """The results of one comparison.

    Args:
        document: every number, table and example.
        folder: where the files were written or read; None when they were not.
    """

    document: ResultsDocument
    folder: Path | None = None

    @property
    def headline(self) -> Headline:
        """The numbers of the report's first screen."""
        return headline(self.document)

    @property
    def metrics(self) -> pd.DataFrame:
        """Every number as a row, the columns of `metrics.csv`."""
        import pandas as pd

        text = metrics_csv(self.document)
        return pd.read_csv(io.StringIO(text), keep_default_na=True, na_values=[""])

    def html(self) -> str:
        """The report as one page of HTML."""
        from kdprobe.report.build import render

        return render(self.document)

    def write_report(self, path: str | Path) -> None:
        """Write the report to a file."""
        from kdprobe.report.build import write_report

        write_report(self.document, Path(path))

    def __repr__(self) -> str:
        """One sentence a student."""
        task = self.document.task
        lines = [f"kdprobe comparison on {task.name} {task.split} (n = {task.n})"]
        lines += [f"  {row.student}: {row.sentence}" for row in self.headline.rows]
        return printable("\x00".join(lines)).replace("\ufffd", "\n")

    def _repr_html_(self) -> str:
        """Show the headline in a notebook."""
        columns, rows = headline_table(self.headline)
        names = "".join(f"<th>{html.escape(printable(name))}</th>" for name in columns)
        body = ""
        for student, *cells in rows:
            values = "".join(f"<td>{html.escape(printable(cell))}</td>" for cell in cells)
            body += f"<tr><th>{html.escape(printable(student))}</th>{values}</tr>"
        task = self.document.task
        title = html.escape(printable(f"{task.name} {task.split}, n = {task.n}"))
        return f"<table><caption>kdprobe: {title}</caption><tr>{names}</tr>{body}</table>"


def headline_table(head: Headline) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Lay out the headline: column names and a row per student; a reason stands for no number."""

    def figures(row: HeadlineRow) -> tuple[Figure, ...]:
        return (
            row.teacher_score, row.student_score, row.agreement, row.kappa, row.mcnemar,
            row.confidence, row.ece, row.parameters,
        )  # fmt: skip

    if not head.rows:
        return ("student",), []
    shown = [
        position
        for position in range(len(figures(head.rows[0])))
        if any(figures(row)[position].estimate for row in head.rows)
    ]
    columns = ("student", *(figures(head.rows[0])[position].label for position in shown))
    rows = [
        (row.student, *(_cell(figures(row)[position]) for position in shown)) for row in head.rows
    ]
    return columns, rows


def _cell(figure: Figure) -> str:
    if figure.estimate is None or figure.estimate.value is None:
        return figure.reason
    return show_estimate(figure.estimate, figure.unit)


def load_results(path: str | Path) -> Comparison:
    """Read the results of an earlier comparison.

    Args:
        path: a `results.json`, or the folder that holds one.

    Raises:
        ResultsFormatError: the file cannot be read, or is of a version that this kdprobe cannot.
    """
    place = Path(path)
    return Comparison(read_document(place), folder=place if place.is_dir() else place.parent)
