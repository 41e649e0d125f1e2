"""What `runs` says: settings, the values each takes, and the runs that follow.

Does: read `layers=3,6;hidden=192,384;seed=1,2,3` into axes, check their keys, and give their
product as named runs. Does not: know which settings a recipe has (the caller names them) or train.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from kdprobe.config.recipe_changes import resolve_setting
from kdprobe.errors import ConfigError

WHERE = "`runs`"
MOST_RUNS = 1000
"""Trainings of one sweep: a minute each they take most of a day."""
SIZES = ("layers", "heads", "hidden", "intermediate", "init", "mode")
"""Parts of a student that is made from its teacher; swept, they replace those of `student`."""
WHOLE = ("student", "seed", "recipe")
_EXAMPLE = "layers=3,6;hidden=192,384;seed=1,2,3"


class Axis(NamedTuple):
    """A setting and the values it takes, in the order written."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Variant:
    """One run of a sweep.

    Args:
        values: the swept settings, in the order of the axes.
        name: the name of its folder: letters, digits, `-`, `_`, `.` and `+`, unique in the sweep.
    """

    values: Mapping[str, str]
    name: str

    @property
    def settings(self) -> dict[str, str]:
        """What is changed in the recipe, as `settings` takes it."""
        return {k: v for k, v in self.values.items() if k not in (*SIZES, *WHOLE)}

    @property
    def configuration(self) -> str:
        """What all runs share that differ in nothing but the seed, for people.

        >>> Variant({"layers": "3", "seed": "1"}, "layers-3_seed-1").configuration
        'layers=3'
        """
        parts = ", ".join(f"{key}={value}" for key, value in self.values.items() if key != "seed")
        return parts or "student"

    def seed(self, otherwise: int) -> int:
        """Return the run's seed, or the one given when seeds are not swept."""
        return int(self.values.get("seed", otherwise))

    def student(self, otherwise: str | None, *, recipe: str) -> str | None:
        """Return the run's student: the swept sizes in place of those of `student`.

        Args:
            otherwise: what `student` says, or None.
            recipe: the student of the run's recipe, which counts when no other is named.

        Raises:
            ConfigError: sizes are swept of a student that is not made from the teacher.

        >>> Variant({"hidden": "192"}, "x").student(None, recipe="layers=3")
        'layers=3,hidden=192'
        """
        whole = self.values.get("student", otherwise)
        swept = {key: value for key, value in self.values.items() if key in SIZES}
        if not swept:
            return whole
        base = whole if whole is not None else recipe
        given = base.split(",")
        if ":" in base.partition("=")[0] or not all("=" in part for part in given):
            raise ConfigError(
                f"{WHERE} {next(iter(swept))}",
                found=f"the student is {base}, whose sizes are its own",
                expected="a student made from its teacher, like `student=layers=3`",
                remedy="sweep whole students instead: student=bilstm:hidden=150|bilstm:hidden=300",
            )
        parts: dict[str, str] = {}
        for part in given:
            key, _, value = part.partition("=")
            parts[key] = value
        return ",".join(f"{key}={value}" for key, value in (parts | swept).items())


def parse_sweep(text: str) -> tuple[Axis, ...]:
    """Read the axes of a sweep.

    Definition: settings are set apart by `;`, a setting's values by `,`, or by `|` where a value
    holds a comma itself.

    Raises:
        ConfigError: a part without `=`, no value, or a setting or a value given twice.

    >>> parse_sweep("layers=3,6; seed=1")
    (Axis(key='layers', values=('3', '6')), Axis(key='seed', values=('1',)))
    >>> parse_sweep("student=bilstm:hidden=300,fc=400|layers=3")[0].values
    ('bilstm:hidden=300,fc=400', 'layers=3')
    """
    axes: list[Axis] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, mark, listed = (word.strip() for word in part.partition("="))
        if not mark or not key:
            raise ConfigError(
                WHERE, found=f"{part!r}", expected="SETTING=VALUE,VALUE", remedy=f"as in {_EXAMPLE}"
            )
        values = tuple(value.strip() for value in listed.split("|" if "|" in listed else ","))
        _check_values(key, values)
        if key in (axis.key for axis in axes):
            raise ConfigError(WHERE, found=f"{key} stands twice", expected="each setting once")
        axes.append(Axis(key, values))
    if not axes:
        raise ConfigError(WHERE, found="names no setting", expected=f"something like {_EXAMPLE}")
    return tuple(axes)


def _check_values(key: str, values: Sequence[str]) -> None:
    where = f"{WHERE} {key}"
    known: set[str] = set()
    for value in values:
        if not value:
            raise ConfigError(where, found="a value is empty", expected="VALUE,VALUE")
        if value in known:
            raise ConfigError(where, found=f"{value} stands twice", expected="each value once")
        known.add(value)
        if key == "seed" and not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ConfigError(where, found=f"{value[:40]!r}", expected="whole numbers from 0")


def check_keys(
    axes: Iterable[Axis], settings: Sequence[str], *, where: str = WHERE
) -> dict[str, str]:
    """Check that every axis is a setting there is, and give its full name.

    Args:
        axes: what is swept.
        settings: the full names of the recipe's settings (`training.learning_rate`).
        where: the option that names them, for messages.

    Returns:
        The full name of each axis; a short form is one a single setting ends in.

    Raises:
        ConfigError: an unknown or ambiguous key, the nearest known ones are offered; or two forms
            of one key.

    >>> check_keys(parse_sweep("epochs=1,2"), ("training.epochs",))
    {'epochs': 'training.epochs'}
    """
    known = tuple(dict.fromkeys((*SIZES, *WHOLE, *settings)))
    full: dict[str, str] = {}
    for key, _ in axes:
        name = resolve_setting(key, known, where=where)
        if name in full.values():
            raise ConfigError(where, found=f"{name} stands twice", expected="each setting once")
        full[key] = name
    return full


def variants(axes: Sequence[Axis]) -> tuple[Variant, ...]:
    """Return every combination of the values, the last axis changing fastest.

    Raises:
        ConfigError: more than a thousand of them.

    >>> [variant.name for variant in variants(parse_sweep("layers=3,6;seed=1,2"))]
    ['layers-3_seed-1', 'layers-3_seed-2', 'layers-6_seed-1', 'layers-6_seed-2']
    """
    count = prod(len(axis.values) for axis in axes)
    if count > MOST_RUNS:
        raise ConfigError(
            WHERE,
            found=f"{count:,} runs",
            expected=f"at most {MOST_RUNS:,}",
            remedy="sweep fewer values at once, in a folder for each sweep",
        )
    runs: list[Variant] = []
    taken: set[str] = set()
    for values in itertools.product(*(axis.values for axis in axes)):
        given = {axis.key: value for axis, value in zip(axes, values, strict=True)}
        stem = name = "_".join(f"{_plain(k.rsplit('.', 1)[-1])}-{_plain(given[k])}" for k in given)
        count = 2
        while name.lower() in taken:  # file systems may fold case
            name, count = f"{stem}-{count}", count + 1
        taken.add(name.lower())
        runs.append(Variant(given, name))
    return tuple(runs)


def _plain(word: str) -> str:
    """Keep what any file system, and `NAME=PATH` on the command line, takes in a folder's name."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", word.strip("./")).strip("-.")[:60] or "x"
