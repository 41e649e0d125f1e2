"""A program that distils and is killed, or not, after a number of optimiser steps.

Arguments: teacher, task file, output folder, the step after which to send SIGKILL to itself (0:
never), `resume` or `new`. Run by `test_fitting.py`; does not: test anything itself.
"""

import os
import signal
import sys

from kdprobe.distillation import distill
from tests.distillers.displays import Striking


def kill() -> None:
    """Kill this process, as no code of it can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)


def run(teacher: str, task: str, output: str, step: int, mode: str) -> list[str]:
    """Distil, and return the messages."""
    display = Striking(step, kill)
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
