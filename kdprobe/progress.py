"""What long work says of itself while it runs.

Does: name the two calls that any display must answer. Does not: draw; the terminal's bars live in
`cli/`, and code that is given nothing reports to nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class ProgressStage(Protocol):
    """One piece of long work."""

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Say that `steps` more of the total are done; `note` is shown beside the bar."""


class Progress(Protocol):
    """A display of stages."""

    def stage(self, title: str, total: int | None) -> AbstractContextManager[ProgressStage]:
        """Open a stage of `total` steps (None: unknown) and close it when the block ends."""

    def say(self, message: str) -> None:
        """Tell the reader one line that is not a bar (a cache hit, a warning)."""


class _SilentStage:
    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Do nothing."""


class Silent:
    """The display of a caller who wants none."""

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        """Open a stage nobody sees."""
        yield _SilentStage()

    def say(self, message: str) -> None:
        """Say nothing."""


def display_of(progress: Progress | None) -> Progress:
    """Return the display that was given, or one that shows nothing.

    Raises:
        TypeError: an object that is no display.

    >>> display_of(True)
    Traceback (most recent call last):
    TypeError: progress is a display with the methods stage and say, or None for none, not bool
    """
    if progress is None:
        return Silent()
    if not (
        callable(getattr(progress, "stage", None)) and callable(getattr(progress, "say", None))
    ):
        raise TypeError(
            "progress is a display with the methods stage and say, or None for none, not "
            f"{type(progress).__name__}"
        )
    return progress
