"""`kdprobe finetune MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kdprobe.cli import options, terminal, training


@terminal.guarded
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
    epochs: training.Epochs = 3.0,
    batch_size: training.BatchSize = 32,
    learning_rate: training.Rate = 5e-5,
    warmup: Annotated[float, typer.Option("--warmup", min=0, max=1, help="Share of steps.")] = 0.1,
    weight_decay: Annotated[float, typer.Option("--weight-decay", min=0)] = 0.0,
    max_length: training.MaxLength = 128,
    gradient_accumulation: training.Accumulation = 1,
    bf16: training.Bf16 = None,
    best_by: training.BestBy = "score",
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
    """Fine-tune a model on a task with its gold labels: a teacher, or a student without a teacher.

    Example: kdprobe finetune bert-base-uncased --task cola -o out/teacher
    """
    import kdprobe

    result = kdprobe.finetune(
        model,
        task=task,
        output=output,
        student=student,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup=warmup,
        weight_decay=weight_decay,
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
