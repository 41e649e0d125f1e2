"""`kdprobe distill TEACHER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kdprobe.cli import options, sweeping, terminal, training


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
    transfer_only: Annotated[
        bool, typer.Option("--transfer-only", help="Learn from --transfer-set alone.")
    ] = False,
    label_map: options.LabelMap = None,
    sweep: sweeping.Sweep = None,
    sample_seed: sweeping.SampleSeed = None,
    *,
    trained: training.RecipeSettings,
    shared: training.Shared,
) -> None:
    """Train a student on a teacher's outputs.

    Example: kdprobe distill out/teacher --task cola --student layers=3 -o out/student
    """
    import kdprobe

    asked: dict[str, Any] = {"task": task, "output": output, "student": student, "recipe": recipe}
    asked |= {"settings": options.pairs("--set", settings), "sample_seed": sample_seed}
    asked |= {"transfer_set": transfer_set} | trained.keywords() | shared.keywords()
    if label_map is not None:
        asked["label_map"] = options.label_map(label_map)
    if transfer_only:
        asked["transfer_only"] = True
    if sweep is not None:
        sweeping.run(teacher, sweep, asked, quiet=shared.quiet)
        return
    result = kdprobe.distill(teacher, **asked)
    training.show_result(result, quiet=shared.quiet)
