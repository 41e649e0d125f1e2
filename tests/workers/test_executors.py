"""Where long jobs run: results, deaths, errors, and how many at once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from kdprobe.errors import ConfigError, TaskError, UnknownNameError
from kdprobe.progress import Silent
from kdprobe.workers import executors
from kdprobe.workers.executors import InProcess, LocalProcesses, open_executor, slots_for
from kdprobe.workers.jobs import DIED, EndedJob, Executor
from tests.workers.long_jobs import Dies, Raises, Where

Answer = tuple[int, int, bool]


@pytest.fixture(scope="module", autouse=True)
def _jobs_can_be_imported() -> Iterator[None]:
    """Processes look for the jobs of this folder where this one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2]))
        yield


@pytest.fixture(scope="module")
def two() -> Iterator[Executor[Answer]]:
    """Two slots."""
    executor: LocalProcesses[Answer] = LocalProcesses(2)
    yield executor
    executor.close()


def ended(executor: Executor[Answer], count: int) -> dict[str, EndedJob[Answer]]:
    """Wait for so many jobs."""
    held: dict[str, EndedJob[Answer]] = {}
    while len(held) < count:
        held |= {one.name: one for one in executor.wait()}
    return held


def test_jobs_run_beside_this_process(two: Executor[Answer]) -> None:
    """Jobs of two threads each would wait for one another; one in a process would start more."""
    two.submit(Where("a"))
    two.submit(Where("b"))
    answers = ended(two, 2)
    results = [answers[name].result for name in "ab"]
    assert len({one[0] for one in results if one} | {os.getpid()}) == 3
    assert [one[1:] for one in results if one] == [(1, True)] * 2


def test_a_process_that_dies_takes_no_other_with_it(two: Executor[Answer], tmp_path: Path) -> None:
    """One job without enough memory would end all, or be lost, or be tried for ever."""
    two.submit(Dies("once", tmp_path / "once"))
    two.submit(Where("beside"))
    answers = ended(two, 2)
    assert answers["once"].result
    assert answers["beside"].result
    two.submit(Dies("always", tmp_path / "always", always=True))
    assert ended(two, 1)["always"] == EndedJob("always", None, DIED)


def test_a_process_that_dies_between_two_jobs_is_replaced(two: Executor[Answer]) -> None:
    """A process that the system ended while it had nothing to do would end the whole run."""
    two.submit(Where("first"))
    (first,) = ended(two, 1).values()
    assert first.result
    process = psutil.Process(first.result[0])
    process.kill()
    process.wait(10)
    time.sleep(1)  # until its executor knows
    two.submit(Where("second"))
    assert ended(two, 1)["second"].result


def test_what_a_job_raises_is_raised_as_it_was(two: Executor[Answer]) -> None:
    """Another class of error would have another exit status, or be a traceback."""
    two.submit(Raises("r"))
    with pytest.raises(TaskError) as caught:
        ended(two, 1)
    assert str(caught.value) == "here: nothing, expected something; look"
    assert caught.value.remedy == "look"
    here: InProcess[Answer] = InProcess(Silent())
    here.submit(Raises("r"))
    with pytest.raises(TaskError, match="here: nothing"):
        here.wait()


def test_close_ends_what_runs(tmp_path: Path) -> None:
    """A training would go on beside that of the next run, in the same folder."""
    executor: LocalProcesses[Answer] = LocalProcesses(1)
    executor.submit(Where("a"))
    (answer,) = ended(executor, 1).values()
    assert answer.result
    executor.close()
    assert not psutil.pid_exists(answer.result[0])


def opened(name: str = "local", jobs: int | None = None, **more: Any) -> Executor[Answer]:
    """Open an executor on a processor."""
    named: dict[str, Any] = {"address": None, "device": "cpu", "memory": 0, "cache": "cache"}
    return open_executor(name, jobs, progress=Silent(), **(named | more))


def test_how_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty-four trainings of a gigabyte each would end a machine of sixteen."""
    monkeypatch.setenv("KDPROBE_JOBS", "64")
    monkeypatch.setattr(executors, "free_bytes", lambda: 16_000_000_000)
    assert slots_for("cpu", 1, 0) == 64
    assert slots_for("cpu", 1, 1_000_000_000) == 14
    assert slots_for("cpu", 1, 99_000_000_000) == 1
    assert slots_for("cuda", 1, 0) == 1
    assert opened(jobs=3).slots == 3
    assert isinstance(opened(jobs=1), InProcess)


@pytest.mark.parametrize(
    ("address", "where"), [(None, "`executor=ray`: Ray cannot be started"),
                           ("auto", "`address=auto`: Ray cannot be joined")],
)  # fmt: skip
def test_ray_that_does_not_start_is_one_message(
    address: str | None, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine Ray gives up with an error of no kind, which would be a traceback."""
    ended: list[bool] = []

    def init(**_: object) -> None:
        raise Exception("The current node timed out during startup.")

    ray = SimpleNamespace(
        is_initialized=lambda: False, init=init, shutdown=lambda: ended.append(True)
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(ConfigError, match=f"{where} .*timed out during startup"):
        opened("ray", address=address)
    assert ended == [True]


def test_what_is_no_executor() -> None:
    """A typing error would run everything here without a word."""
    with pytest.raises(UnknownNameError, match="no executor is called 'slurm'"):
        opened("slurm")
    with pytest.raises(ConfigError, match="`jobs`: 0, expected at least 1"):
        opened(jobs=0)
    with pytest.raises(ConfigError, match="`address`: head:6379, expected `executor=ray`"):
        opened(address="head:6379")
