"""How many processes a machine has cores and memory for.

Does: count the cores that this process may use, and the bytes that are free to it. Does not: start
processes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from kdprobe.errors import ConfigError
from kdprobe.plain_text import how_many

JOBS_VARIABLE = "KDPROBE_JOBS"
PROCESS_BYTES = 450_000_000
"""Memory of a process that has imported torch and transformers and holds no model; measured."""
BUFFER_BYTES = 500_000_000
"""What one thread needs beside the weights: outputs of a batch, tables of coalitions, and what the
C library keeps of them; measured while explaining."""

STARTING = 5.0
"""Seconds that a process takes to begin (it imports torch): what sharing out must save at least."""

_CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


class ProcessesPlan(NamedTuple):
    """How many processes there is memory for, and what to say of it.

    Args:
        jobs: as many as were asked for, or fewer.
        line: what they take and what is free, one line for people.
    """

    jobs: int
    line: str


def cores() -> int:
    """Return the cores that this process may use: affinity and quotas of containers counted."""
    import loky

    return int(loky.cpu_count())


def default_jobs(threads: int) -> int:
    """Return how many processes there are unless a person says: as `KDPROBE_JOBS`, or the cores.

    Args:
        threads: of each process.

    Raises:
        ConfigError: the variable holds no such number.
    """
    given = os.environ.get(JOBS_VARIABLE)
    if not given:
        return max(1, cores() // threads)
    if not (given.isascii() and given.isdigit() and int(given)):
        raise ConfigError(JOBS_VARIABLE, found=f"is {given!r}", expected="a number of processes")
    return int(given)


def free_bytes() -> int:
    """Return the memory that is free to this process, limits of containers counted."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in _CGROUPS:
        with suppress(OSError, ValueError):  # "max": there is no limit
            free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(free, 0)


def plan_processes(jobs: int, model: int, free: int) -> ProcessesPlan:
    """Return how many processes fit into the free memory; at least one, which needs none of it.

    Definition: each takes `PROCESS_BYTES`, one model and its buffers; all of them nine tenths of
    what is free at most.

    Args:
        jobs: how many are wanted.
        model: bytes of the largest model.
        free: bytes that are free.

    >>> plan_processes(4, 500_000_000, 16_000_000_000).line
    '4 processes of one thread each take up to 5.8 GB of memory (16.0 GB are free).'
    >>> plan_processes(4, 500_000_000, 4_000_000_000)
    ProcessesPlan(jobs=2, line='2 processes of one thread each in place of 4, which would take 5.8 \
GB of memory: 4.0 GB are free.')
    """
    each = PROCESS_BYTES + model + BUFFER_BYTES
    fits = max(1, min(jobs, int(0.9 * free) // each))
    of = "process" if fits == 1 else "processes"
    if fits < jobs:
        line = (
            f"{fits} {of} of one thread each in place of {jobs}, which would take "
            f"{jobs * each / 1e9:.1f} GB of memory: {free / 1e9:.1f} GB are free."
        )
    else:
        line = (
            f"{jobs} {of} of one thread each take up to {jobs * each / 1e9:.1f} GB of memory "
            f"({free / 1e9:.1f} GB are free)."
        )
    return ProcessesPlan(fits, line)


class SharedTime(NamedTuple):
    """How long work takes that processes share.

    Args:
        seconds: of wall time.
        processes: how many share it; 1: none are started for so little.
    """

    seconds: float
    processes: int

    @property
    def where(self) -> str:
        """The processes in words.

        >>> SharedTime(3.0, 1).where, SharedTime(3.0, 2).where
        ('one process', '2 processes')
        """
        return (
            "one process"
            if self.processes == 1
            else how_many(self.processes, "process", "processes")
        )


def shared_time(
    seconds: float, jobs: int, *, model: int, free: int, pieces: int | None = None
) -> SharedTime:
    """Estimate how long work takes on as many processes as it starts.

    Args:
        seconds: that one process would take.
        jobs: the most processes.
        model: bytes of the largest model.
        free: bytes that are free.
        pieces: that it is cut into; None: many.

    >>> shared_time(60.0, 4, model=10**9, free=16 * 10**9, pieces=3)
    SharedTime(seconds=20.0, processes=3)
    >>> shared_time(6.0, 2, model=10**9, free=16 * 10**9)
    SharedTime(seconds=6.0, processes=1)
    """
    most = jobs if pieces is None else min(jobs, max(1, pieces))
    processes = plan_processes(most, model, free).jobs
    if seconds * (1 - 1 / processes) < STARTING:
        processes = 1
    return SharedTime(seconds / processes, processes)
