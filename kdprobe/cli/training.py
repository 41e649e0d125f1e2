"""What `finetune` and `distill` share: their options, and what they print at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kdprobe.cli import terminal
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.distillers.lesson import TrainingResult

_EPOCHS = typer.Option("--epochs", min=0.0, help="Passes over the data.")
_BATCH_SIZE = typer.Option("--batch-size", min=1, help="Examples a step.")
_RATE = typer.Option("--learning-rate", "--lr", min=0.0, help="Largest learning rate.")
Epochs = Annotated[float, _EPOCHS]
BatchSize = Annotated[int, _BATCH_SIZE]
Rate = Annotated[float, _RATE]
# `distill` leaves these to the recipe when nobody says.
RecipeEpochs = Annotated[float | None, _EPOCHS]
RecipeBatchSize = Annotated[int | None, _BATCH_SIZE]
RecipeRate = Annotated[float | None, _RATE]
_ACCUMULATION = typer.Option("--gradient-accumulation", min=1, help="Batches summed before a step.")
_MAX_LENGTH = typer.Option("--max-length", min=4, help="Longest input, in tokens.")
Accumulation = Annotated[int, _ACCUMULATION]
RecipeAccumulation = Annotated[int | None, _ACCUMULATION]
MaxLength = Annotated[int, _MAX_LENGTH]
RecipeMaxLength = Annotated[int | None, _MAX_LENGTH]
Bf16 = Annotated[
    bool | None,
    typer.Option("--bf16/--no-bf16", help="Train in bfloat16. Default: where the machine has it."),
]
_Best = Literal["score", "loss", "agreement", "kl", "last"]
_BEST_BY = typer.Option("--best-by", help="What the checkpoint that is kept must be best by.")
BestBy = Annotated[_Best, _BEST_BY]
RecipeBestBy = Annotated[_Best | None, _BEST_BY]
EarlyStopping = Annotated[
    int | None,
    typer.Option("--early-stopping", min=1, metavar="N", help="Stop after N evaluations without."),
]
TrainSplit = Annotated[str, typer.Option("--train-split")]
EvalSplit = Annotated[str | None, typer.Option("--eval-split", help="Default: the task's dev.")]
EvalLimit = Annotated[
    int | None, typer.Option("--eval-limit", min=1, metavar="N", help="Evaluate on at most N.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the last checkpoint of an interrupted run.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, print the plan, train nothing.")
]


def show_result(result: TrainingResult, *, quiet: bool) -> None:
    """Print the plan of a dry run, or scores, notes and where the checkpoint is."""
    if result.folder is None:
        for line in result.preflight.lines():
            typer.echo(printable(line))
        typer.echo("Nothing was trained (--dry-run).")
        return
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
