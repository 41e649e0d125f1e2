"""How kdprobe speaks on a terminal.

Does: choose the display of progress; tables and messages with foreign text made safe; errors as one
message and an exit code. Does not: decide anything.

Progress and warnings go to stderr, results to stdout.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer

from kdprobe.cli.given import check_given
from kdprobe.cli.option_names import with_flags
from kdprobe.errors import UsageError
from kdprobe.foreign import debugging, disk_is_full
from kdprobe.plain_text import printable
from kdprobe.progress import Progress, Silent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

P = ParamSpec("P")
R = TypeVar("R")

USAGE, SKIPPED, GATE, INTERRUPTED = 2, 3, 4, 130


def console(*, stderr: bool = False) -> Console:
    """Make a console that never reads markup out of foreign text."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def speaks() -> bool:
    """Whether this process prints: of several that train together, the first."""
    return os.environ.get("RANK", "0") == "0"


def show(renderable: RenderableType) -> None:
    """Print a result on stdout."""
    if speaks():
        console().print(renderable)


def tell(message: str) -> None:
    """Print a line for people on stderr; options that it names are shown as flags."""
    if speaks():
        console(stderr=True).print(printable(with_flags(message)), soft_wrap=True)


def say(sentence: str) -> None:
    """Print a sentence on stdout: on a terminal broken between words, elsewhere in one line."""
    if speaks():
        output = console()
        output.print(printable(sentence), soft_wrap=not output.is_terminal)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    """Lay out a table of foreign text; columns that hold numbers are set to the right."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        title=Text(printable(title)), title_justify="left", show_edge=False, pad_edge=False
    )
    for position, name in enumerate(columns):
        numeric = all(_numeric(row[position]) for row in rows) and bool(rows)
        grid.add_column(
            Text(printable(name)), justify="right" if numeric else "left", overflow="fold"
        )
    for row in rows:
        grid.add_row(*(Text(printable(cell)) for cell in row))
    return grid


def _numeric(cell: str) -> bool:
    return bool(cell) and cell.lstrip("-+.")[:1].isdigit()


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Turn kdprobe's errors into one message and exit 2, an interrupt into exit 130."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            check_given(function, kwargs)
            return function(*args, **kwargs)
        except UsageError as error:
            raise refused(error) from error
        except KeyboardInterrupt as interrupt:
            tell(f"\nInterrupted. {_how_to_go_on(sys.argv)}")
            raise typer.Exit(INTERRUPTED) from interrupt
        except Exception as error:
            refusal = _of_system(error)
            if refusal is None or debugging():
                raise
            tell(f"Error: {refusal}")
            raise typer.Exit(USAGE) from error

    return run


def refused(error: UsageError) -> typer.Exit:
    """Show a message to the user, and return what ends the program with exit 2."""
    from rich.text import Text

    words = printable(with_flags(str(error)))
    message = Text("Error: ", style="bold red") + Text(words, style="")
    if speaks():  # the others found the same
        console(stderr=True).print(message, soft_wrap=True)
    return typer.Exit(USAGE)


def _of_system(error: Exception) -> str | None:
    """Say what the system refused: a full disk, or a named file; None for anything else."""
    if disk_is_full(error):
        return (
            "no space left on the device; free some and run the command again "
            "(a training goes on with --resume): what was finished is kept"
        )
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: cannot be used ({error.strerror}); name another file or folder"
    return None


def _how_to_go_on(argv: Sequence[str]) -> str:
    if any(word in ("finetune", "distill", "augment") for word in argv[1:2]):
        return "Run the same command with --resume to go on where it stopped."
    return "Run the same command again: what was finished is in the cache and is not done twice."


def progress(*, quiet: bool) -> Progress:
    """Choose the display: bars on a terminal, lines elsewhere, nothing when asked to be quiet.

    Of several processes that train together one speaks.
    """
    if quiet or not speaks():
        return Silent()
    from kdprobe.cli.displays import BarProgress, LineProgress

    errors = console(stderr=True)
    return BarProgress(errors) if errors.is_terminal else LineProgress(tell)
