"""`kdprobe distill --sweep`: its options, and what it prints at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdprobe.cli import terminal
from kdprobe.cli.training import keywords
from kdprobe.config.executor_options import ExecutorOptions
from kdprobe.config.flags import FlagOptions
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.results.sweep import SweepDocument
    from kdprobe.sweeping.result import DryRow
    from kdprobe.sweeping.result import Sweep as Swept

Sweep = Annotated[
    str | None,
    typer.Option(
        "--sweep", metavar="KEY=A,B;KEY=...",
        help="Train a student for every combination, e.g. 'layers=3,6;hidden=192,384;seed=1,2,3': "
        "sizes, student, seed, recipe, or a setting of the recipe (training.learning_rate). Runs "
        "that are finished are not repeated.",
        rich_help_panel="training",
    ),
]  # fmt: skip


WHERE_HELP = {
    "executor": "Of a sweep: local, or ray (needs the extra `ray`); --jobs runs at once.",
    "address": "Of a sweep: a Ray cluster's, HOST:PORT. Default: workers here.",
}


def refuse_alone(where: ExecutorOptions) -> None:
    """Refuse an executor without a sweep: one training is not shared out.

    Raises:
        ConfigError: one was named.
    """
    from kdprobe.errors import ConfigError

    for name in sorted(where.model_fields_set):
        raise ConfigError(f"`{name}`", found="is given without --sweep", expected="both, or none")


def run(teacher: str, text: str, parts: Sequence[FlagOptions], *, quiet: bool) -> None:
    """Run a sweep and print it; exit 3 when a run gave no student.

    Args:
        teacher: as typed.
        text: what is swept.
        parts: the options of `distill`, the same for all runs.
        quiet: no progress and no notes.
    """
    import kdprobe
    from kdprobe.cli.compared import command_line
    from kdprobe.errors import ConfigError

    named: dict[str, Any] = {}
    for part in parts:
        named |= keywords(part)
    if "sample_seed" in named:
        raise ConfigError(
            "--sample-seed", found="is given beside --sweep", expected="--seed, which it takes"
        )
    named.pop("resume", None)
    swept = kdprobe.sweep(
        teacher,
        text,
        command=command_line(sys.argv),
        progress=terminal.progress(quiet=quiet),
        **named,
    )
    if swept.document is None:
        _show_checked(swept.checked)
    else:
        _show(swept.document, quiet=quiet)
        typer.echo(printable(f"Page: {swept.folder / 'sweep.html'}"))
    _tell_failed(swept)


def _show(document: SweepDocument, *, quiet: bool) -> None:
    """Print the students, and what was found in sentences."""
    from kdprobe.results.numbers import show_number

    names = (document.score, document.closeness, "parameters", "throughput", "latency_p50")
    rows = []
    for model in (document.teacher, *document.students):
        cells = [document.find(name, model.name) for name in names]
        shown = ["" if c is None or c.value is None else show_number(c.value) for c in cells]
        fronts = sum(model.name in front.students for front in document.fronts)
        rows.append((model.name, *shown, str(fronts) if model.role == "student" else ""))
    heads = ("student", *(document.metric(name).label for name in names), "fronts")
    terminal.show(terminal.table(f"{document.task.name}, {document.task.split}", heads, rows))
    for sentence in () if quiet else document.sentences:
        terminal.tell(sentence)


def _show_checked(checked: tuple[DryRow, ...]) -> None:
    """Print what would be trained, and how long it may take."""
    from kdprobe.results.numbers import show_duration

    rows = [
        (row.name, row.parameters, row.steps, show_duration(row.seconds) if row.seconds else "–")
        for row in checked
    ]
    heads = ("run", "parameters", "steps", "time, about")
    terminal.show(terminal.table(f"{len(checked)} runs", heads, rows))
    total = show_duration(sum(row.seconds for row in checked))
    typer.echo(
        f"About {total} of training in all, as busy as this machine is now. "
        "Nothing was trained (--dry-run)."
    )


def _tell_failed(swept: Swept) -> None:
    for name, reason in swept.failed:
        terminal.tell(f"No student from {name}: {reason}")
    if swept.failed:
        raise typer.Exit(terminal.SKIPPED)
