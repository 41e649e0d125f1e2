"""`kdprobe tasks [NAME]`: what can be classified, and where its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Shown, generated
from kdprobe.config.options import DataOptions, Runtime
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from kdprobe.tasks.describe import Quantiles, SplitDescription

_SHOWN_LABELS = 12
_SHOWN_TEXT = 160


@terminal.guarded
@generated
def tasks(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A task, a task file or a table; none: list all."),
    ] = None,
    *,
    data: Annotated[DataOptions, Shown(without=("task", "label_map", "limit", "sample_seed"))],
    runtime: Annotated[Runtime, Shown(only=("offline",))],
) -> None:
    """List the tasks, or show where one's files were found, its sizes, classes and examples.

    Example: kdprobe tasks cola
    """
    if name is None:
        _all(data.data_dir)
        return
    from kdprobe.tasks.describe import describe
    from kdprobe.tasks.open import open_task

    task_file = open_task(name, **data.columns)
    described = describe(task_file, data_dir=data.data_dir, offline=runtime.offline)
    head = [
        ("task", f"{task_file.name}, version {task_file.version} ({task_file.kind})"),
        ("question", task_file.description),
        ("primary score", task_file.primary_score),
        ("citation", task_file.citation),
        *(("note", note) for note in task_file.notes),
    ]
    terminal.show(terminal.table("", ("", ""), [row for row in head if row[1]]))
    for split in described.splits:
        _split(split)
    for shared in described.shared:
        if shared.n:
            typer.echo(f"{shared.n} texts stand in both {shared.first} and {shared.second}.")
    if all(split.missing for split in described.splits):
        terminal.tell(described.splits[0].missing)
        terminal.tell(f"How to get the data: {task_file.obtain}")


def _all(data_dir: Path | None) -> None:
    from kdprobe.tasks.describe import overview

    rows = []
    for task in overview(data_dir=data_dir):
        sizes = ", ".join(name if n is None else f"{name} {n:,}" for name, n in task.sizes)
        place = "generated" if task.generated else task.folder or "not found (the hub may have it)"
        classes = f"{task.labels} classes" if task.labels else "a score"
        rows.append((task.name, classes, task.primary_score, sizes, place))
    columns = ("task", "answer", "ranked by", "splits here", "where")
    terminal.show(terminal.table("tasks", columns, rows))


def _split(split: SplitDescription) -> None:
    """Print one split: where, sizes, the class distribution, three examples."""
    typer.echo("")
    if split.missing:
        typer.echo(f"{split.name}: not found")
        return
    typer.echo(printable(f"{split.name}: {split.size:,} examples from {split.origin}"))
    if split.words is not None:
        typer.echo(f"  words per text: {_quantiles(split.words)}")
    if split.scores is not None:
        typer.echo(f"  gold scores: {_quantiles(split.scores)}")
    if split.labels:
        shown = split.labels[:_SHOWN_LABELS]
        counts = ", ".join(f"{one.label} {one.n:,} ({one.share:.1%})" for one in shown)
        more = len(split.labels) - len(shown)
        typer.echo(printable(f"  labels: {counts}{f', and {more} more' if more else ''}"))
    if split.missing_gold:
        left_out = ": left out of scores" if split.labels or split.scores else ""
        typer.echo(f"  {split.missing_gold}{left_out}")
    rows = [
        (
            row.id,
            row.label,
            printable(f"{row.text} | {row.pair}" if row.pair else row.text,
                               limit=_SHOWN_TEXT),
        )
        for row in split.examples
    ]  # fmt: skip
    terminal.show(terminal.table("", ("example", "label", "text"), rows))


def _quantiles(values: Quantiles) -> str:
    return (
        f"{values.low:g} to {values.high:g}, median {values.median:g}, "
        f"middle half {values.quarter:g} to {values.three_quarters:g}"
    )
