"""`kdprobe finetune MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import sweeping, terminal, training


@terminal.guarded
@training.bundled
def finetune(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A hub id, a folder, or a shape trained from scratch (bert:L4,H128,I512,A4). "
            "May be left out with --like when that student began as a shape.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="A task's name (see `kdprobe tasks`), a task file (.toml), or a table of "
            "examples. Default: that of --like.",
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option("--student", help="Cut MODEL down first, e.g. layers=3: a control student."),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            "--like",
            metavar="STUDENT",
            help="The control of a distilled student: its task, shape, examples, seeds and "
            "settings, and as many steps. What is typed beside it wins.",
        ),
    ] = None,
    sample_seed: sweeping.SampleSeed = None,
    *,
    trained: training.Settings,
    shared: training.OwnShared,
) -> None:
    """Fine-tune a model on a task with its gold labels: a teacher, or a student without a teacher.

    Example: kdprobe finetune bert-base-uncased --task cola -o out/teacher

    The control of a student: kdprobe finetune bert-base-uncased --like out/student -o out/control
    """
    import kdprobe

    result = kdprobe.finetune(
        model,
        task=task,
        output=output,
        student=student,
        like=like,
        sample_seed=sample_seed,
        **trained.keywords(),
        **shared.keywords(),
    )
    training.show_result(result, quiet=shared.quiet)
