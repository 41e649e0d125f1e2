"""What a comparison prints at its end, and the command as the report tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kdprobe.cli import terminal
from kdprobe.plain_text import printable

SIDE_BY_SIDE = 3

if TYPE_CHECKING:
    from kdprobe.comparison.view import Comparison
    from kdprobe.results.headline import Headline


def command_line(argv: list[str]) -> str:
    """Give the command as typed, folders cut down to their names: a report is mailed around.

    >>> command_line(["/usr/bin/kdprobe", "compare", "/home/me/teacher", "s=/tmp/s", "-t", "cola"])
    'kdprobe compare teacher s=s -t cola'
    """
    import shlex

    def short(word: str) -> str:
        name, mark, path = word.rpartition("=")
        return f"{name}{mark}{','.join(Path(p).name if '/' in p else p for p in path.split(','))}"

    return shlex.join([Path(argv[0]).name, *(short(word) for word in argv[1:])])


def summary(result: Comparison, *, as_json: bool, quiet: bool) -> None:
    """Print the headline table, the alarms, what was skipped and where the report is."""
    from kdprobe.comparison.view import headline_list, headline_table

    document, head = result.document, result.headline
    if as_json:
        typer.echo(json.dumps(headline_json(head), indent=1, ensure_ascii=False))
        return
    title = f"{document.task.name} {document.task.split}, n = {document.task.n}"
    # A column each is easier to compare, but more than a few students do not fit a terminal.
    lay_out = headline_table if len(head.rows) <= SIDE_BY_SIDE else headline_list
    terminal.show(terminal.table(title, *lay_out(head)))
    for row in head.rows:
        typer.echo(printable(f"{row.student}: {row.sentence}"))
    for notice in document.warnings:
        if notice.code == "teacher-added":
            typer.echo(printable(notice.message))
    for notice in (*document.warnings, *(w for r in document.analyses for w in r.warnings)):
        if notice.severity == "alarm" or (notice.severity == "warning" and not quiet):
            terminal.tell(f"{notice.severity}: {notice.message}")
    for item in document.skipped:
        if item.requested or not quiet:
            terminal.tell(f"skipped {item.what}: {item.reason}")
    if result.folder is not None:
        typer.echo(f"Report: {result.folder / 'report.html'}")


def headline_json(head: Headline) -> dict[str, object]:
    """Give the headline as plain data: each figure with its interval, or the reason for none."""
    import dataclasses

    from kdprobe.results.headline import Figure

    students: dict[str, object] = {}
    for row in head.rows:
        figures: dict[str, object] = {"sentence": row.sentence}
        for field in dataclasses.fields(row):
            figure = getattr(row, field.name)
            if not isinstance(figure, Figure):
                continue
            number = figure.estimate
            if number is None or number.value is None:
                figures[field.name] = {"undefined": figure.reason}
            else:
                figures[field.name] = {
                    "value": number.value,
                    "ci_low": number.low,
                    "ci_high": number.high,
                    "p_value": number.p_value,
                    "n": number.n,
                }
        students[row.student] = figures
    return {"teacher": head.teacher, "score": head.score, "n": head.n, "students": students}
