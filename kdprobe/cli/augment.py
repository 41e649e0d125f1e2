"""`kdprobe augment TASK`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kdprobe.cli import terminal
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.cli.training import keywords
from kdprobe.config.commands import AugmentOptions
from kdprobe.config.options import DataOptions, ResumableOutput, Runtime

if TYPE_CHECKING:
    from kdprobe.augmenters.writer import TransferSet

_OUTPUT = {
    "output": "A .tsv, .jsonl or .parquet file.",
    "force": "Write over a file that exists.",
    "resume": "Go on with an interrupted run of the same options.",
}
_FATES = {
    "drawn": "texts drawn",
    "empty": "with nothing left, or not readable",
    "known": "in the training split already",
    "repeated": "drawn before",
}


@terminal.guarded
@generated
def augment(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK", help="A task's name (see `kdprobe tasks`), a task file or a table."
        ),
    ],
    quiet: Quiet = False,
    *,
    own: AugmentOptions,
    data: Annotated[DataOptions, Shown(without=("task", "label_map"))],
    output: Annotated[ResumableOutput, Shown(required=("output",), help=_OUTPUT)],
    runtime: Runtime,
) -> None:
    """Make a transfer set: texts without labels, for `kdprobe distill --transfer-set`.

    Example: kdprobe augment cola -o cola-rules.tsv --method rules --n 50000
    """
    import kdprobe

    transfer_set = kdprobe.augment(
        task,
        output=output,
        data=data,
        runtime=runtime,
        progress=terminal.progress(quiet=quiet),
        **keywords(own),
    )
    _show(transfer_set, quiet=quiet)


def _show(transfer_set: TransferSet, *, quiet: bool) -> None:
    if not quiet:
        rows = [(title, f"{transfer_set.counts[name]:,}") for name, title in _FATES.items()]
        rows += [(f"leaks: in {name}", f"{count:,}") for name, count in transfer_set.leaks.items()]
        rows.append(("kept", f"{transfer_set.size:,}"))
        terminal.show(terminal.table("texts", ("what became of them", "number"), rows))
        for name, value in transfer_set.facts.items():
            terminal.tell(f"{name}: {value}")
        for note in transfer_set.notes:
            terminal.tell(f"note: {note}")
    typer.echo(str(transfer_set.path))
