"""`--config FILE`: defaults for the commands, from a TOML file.

Does: check every command and option name against the command line itself, and refuse a typo.
Does not: override what is typed or stands in the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from kdprobe.cli.given import parameters_of
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.plain_files import read_toml
from kdprobe.plain_text import printable
from kdprobe.registry import unknown_name


def read_defaults(path: Path, app: typer.Typer) -> dict[str, Any]:
    """Read the defaults of each command: `[compare]`, then `seed = 1`, `data-dir = "…"`.

    Returns:
        What typer takes as its map of defaults; a command of a group stands in its group's table.

    Raises:
        ConfigError: the file cannot be read or is not TOML, a value is not under a command, or an
            option does not take it; see `given.Parameter`.
        UnknownNameError: a command or option that does not exist.
    """
    # typer's own click has no types: a group has `commands`, a command `params` and `callback`.
    group: Any = typer.main.get_command(app)
    return _of_group(group, read_toml(path), str(path), "")


def _unknown(where: str, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a name in the file; it says where in the file."""
    error = unknown_name(kind, name, tuple(sorted(known)))
    return UnknownNameError(
        where, found=error.found, expected=error.expected, remedy=error.remedy
    )  # fmt: skip


def _of_group(group: Any, data: Mapping[str, Any], path: str, name: str) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for command, values in data.items():
        where = f"{path}: [{name}{command}]"
        if command not in group.commands:
            inside = f"{path}: [{name.rstrip('.')}]" if name else path
            raise _unknown(inside, "command", command, group.commands)
        if not isinstance(values, dict):
            raise ConfigError(
                path,
                found=f"{command} = {printable(repr(values), limit=60)}",
                expected=f"[{name}{command}]",
            )
        held = group.commands[command]
        if hasattr(held, "commands"):
            defaults[command] = _of_group(held, values, path, f"{name}{command}.")
        else:
            defaults[command] = _of_command(held, values, where)
    return defaults


def _of_command(held: Any, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values of one command by the names its function has for them."""
    opposite = _names(held, "secondary_opts")
    known = _names(held, "opts") | opposite
    parameters = parameters_of(held.callback)
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        plain = key.replace("-", "_")
        if plain not in known:
            raise _unknown(where, "option", key, known)
        target = known[plain]
        if target in defaults:
            raise ConfigError(f"{where} {key}", found="is given twice", expected="one way")
        read = parameters[target].of_toml(value, f"{where} {key}")
        defaults[target] = not read if plain in opposite else read
    return defaults


def _names(held: Any, kind: str) -> dict[str, str]:
    """Return the options of a command without their dashes -> the name of the parameter."""
    return {
        option.lstrip("-").replace("-", "_"): parameter.name
        for parameter in held.params
        for option in getattr(parameter, kind)
        if option.startswith("--")
    }
