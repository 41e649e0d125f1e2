"""What a long job is, and what runs it.

Does: define a job, its end and an executor. Does not: run any; `executors.py` and
`ray_executor.py` do.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

from kdprobe.progress import Progress, Silent
from kdprobe.workers.memory import give_back_memory

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

TRIES = 2
"""A job whose process died is tried once more."""
DIED = f"its process died {TRIES} times; there may be too little memory"


class Job(Protocol[R_co]):
    """Long work that another process can do: it can be sent there, and so can its result."""

    @property
    def name(self) -> str:
        """What tells it from the other jobs of its executor."""

    @property
    def memory(self) -> int:
        """Bytes that it may take; 0: not known."""

    def run(self, progress: Progress) -> R_co:
        """Do it."""


class EndedJob(NamedTuple, Generic[R]):
    """How a job ended.

    Args:
        name: of the job.
        result: what it gave.
        died: why there is no result; empty: there is.
    """

    name: str
    result: R | None
    died: str = ""


class Executor(Protocol[R]):
    """Something that runs jobs."""

    @property
    def slots(self) -> int:
        """How many jobs run at once."""

    def submit(self, job: Job[R]) -> None:
        """Begin a job; there is a free slot."""

    def wait(self) -> list[EndedJob[R]]:
        """Return the jobs that ended, at least one.

        Raises:
            Exception: what a job has raised.
        """

    def close(self) -> None:
        """End what still runs."""


def run_job(job: Job[R], progress: Progress) -> R:
    """Do a job in this process, and give what it held back to the system."""
    try:
        return job.run(progress)
    finally:
        give_back_memory()


def run_silently(job: Job[R]) -> R:
    """Do a job in a process that has no display."""
    return run_job(job, Silent())
