"""The tasks by name, and whatever else `task` may be.

Does: list the task files that ship with kdprobe, and open a name, a task file or a plain data file.
Does not: load examples; `sources.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kdprobe.config.base import read_toml, suites_folder
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError, TaskError
from kdprobe.registry import known_name
from kdprobe.tasks.guess import DATA_SUFFIXES, guess_task_file
from kdprobe.tasks.readers import is_table


def task_names() -> tuple[str, ...]:
    """Return the names of the tasks that ship with kdprobe, sorted; reads no file."""
    return tuple(sorted(path.stem for path in (suites_folder() / "tasks").glob("*.toml")))


def open_task(
    spec: object,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    labels: Sequence[str] = (),
) -> TaskFile:
    """Open what `task` names: a shipped task, a task file, or a plain data file.

    Args:
        spec: a name (`cola`), a path to a .toml, or a path to a .tsv, .csv, .jsonl, .parquet or
            Rasa .yml file.
        text: the text column of a plain data file; None: guessed.
        text_pair: likewise, of the second text.
        label: likewise, of the label.
        labels: the names of the classes in order, also of those that a plain data file does not
            show; none: those that it shows.

    Raises:
        UnknownNameError: no such task ships with kdprobe; neighbours are listed.
        ConfigError: the task file is malformed, or columns are named for one.
        TaskError: the data file is missing or malformed, or its columns cannot be guessed.
    """
    if not isinstance(spec, str | Path):
        raise ConfigError(
            "`task`", found=f"is a {type(spec).__name__}",
            expected="a name, a task file or a table of examples",
        )  # fmt: skip
    path, spec = Path(spec), str(spec)
    suffix = path.suffix.lower()
    if suffix in DATA_SUFFIXES or is_table(path):
        return guess_task_file(
            path,
            text=text or "",
            text_pair=text_pair or "",
            label=label or "",
            labels=tuple(labels),
        )
    classes = ",".join(labels) or None
    options = (("`text`", text), ("`text_pair`", text_pair), ("`label`", label))
    for option, value in (*options, ("`labels`", classes)):
        if value is not None:
            raise ConfigError(
                f"{option} {value}",
                found=f"`task={spec}` says itself which columns and classes it has",
                expected="a plain data file (" + ", ".join(DATA_SUFFIXES) + ")",
                remedy=f"leave {option} out",
            )
    if suffix == ".toml":
        return _read_own(path)
    if spec not in task_names() and (path.exists() or "/" in spec or "\\" in spec):
        kind = "a folder" if path.is_dir() else "a file" if path.is_file() else "no such file"
        raise TaskError(
            f"`task={spec}`",
            found=f"is {kind}" + ("" if kind == "no such file" else " of a kind not known"),
            expected="a task's name, a .toml, or a data file (" + ", ".join(DATA_SUFFIXES) + ")",
            remedy="name the folder that holds a task's data with `data_dir`",
        )
    name = known_name("task", spec, task_names())
    return read_toml(TaskFile, suites_folder() / "tasks" / f"{name}.toml")


def _read_own(path: Path) -> TaskFile:
    """Read a person's task file; files it names without a folder are beside it."""
    task_file = read_toml(TaskFile, path)
    base = path.parent if task_file.base is None else path.parent / task_file.base
    return task_file.model_copy(update={"base": base})
