"""`kdprobe distill TEACHER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal, training


@terminal.guarded
@training.bundled
def distill(
    teacher: Annotated[
        str, typer.Argument(metavar="TEACHER", help="A fine-tuned checkpoint: folder or hub id.")
    ],
    task: options.Task,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR")],
    student: Annotated[
        str | None,
        typer.Option("--student", help="See `kdprobe list students`. Default: the recipe's."),
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="A name (`kdprobe list recipes`) or a .toml file.")
    ] = "vanilla",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one thing in the recipe; repeat."),
    ] = None,
    transfer_set: Annotated[
        Path | None,
        typer.Option("--transfer-set", metavar="FILE", help="More texts; see `kdprobe augment`."),
    ] = None,
    *,
    trained: training.RecipeSettings,
    shared: training.Shared,
) -> None:
    """Train a student on a teacher's outputs.

    Example: kdprobe distill out/teacher --task cola --student layers=3 -o out/student
    """
    import kdprobe

    result = kdprobe.distill(
        teacher,
        task=task,
        output=output,
        student=student,
        recipe=recipe,
        settings=options.pairs("--set", settings),
        transfer_set=transfer_set,
        **trained.keywords(),
        **shared.keywords(),
    )
    training.show_result(result, quiet=shared.quiet)
