"""`kdprobe finetune MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal, training


@terminal.guarded
@training.bundled
def finetune(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A hub id, a folder, or a shape trained from scratch (bert:L4,H128,I512,A4).",
        ),
    ],
    task: options.Task,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")],
    student: Annotated[
        str | None,
        typer.Option("--student", help="Cut MODEL down first, e.g. layers=3: a control student."),
    ] = None,
    *,
    trained: training.Settings,
    shared: training.Shared,
) -> None:
    """Fine-tune a model on a task with its gold labels: a teacher, or a student without a teacher.

    Example: kdprobe finetune bert-base-uncased --task cola -o out/teacher
    """
    import kdprobe

    result = kdprobe.finetune(
        model,
        task=task,
        output=output,
        student=student,
        **trained.keywords(),
        **shared.keywords(),
    )
    training.show_result(result, quiet=shared.quiet)
