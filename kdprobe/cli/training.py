"""What `finetune` and `distill` share: their options, and what they print at the end."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from kdprobe.cli import options, terminal
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.distillers.lesson import TrainingResult

_EPOCHS = typer.Option("--epochs", min=0.0, help="Passes over the data.")
_BATCH_SIZE = typer.Option("--batch-size", min=1, help="Examples a step.")
_RATE = typer.Option("--learning-rate", "--lr", min=0.0, help="Largest learning rate.")
_ACCUMULATION = typer.Option("--gradient-accumulation", min=1, help="Batches summed before a step.")
_MAX_LENGTH = typer.Option("--max-length", min=4, help="Longest input, in tokens.")
_Bf16 = Annotated[
    bool | None,
    typer.Option("--bf16/--no-bf16", help="Train in bfloat16. Default: where the machine has it."),
]
_WARMUP = typer.Option("--warmup", min=0, max=1, help="Share of steps.")
_Best = Literal["score", "loss", "agreement", "kl", "last"]
_BEST_BY = typer.Option("--best-by", help="What the checkpoint that is kept must be best by.")
_EarlyStopping = Annotated[
    int | None,
    typer.Option("--early-stopping", min=1, metavar="N", help="Stop after N evaluations without."),
]
_TrainSplit = Annotated[str, typer.Option("--train-split")]
_EvalSplit = Annotated[str | None, typer.Option("--eval-split", help="Default: the task's dev.")]
_EvalLimit = Annotated[
    int | None, typer.Option("--eval-limit", min=1, metavar="N", help="Evaluate on at most N.")
]
_Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the last checkpoint of an interrupted run.")
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, print the plan, train nothing.")
]


@dataclass(frozen=True)
class Bundle:
    """Base of options that stand together in the signature of several commands."""

    def keywords(self) -> dict[str, Any]:
        """Give them as the library takes them."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


@dataclass(frozen=True)
class _Settings(Bundle):
    """How a model is trained, where `bf16` None means: as the machine has it."""

    def keywords(self) -> dict[str, Any]:
        """Give them, `bf16` as the library takes it."""
        given = super().keywords()
        return given | {"bf16": "auto" if given["bf16"] is None else given["bf16"]}


@dataclass(frozen=True)
class Settings(_Settings):
    """How `finetune` trains."""

    epochs: Annotated[float, _EPOCHS] = 3.0
    batch_size: Annotated[int, _BATCH_SIZE] = 32
    learning_rate: Annotated[float, _RATE] = 5e-5
    warmup: Annotated[float, _WARMUP] = 0.1
    weight_decay: Annotated[float, typer.Option("--weight-decay", min=0)] = 0.0
    max_length: Annotated[int, _MAX_LENGTH] = 128
    gradient_accumulation: Annotated[int, _ACCUMULATION] = 1
    bf16: _Bf16 = None
    best_by: Annotated[_Best, _BEST_BY] = "score"
    early_stopping: _EarlyStopping = None


@dataclass(frozen=True)
class RecipeSettings(_Settings):
    """How `distill` trains: what nobody says is left to the recipe."""

    epochs: Annotated[float | None, _EPOCHS] = None
    batch_size: Annotated[int | None, _BATCH_SIZE] = None
    learning_rate: Annotated[float | None, _RATE] = None
    max_length: Annotated[int | None, _MAX_LENGTH] = None
    gradient_accumulation: Annotated[int | None, _ACCUMULATION] = None
    bf16: _Bf16 = None
    best_by: Annotated[_Best | None, _BEST_BY] = None
    early_stopping: _EarlyStopping = None


@dataclass(frozen=True)
class Shared(Bundle):
    """Which examples, where, and how to go on: what both commands end with."""

    train_split: _TrainSplit = "train"
    eval_split: _EvalSplit = None
    limit: options.Limit = None
    eval_limit: _EvalLimit = None
    data_dir: options.DataDir = None
    labels: options.Labels = None
    seed: options.Seed = 0
    device: options.Device = "auto"
    threads: options.Threads = None
    offline: options.Offline = False
    resume: _Resume = False
    force: options.Force = False
    dry_run: _DryRun = False
    quiet: options.Quiet = False

    def keywords(self) -> dict[str, Any]:
        """Give them, `quiet` as the display it stands for, and no labels where none are named."""
        given = super().keywords()
        labels = options.names(given.pop("labels"))
        given |= {"labels": labels} if labels else {}
        return given | {"progress": terminal.progress(quiet=given.pop("quiet"))}


def bundled(command: Callable[..., None]) -> Callable[..., None]:
    """Spread the bundles in a command's signature, so that its options are read one by one.

    Args:
        command: each of its parameters that is a `Bundle` stands for the options in it, in order;
            they come last.
    """
    spread: list[inspect.Parameter] = []
    bundles: dict[str, type[Bundle]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        kind = parameter.annotation
        if not (isinstance(kind, type) and issubclass(kind, Bundle)):
            spread.append(parameter)
            continue
        bundles[parameter.name] = kind
        hints = get_type_hints(kind, include_extras=True)
        keyword = inspect.Parameter.KEYWORD_ONLY
        spread += [
            inspect.Parameter(part.name, keyword, default=part.default, annotation=hints[part.name])
            for part in fields(kind)
        ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: kind(**{part.name: given.pop(part.name) for part in fields(kind)})
            for name, kind in bundles.items()
        }
        command(**given, **made)

    setattr(run, "__signature__", inspect.Signature(spread))  # noqa: B010 (mypy knows none)
    return run


def show_result(result: TrainingResult, *, quiet: bool) -> None:
    """Print the plan of a dry run, or scores, notes and where the checkpoint is."""
    if not terminal.speaks():
        return
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
