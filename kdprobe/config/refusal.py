"""What is said of the first option that is wrong: its name, what was given, what may be.

Does: check the names and plain values of an options model, and put pydantic's first complaint into
words. Does not: know any option.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from kdprobe.config.base import check_magnitudes
from kdprobe.config.text import check_text
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name

_KINDS = {
    "bool": "true or false", "dict": "a mapping", "float": "a number", "int": "a whole number",
    "mapping": "a mapping", "path": "a path", "string": "text", "tuple": "a list",
}  # fmt: skip


def check_values(model: type[BaseModel], group: str, values: Mapping[str, object]) -> None:
    """Refuse a name that no option has, and values that no option takes.

    Args:
        model: the options model.
        group: what stands before a field's name in messages; empty: nothing.
        values: by the names of fields.

    Raises:
        UnknownNameError: no field is called so; the nearest are offered.
        ConfigError: an empty text, or a number that nobody means.
    """
    for name, value in values.items():
        option = _option(group, name)
        if name not in model.model_fields:
            raise unknown_name(
                "option", name, tuple(model.model_fields), option=group or model.__name__
            )
        check_text(value, option)
        check_magnitudes(value, option)


def _option(group: str, name: str) -> str:
    return f"`{group}.{name}`" if group else f"`{name}`"


def refusal(
    model: type[BaseModel], group: str, values: Mapping[str, object], error: ValidationError
) -> ConfigError:
    """Return one message for the first value that is wrong: its option, what it is, what may be."""
    faults = error.errors()
    first = faults[0]
    place, value = str(next(iter(first["loc"]), "")), first["input"]
    where = _option(group, place) if place else model.__name__
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return ConfigError(where, found="is missing", expected="a value")
    alternatives = [f for f in faults if f["loc"][:1] == first["loc"][:1] and f["input"] is value]
    is_text = isinstance(value, str) and first["type"] == "tuple_type"
    return ConfigError(
        where,
        found=f"{'is' if values.get(place, value) is value else 'holds'} "
        f"{printable(repr(value), limit=120)}",
        expected=", or ".join(dict.fromkeys(_expected(dict(fault)) for fault in alternatives)),
        remedy=f"one name stands in brackets too: [{value!r}]" if is_text else "",
    )


def typed_refusal(option: str, error: ValidationError) -> ConfigError:
    """Return one message for a word of the command line that an option does not take."""
    faults = error.errors()
    _, is_choice, choices = str(faults[0]["msg"]).rpartition(" is not one of ")  # typer's own words
    expected = ", or ".join(dict.fromkeys(_expected(dict(fault)) for fault in faults))
    return ConfigError(
        option,
        found=f"is {printable(str(faults[0]['input']), limit=120)}",
        expected=f"one of {choices.rstrip('.')}" if is_choice else expected,
    )


def _expected(fault: Mapping[str, Any]) -> str:
    """Return in words what pydantic expected."""
    bounds = fault.get("ctx", {})
    for key, words in (("ge", "at least"), ("le", "at most"), ("gt", "more than"),
                       ("lt", "less than"), ("max_length", "at most")):  # fmt: skip
        if key in bounds:
            limit = bounds[key]
            number = f"{limit:,}" if isinstance(limit, int) else f"{limit:,g}"
            return f"{words} {number}" + (" values" if key == "max_length" else "")
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
