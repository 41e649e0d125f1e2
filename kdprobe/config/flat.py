"""Options of one call: objects and flat keywords, put together and checked once.

Does: make an options model of plain values, with one message for the first that is wrong; and join
the keywords of a call with the options objects beside them. Does not: know any function.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from kdprobe.config.base import check_magnitudes
from kdprobe.config.flags import FlagOptions
from kdprobe.config.text import check_text
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name

M = TypeVar("M", bound=FlagOptions)
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}


def checked(model: type[M], values: Mapping[str, object]) -> M:
    """Make an options model of plain values.

    Args:
        model: whose fields they are.
        values: by the fields' names; a field that is left out has its default.

    Raises:
        UnknownNameError: no field is called so; the nearest are offered.
        ConfigError: the first value that is wrong: its option, what it is, what was expected.

    >>> from kdprobe.config.options import Runtime
    >>> checked(Runtime, {"threads": 2}).threads
    2
    >>> checked(Runtime, {"threads": 0})
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `threads`: is 0, expected at least 1
    """
    prefix = f"{model.group}." if model.group else ""
    for name, value in values.items():
        option = f"`{prefix}{name}`"
        if name not in model.model_fields:
            raise unknown_name("option", name, tuple(model.model_fields), option=model.group)
        check_text(value, option)
        check_magnitudes(value, option)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise refusal(model, error) from error


def refusal(model: type[FlagOptions], error: ValidationError) -> ConfigError:
    """Return one message for the first value that is wrong: its option, what it is, what may be."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"][:1])
    shown = printable(repr(fault["input"]), limit=120)
    is_missing = fault["type"] == "missing" and len(fault["loc"]) == 1
    prefix = f"{model.group}." if model.group else ""
    return ConfigError(
        f"`{prefix}{place}`" if place else model.__name__,
        found="is missing" if is_missing else f"is {shown}",
        expected="a value" if is_missing else _expected(dict(fault)),
    )


def _expected(fault: Mapping[str, Any]) -> str:
    """Return in words what pydantic expected."""
    bounds = fault.get("ctx", {})
    for key, words in (("ge", "at least"), ("le", "at most"), ("gt", "more than"),
                       ("lt", "less than")):  # fmt: skip
        if key in bounds:
            limit = bounds[key]
            return f"{words} {limit:,}" if isinstance(limit, int) else f"{words} {limit:,g}"
    kind = str(fault["type"])
    if kind == "missing":  # inside a value
        return "one value more"
    if kind == "literal_error":
        return str(bounds["expected"])
    if kind == "finite_number":
        return "a finite number"
    if kind.partition("_")[0] in _KINDS and kind != "string_pattern_mismatch":
        return _KINDS[kind.partition("_")[0]]
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return message[:1].lower() + message[1:]


def _akin(kind: type[FlagOptions], held: type) -> bool:
    """Return whether two options models have a base in common that has fields itself."""
    return any(
        issubclass(base, FlagOptions) and base.model_fields and issubclass(kind, base)
        for base in held.__mro__
    )


def gathered(
    call: str, flat: Mapping[str, object], objects: Mapping[str, tuple[type[M], FlagOptions | None]]
) -> dict[str, M]:
    """Join flat keywords with the options objects of the same call.

    Args:
        call: the function, for messages.
        flat: its keywords; None stands for what was not given.
        objects: by parameter name, the model it stands for and the object that was given; an
            object of a base class of the model is taken for what it has.

    Returns:
        The options by parameter name; `model_fields_set` of each is what was given.

    Raises:
        TypeError: an unknown keyword (the nearest is named), one that stands in an object too, or
            an object of another kind.
        ConfigError: a value that is wrong.

    >>> from kdprobe.config.options import Runtime, DataOptions
    >>> kinds = {"data": (DataOptions, None), "runtime": (Runtime, Runtime(device="cpu"))}
    >>> gathered("f", {"limit": 5}, kinds)["data"].limit
    5
    >>> gathered("f", {"limt": 5}, kinds)
    Traceback (most recent call last):
    TypeError: f() has no keyword 'limt'; did you mean 'limit'?
    >>> gathered("f", {"device": "cuda"}, kinds)
    Traceback (most recent call last):
    TypeError: f() has 'device' twice: as a keyword and in runtime
    """
    homes = {name: place for place, (kind, _) in objects.items() for name in kind.model_fields}
    for name in flat:
        if name not in homes:
            close = difflib.get_close_matches(name, homes, n=1, cutoff=0.5)
            remedy = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{call}() has no keyword {name!r}{remedy}")
    joined: dict[str, M] = {}
    for place, (kind, held) in objects.items():
        if held is not None and not _akin(kind, type(held)):
            raise TypeError(f"{call}() takes {place} as {kind.__name__}, not {type(held).__name__}")
        given = {n: v for n, v in flat.items() if homes[n] == place and v is not None}
        stored = {} if held is None else {n: getattr(held, n) for n in held.model_fields_set}
        for name in given:
            if name in stored:
                raise TypeError(f"{call}() has {name!r} twice: as a keyword and in {place}")
        joined[place] = checked(kind, stored | given)
    return joined
