"""How an option is written: its flag, its help, its bounds; said once, where the option is typed.

Does: define `Flag`, the metadata of a field, and read from an options model what a command line
needs of each field. Does not: know typer; `cli/flags.py` builds the command line from it.

An options model is a frozen pydantic model whose fields carry a `Flag`:

    class ProbingOptions(Options):
        group: ClassVar[str] = "probing"
        panel: ClassVar[Panel] = "probing"

        tasks: Annotated[tuple[str, ...], Flag("Ask these probing tasks.", name="probe-tasks",
                                               metavar="NAME,...")] = ()
        sentences: Annotated[int, Field(ge=20, le=1_000_000),
                             Flag("Training sentences each.", name="probe-sentences")] = 2000

Bounds stand in `Field`; the kind of the value is the annotation's; what is not given has the
field's default. Nothing else has to be written: `flags_of(ProbingOptions)` reads the rest, the
command line makes a flag of it, the first value that is wrong is one `ConfigError`, and it names
the option `` `probing.sentences` ``, which a person at a terminal reads as the flag.

Texts outside `cli/` never name a flag. They name the option between backticks, as Python users
write it (`` `batch_size` ``, `` `probing.sentences` ``, with a value `` `labels=A,B` ``).
"""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kdprobe.config.base import Options
from kdprobe.config.refusal import check_values, refusal

Panel = Literal[
    "models and data", "what to compare", "probing", "explaining", "training", "output", "runtime",
]  # fmt: skip
Reads = Literal["value", "names", "pairs", "nested", "map"]


@dataclass(frozen=True)
class Flag:
    """How a field of an options model is written on the command line.

    Args:
        help: what it does, one sentence, for the help and the docstrings.
        name: the long word without its dashes; empty: the field's name, `-` for `_`.
        short: a letter that means the same.
        also: other long words that mean the same.
        metavar: what stands for its value in the help; empty: the kind of value.
        env: the environment variable that gives it when it is not typed.
        reads: how words become the value: `value` as they are; `names`, separated by commas and
            given once or repeatedly (of `tuple[str, ...]` the default); `pairs`, repeated
            `KEY=VALUE`; `nested`, repeated `NAME.KEY=VALUE`; `map`, `A=B,C=D` in one word.
        everyday: whether it stands among the first ten in the help.
        panel: the heading it stands under; empty: that of its model.
        kind: the type of one value, where the annotation does not say it.
        both: for a truth value that may also be unset: a flag for yes and one for no.
    """

    help: str = ""
    name: str = ""
    short: str = ""
    also: tuple[str, ...] = ()
    metavar: str = ""
    env: str = ""
    reads: Reads = "value"
    everyday: bool = False
    panel: Panel | Literal[""] = ""
    kind: type | None = None
    both: bool = False


class FlagOptions(Options):
    """Base of the options models whose fields carry a `Flag`.

    Args:
        group: what stands before a field's name in errors (`probing.sentences`); empty: nothing.
        panel: the heading of its options in the help.
    """

    group: ClassVar[str] = ""
    panel: ClassVar[Panel] = "runtime"

    def __init__(self, /, **values: Any) -> None:
        """Take values by the names of the fields.

        Raises:
            UnknownNameError: an option that there is not; the nearest are named.
            ConfigError: the first value that is wrong: its option, what it is, what may be.
        """
        check_values(type(self), self.group, values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise refusal(type(self), self.group, values, error) from error

    # Options inside of a recipe are checked by their fields: the message names the recipe's place.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class FlagField(NamedTuple):
    """A field of an options model, as a command line needs it.

    Args:
        name: the field's name, the keyword in Python.
        option: the name in errors: with its group.
        flag: its metadata.
        kind: the type of one value; `str` for a choice.
        choices: what it may be; empty: anything of its kind.
        arity: 1; 0 when it may be given several times; n of n values.
        least, most: bounds of a number, inclusive; None: none. A bound that is itself not allowed
            (`gt=0`) is named all the same; the model refuses it.
        default: the field's default; None where it has none.
    """

    name: str
    option: str
    flag: Flag
    kind: type
    choices: tuple[str, ...]
    arity: int
    least: float | None
    most: float | None
    default: Any
    required: bool
    panel: Panel

    @property
    def words(self) -> tuple[str, ...]:
        """The long words of the flag, without dashes, the first of them first."""
        return (self.flag.name or self.name.replace("_", "-"), *self.flag.also)


@cache
def flags_of(model: type[FlagOptions]) -> Mapping[str, FlagField]:
    """Return the fields of an options model that have a flag, by name and in order."""
    return {
        name: _field(model, name, info, flag)
        for name, info in model.model_fields.items()
        if (flag := _flag(info)) is not None
    }


def _flag(info: FieldInfo) -> Flag | None:
    return next((part for part in info.metadata if isinstance(part, Flag)), None)


def _field(model: type[FlagOptions], name: str, info: FieldInfo, flag: Flag) -> FlagField:
    kind, choices, arity = _kind(info.annotation if flag.kind is None else flag.kind)
    bounds = [*info.metadata, *_inner(info.annotation)]
    least = next((_limit(part, "ge", "gt") for part in bounds if isinstance(part, Ge | Gt)), None)
    most = next((_limit(part, "le", "lt") for part in bounds if isinstance(part, Le | Lt)), None)
    default = None if info.default is PydanticUndefined else info.default
    return FlagField(
        name, f"{model.group}.{name}" if model.group else name, flag, kind, choices, arity,
        least, most, default, info.is_required(), flag.panel or model.panel,
    )  # fmt: skip


def _limit(bound: object, *names: str) -> float:
    return float(next(getattr(bound, name) for name in names if hasattr(bound, name)))


def _kind(annotation: object) -> tuple[type, tuple[str, ...], int]:
    """Return the type of one value, the choices, and how many values there are."""
    kinds = list(_alternatives(annotation))
    if bool in kinds:
        return bool, (), 1
    first: Any = kinds[0]
    if get_origin(first) is tuple:
        inner = get_args(first)
        kind, choices, _ = _kind(inner[0])
        return kind, choices, 0 if inner[-1] is Ellipsis else len(inner)
    if get_origin(first) is Literal:
        return str, get_args(first), 1
    if isinstance(first, type) and issubclass(first, Path | int | float | str):
        return first, (), 1
    return str, (), 0  # a mapping, or what only Python can give: words


def _alternatives(annotation: object) -> Iterator[object]:
    """Yield what an annotation allows, without None, and without the metadata of Annotated."""
    if get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _alternatives(part)
    elif hasattr(annotation, "__metadata__"):
        yield from _alternatives(get_args(annotation)[0])
    elif annotation is not type(None):
        yield annotation


def _inner(annotation: object) -> Iterator[object]:
    """Yield the metadata inside an annotation: the bounds of `Annotated[int, Ge(1)] | None`."""
    for part in getattr(annotation, "__metadata__", ()):
        yield from part.metadata if isinstance(part, FieldInfo) else (part,)
    for part in get_args(annotation):
        yield from _inner(part)


def written(options: FlagOptions, names: Collection[str] | None = None) -> list[str]:
    """Return the words of a command line that give these options again.

    Args:
        options: of which only what was given is written.
        names: which of them; None: all.

    >>> from kdprobe.config.options import DataOptions
    >>> written(DataOptions(task="cola", labels=("no", "yes"), limit=None))
    ['--task', 'cola', '--labels', 'no,yes']
    """
    words: list[str] = []
    for name, field in flags_of(type(options)).items():
        value = getattr(options, name)
        wanted = names is None or name in names
        if wanted and name in options.model_fields_set and value is not None:
            words += _written(field, value)
    return words


def _written(field: FlagField, value: Any) -> list[str]:
    flag = f"--{field.words[0]}"
    if isinstance(value, bool):
        return [flag] if value else [f"--no-{field.words[0]}"] if field.flag.both else []
    if isinstance(value, Mapping):
        parts = [f"{key}={each}" for key, each in value.items()]
        if field.flag.reads == "map":
            return [flag, ",".join(parts)]
        return [word for part in parts for word in (flag, part)]
    if field.arity == 0:
        return [flag, ",".join(map(str, value))] if value else []
    return [flag, *map(_word, value if field.arity > 1 else (value,))]


def _word(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(int(value)) if isinstance(value, float) and whole else str(value)
