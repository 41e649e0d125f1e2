"""`kdprobe distill TEACHER`."""

from __future__ import annotations

from typing import Annotated

import typer

from kdprobe.cli import sweeping, terminal, training
from kdprobe.cli.flags import Quiet, Shown, generated
from kdprobe.config.commands import DistillOptions
from kdprobe.config.executor_options import ExecutorOptions
from kdprobe.config.options import TrainingDataOptions, TrainingOutput, TrainingRuntime
from kdprobe.config.training import TrainingSettings


@terminal.guarded
@generated
def distill(
    teacher: Annotated[
        str,
        typer.Argument(
            metavar="TEACHER",
            help="A fine-tuned checkpoint: folder or hub id; or what is known by its answers: a "
            "predictions file of the texts, or python:MODULE:FUNCTION, a function of texts.",
        ),
    ],
    sweep: sweeping.Sweep = None,
    quiet: Quiet = False,
    *,
    data: Annotated[TrainingDataOptions, Shown(required=("task",))],
    own: DistillOptions,
    settings: Annotated[TrainingSettings, Shown(unset="quietly")],
    output: Annotated[TrainingOutput, Shown(required=("output",))],
    runtime: TrainingRuntime,
    where: Annotated[ExecutorOptions, Shown(help=sweeping.WHERE_HELP, unset="quietly")],
) -> None:
    """Train a student on a teacher's outputs.

    Example: kdprobe distill out/teacher --task cola --student layers=3 -o out/student
    """
    import kdprobe

    if sweep is not None:
        parts = (data, own, settings, output, runtime)
        sweeping.run(teacher, sweep, (*parts, where), quiet=quiet)
        return
    sweeping.refuse_alone(where)
    result = kdprobe.distill(
        teacher,
        output=output,
        data=data,
        training=settings,
        runtime=runtime,
        progress=terminal.progress(quiet=quiet),
        **training.keywords(own),
    )
    training.show_result(result, quiet=quiet)
