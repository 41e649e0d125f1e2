"""Tests of what a kill costs: every state in which it leaves the end of a command, run again.

The states after the last optimiser step, or from the first byte of the results: before each
file-system event and half-way of each write. All others by hand, see `program.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATES = {
    "finetune": 12, "distill-control": 30, "stages": 25, "compare": 3, "compare-over": 7,
    "augment": 5, "cache-clear": 15, "report": 8, "attribute": 3,
}  # fmt: skip
"""How many states the end of a command has at least: a watch that sees none finds no fault."""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or not Path("/proc/self/fd").is_dir(), reason="needs fork and /proc"
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program says of all commands; it is run once, as its imports cost the most."""
    folder = tmp_path_factory.mktemp("kills") / "all"
    words = [sys.executable, "-m", "tests.kills.program", ",".join(STATES), str(folder), "late"]
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=880, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STATES)
def test_a_kill_at_the_end_costs_nothing(name: str, answers: dict[str, Any]) -> None:
    """Guards a finished training that is lost, half a folder, or a file that is left over.

    After every kill the same line, or what its message advises, ends in the bytes of a run that
    nobody killed, and never asks for --force.
    """
    answer = answers[name]
    assert answer["faults"] == {}
    assert answer["unseen"] == []  # every writer is watched
    assert answer["tried"] >= STATES[name]
