"""Memory of a process of its own: units, what it is not, and processes that fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from kdprobe.errors import CapabilityError
from kdprobe.extract import fresh_process
from kdprobe.extract.fresh_process import forget_peak, peak_memory, resident_peak
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import tiny_checkpoint

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
OPENING = {"device": "cpu", "dtype": "float32", "offline": True, "label_map": None}
MEGABYTE = 2**20


def split(*texts: str) -> Split:
    return Split(TASK, "dev", tuple(map(str, range(len(texts)))), texts)


def measured(given: str) -> fresh_process.PeakMemory:
    return peak_memory(given, split("the dog", "a cat"), name="m", opening=OPENING, threads=1)


def test_the_peak_is_in_bytes() -> None:
    """Guards KiB taken for bytes, and a peak that is what is held now."""
    forget_peak()
    before = resident_peak()
    taken = np.ones(64 * MEGABYTE, dtype=np.uint8)
    grown = resident_peak() - before
    assert 60 * MEGABYTE < grown < 80 * MEGABYTE
    assert before <= psutil.Process().memory_info().rss + 64 * MEGABYTE
    del taken
    assert resident_peak() - before > 60 * MEGABYTE


def test_what_this_process_holds_is_none_of_the_models(tmp_path: Path) -> None:
    """Guards `getrusage`, which counts the memory of the process that started this one."""
    tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    ballast = np.ones(1500 * MEGABYTE, dtype=np.uint8)
    peak = measured(str(tmp_path / "m"))
    assert len(ballast) > peak.process > 100 * MEGABYTE
    assert 0 < peak.model < 250 * MEGABYTE
    assert peak.model < peak.process


def test_a_model_that_cannot_be_opened_there_is_a_reason(tmp_path: Path) -> None:
    """Guards a traceback in the report, and memory of a process that opened nothing."""
    with pytest.raises(CapabilityError) as raised:
        measured(str(tmp_path / "nowhere"))
    assert raised.value.found.startswith("a fresh process could not open it (")
    assert "nowhere" in raised.value.found


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9, as for want of memory"),
        ("raise RuntimeError('no luck')", "failed (RuntimeError: no luck)"),
        ("import sys; sys.exit(1)", "failed (without a word)"),
        ("import time; time.sleep(60)", "took more than 0 minutes"),
    ],
)
def test_a_process_that_fails_is_a_reason(
    program: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a run lost to a process that was killed, that fails, or that never ends."""
    run = subprocess.run

    def other(command: list[str], **named: Any) -> Any:
        return run([sys.executable, "-c", program], **named)

    monkeypatch.setattr(subprocess, "run", other)
    if "sleep" in program:
        monkeypatch.setattr(fresh_process, "_LONGEST_WAIT", 1.0)
    with pytest.raises(CapabilityError) as raised:
        measured("anywhere")
    assert raised.value.found == f"a fresh process {reason}"
