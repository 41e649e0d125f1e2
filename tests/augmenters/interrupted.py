"""A program that makes a transfer set and kills itself after a number of chunks.

Arguments: task file, output, chunks. Run by `test_augmentation.py`; does not: test anything itself.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kdprobe.augmentation import augment
from kdprobe.progress import Silent


class Killer(Silent):
    """A display that kills its own process when so many chunks were told of."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator["Killer"]:
        """Watch."""
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and strike."""
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    augment(sys.argv[1], output=sys.argv[2], n=60, offline=True, progress=Killer(int(sys.argv[3])))
