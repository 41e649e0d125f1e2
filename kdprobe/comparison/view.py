"""A comparison in the hand: what `compare` and `load_results` give.

Does: hold the document and show it (in a notebook, as a data frame, as a page). Does not: compute.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdprobe.plain_text import printable
from kdprobe.results.headline import Figure, Headline, HeadlineRow, headline
from kdprobe.results.io import metrics_csv, read_document
from kdprobe.results.numbers import show_count, show_interval, show_number, show_p
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
    """Lay out the headline, a column per student and a row per number; a reason stands for none."""
    wanted: tuple[tuple[str, Callable[[HeadlineRow], Figure]], ...] = (
        (f"{head.score} of {head.teacher} (teacher)", lambda row: row.teacher_score),
        (head.score, lambda row: row.student_score),
        ("agreement with the teacher", lambda row: row.agreement),
        ("Cohen's kappa", lambda row: row.kappa),
        ("kappa at most", lambda row: row.attainable_high),
        ("McNemar p", lambda row: row.mcnemar),
        ("confidence, Spearman", lambda row: row.confidence),
        ("ECE", lambda row: row.ece),
        ("parameters", lambda row: row.parameters),
    )
    rows = [
        (name, *(_cell(name, pick(row)) for row in head.rows))
        for name, pick in wanted
        if any(pick(row).estimate is not None for row in head.rows)
    ]
    return ("", *(row.student for row in head.rows)), rows


def _cell(name: str, figure: Figure) -> str:
    number = figure.estimate
    if number is None or number.value is None:
        return figure.reason
    if name == "McNemar p":
        return "" if number.p_value is None else show_p(number.p_value).removeprefix("= ")
    if name == "parameters":
        return show_count(int(number.value))
    if number.low is None or number.high is None:
        return show_number(number.value)
    return f"{show_number(number.value)} {show_interval(number.low, number.high)}"


def load_results(path: str | Path) -> Comparison:
    """Read the results of an earlier comparison.

    Args:
        path: a `results.json`, or the folder that holds one.

    Raises:
        ResultsFormatError: the file cannot be read, or is of a version that this kdprobe cannot.
    """
    place = Path(path)
    return Comparison(read_document(place), folder=place if place.is_dir() else place.parent)
