"""`kdprobe distill TEACHER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal, training


@terminal.guarded
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
    epochs: training.RecipeEpochs = None,
    batch_size: training.RecipeBatchSize = None,
    learning_rate: training.RecipeRate = None,
    max_length: training.RecipeMaxLength = None,
    gradient_accumulation: training.RecipeAccumulation = None,
    bf16: training.Bf16 = None,
    best_by: training.RecipeBestBy = None,
    early_stopping: training.EarlyStopping = None,
    train_split: training.TrainSplit = "train",
    eval_split: training.EvalSplit = None,
    limit: options.Limit = None,
    eval_limit: training.EvalLimit = None,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
    offline: options.Offline = False,
    resume: training.Resume = False,
    force: options.Force = False,
    dry_run: training.DryRun = False,
    quiet: options.Quiet = False,
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
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        max_length=max_length,
        gradient_accumulation=gradient_accumulation,
        bf16="auto" if bf16 is None else bf16,
        best_by=best_by,
        early_stopping=early_stopping,
        train_split=train_split,
        eval_split=eval_split,
        limit=limit,
        eval_limit=eval_limit,
        data_dir=data_dir,
        seed=seed,
        device=device,
        threads=threads,
        offline=offline,
        resume=resume,
        force=force,
        dry_run=dry_run,
        progress=terminal.progress(quiet=quiet),
    )
    training.show_result(result, quiet=quiet)
