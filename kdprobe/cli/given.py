"""What was given to an option, checked where it is read: typed, from the environment, from a file.

Does: know each command's options by its signature, refuse values no option takes (an empty word, a
name no file system holds, a number outside of its bounds), and read those of a file as TOML has
them. Does not: know what an option means.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from kdprobe.config.text import check_text
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable

_KINDS: Mapping[type, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes",
    Path: "a path in quotes",
}  # fmt: skip


class Parameter(NamedTuple):
    """An option or argument of a command.

    Args:
        option: as it is typed, `--batch-size`; of an argument its metavar.
        kind: the type of one value; for a choice `str`.
        choices: what it may be; empty: anything of its kind.
        arity: 1; 0 when it is repeated; n of n values.
        least, most: the bounds of a number, inclusive; None: none.
    """

    option: str
    kind: type
    choices: tuple[str, ...] = ()
    arity: int = 1
    least: float | None = None
    most: float | None = None

    def check(self, value: object, where: str) -> None:
        """Refuse a value that its kind does not say is wrong: empty, too long, out of bounds.

        Raises:
            ConfigError: what is wrong with it.
        """
        if isinstance(value, str | Path):
            check_text(value, where)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value):
                raise ConfigError(where, found=f"is {value}", expected="a finite number")
            if self.least is not None and value < self.least:
                raise ConfigError(where, found=f"is {value}", expected=f"at least {self.least:g}")
            if self.most is not None and value > self.most:
                raise ConfigError(where, found=f"is {value}", expected=f"at most {self.most:,g}")

    def of_toml(self, value: object, where: str) -> Any:
        """Read a value of a configuration file.

        Args:
            value: as TOML gives it.
            where: the file and key, for messages.

        Returns:
            What the command line takes as a default: a list of a repeated option, text of a path.

        Raises:
            ConfigError: another kind than the option's, or a value it does not take.
        """
        if self.arity == 1:
            return self._one(value, where)
        values = [value] if self.arity == 0 and not isinstance(value, list) else value
        if not isinstance(values, list) or (self.arity > 1 and len(values) != self.arity):
            raise ConfigError(
                where, found=f"is {_shown(value)}", expected=f"{self.arity} values in brackets"
            )
        if not values:
            raise ConfigError(
                where, found="is empty", expected="a value", remedy="leave it out for none"
            )
        return [self._one(each, where) for each in values]

    def _one(self, value: object, where: str) -> object:
        known = {float: int | float, Path: str}.get(self.kind, self.kind)
        fits = isinstance(value, known) and (self.kind is bool or not isinstance(value, bool))
        if not fits or (self.choices and value not in self.choices):
            expected = ", ".join(self.choices) or _KINDS[self.kind]
            if self.arity != 1:
                expected += ", or several in brackets" if self.arity == 0 else ""
            raise ConfigError(where, found=f"is {_shown(value)}", expected=expected)
        self.check(Path(str(value)) if self.kind is Path and value else value, where)
        return value


def _shown(value: object) -> str:
    return printable(repr(value), limit=60)


@cache
def parameters_of(command: Callable[..., object]) -> Mapping[str, Parameter]:
    """Return the parameters of a command by the names its function has for them."""
    signature = inspect.signature(command, eval_str=True)
    return {
        name: read
        for name, parameter in signature.parameters.items()
        if (read := _parameter(name, parameter.annotation)) is not None
    }


def _parameter(name: str, annotation: object) -> Parameter | None:
    """Read a parameter's annotation; None for what is no option, like the context."""
    declared = get_args(annotation)[1] if get_origin(annotation) is Annotated else None
    kind = get_args(annotation)[0] if declared is not None else annotation
    kinds = list(_without_none(kind))
    if len(kinds) != 1:
        return None
    (kind,), arity, choices = kinds, 1, ()
    if get_origin(kind) is list:
        (kind,), arity = get_args(kind), 0
    elif get_origin(kind) is tuple:
        arity, kind = len(get_args(kind)), get_args(kind)[0]
    if get_origin(kind) is Literal:
        choices, kind = get_args(kind), str
    if kind not in _KINDS:
        return None
    # Beside Annotated, typer's first word is where a default would stand.
    first = getattr(declared, "default", None)
    parts = [first] if isinstance(first, str) else []
    parts += getattr(declared, "param_decls", None) or ()
    words = [word for part in parts for word in part.split("/") if word.startswith("--")]
    shown = words[0] if words else getattr(declared, "metavar", None) or name
    return Parameter(
        shown, kind, choices, arity, getattr(declared, "min", None), getattr(declared, "max", None)
    )


def _without_none(annotation: object) -> Iterator[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _without_none(part)
    elif annotation is not type(None):
        yield annotation


def check_given(command: Callable[..., object], given: Mapping[str, object]) -> None:
    """Check all that a command was given, before it does anything.

    Args:
        command: the function behind the command.
        given: what it is called with, by name.

    Raises:
        ConfigError: the first value that no option takes, and under which option it stands.
    """
    known = parameters_of(command)
    for name, value in given.items():
        parameter = known.get(name)
        if parameter is None or value is None:
            continue
        for each in value if isinstance(value, list | tuple) else (value,):
            parameter.check(each, parameter.option)
