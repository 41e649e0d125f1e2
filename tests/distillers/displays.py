"""A display that keeps the messages of a training and strikes at one of its steps.

Does: stand in for a person's display in tests of interrupted runs. Does not: test anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def press_ctrl_c() -> None:
    """Interrupt as a person does."""
    raise KeyboardInterrupt


class Striking:
    """Counts the optimiser steps of a training, and strikes once.

    Args:
        step: the step after which it strikes; 0: never.
        strike: what it does then.
    """

    def __init__(self, step: int = 0, strike: Callable[[], None] = press_ctrl_c) -> None:
        self.left, self.strike = step, strike
        self.said: list[str] = []
        self.counting = False

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Striking]:
        """Count the steps of the training only."""
        self.counting = title.startswith("train on")
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and strike."""
        if self.counting and steps and self.left:
            self.left -= steps
            if self.left <= 0:
                self.strike()

    def say(self, message: str) -> None:
        """Keep it for the test."""
        self.said.append(message)
