"""Commands that are imported when they are run, and their help in panels.

Does: list a command by one line without importing it, and lay out `--help`. Does not: know any
command; `main.py` lists them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.models import CommandInfo

from kdprobe.cli.terminal import refused

PANELS = ("models and data", "what to compare", "probing", "explaining", "training", "output",
          "runtime")  # fmt: skip
EVERYDAY = 10
"""Options that stand first in the help, before the panels."""
_FEW = 12
"""A command with at most so many options shows them in one list."""
_COLUMN = 30
"""click's widest first column."""
_WHOLE = 1000
"""Letters that no summary has."""


class PanelCommand(typer.core.TyperCommand):
    """A command whose help shows the everyday options first, the others by subject."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read what was typed; a value that an option does not take is refused in our words."""
        words = [word.partition("=")[0] for word in args]
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            from pydantic import ValidationError

            from kdprobe.config.refusal import typed_refusal

            cause, param = error.__cause__, error.param
            if not isinstance(cause, ValidationError) or param is None or not param.opts:
                raise
            option = next((word for word in param.opts if word.startswith("--")), param.opts[0])
            if param.envvar and not set(param.opts) & set(words):
                option += f" ({param.envvar} in the environment)"
            raise refused(typed_refusal(option, cause)) from error

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the everyday options and the panels."""
        rows: dict[str, list[tuple[str, str]]] = {"arguments": [], "options": []}
        rows |= {panel: [] for panel in PANELS}
        params = [(p, record) for p in self.get_params(ctx) if (record := p.get_help_record(ctx))]
        few = sum(p.param_type_name == "option" for p, _ in params) <= _FEW
        for param, record in params:
            panel = getattr(param, "rich_help_panel", None)
            if param.param_type_name == "argument":
                panel = "arguments"
            elif few or (not panel and panel is not None and len(rows["options"]) < EVERYDAY):
                panel = "options"
            rows[panel or PANELS[-1]].append(record)
        width = min(max(len(first) for _, (first, _) in params), _COLUMN)
        for panel, records in rows.items():
            if records:
                with formatter.section(panel.capitalize()):
                    formatter.write_dl([(first.ljust(width), text) for first, text in records])


class Deferred(typer.core.TyperCommand):
    """A command that stands in the list by its summary; the rest is imported when it is needed."""

    def __init__(self, *given: Any, **named: Any) -> None:
        self._resolved: PanelCommand | None = None
        super().__init__(*given, **named)
        self._place: str = getattr(named["callback"], "place", "")

    @property
    def resolved(self) -> PanelCommand:
        """The command itself."""
        if self._resolved is None:
            module, _, name = self._place.partition(":")
            function = getattr(importlib.import_module(module), name)
            info = CommandInfo(name=self.name, cls=PanelCommand, callback=function)
            command = typer.main.get_command_from_info(
                info, pretty_exceptions_short=False, rich_markup_mode=None
            )
            if not isinstance(command, PanelCommand):
                raise TypeError(f"{self._place} gives {command!r}")
            self._resolved = command
        return self._resolved

    @property
    def params(self) -> Any:
        """The options and arguments."""
        return self.resolved.params

    @params.setter
    def params(self, value: object) -> None:
        """Leave what the stand-in has: nothing."""

    @property
    def callback(self) -> Any:
        """The function behind the command."""
        return self.resolved.callback

    @callback.setter
    def callback(self, value: object) -> None:
        """Leave what the stand-in has: nothing."""


class DeferredGroup(typer.core.TyperGroup):
    """A group of deferred commands."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command itself where it is run, not its stand-in."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.resolved if isinstance(command, Deferred) else command, rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List every command with its whole summary, on as many lines as it needs."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, one.get_short_help_str(_WHOLE)) for name, one in commands if one is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def add_deferred(app: typer.Typer, package: str, commands: Mapping[str, tuple[str, str]]) -> None:
    """Add commands to a group without importing them.

    Args:
        app: the group.
        package: where their modules are.
        commands: by name, `module:function` and the first line of the function's docstring.
    """
    for name, (place, summary) in commands.items():
        app.command(name, cls=Deferred)(_stand_in(f"{package}.{place}", summary))


def _stand_in(place: str, summary: str) -> Callable[[], None]:
    def stand_in() -> None:
        """Stand for a command."""

    stand_in.__doc__ = summary
    setattr(stand_in, "place", place)  # noqa: B010 (mypy knows none)
    return stand_in
