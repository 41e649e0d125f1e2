"""Where long jobs run, each whole: in this process, or in processes beside it.

Does: open the executor that a person names, and define the local ones. Does not: know what a job
does (a step of a suite, a run of a sweep), or cut one into pieces; `pool.py` does that.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from kdprobe.errors import ConfigError
from kdprobe.progress import Progress
from kdprobe.registry import unknown_name
from kdprobe.workers.jobs import DIED, TRIES, EndedJob, Executor, Job, run_job, run_silently
from kdprobe.workers.process import begin, environment, without_interrupts
from kdprobe.workers.room import default_jobs, free_bytes

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

R = TypeVar("R")

EXECUTORS = ("local", "ray")


def open_executor(
    name: str, jobs: int | None, *, address: str | None, device: str | None, threads: int = 1,
    memory: int, cache: str, progress: Progress,
) -> Executor[R]:  # fmt: skip
    """Open an executor, whose user closes it.

    Args:
        name: `local` or `ray`.
        jobs: the most jobs at once; None: see `slots_for`.
        address: of a Ray cluster; None: workers of this machine.
        device: what jobs compute on.
        threads: of each job.
        memory: bytes that the largest job may take; 0: not known.
        cache: the folder of the cache, as every worker of a cluster sees it.
        progress: a display of what runs inside a job of this process.

    Raises:
        UnknownNameError: no executor has this name.
        ConfigError: no jobs, an address without `ray`, or no cluster at it.
        MissingExtraError: ray is not installed.
    """
    if name not in EXECUTORS:
        raise unknown_name("executor", name, EXECUTORS, option="executor")
    if jobs is not None and jobs < 1:
        raise ConfigError("`jobs`", found=str(jobs), expected="at least 1")
    if name == "ray":
        from kdprobe.workers.ray_executor import RayCluster

        return RayCluster(
            address=address or "", slots=jobs, device=device or "", threads=threads, cache=cache
        )
    if address is not None:
        raise ConfigError("`address`", found=address, expected="`executor=ray` beside it")
    slots = slots_for(device, threads, memory) if jobs is None else jobs
    return InProcess(progress) if slots == 1 else LocalProcesses(slots, threads)


def slots_for(device: str | None, threads: int, memory: int) -> int:
    """Return how many jobs run at once unless a person says.

    Definition: as many as there are cores for, and memory for the largest of them in nine tenths of
    what is free; one with a GPU.
    """
    import torch

    if device not in (None, "auto", "cpu") or (device != "cpu" and torch.cuda.is_available()):
        return 1
    most = default_jobs(threads)
    return max(1, min(most, int(0.9 * free_bytes()) // memory)) if memory and most > 1 else most


class InProcess(Generic[R]):
    """One job at a time, in this process.

    Args:
        progress: a display of what runs inside a job.
    """

    slots = 1

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._waiting: list[Job[R]] = []

    def submit(self, job: Job[R]) -> None:
        """Keep a job until it is waited for."""
        self._waiting.append(job)

    def wait(self) -> list[EndedJob[R]]:
        """Run the job that was submitted first."""
        job = self._waiting.pop(0)
        return [EndedJob(job.name, run_job(job, self._progress))]

    def close(self) -> None:
        """Do nothing: no job runs while nobody waits."""


@dataclass(frozen=True)
class _Running(Generic[R]):
    job: Job[R]
    slot: int
    tries: int


class LocalProcesses(Generic[R]):
    """Several jobs at once, each in a process of its own.

    A slot has its own process, so that one that dies (for want of memory, mostly) takes no other
    job with it.

    Args:
        slots: how many.
        threads: of each.
    """

    def __init__(self, slots: int, threads: int = 1) -> None:
        self._slots, self._threads = slots, threads
        self._pools: dict[int, ProcessPoolExecutor] = {}
        self._running: dict[Future[R], _Running[R]] = {}

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    def submit(self, job: Job[R]) -> None:
        """Begin a job in a slot that is free."""
        busy = {held.slot for held in self._running.values()}
        free = next(slot for slot in range(self._slots) if slot not in busy)
        self._begin(_Running(job, free, 1))

    def _begin(self, running: _Running[R]) -> None:
        from loky.process_executor import BrokenProcessPool

        with without_interrupts():
            try:
                future = self._pool(running.slot).submit(run_silently, running.job)
            except BrokenProcessPool:  # its process died while it had nothing to do
                self._pools.pop(running.slot).shutdown(wait=False)
                future = self._pool(running.slot).submit(run_silently, running.job)
            self._running[future] = running

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        """Return the process of a slot, started where it has none."""
        import torch
        from loky import ProcessPoolExecutor

        if slot not in self._pools:
            self._pools[slot] = ProcessPoolExecutor(
                1, initializer=begin, env=environment(self._threads),
                initargs=(os.getpid(), torch.get_float32_matmul_precision()),
            )  # fmt: skip
        return self._pools[slot]

    def wait(self) -> list[EndedJob[R]]:
        """Wait for a job to end; one whose process died begins again in a new one."""
        from loky.process_executor import BrokenProcessPool

        ended: list[EndedJob[R]] = []
        while not ended:
            # A wait without end cannot be interrupted on every system.
            for future in wait(self._running, timeout=1.0, return_when=FIRST_COMPLETED).done:
                held = self._running.pop(future)
                try:
                    ended.append(EndedJob(held.job.name, future.result()))
                except BrokenProcessPool:
                    self._pools.pop(held.slot).shutdown(wait=False)
                    if held.tries < TRIES:
                        self._begin(_Running(held.job, held.slot, held.tries + 1))
                    else:
                        ended.append(EndedJob(held.job.name, None, DIED))
        return ended

    def close(self) -> None:
        """End the processes; a training that ran goes on from its checkpoint another time."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, kill_workers=True)
        self._pools.clear()
        self._running.clear()
