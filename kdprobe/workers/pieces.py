"""What is shared out: pieces of work, and what many of them need.

Does: hold an object for pieces, and write it where other processes take it from. Does not: work.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from kdprobe.errors import OutputError
from kdprobe.foreign import disk_is_full, said
from kdprobe.workers.sending import give

H = TypeVar("H")
T = TypeVar("T")
R = TypeVar("R")


class Held(Generic[H]):
    """An object that pieces of work need, sent to each process once.

    Args:
        value: the object, of which nothing changes while it is held.
        name: for people, where it cannot be sent.
        size: its bytes, for the memory that is named.
        here: why its work is done in the process that holds it; empty: others may do it.
        bounded: whether its work is done with the threads of `Workers`; False: with what there are.
    """

    def __init__(
        self, value: H, name: str, *, size: int = 0, here: str = "", bounded: bool = True
    ) -> None:
        self.value, self.name, self.size = value, name, size
        self.here, self.bounded = here, bounded
        self._file: Path | None = None

    def file_in(self, folder: Path, say: Callable[[str], None]) -> Path | None:
        """Return the file that other processes take it from; None: its work is done here.

        Args:
            folder: where the file is written, the first time.
            say: told once where it cannot be sent, and why.

        Raises:
            OutputError: no space is left.
        """
        if self.here:
            return None
        if self._file is not None and self._file.parent == folder:  # not of an earlier set
            return self._file
        file = folder / secrets.token_hex(8)
        try:
            give(self.value, file)
        except Exception as error:  # whatever pickle raises for an object of others
            file.unlink(missing_ok=True)
            if isinstance(error, OSError) or disk_is_full(error):
                raise OutputError(
                    str(folder.parent), found=f"{self.name} cannot be written ({said(error)})",
                    expected=f"{self.size / 1e6:,.0f} MB for each model that processes share",
                    remedy="free some space, name another place in TMPDIR, or ask for `jobs=1`",
                ) from error  # fmt: skip
            self.here = f"it cannot be sent to others ({said(error)})"
            say(f"{self.name} works in one process: {self.here}.")
            return None
        self._file = file
        return file

    def forget(self) -> None:
        """Delete the file, when no more work needs it."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None


class WorkPiece(NamedTuple, Generic[H, T]):
    """One piece of work.

    Args:
        held: what it needs of what other pieces need too.
        given: what is its own; small, as it is sent with it. A `partial` is called for it when its
            turn comes, so that what is sent of all pieces is never held at one time.
        size: how much work it is, in any unit; of one call's pieces all in the same.
    """

    held: Held[H]
    given: T | partial[T]
    size: float = 1.0

    def made(self) -> T:
        """Return what is given."""
        return self.given() if isinstance(self.given, partial) else self.given


class FailedWork(NamedTuple):
    """What a piece of work raised, in place of its result."""

    error: Exception
