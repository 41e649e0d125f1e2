"""What a comparison prints at its end, and the command as the report tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.option_names import with_flags

GAPS = 10
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file which a job of GitHub's shows as Markdown."""
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE.md",
        help="Write the report's first screen as Markdown, too; in a job of GitHub's "
        "($GITHUB_STEP_SUMMARY) also on the job's page.",
        rich_help_panel="output",
    ),
]

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


def write_summary(document: ResultsDocument, file: Path, *, quiet: bool) -> None:
    """Write the first screen as Markdown; in a job of GitHub's also below what its page shows.

    Raises:
        OutputError: a place cannot be written.
    """
    import os

    from kdprobe import atomic
    from kdprobe.results.markdown import markdown_summary

    text = markdown_summary(document)
    atomic.write_text(file, text)
    step = os.environ.get(STEP_SUMMARY)
    if step:
        try:
            with Path(step).open("a", encoding="utf-8") as page:
                page.write(text + "\n")
        except OSError as error:
            raise atomic.output_error(Path(step), error) from error
    if not quiet:
        typer.echo(f"Summary: {file}")


def summary(result: Comparison, *, as_json: bool, quiet: bool) -> None:
    """Print the first screen, what the reader must know, and where the report is."""
    from kdprobe.cli.first_screen import tables
    from kdprobe.results.notices import IMPOSSIBLE, all_notices, joined, of_the_teacher
    from kdprobe.results.screen import screen

    document, head = result.document, result.headline
    notices = [n for n in all_notices(document, head) if n.severity != "note"]
    if as_json:
        typer.echo(json.dumps(headline_json(document, head), indent=1, ensure_ascii=False))
        for notice in notices:
            if notice.code == IMPOSSIBLE:
                terminal.tell(f"warning: {notice.message}")
        return
    task, shown = document.task, screen(head)
    title = f"{task.name} {task.split}, n = {task.n}{task.in_clusters}"
    for table in tables(title, shown, width=terminal.console().width):
        terminal.show(table)
    for sentence in (*shown.sentences, *of_the_teacher(document, head)):
        terminal.say(with_flags(sentence))
    for group in joined(notices):
        if group.severity == "alarm" or group.code == IMPOSSIBLE or not quiet:
            terminal.tell(f"{group.severity}: {group.message}")
    if not quiet:
        _tell_unrun(document)
    if result.folder is not None:
        typer.echo(f"Report: {result.folder / 'report.html'}")


def _tell_unrun(document: ResultsDocument) -> None:
    """Say in one line what nobody asked for and did not run, and what would add it.

    What the kind of the task rules out is left to the page.
    """
    from kdprobe.results.unable import unable

    unasked = [item.short for item in unable(document.skipped)
               if not (item.requested or item.of_kind)]  # fmt: skip
    if unasked:
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
    from kdprobe.results.notices import all_notices

    students: dict[str, object] = {}
    for row in head.rows:
        figures: dict[str, object] = {
            "role": row.role,
            "state": None if row.state is None else row.state.word,
            "smallest_difference": None if row.state is None else _short(row.state.smallest),
            "sentence": row.sentence,
        }
        for field in dataclasses.fields(row):
            figure = getattr(row, field.name)
            if not isinstance(figure, Figure) or (
                head.kind != "regression" and field.name.startswith("score_")
            ):
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
    return {
        "teacher": head.teacher,
        "score": head.score,
        "n": head.n,
        "students": students,
        "notices": [{"severity": one.severity, "code": one.code, "message": with_flags(one.message)}
                    for one in all_notices(document, head) if one.severity != "note"],
        "skipped": [{"what": item.what, "reason": with_flags(item.reason),
                     "requested": item.requested} for item in document.skipped],
    }  # fmt: skip
