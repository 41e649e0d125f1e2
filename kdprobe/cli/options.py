"""Options that several commands share, said once.

Does: name, environment variable and help of each. Does not: hold their defaults where commands
differ.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

MOST_SEED = 2**32 - 1
"""numpy's old generator, which lime and transformers draw from, takes no larger one."""
MOST_THREADS = max(256, os.cpu_count() or 1)
"""More threads than that make the system refuse memory to everything else."""

Task = Annotated[
    str,
    typer.Option(
        "--task", "-t", metavar="TASK",
        help="A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples "
        "(.tsv, .csv, .jsonl, .parquet).",
    ),
]  # fmt: skip
OptionalTask = Annotated[
    str | None,
    typer.Option(
        "--task", "-t", metavar="TASK",
        help="A task's name (see `kdprobe tasks`), a task file (.toml), or a table of examples "
        "(.tsv, .csv, .jsonl, .parquet). Default: what the models say they are about.",
    ),
]  # fmt: skip
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="KDPROBE_DATA", metavar="DIR",
        help="Where the task's files are: the folder itself or one level up.",
    ),
]  # fmt: skip
Seed = Annotated[
    int,
    typer.Option(
        "--seed", envvar="KDPROBE_SEED", min=0, max=MOST_SEED, help="Seed of everything random."
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", envvar="KDPROBE_DEVICE", help="auto, cpu, cuda, cuda:N or mps."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", envvar="KDPROBE_THREADS", min=1, max=MOST_THREADS,
        help="Threads of torch. On a busy machine 1 is faster than all cores.",
    ),
]  # fmt: skip
Offline = Annotated[
    bool, typer.Option("--offline", envvar="KDPROBE_OFFLINE", help="Never ask the hub.")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, metavar="N", help="Use at most N examples, a seeded choice."),
]
Force = Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
Text = Annotated[
    str | None, typer.Option("--text", help="The column of the text, when TASK is a table.")
]
TextPair = Annotated[str | None, typer.Option("--text-pair", help="The column of the second text.")]
Label = Annotated[str | None, typer.Option("--label", help="The column of the label.")]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels", metavar="A,B,...",
        help="The classes in order, when TASK is a table; also those that it does not show.",
    ),
]  # fmt: skip
LabelMap = Annotated[
    str | None,
    typer.Option(
        "--label-map", metavar="MODEL=TASK,...",
        help="What the task calls each label of the models, e.g. "
        "LABEL_0=negative,LABEL_1=positive; or `positional`.",
    ),
]  # fmt: skip

MethodSet = Annotated[
    list[str] | None,
    typer.Option(
        "--method-set", metavar="KEY=VALUE",
        help="target=teacher|gold|own, output=log-odds|probability, removal=delete|mask, or an "
        "option of a method: lime.samples=5000.",
    ),
]  # fmt: skip


def pairs(option: str, values: list[str] | None) -> dict[str, str]:
    """Read `KEY=VALUE` words.

    Raises:
        ConfigError: a word without `=`, or a key given twice.

    >>> pairs("--set", ["a=1", "b=x=y"])
    {'a': '1', 'b': 'x=y'}
    """
    from kdprobe.errors import ConfigError

    read: dict[str, str] = {}
    for word in values or []:
        key, mark, value = word.partition("=")
        if not mark or not key:
            raise ConfigError(option, found=f"{word!r}", expected="KEY=VALUE")
        if key in read:
            raise ConfigError(option, found=f"{key!r} is given twice", expected="each key once")
        read[key] = value
    return read


def nested(option: str, values: list[str] | None) -> dict[str, object]:
    """Read `KEY=VALUE` and `NAME.KEY=VALUE` words; numbers and booleans are read as TOML.

    Raises:
        ConfigError: a word without `=`, a key given twice, or both NAME=… and NAME.KEY=….

    >>> nested("--method-set", ["target=gold", "lime.samples=10", "lime.exact_words=0"])
    {'target': 'gold', 'lime': {'samples': 10, 'exact_words': 0}}
    """
    from kdprobe.errors import ConfigError
    from kdprobe.plain_files import toml_value

    read: dict[str, object] = {}
    for key, value in pairs(option, values).items():
        name, dot, inner = key.partition(".")
        place = read.setdefault(name, {}) if dot else read
        if not isinstance(place, dict) or (not dot and name in read):
            raise ConfigError(option, found=f"{name!r} is given twice", expected="one way")
        place[inner if dot else name] = toml_value(value, where=option)
    return read


def names(values: list[str] | None, option: str) -> list[str]:
    """Split comma-separated names, given once or repeatedly.

    Args:
        values: as given; None and none: the option was left out.
        option: for the message.

    Raises:
        ConfigError: the option was given and names nothing.

    >>> names(["a,b", "c"], "--only")
    ['a', 'b', 'c']
    """
    from kdprobe.errors import ConfigError

    split = [name.strip() for value in values or [] for name in value.split(",") if name.strip()]
    if values and not split:
        raise ConfigError(
            option,
            found="names nothing",
            expected="NAME,...",
            remedy="leave it out for the default",
        )
    return split


def label_map(text: str | None) -> Mapping[str, str] | None:
    """Read `--label-map`: `MODEL=TASK,…`, or `positional`.

    Raises:
        ConfigError: a part without `=`, or a label given twice.

    >>> label_map("LABEL_0=negative, LABEL_1=positive")
    {'LABEL_0': 'negative', 'LABEL_1': 'positive'}
    """
    if text is None:
        return None
    if text.strip() == "positional":
        from kdprobe.models.labels import POSITIONAL

        return POSITIONAL
    return pairs("--label-map", names([text], "--label-map"))
