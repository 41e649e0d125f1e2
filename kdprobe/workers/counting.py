"""How far a piece of work is, counted from inside of it for whoever waits.

Does: hold what a piece says of itself while it is worked on, here or in another process, through a
file that grows by a line. Does not: draw; the work moves no bit by it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from pathlib import Path

Tell = Callable[[float], None]
"""Takes how much of a piece is done, in the units of its size."""

Listener = Callable[[int, float], None]
"""Takes the place of a piece that is worked on, and how much of it is done."""

EVERY = 0.5
"""Seconds between two lines of a file."""


class _Piece:
    """What of a piece is done: whole parts, and how much of the one that is open."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.before, self.part, self.inside = tell, 0.0, 0.0, 0.0

    def add(self, amount: float) -> None:
        """Count work of the open part; what it takes beyond its amount is not foreseen."""
        self.inside = min(self.part, self.inside + amount)
        self.tell(self.before + self.inside)

    def end(self) -> None:
        """Close the open part, which counts whole, however little it took."""
        self.before, self.part, self.inside = self.before + self.part, 0.0, 0.0
        self.tell(self.before)


_piece: ContextVar[_Piece | None] = ContextVar("piece", default=None)


@contextlib.contextmanager
def counted(tell: Tell | None) -> Iterator[None]:
    """Tell how much of the work in a block is done; None: nobody waits.

    >>> with counted(print), part(3.0):
    ...     count(2.0)
    ...     count(2.0)
    2.0
    3.0
    3.0
    """
    token = _piece.set(None if tell is None else _Piece(tell))
    try:
        yield
    finally:
        _piece.reset(token)


def of_piece(listener: Listener | None, place: int) -> Tell | None:
    """Return who is told of one piece; None: nobody waits."""
    return None if listener is None else partial(listener, place)


@contextlib.contextmanager
def part(amount: float) -> Iterator[None]:
    """Work on a part of a piece, of about this amount."""
    piece = _piece.get()
    if piece is not None:
        piece.part = amount
    yield
    if piece is not None:
        piece.end()


def count(amount: float) -> None:
    """Say that so much more of the open part is done; nothing where nobody waits."""
    piece = _piece.get()
    if piece is not None:
        piece.add(amount)


def into(file: Path) -> Tell:
    """Return what writes amounts as lines of a file, none sooner than `EVERY` after another.

    A file that cannot be written keeps no work from being done.
    """
    last = 0.0

    def tell(amount: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= EVERY:
            last = now
            with contextlib.suppress(OSError), file.open("a", encoding="ascii") as lines:
                lines.write(f"{amount:.0f}\n")

    return tell


def last_of(file: Path) -> float:
    """Return the amount of the last whole line of a file; 0 where there is none yet."""
    try:
        text = file.read_text(encoding="ascii")
    except OSError:
        return 0.0
    return float(text.rpartition("\n")[0].rpartition("\n")[2] or 0.0)
