"""The options that several commands share, typed once: data, machine, output.

Does: say of each option its kind, bounds, default, help and flag. Does not: open what they name;
training settings stand in `config/training.py`, a plug-in's own options beside the plug-in.

`DataOptions`, `Runtime` and `Output` hold what every command has; the classes that derive from
them add what only one kind of command needs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from kdprobe.config.flags import Flag, FlagOptions, Panel
from kdprobe.config.training import TrainingSettings
from kdprobe.errors import ConfigError

MOST_SEED = 2**32 - 1
"""numpy's old generator, which lime and transformers draw from, takes no larger one."""
MOST_THREADS = max(256, os.cpu_count() or 1)
"""More threads than that make the system refuse memory to everything else."""

_Count = Annotated[int, Field(ge=1)]
_Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
_TASK = (
    "A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples "
    "(.tsv, .csv, .jsonl, also with .gz; .parquet)."
)

_DEVICE = re.compile(r"auto|cpu(:0)?|mps(:0)?|cuda(:\d+)?")
_DTYPES = ("float32", "bf16", "bfloat16", "fp16", "float16")


def _named_device(device: str) -> str:
    """Refuse a name that no device has; whether it is there is seen when a model is opened."""
    if not _DEVICE.fullmatch(device):
        raise ValueError("auto, cpu, cuda, cuda:N or mps")
    return device


def _named_dtype(dtype: str) -> str:
    """Refuse a name that no type of weights has."""
    if dtype not in _DTYPES:
        raise ValueError("float32, bf16 or fp16")
    return dtype


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def _folder_here(place: object) -> object:
    """Refuse a URL, of which a folder would be made with its name.

    Raises:
        ConfigError: one was given.
    """
    if isinstance(place, str | Path) and _URL.match(str(place)):
        whole = re.sub(":/+", "://", str(place), count=1)  # a path holds one of the two slashes
        raise ConfigError(
            "`output`", found=f"{whole} is a URL", expected="a folder",
            remedy="mount it (NFS, or a bucket by s3fs, gcsfuse or rclone) at one path on every "
            "machine that works, and name that path",
        )  # fmt: skip
    return place


_SEED = "Seed of everything random."
Seed = Annotated[_Seed, Flag(_SEED, env="KDPROBE_SEED", panel="runtime")]
AnySeed = Annotated[_Seed | None, Flag(_SEED, env="KDPROBE_SEED", panel="runtime")]

Jobs = Annotated[
    Annotated[int, Field(ge=1, le=MOST_THREADS)] | None,
    Flag(
        "Processes that share the work with models, of one thread each: the same numbers, sooner. "
        "Default: one for each core.",
        env="KDPROBE_JOBS", metavar="N", panel="runtime",
    ),
]  # fmt: skip


Tracker = Literal["tensorboard", "trackio", "mlflow", "wandb"]
"""What a training can be logged to."""
Missing = Literal["refuse", "drop"]
"""What becomes of examples that a model known by its answers did not answer."""


class DataOptions(FlagOptions):
    """Which task, where its data are, and how a table of examples is read."""

    panel: ClassVar[Panel] = "models and data"

    task: Annotated[object, Flag(_TASK, short="t", metavar="TASK", kind=str, everyday=True)] = None
    data_dir: Annotated[
        Path | None,
        Flag(
            "Where the task's files are: the folder itself or one level up.",
            env="KDPROBE_DATA", metavar="DIR",
        ),
    ] = None  # fmt: skip
    text: Annotated[str | None, Flag("The column of the text, when TASK is a table.")] = None
    text_pair: Annotated[str | None, Flag("The column of the second text.")] = None
    label: Annotated[str | None, Flag("The column of the label.")] = None
    labels: Annotated[
        tuple[str, ...],
        Flag(
            "The classes in order, when TASK is a table; also those that it does not show.",
            metavar="A,B,...", reads="names",
        ),
    ] = ()  # fmt: skip
    label_map: Annotated[
        Mapping[str, str] | None,
        Flag(
            "What the task calls each label of the models, e.g. "
            "LABEL_0=negative,LABEL_1=positive; or `positional`.",
            metavar="MODEL=TASK,...", reads="map",
        ),
    ] = None  # fmt: skip
    limit: Annotated[
        _Count | None,
        Flag("Use at most N examples, a seeded choice.", metavar="N", everyday=True),
    ] = None
    sample_seed: Annotated[
        _Seed | None, Flag("Seed of what limits pick. Default: the seed.", metavar="N")
    ] = None

    @property
    def columns(self) -> dict[str, Any]:
        """How a table is read, as `tasks.open.open_task` takes it."""
        return {name: getattr(self, name) for name in ("text", "text_pair", "label", "labels")}


class EvaluationDataOptions(DataOptions):
    """The data of a comparison: one split."""

    split: Annotated[str | None, Flag("Default: the task's.", everyday=True)] = None
    cluster: Annotated[
        str | None,
        Flag(
            "Examples with one value in this column depend on each other: intervals and tests take "
            "them as one. `none`: all are independent. Default: the task's.",
            metavar="COLUMN",
        ),
    ] = None  # fmt: skip
    missing: Annotated[
        Missing,
        Flag(
            "Examples that a predictions file does not answer, or with what is no label: refuse "
            "them, or drop them for all models and count them."
        ),
    ] = "refuse"


class TrainingDataOptions(DataOptions):
    """The data of a training: the split that is learnt from, and the one that is scored."""

    train_split: Annotated[str, Flag("Learn from this split.")] = "train"
    eval_split: Annotated[str | None, Flag("Default: the task's dev.")] = None
    eval_limit: Annotated[_Count | None, Flag("Evaluate on at most N.", metavar="N")] = None


class Runtime(FlagOptions):
    """The machine, for every command that runs a model."""

    device: Annotated[
        str,
        AfterValidator(_named_device),
        Flag("auto, cpu, cuda, cuda:N or mps.", env="KDPROBE_DEVICE", everyday=True),
    ] = "auto"
    threads: Annotated[
        Annotated[int, Field(ge=1, le=MOST_THREADS)] | None,
        Flag(
            "Threads of torch. On a busy machine 1 is faster than all cores.",
            env="KDPROBE_THREADS",
        ),
    ] = None  # fmt: skip
    offline: Annotated[bool, Flag("Never ask the hub.", env="KDPROBE_OFFLINE")] = False


class SharedRuntime(Runtime):
    """The machine, for commands whose work processes share."""

    jobs: Jobs = None


class ExplainingRuntime(SharedRuntime):
    """The machine, for commands that ask models."""

    dtype: Annotated[
        str, AfterValidator(_named_dtype), Flag("float32, bf16 (faster on some machines) or fp16.")
    ] = "float32"


class InferenceRuntime(ExplainingRuntime):
    """The machine, for commands that ask models and keep what they say."""

    batch_size: Annotated[int, Field(ge=1, le=1_000_000), Flag("Examples in a forward pass.")] = 64
    cache: Annotated[bool | Path, Flag("Keep what models say for the next run.", both=True)] = True


class TrainingRuntime(Runtime):
    """The machine, for trainings."""

    bf16: Annotated[
        bool | Literal["auto"],
        Flag(
            "Multiply large matrices in bfloat16: faster on some machines, other students. "
            "Default: only where measured to be equal.",
            both=True,
        ),
    ] = "auto"

    report_to: Annotated[
        tuple[Tracker, ...],
        Flag(
            "Log the training there, too: tensorboard (into runs/), trackio, mlflow or wandb, "
            "whichever is installed; its own environment variables say where.",
            metavar="NAME,...", reads="names",
        ),
    ] = ()  # fmt: skip


class Output(FlagOptions):
    """Where a command writes."""

    panel: ClassVar[Panel] = "output"

    output: Annotated[
        Path | None,
        BeforeValidator(_folder_here),
        Flag("The folder to write.", short="o", metavar="DIR", everyday=True),
    ] = None
    force: Annotated[bool, Flag("Write into a folder that is not empty.")] = False


class ResumableOutput(Output):
    """Where a long command writes, and whether it goes on with one that was interrupted."""

    resume: Annotated[bool, Flag("Go on from the last checkpoint of an interrupted run.")] = False


class TrainingOutput(ResumableOutput):
    """Where a training writes, and whether it only checks."""

    dry_run: Annotated[bool, Flag("Check everything, print the plan, train nothing.")] = False


TRAINING_OPTIONS = (TrainingDataOptions, TrainingSettings, TrainingRuntime, TrainingOutput)
"""What every training takes."""
