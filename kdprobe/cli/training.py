"""What `finetune` and `distill` print at the end, and how they hand on their own options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from kdprobe.cli import terminal
from kdprobe.cli.option_names import with_flags
from kdprobe.config.flags import FlagOptions
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.distillers.training_job import TrainingResult


def keywords(options: FlagOptions) -> dict[str, Any]:
    """Return what was named of some options, by the keywords of the library."""
    return {name: getattr(options, name) for name in options.model_fields_set}


def show_result(result: TrainingResult, *, quiet: bool) -> None:
    """Print the plan of a dry run, or scores, notes and where the checkpoint is."""
    if not terminal.speaks():
        return
    if result.folder is None:
        _show_plan(result)
        typer.echo("Nothing was trained (--dry-run).")
        return
    _show_trained(result, quiet=quiet)
    if result.control is not None:
        typer.echo("\nThe control:")
        _show_trained(result.control, quiet=quiet)


def _show_plan(result: TrainingResult) -> None:
    """Print what would be trained."""
    for line in result.preflight.lines():
        typer.echo(printable(with_flags(line)))
    if result.control is not None:
        typer.echo("\nThe control:")
        _show_plan(result.control)


def _show_trained(result: TrainingResult, *, quiet: bool) -> None:
    """Print the scores of a model, the notes on it, and where it is."""
    rows = [
        (name, result.undefined.get(name, "") if value is None else f"{value:.4f}")
        for name, value in sorted(result.scores.items())
    ]
    title = f"{result.task}, split {result.eval_split}"
    terminal.show(terminal.table(title, ("score", "value"), rows))
    if not quiet:
        for note in result.notes:
            terminal.tell(note)
    typer.echo(
        printable(f"Checkpoint: {result.folder} ({result.steps} steps, {result.seconds:.0f} s)")
    )
