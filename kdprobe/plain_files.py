"""The one door for JSON and TOML that come from outside: files, fields of files, typed values.

Does: read with bounds on size, depth and digits, forgive a byte order mark, and turn whatever is
wrong into one message that names the place. Does not: know what should stand in a file; callers
check that, and say which error it is to them.
"""

from __future__ import annotations

import codecs
import json
import math
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from kdprobe.errors import ConfigError, UsageError

LARGEST_JSON = 1 << 30
"""Bytes. The largest JSON kdprobe itself writes, a page's results, stays far below a gigabyte."""
LARGEST_TOML = 1 << 22
"""Bytes. What a person writes by hand stays far below four megabytes."""
DEEPEST = 100
"""Levels of brackets. What kdprobe and transformers write has fewer than twenty."""
MOST_DIGITS = 400
"""Digits of one whole number: JSON's largest floating-point number has 309."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins with UTF-16's: to be looked for first
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
"""Byte order marks, their codecs and the encodings' names."""
_TOML_LEAST, _TOML_MOST = -(2**63), 2**63 - 1


def expanded(path: str | Path) -> Path:
    """Put a home in the place of `~`; where there is no such home, the path stays as it is.

    >>> str(expanded("~nobody-of-this-name/a.tsv"))
    '~nobody-of-this-name/a.tsv'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


class _Fault(ValueError):
    """What is wrong with a text, without the name of its place."""


def read_text(
    path: Path,
    *,
    error: type[UsageError] = ConfigError,
    expected: str = "",
    largest: int = LARGEST_JSON,
    marked: bool = False,
    bare: bool = False,
) -> str:
    """Read a file of UTF-8 text, without its byte order mark.

    Args:
        path: the file.
        error: what a message is raised as.
        expected: what should stand there, for the message.
        largest: bytes; of a longer file (or a device without an end) no more is read.
        marked: read UTF-16 and UTF-32 too where a byte order mark says so, as Windows' editors and
            shells write them.
        bare: refuse a byte order mark: a library that does not know it will read the file again.

    Raises:
        UsageError: of the class `error`: it cannot be read, is no text in UTF-8, is too long, or
            holds a zero byte.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise error(str(path), found=f"cannot be read ({reason})", expected=expected) from fault
    except ValueError as fault:  # a zero byte in its name
        raise error(repr(str(path)), found="is no file name", expected=expected) from fault
    if len(data) > largest:
        raise error(
            str(path), found=f"is longer than {largest:,} bytes", expected=expected or "less"
        )
    marks = MARKS if marked else MARKS[:1]
    codec, name = next((mark[1:] for mark in marks if data.startswith(mark[0])), ("utf-8", "UTF-8"))
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as fault:
        reason = f"is not {name} (byte {fault.start:,})"
        raise error(
            str(path), found=reason, expected=expected, remedy="save it as UTF-8"
        ) from fault
    if bare and codec == "utf-8-sig":
        raise error(
            str(path),
            found="begins with a byte order mark, which transformers does not read",
            expected=expected,
            remedy="save it as UTF-8 without the mark",
        )
    if "\0" in text:
        raise error(
            str(path), found="holds a zero byte", expected=expected, remedy="save it as UTF-8"
        )
    return text


def read_json(
    path: Path,
    *,
    error: type[UsageError] = ConfigError,
    expected: str = "",
    remedy: str = "",
    finite: bool = False,
    largest: int = LARGEST_JSON,
    bare: bool = False,
) -> Any:
    """Read a JSON file; see `read_text` and `parse_json`."""
    text = read_text(path, error=error, expected=expected, largest=largest, bare=bare)
    return parse_json(
        text, where=str(path), error=error, expected=expected, remedy=remedy, finite=finite
    )


def parse_json(
    text: str,
    *,
    where: str,
    error: type[UsageError] = ConfigError,
    expected: str = "",
    remedy: str = "",
    finite: bool = False,
) -> Any:
    """Read JSON.

    Args:
        text: one JSON value.
        where: its place, for the message; the line is added where it is known.
        error: what a message is raised as.
        expected: what should stand there.
        remedy: what the reader can do about it.
        finite: refuse NaN, Infinity and numbers beyond 1.8e308 (JSON itself knows none of them;
            Python and `transformers` write the first two).

    Raises:
        UsageError: of the class `error`: no JSON, nested deeper than 100 levels, a whole number of
            more than 400 digits, or a number that is not finite where it should be.

    >>> parse_json('{"a": [1, 2.5]}', where="x.json")
    {'a': [1, 2.5]}
    >>> parse_json("[NaN]", where="x.json", finite=True)
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: x.json: holds NaN, expected a finite number
    """
    try:
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite if finite else None,
            parse_constant=_refuse_constant if finite else None,
        )
        _check_depth(value)
    except json.JSONDecodeError as fault:
        raise error(
            f"{where}:{fault.lineno}",
            found=f"is not JSON ({fault.msg})",
            expected=expected,
            remedy=remedy,
        ) from fault
    except RecursionError as fault:
        raise error(where, found=_too_deep(), expected=expected, remedy=remedy) from fault
    except _Fault as fault:
        raise error(where, found=fault.args[0], expected=fault.args[1], remedy=remedy) from fault
    return value


def read_toml(path: Path, *, error: type[UsageError] = ConfigError) -> dict[str, Any]:
    """Read a TOML file; see `read_text` and `parse_toml`."""
    text = read_text(path, error=error, largest=LARGEST_TOML, marked=True)
    return parse_toml(text, where=str(path), error=error)


def parse_toml(text: str, *, where: str, error: type[UsageError] = ConfigError) -> dict[str, Any]:
    r"""Read TOML.

    Args:
        text: a whole document.
        where: its place, for the message.
        error: what a message is raised as.

    Raises:
        UsageError: of the class `error`: no TOML (with the line), nested deeper than 100 levels, or
            a whole number beyond 64 bits, which TOML 1.0 wants refused.

    >>> parse_toml("[a]\nb = 1", where="x.toml")
    {'a': {'b': 1}}
    >>> parse_toml("a = 9223372036854775808", where="x.toml")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: x.toml: holds a whole number of 19 digits, expected at most 64 bits
    """
    try:
        value = tomllib.loads(text)
        _check_depth(value)
        _check_whole_numbers(value)
    except tomllib.TOMLDecodeError as fault:
        raise error(where, found=f"is not TOML: {fault}") from fault
    except RecursionError as fault:
        raise error(where, found=_too_deep()) from fault
    except _Fault as fault:
        raise error(where, found=fault.args[0], expected=fault.args[1]) from fault
    except ValueError as fault:  # Python refuses to read thousands of digits, or a 31st of June
        raise error(where, found=f"holds a value that cannot be read ({_short(fault)})") from fault
    return value


def toml_value(text: str, *, where: str = "`settings`") -> Any:
    """Read a value typed on the command line as TOML; what is not TOML is a string.

    Raises:
        ConfigError: nested too deep, or a number too long; see `parse_toml`.

    >>> [toml_value(text) for text in ("2", "true", "cosine", "[1, 2]")]
    [2, True, 'cosine', [1, 2]]
    """
    try:
        tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except (RecursionError, ValueError):
        pass  # `parse_toml` says what is wrong with it
    values = parse_toml(f"value = {text}", where=where)
    return values["value"] if values.keys() == {"value"} else text


def _whole(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > MOST_DIGITS:
        raise _Fault(f"holds a whole number of {digits:,} digits", f"at most {MOST_DIGITS}")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Fault(f"holds {text[:40]}", "a finite number")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _Fault(f"holds {name}", "a finite number")


def _check_depth(value: Any) -> None:
    """Refuse what would exhaust the stack of whoever walks through it, level by level."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _Fault(_too_deep(), f"at most {DEEPEST}")


def _too_deep() -> str:
    return f"is nested deeper than {DEEPEST} levels"


def _check_whole_numbers(value: Any) -> None:
    """Refuse numbers beyond 64 bits in a value whose depth is known to be small."""
    if isinstance(value, int) and not _TOML_LEAST <= value <= _TOML_MOST:
        digits = len(str(abs(value)))
        raise _Fault(f"holds a whole number of {digits:,} digits", "at most 64 bits")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_whole_numbers(item)


def _short(fault: Exception) -> str:
    return str(fault).partition(";")[0][:120]
