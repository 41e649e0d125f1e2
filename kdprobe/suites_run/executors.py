"""Where steps run: in this process, or in processes beside it.

Does: define what an executor is, and the local ones. Does not: know a step's meaning;
`ray_executor.py` runs the same jobs on a cluster.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol

from kdprobe.progress import Progress
from kdprobe.suites_run.steps import StepJob, StepOutcome, run_step

TRIES = 2
"""A step whose process died is tried once more."""


class Executor(Protocol):
    """Something that runs steps."""

    @property
    def slots(self) -> int:
        """How many steps run at once."""

    def submit(self, job: StepJob) -> None:
        """Begin a step; there is a free slot."""

    def wait(self) -> list[StepOutcome]:
        """Return the outcomes of steps that ended, at least one."""

    def close(self) -> None:
        """End what still runs."""


class InProcess:
    """One step at a time, in this process.

    Args:
        progress: a display of what runs inside a step.
    """

    slots = 1

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._waiting: list[StepJob] = []

    def submit(self, job: StepJob) -> None:
        """Keep a step until it is waited for."""
        self._waiting.append(job)

    def wait(self) -> list[StepOutcome]:
        """Run the step that was submitted first."""
        return [run_step(self._waiting.pop(0), self._progress)]

    def close(self) -> None:
        """Do nothing: no step runs while nobody waits."""


@dataclass(frozen=True)
class _Running:
    job: StepJob
    slot: int
    tries: int


class LocalProcesses:
    """Several steps at once, each in a process of its own with one torch thread.

    A slot has its own process, so that one that dies (for want of memory, mostly) takes no other
    step with it.

    Args:
        slots: how many.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._pools: dict[int, ProcessPoolExecutor] = {}
        self._running: dict[Future[StepOutcome], _Running] = {}

    @property
    def slots(self) -> int:
        """How many steps run at once."""
        return self._slots

    def submit(self, job: StepJob) -> None:
        """Begin a step in a slot that is free."""
        busy = {held.slot for held in self._running.values()}
        free = next(slot for slot in range(self._slots) if slot not in busy)
        self._begin(_Running(job, free, 1))

    def _begin(self, running: _Running) -> None:
        pool = self._pools.get(running.slot)
        if pool is None:
            pool = self._pools[running.slot] = ProcessPoolExecutor(
                max_workers=1, mp_context=multiprocessing.get_context("spawn"),
                initializer=begin_worker,
            )  # fmt: skip
        self._running[pool.submit(run_step, running.job)] = running

    def wait(self) -> list[StepOutcome]:
        """Wait for a step to end; one whose process died begins again in a new one."""
        outcomes: list[StepOutcome] = []
        while not outcomes:
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                held = self._running.pop(future)
                try:
                    outcomes.append(future.result())
                except BrokenProcessPool:
                    self._pools.pop(held.slot).shutdown(wait=False)
                    if held.tries < TRIES:
                        self._begin(_Running(held.job, held.slot, held.tries + 1))
                    else:
                        outcomes.append(StepOutcome(held.job.name, failed=DIED))
        return outcomes

    def close(self) -> None:
        """End the processes; a step that ran goes on from its checkpoint another time."""
        for pool in self._pools.values():
            workers = list((pool._processes or {}).values())  # 3.14 has kill_workers
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()
        self._pools.clear()
        self._running.clear()


DIED = f"its process died {TRIES} times; there may be too little memory"


def begin_worker() -> None:
    """Set a process of an executor up: one thread, and an end when its parent ends."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent says nothing: its steps would go on beside those of the next run.
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
