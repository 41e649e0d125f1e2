"""A program that distils and is killed, or not, after a number of optimiser steps.

Arguments: teacher, task file, output folder, the step after which to send SIGKILL to itself (0:
never), `resume` or `new`. Run by `test_fitting.py`; does not: test anything itself.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kdprobe.distillation import distill


class Killer:
    """A display that kills its own process at a step."""

    def __init__(self, step: int) -> None:
        self.left = step
        self.said: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator["Killer"]:
        """Count the steps of the training only."""
        self.counting = title.startswith("train on")
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and strike."""
        if self.counting and steps and self.left:
            self.left -= steps
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def say(self, message: str) -> None:
        """Keep it for the test."""
        self.said.append(message)


def run(teacher: str, task: str, output: str, step: int, mode: str) -> list[str]:
    """Distil, and give what was said."""
    display = Killer(step)
    distill(
        teacher,
        task=task,
        output=output,
        student="layers=2",
        epochs=2.5,
        learning_rate=1e-3,
        evaluate_every=4,
        device="cpu",
        bf16=False,
        threads=1,
        resume=mode == "resume",
        offline=True,
        progress=display,
    )
    return display.said


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
