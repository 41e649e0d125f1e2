"""Everything a person writes by hand: task files, recipes, and the options of the commands.

Does: parse TOML into frozen models that refuse unknown keys, and say which file and key is wrong.
Does not: look for data or open models.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from kdprobe import plain_files
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable

M = TypeVar("M", bound=BaseModel)
_LARGEST = 1e15
_QUOTED = 120
"""Characters of a wrong value that a message quotes."""


class Options(BaseModel):
    """Base of everything typed by hand: frozen, unknown keys refused."""

    # Built when first checked: the help of a command reads fields and checks nothing.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what Python, and pydantic after it, takes for 1 or 0."""
        parts = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(part, bool) for part in parts):
            kinds = set(_kinds(cls.model_fields[str(info.field_name)].annotation))
            if kinds <= {int, float}:
                raise PydanticKnownError("float_type" if float in kinds else "int_type")
        return value


def parse(model: type[M], data: dict[str, object], where: str) -> M:
    """Check hand-written data against a model.

    Args:
        model: what the data should be.
        data: keys and values, as read.
        where: the file or option, for the message.

    Raises:
        ConfigError: an unknown key (the nearest known one is offered), a missing key, a value of
            the wrong kind, a number beyond 10^15; for the first fault.
    """
    check_magnitudes(data, where)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = _known_keys(model, fault["loc"][:-1])
            close = difflib.get_close_matches(key.rsplit(".", 1)[-1], known, n=1, cutoff=0.5)
            raise ConfigError(
                where,
                found=f"unknown key {key!r}",
                expected="one of " + ", ".join(known),
                remedy=f"did you mean {close[0]!r}?" if close else "",
            ) from error
        message = fault["msg"].removeprefix("Value error, ")
        if isinstance(fault["input"], dict) and fault["type"] == "value_error":
            # The parts do not agree with each other: the message says it; the whole is too long.
            raise ConfigError(where, found=f"{key}: {message}" if key else message) from error
        fault_text = f"is {printable(repr(fault['input']), limit=_QUOTED)}"
        if fault["type"] == "missing":
            fault_text = "is missing"
        raise ConfigError(where, found=f"{key} {fault_text}", remedy=message) from error


def check_magnitudes(value: object, where: str, place: tuple[object, ...] = ()) -> None:
    """Refuse numbers whose squares and products would overflow: nobody means them.

    Args:
        value: a number, or what holds numbers.
        where: the file or option, for the message.
        place: the keys inside it.

    Raises:
        ConfigError: a number beyond 10^15, NaN or infinite.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            check_magnitudes(inner, where, (*place, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            check_magnitudes(inner, where, (*place, index))
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:
        shown = printable(repr(value), limit=_QUOTED)
        raise ConfigError(
            where,
            found=f"{'.'.join(map(str, place))} is {shown}".strip(),
            expected=f"a number up to {_LARGEST:.0e}",
        )


def _known_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> tuple[str, ...]:
    """Return the keys that may stand at a place inside a model (`("splits", "dev")`)."""
    for part in place:
        if part in model.model_fields:
            models = list(_models_in(model.model_fields[str(part)].annotation))
            model = models[0] if models else model
    return tuple(model.model_fields)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _kinds(annotation: object) -> Iterator[object]:
    """Yield the plain types that a value, or each of its parts, may have; None is none of them."""
    if hasattr(annotation, "__metadata__"):  # Annotated
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (tuple, Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _kinds(argument)
    elif annotation not in (type(None), ...):
        yield annotation


def read_toml(model: type[M], path: Path) -> M:
    """Read a TOML file into a model.

    Raises:
        ConfigError: no such file, not UTF-8, not TOML (with the line), nested too deep, or not what
            the model asks.
    """
    return parse(model, plain_files.read_toml(path), str(path))


def suites_folder() -> Path:
    """Return the folder of task files, recipes and suites: in the wheel, else in the checkout."""
    package = Path(__file__).parents[1]
    inside = package / "suites"
    return inside if inside.is_dir() else package.parent / "suites"
