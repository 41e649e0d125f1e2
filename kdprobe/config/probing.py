"""Probing tasks as people write them: `suites/probing/*.toml`.

Does: say what a probing task asks, in which file its sentences stand and by which recipe it can be
built. Does not: read sentences; `tasks/probing/sets.py` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from kdprobe.config.base import Options, read_toml, suites_folder
from kdprobe.errors import ConfigError
from kdprobe.registry import known_name

Group = Literal["surface", "syntax", "semantics", "other"]
GOLD = "gold"
"""The name that stands for the compared task's own labels; see `tasks/probing/gold_sets.py`."""


class ProbingTask(Options):
    """One question to a layer, asked of whole sentences.

    Args:
        name: its name, the stem of the file.
        group: what kind of knowledge it asks for.
        description: the question in one sentence.
        file: the file of its sentences in SentEval's format, in `probing_dir` or beside the TOML.
        recipe: how to build it from trees (see `tasks/probing/build.py`); empty: only from a file.
        linear: True when only a probe without a hidden layer is fitted (a thousand classes).
        source: who proposed it.
        base: the folder of a person's own TOML; set when it is read.
    """

    name: str
    group: Group
    description: str
    file: str
    recipe: str = ""
    linear: bool = False
    source: str = ""
    base: Path | None = None


class OptionNames(NamedTuple):
    """What the options are called that name probing tasks, their folder and how many sentences."""

    tasks: str = "probing.tasks"
    folder: str = "probing.probing_dir"
    sentences: str = "probing.sentences"


PROBING = OptionNames()


def probing_task_names() -> tuple[str, ...]:
    """Return the names of the probing tasks that ship with kdprobe, surface first."""
    order = ("surface", "syntax", "semantics", "other")
    tasks = [read_toml(ProbingTask, path) for path in (suites_folder() / "probing").glob("*.toml")]
    return tuple(t.name for t in sorted(tasks, key=lambda t: (order.index(t.group), t.name)))


def open_probing_task(spec: str, *, named: OptionNames = PROBING) -> ProbingTask:
    """Open a probing task by its name, or a person's own `.toml`.

    Args:
        spec: the name or the file.
        named: the options of whoever asks, for messages.

    Raises:
        UnknownNameError: no such task ships with kdprobe; neighbours are listed.
        ConfigError: the file is malformed.

    >>> open_probing_task("bigram_shift").group
    'syntax'
    """
    if spec.endswith(".toml"):
        path = Path(spec)
        return read_toml(ProbingTask, path).model_copy(update={"base": path.parent})
    name = known_name("probing task", spec, probing_task_names(), option=named.tasks)
    return read_toml(ProbingTask, suites_folder() / "probing" / f"{name}.toml")


def open_probing_tasks(
    specs: tuple[str, ...], *, named: OptionNames = PROBING
) -> tuple[ProbingTask, ...]:
    """Open several tasks; `all` stands for every one that ships with kdprobe.

    Args:
        specs: their names and files.
        named: the options of whoever asks, for messages.

    Raises:
        ConfigError: a task is named twice.
    """
    chosen = [
        one
        for spec in specs
        for one in (probing_task_names() if spec.casefold() == "all" else (spec,))
    ]
    tasks = tuple(open_probing_task(spec, named=named) for spec in chosen)
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"`{named.tasks}`", found=f"{name} is named twice", expected="once")
    return tasks
