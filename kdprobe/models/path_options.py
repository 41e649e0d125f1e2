"""What stands behind a model's path: `PATH?quantize=int8`, `PATH?dtype=bf16&file=model_q8.onnx`.

Does: read these options, refuse those there are not, and say them again for the report. Does not:
open anything; `open.py` does. Loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kdprobe.errors import ConfigError
from kdprobe.registry import known_name

_EXAMPLE = "PATH?quantize=int8 or PATH?dtype=bf16; several are joined by &"
_ASKED = re.compile(r"\?[\w-]+$")
"""What stands before the `=` of an option without a name: `out/teacher?quantize`."""


class PathOptions(NamedTuple):
    """How one model is opened, beside what its folder says.

    Args:
        quantize: `int8`: the weights of its linear maps and what they read, rounded to 8 bits
            while it runs; see `precision.quantized`.
        dtype: the type that its weights are run in (`float32`, `bf16`, `fp16`), whatever the
            others run in.
        file: the graph that is meant, of a folder of several (`model_quantized.onnx`).
        base: where the model lies that an adapter was trained on, if not where it says.
        original: the model whose outputs it should give; see `comparison.parity`.
    """

    quantize: str = ""
    dtype: str = ""
    file: str = ""
    base: str = ""
    original: str = ""

    @property
    def shown(self) -> str:
        """What tells two readings of one folder apart: `?quantize=int8`; no way to a folder."""
        parts = [("quantize", self.quantize), ("dtype", self.dtype), ("file", self.file)]
        written = "&".join(f"{key}={value}" for key, value in parts if value)
        return written and f"?{written}"


NO_OPTIONS = PathOptions()
_VALUES = {"quantize": ("int8",), "dtype": ("float32", "bf16", "fp16")}
_ALIASES: Mapping[str, Mapping[str, str]] = {
    "quantize": {},
    "dtype": {"bfloat16": "bf16", "float16": "fp16"},
}


class ModelPath(str):
    """A path or hub id, less the options that were typed behind it."""

    __slots__ = ("options",)
    options: PathOptions

    def __new__(cls, path: str, options: PathOptions) -> ModelPath:
        """Make one; it is equal to the path alone."""
        path_text = super().__new__(cls, path)
        path_text.options = options
        return path_text


def options_of(given: object) -> PathOptions:
    """Return the options of a path; of everything else none."""
    return given.options if isinstance(given, ModelPath) else NO_OPTIONS


def in_float32(given: object) -> object:
    """Return a model as it was named, but for the type that its path asks for.

    >>> in_float32(parse_path("out/t?dtype=bf16&original=u")).options
    PathOptions(quantize='', dtype='', file='', base='', original='u')
    """
    if not isinstance(given, ModelPath):
        return given
    return ModelPath(str(given), given.options._replace(dtype=""))


def parse_path(text: str) -> ModelPath:
    """Read a path with its options; one that exists as it is typed has none.

    Raises:
        UnknownNameError: an option or a value there is not.
        ConfigError: an option without a value, or twice.

    >>> parse_path("out/t?quantize=int8"), parse_path("out/t?quantize=int8").options.quantize
    ('out/t', 'int8')
    >>> parse_path("out/t?dtype=bfloat16").options.shown
    '?dtype=bf16'
    """
    path, mark, query = text.partition("?")
    if not mark or Path(text).exists():
        return ModelPath(text, NO_OPTIONS)
    given: dict[str, str] = {}
    for part in query.split("&"):
        key, _, value = part.partition("=")
        option = f"?{part}"
        name = known_name("option of a path", key, PathOptions._fields, option=option)
        if not value or name in given:
            raise ConfigError(
                f"model {text!r}", expected=_EXAMPLE,
                found=f"the option {name} {'twice' if name in given else 'without a value'}",
            )  # fmt: skip
        if name in _VALUES:
            value = known_name(name, value, _VALUES[name], aliases=_ALIASES[name], option=option)
        given[name] = value
    options = PathOptions(**given)
    if options.quantize and options.dtype:
        raise ConfigError(
            f"model {text!r}", found="both quantize and dtype", expected="one of them",
            remedy="int8 is worked out from float32 weights",
        )  # fmt: skip
    return ModelPath(path, options)


def asks_something(text: str) -> bool:
    """Return whether a text before an `=` ends in the name of an option, so that it is no name.

    >>> asks_something("out/teacher?quantize"), asks_something("why?")
    (True, False)
    """
    return bool(_ASKED.search(text))


def refuse_options(
    where: str, options: PathOptions, *, what: str, takes: Sequence[str] = ()
) -> None:
    """Refuse options of a path that its kind of model has no use for.

    Args:
        where: the model, for the message.
        options: what was typed.
        what: its kind, in words.
        takes: the options it takes.

    Raises:
        ConfigError: another one was given.

    >>> refuse_options("a.tsv", PathOptions(dtype="bf16"), what="a predictions file")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: a.tsv: the option dtype=bf16 of a predictions file, expected no \
option
    """
    for name, value in options._asdict().items():
        if value and name not in takes:
            expected = f"one of {', '.join(takes)}" if takes else "no option"
            raise ConfigError(
                where, found=f"the option {name}={value} of {what}", expected=expected
            )
