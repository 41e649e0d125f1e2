"""Everything a person writes by hand: task files, recipes, and the options of the commands.

Does: parse TOML into frozen models that refuse unknown keys, and say which file and key is wrong.
Does not: look for data or open models.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kdprobe.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class Options(BaseModel):
    """Base of everything typed by hand: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse(model: type[M], data: dict[str, object], where: str) -> M:
    """Check hand-written data against a model.

    Args:
        model: what the data should be.
        data: keys and values, as read.
        where: the file or option, for the message.

    Raises:
        ConfigError: an unknown key (the nearest known one is offered), a missing key, a value of
            the wrong kind; the first fault is told.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            known = tuple(model.model_fields)
            close = difflib.get_close_matches(key.rsplit(".", 1)[-1], known, n=1, cutoff=0.5)
            raise ConfigError(
                where,
                found=f"unknown key {key!r}",
                expected="one of " + ", ".join(known),
                remedy=f"did you mean {close[0]!r}?" if close else "",
            ) from error
        found = "is missing" if fault["type"] == "missing" else f"is {fault['input']!r}"
        raise ConfigError(where, found=f"{key} {found}", remedy=fault["msg"]) from error


def read_toml(model: type[M], path: Path) -> M:
    """Read a TOML file into a model.

    Raises:
        ConfigError: no such file, not UTF-8, not TOML (with the line), or not what the model asks.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), found=f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), found=f"is not TOML: {error}") from error
    return parse(model, data, str(path))
