"""`kdprobe finetune MODEL`."""

from __future__ import annotations

from typing import Annotated

import typer

from kdprobe.cli import terminal, training
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.commands import FinetuneOptions
from kdprobe.config.options import TrainingDataOptions, TrainingOutput, TrainingRuntime
from kdprobe.config.training import TrainingSettings

_TASK = (
    "A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples. Default: "
    "that of --like."
)
_EPOCHS = (
    "Passes over the data. Default: 3; for a student (--student) and for random weights 10, as "
    "`distill` with its default recipe."
)


@terminal.guarded
@generated
def finetune(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A hub id, a folder, or a shape trained from scratch (bert:L4,H128,I512,A4). "
            "May be left out with --like when that student began as a shape.",
        ),
    ] = None,
    quiet: Quiet = False,
    *,
    data: Annotated[TrainingDataOptions, Shown(unset="named", help={"task": _TASK})],
    own: Annotated[FinetuneOptions, Shown(help={"seed": "Seed of everything random. Default: 0."})],
    settings: Annotated[TrainingSettings, Shown(unset="named", help={"epochs": _EPOCHS})],
    output: Annotated[TrainingOutput, Shown(required=("output",))],
    runtime: TrainingRuntime,
) -> None:
    """Fine-tune a model on a task with its gold labels: a teacher, or a student without a teacher.

    Example: kdprobe finetune bert-base-uncased --task cola -o out/teacher

    The control of a student: kdprobe finetune bert-base-uncased --like out/student -o out/control
    """
    import kdprobe

    result = kdprobe.finetune(
        model,
        output=output,
        data=data,
        training=settings,
        runtime=runtime,
        progress=terminal.progress(quiet=quiet),
        **training.keywords(own),
    )
    training.show_result(result, quiet=quiet)
