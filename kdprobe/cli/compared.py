"""What a comparison prints at its end, and the command as the report tells it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from kdprobe.cli import terminal
from kdprobe.cli.option_names import with_flags
from kdprobe.plain_text import printable

SIDE_BY_SIDE = 3
GAPS = 10

if TYPE_CHECKING:
    from kdprobe.comparison.result import Comparison
    from kdprobe.results.headline import Headline
    from kdprobe.results.schema import ResultsDocument


def command_line(argv: list[str]) -> str:
    """Return the command as typed, ready to be copied, without the way to this machine's folders.

    A report is mailed around: see `portable.portable` for what becomes of an absolute path.

    >>> command_line(["/usr/bin/kdprobe", "compare", "out/t", "s=/nowhere/my s", "-t", "cola"])
    "kdprobe compare out/t 's=PATH/TO/my s' -t cola"
    """
    import shlex

    from kdprobe.portable import portable_word

    return shlex.join(["kdprobe", *map(portable_word, argv[1:])])


def summary(result: Comparison, *, as_json: bool, quiet: bool) -> None:
    """Print the headline table, the alarms, what was skipped and where the report is."""
    from kdprobe.comparison.result import headline_list, headline_table

    document, head = result.document, result.headline
    if as_json:
        typer.echo(json.dumps(headline_json(document, head), indent=1, ensure_ascii=False))
        _tell_unable(document, quiet=True)
        return
    task = document.task
    title = f"{task.name} {task.split}, n = {task.n}{task.in_clusters}"
    # A column each is easier to compare, but more than a few students do not fit a terminal.
    lay_out = headline_table if len(head.rows) <= SIDE_BY_SIDE else headline_list
    terminal.show(terminal.table(title, *lay_out(head)))
    for row in head.rows:
        typer.echo(printable(f"{row.student}: {row.sentence}"))
    for notice in document.warnings:
        if notice.code == "teacher-added":
            typer.echo(printable(with_flags(notice.message)))
    for notice in (*document.warnings, *(w for r in document.analyses for w in r.warnings)):
        if notice.severity == "alarm" or (notice.severity == "warning" and not quiet):
            terminal.tell(f"{notice.severity}: {notice.message}")
    _tell_unable(document, quiet=quiet)
    if result.folder is not None:
        typer.echo(f"Report: {result.folder / 'report.html'}")


def _tell_unable(document: ResultsDocument, *, quiet: bool) -> None:
    """Say what did not run: as warnings with the reason what was asked for, the rest in a line."""
    from kdprobe.results.unable import unable

    groups = unable(document.skipped)
    for item in groups:
        if item.requested:
            terminal.tell(f"warning: asked for, not possible: {item.names}: {item.reason}")
    unasked = [item.short for item in groups if not item.requested]
    if unasked and not quiet:
        terminal.tell(f"not run: {', '.join(unasked)}")


def _short(value: float | None) -> float | None:
    """Round to six digits: no reader has use for more, and results.json has all."""
    return None if value is None else float(f"{value:.6g}")


def headline_json(document: ResultsDocument, head: Headline) -> dict[str, object]:
    """Return the headline as plain data: each figure with its interval, or the reason for none.

    Beside it the largest losses, the notices and what did not run; numbers have six digits.
    """
    import dataclasses

    from kdprobe.results.headline import Figure
    from kdprobe.results.losses import certainty

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
                    "value": _short(number.value),
                    "ci_low": _short(number.low),
                    "ci_high": _short(number.high),
                    "p_value": _short(number.p_value),
                    "n": number.n,
                }
        figures["lost"] = [
            {"subset": gap.subset, "metric": gap.metric, "gap": _short(gap.gap),
             "ci_low": _short(gap.low), "ci_high": _short(gap.high), "n": gap.n,
             "certainty": certainty(gap)}
            for result in document.analyses for gap in result.gaps
            if gap.student == row.student
        ][:GAPS]  # fmt: skip
        students[row.student] = figures
    notices = (*document.warnings, *(w for r in document.analyses for w in r.warnings))
    return {
        "teacher": head.teacher,
        "score": head.score,
        "n": head.n,
        "students": students,
        "notices": [{"severity": one.severity, "code": one.code, "message": with_flags(one.message)}
                    for one in notices if one.severity != "note"],
        "skipped": [{"what": item.what, "reason": with_flags(item.reason),
                     "requested": item.requested} for item in document.skipped],
    }  # fmt: skip
