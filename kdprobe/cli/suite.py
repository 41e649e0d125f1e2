"""`kdprobe suite`: a paper's tables from one file, and how far they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.options import DataOptions, Runtime, TrainingOutput
from kdprobe.config.suite_options import SuiteRunOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kdprobe.suites_run.result import PlannedRow, SuiteRun


@terminal.guarded
@generated
def run(
    suite: Annotated[
        str, typer.Argument(metavar="FILE", help="A suite's name or TOML file, e.g. limes.")
    ],
    quiet: Quiet = False,
    *,
    own: SuiteRunOptions,
    data: Annotated[DataOptions, Shown(only=("data_dir",))],
    place: Annotated[TrainingOutput, Shown(without=("force",), required=("output",))],
    runtime: Annotated[Runtime, Shown(only=("device", "offline"))],
) -> None:
    """Make a paper's models, comparisons and tables from one file.

    Example: kdprobe suite run limes -o out/limes --scale tiny
    """
    import kdprobe
    from kdprobe.cli.compared import command_line

    result = kdprobe.run_suite(
        suite,
        output=place.output or "",
        resume=place.resume,
        dry_run=place.dry_run,
        data_dir=data.data_dir,
        device=runtime.device,
        offline=runtime.offline,
        command=command_line(sys.argv),
        progress=terminal.progress(quiet=quiet),
        **own.model_dump(),
    )
    if result.document is None:
        _show_rows(result.title, result.planned)
        return
    _show(result, quiet=quiet)


@terminal.guarded
def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a suite.")],
) -> None:
    """Show which steps of a suite are there, also while it runs.

    Example: kdprobe suite status out/limes
    """
    from kdprobe.suites_run.run import suite_status

    title, rows = suite_status(folder)
    _show_rows(title, rows)


def _show_rows(title: str, rows: Sequence[PlannedRow]) -> None:
    """Print steps with their state, time and memory."""
    from kdprobe.models.capacity import gigabytes
    from kdprobe.results.numbers import show_duration

    cells = [
        (
            row.name, row.kind, row.state,
            "–" if row.seconds is None else show_duration(row.seconds) if row.seconds else "",
            "–" if row.memory is None else gigabytes(row.memory),
        )
        for row in rows
    ]  # fmt: skip
    terminal.show(terminal.table(title, ("step", "kind", "state", "time", "memory, about"), cells))
    there = sum(row.state == "there" for row in rows)
    left = sum(row.seconds or 0.0 for row in rows if row.state != "there")
    typer.echo(
        f"{there} of {len(rows)} steps are there"
        + (f"; the others may take about {show_duration(left)} on one core." if left else ".")
    )


def _show(result: SuiteRun, *, quiet: bool) -> None:
    """Print the answers and where the page is; exit 3 when a step failed."""
    document = result.document
    if document is not None and not quiet:
        for one in document.answers:
            terminal.tell(f"{one.says}\n  {one.answer}: {one.evidence}")
    for name, reason in result.failed:
        terminal.tell(f"No result of {name}: {reason}")
    terminal.say(f"Page: {result.folder / 'suite.html'}")
    if result.failed:
        raise typer.Exit(terminal.SKIPPED)
