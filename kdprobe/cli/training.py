"""What `finetune` and `distill` share: their options, and what they print at the end."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer
from typer.models import OptionInfo

from kdprobe.cli import options, terminal
from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from kdprobe.distillers.training_job import TrainingResult

_EPOCHS = typer.Option("--epochs", min=0.0, max=10_000, help="Passes over the data.")
_BATCH_SIZE = typer.Option("--batch-size", min=1, max=1_000_000, help="Examples a step.")
_RATE = typer.Option("--learning-rate", "--lr", min=0.0, max=1_000, help="Largest learning rate.")
_ACCUMULATION = typer.Option(
    "--gradient-accumulation", min=1, max=1_000_000, help="Batches summed before a step."
)
_MAX_LENGTH = typer.Option("--max-length", min=4, max=1_000_000, help="Longest input, in tokens.")
_Bf16 = Annotated[
    bool | None,
    typer.Option(
        "--bf16/--no-bf16",
        help="Multiply large matrices in bfloat16: faster on some machines, other students. "
        "Default: only where measured to be equal.",
    ),
]
_WARMUP = typer.Option("--warmup", min=0, max=1, help="Share of steps.")
_DECAY = typer.Option("--weight-decay", min=0, help="Of AdamW, on weight matrices.")
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


def _default(option: OptionInfo, default: str) -> OptionInfo:
    """Give an option whose help names the value that it has when nobody says one."""
    named = copy.copy(option)
    named.help = f"{option.help} Default: {default}."
    return named


@dataclass(frozen=True)
class Bundle:
    """Base of options that stand together in the signature of several commands."""

    def keywords(self) -> dict[str, Any]:
        """Give them as the library takes them."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


@dataclass(frozen=True)
class _Settings(Bundle):
    """How a model is trained, where `bf16` None means: as was measured, on every machine alike."""

    def keywords(self) -> dict[str, Any]:
        """Give them, `bf16` as the library takes it."""
        given = super().keywords()
        return given | {"bf16": "auto" if given["bf16"] is None else given["bf16"]}


@dataclass(frozen=True)
class Settings(_Settings):
    """How `finetune` trains: what nobody says is the student's of `--like`, or the default."""

    epochs: Annotated[
        float | None,
        typer.Option(
            "--epochs",
            min=0.0,
            help="Passes over the data. Default: 3; for a student (--student) and for random "
            "weights 10, as `distill` with its default recipe.",
        ),
    ] = None
    batch_size: Annotated[int | None, _default(_BATCH_SIZE, "32")] = None
    learning_rate: Annotated[float | None, _default(_RATE, "5e-5")] = None
    warmup: Annotated[float | None, _default(_WARMUP, "0.1")] = None
    weight_decay: Annotated[float | None, _default(_DECAY, "0")] = None
    max_length: Annotated[int | None, _default(_MAX_LENGTH, "128")] = None
    gradient_accumulation: Annotated[int | None, _default(_ACCUMULATION, "1")] = None
    bf16: _Bf16 = None
    best_by: Annotated[_Best | None, _default(_BEST_BY, "score")] = None
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
class _Shared(Bundle):
    """Which examples, where, and how to go on: what both commands end with."""

    eval_split: _EvalSplit = None
    limit: options.Limit = None
    eval_limit: _EvalLimit = None
    data_dir: options.DataDir = None
    labels: options.Labels = None
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
        labels = options.names(given.pop("labels"), "--labels")
        given |= {"labels": labels} if labels else {}
        return given | {"progress": terminal.progress(quiet=given.pop("quiet"))}


@dataclass(frozen=True)
class Shared(_Shared):
    """The same for `distill`."""

    train_split: _TrainSplit = "train"
    seed: options.Seed = 0


@dataclass(frozen=True)
class OwnShared(_Shared):
    """The same for `finetune`, which takes what is not typed from `--like`."""

    train_split: Annotated[str | None, typer.Option("--train-split", help="Default: train.")] = None
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", envvar="KDPROBE_SEED", help="Seed of everything random. Default: 0."
        ),
    ] = None


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
