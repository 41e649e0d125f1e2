"""What ended work held goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from kdprobe.progress import Progress, Silent
from kdprobe.workers import jobs
from kdprobe.workers.executors import InProcess
from kdprobe.workers.memory import give_back_memory

KEPT_BY_THE_LIBRARY = """
import numpy as np, psutil
from kdprobe.workers.memory import give_back_memory
held = lambda: psutil.Process().memory_info().rss // 2**20
np.ones(3_000_000)  # freed: from now on pieces below 24 MB lie in the heap
pieces = [np.ones(500_000) for _ in range(100)]
last = np.ones(500_000)  # above all of them, so that the heap cannot shrink
before = held()
del pieces
kept = held()
give_back_memory()
print(before, kept, held(), last[0])
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library keeps nothing")
def test_what_is_free_goes_back() -> None:
    """Guards against a suite of forty trainings that holds the memory of all of them."""
    done = subprocess.run(
        [sys.executable, "-c", KEPT_BY_THE_LIBRARY], capture_output=True, text=True, check=True
    )
    before, kept, after, _ = map(float, done.stdout.split())
    assert kept > before - 100  # without the call it stays: 400 MB were freed
    assert after < before - 350


def test_where_the_library_has_no_such_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a suite that fails on macOS, Windows or Alpine after its first step."""
    raised: list[type[Exception]] = []
    for error in (AttributeError, OSError, TypeError):

        class Without:
            def __init__(self, name: str | None, error: type[Exception] = error) -> None:
                raised.append(error)
                raise error

        monkeypatch.setattr("ctypes.CDLL", Without)
        give_back_memory()
    assert raised == [AttributeError, OSError, TypeError]


class Failing:
    """A job that fails."""

    name, memory = "x", 0

    def run(self, progress: Progress) -> None:
        """Fail."""
        raise ValueError("no luck")


def test_every_job_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a step that failed for want of memory, and keeps what it has."""
    calls: list[int] = []
    monkeypatch.setattr(jobs, "give_back_memory", lambda: calls.append(1))
    here: InProcess[None] = InProcess(Silent())
    here.submit(Failing())
    with pytest.raises(ValueError, match="no luck"):
        here.wait()
    with pytest.raises(ValueError, match="no luck"):
        jobs.run_silently(Failing())
    assert len(calls) == 2
