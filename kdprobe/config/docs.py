"""Docstrings of functions that take options: the flat keywords, listed from the options models.

Does: write the list that `help(kdprobe.distill)` shows. Does not: check anything.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Collection
from typing import TypeVar

from kdprobe.config.flags import FlagOptions, flags_of

F = TypeVar("F", bound=Callable[..., object])
_WIDTH = 96


def documented(*models: type[FlagOptions]) -> Callable[[F], F]:
    """Add the fields of options models to a function's docstring, each with its help and default.

    Args:
        models: whose fields the function takes as keywords; one that is a parameter of the function
            itself is left out.
    """

    def add(function: F) -> F:
        own = set(inspect.signature(function).parameters)
        lines = [line for model in models for line in _lines(model, own)]
        function.__doc__ = (
            f"{function.__doc__ or ''}\n    Keywords:\n" + "\n".join(lines) + "\n    "
        )
        return function

    return add


def _lines(model: type[FlagOptions], own: Collection[str]) -> list[str]:
    lines: list[str] = []
    for name, field in flags_of(model).items():
        if name in own:
            continue
        default = "" if field.default in (None, (), False) else f" Default: {field.default}."
        help_text = field.flag.help
        lines += textwrap.wrap(
            f"{name}: {help_text}{'' if 'Default:' in help_text else default}",
            _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12,
        )  # fmt: skip
    return lines
