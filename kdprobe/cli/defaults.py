"""`--config FILE`: defaults for the commands, from a TOML file.

Does: check every command and option name against the command line itself, so that a typo is told.
Does not: override what is typed or stands in the environment.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import typer

from kdprobe.errors import ConfigError
from kdprobe.registry import unknown_name


def read_defaults(path: Path, app: typer.Typer) -> dict[str, dict[str, object]]:
    """Read the defaults of each command: `[compare]`, then `seed = 1`, `data-dir = "…"`.

    Raises:
        ConfigError: the file cannot be read or is not TOML, or a value is not under a command.
        UnknownNameError: a command or option that does not exist.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), found=f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), found=f"is not TOML: {error}") from error
    group = typer.main.get_command(app)
    commands = getattr(group, "commands")  # noqa: B009 (typer's own click, not typed here)
    defaults: dict[str, dict[str, object]] = {}
    for command, values in data.items():
        if command not in commands:
            raise unknown_name("config", command, tuple(sorted(commands)))
        if not isinstance(values, dict):
            raise ConfigError(str(path), found=f"{command} = {values!r}", expected=f"[{command}]")
        known = {
            option.lstrip("-").replace("-", "_"): parameter.name
            for parameter in commands[command].params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("--")
        }
        defaults[command] = {}
        for key, value in values.items():
            if key.replace("-", "_") not in known:
                raise unknown_name(f"config [{command}]", key, tuple(sorted(known)))
            defaults[command][known[key.replace("-", "_")]] = value
    return defaults
