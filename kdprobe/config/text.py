"""Text that is no value of any option, refused in one place.

Does: check words and paths that were typed, stand in a file or came from Python. Does not: know
options; loads no pydantic.
"""

from __future__ import annotations

from pathlib import Path

from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable

_LONGEST_NAME = 255
"""Bytes of one name in a path: what every file system in use takes at most."""


def check_text(value: object, where: str) -> None:
    """Refuse text that is no value: empty, with a zero byte, a name no file system holds.

    Raises:
        ConfigError: what is wrong with it.
    """
    for text in value if isinstance(value, list | tuple) else (value,):
        if not isinstance(text, str | Path):
            continue
        if not str(text).strip():
            raise ConfigError(
                where, found="is empty", expected="a value", remedy="leave it out for none"
            )
        if "\0" in str(text):
            raise ConfigError(where, found="holds a zero byte", expected="text")
        if any("\ud800" <= char <= "\udfff" for char in str(text)):  # bytes that are no UTF-8
            raise ConfigError(
                where,
                found=f"is not UTF-8 ({printable(str(text), limit=40)!r})",
                expected="text in UTF-8",
                remedy="rename the file, or set the terminal to UTF-8",
            )
        for part in text.parts if isinstance(text, Path) else ():
            length = len(part.encode("utf-8", "surrogateescape"))
            if length > _LONGEST_NAME:
                raise ConfigError(
                    where,
                    found=f"{printable(part, limit=40)} is a name of {length} bytes",
                    expected=f"at most {_LONGEST_NAME}, as file systems take",
                )
