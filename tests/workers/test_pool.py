"""Processes that share work out: order, errors, deaths, interrupts, memory."""

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from kdprobe import errors
from kdprobe.workers import counting, room
from kdprobe.workers.pieces import FailedWork, Held, WorkPiece
from kdprobe.workers.pool import Workers
from kdprobe.workers.process import bounded_threads
from kdprobe.workers.room import plan_processes

LINES: list[str] = []
CALL: Callable[[Any, Any], Any] = operator.call


@pytest.fixture(scope="module")
def two() -> Iterator[Workers]:
    """Two processes that begin at once."""
    with Workers(2, starting=0, say=LINES.append) as workers:
        yield workers


def _call(workers: Workers, *calls: tuple[object, object]) -> list[object]:
    """Call functions elsewhere, each with one argument; the results in their order."""
    pieces = [WorkPiece(Held(function, "a call"), given) for function, given in calls]
    return [result for _, result in sorted(workers.map(CALL, pieces))]


def test_results_come_from_other_processes_in_their_places(two: Workers) -> None:
    """A result under another's place would give one model the numbers of another."""
    held = Held(torch.arange(3.0), "a tensor")
    results = dict(two.map(torch.mul, [WorkPiece(held, each) for each in range(20)]))
    assert {place: value.tolist() for place, value in results.items()} == {
        place: [0.0, place, 2.0 * place] for place in range(20)
    }
    pids = {pid for pid in _call(two, *[(eval, "__import__('os').getpid()")] * 8)}  # noqa: C416
    assert pids
    assert os.getpid() not in pids
    assert len(LINES) == 1
    assert LINES[0].startswith("2 processes of one thread each take up to 1.9 GB")


def test_every_process_has_one_thread_and_starts_no_processes(two: Workers) -> None:
    """Two threads in each of two processes wait for each other; a process in a process multiplies.

    The parent's own work is bounded too: other parts of a sum would be other last digits.
    """
    facts = _call(
        two,
        (eval, "__import__('torch').get_num_threads()"),
        (eval, "{l['num_threads'] for l in __import__('threadpoolctl').threadpool_info()}"),
        (eval, "__import__('kdprobe.workers.pool').workers.pool.Workers(4).jobs"),
        (eval, "__import__('os').environ['KDPROBE_JOBS']"),
    )
    assert facts == [1, {1}, 1, "1"]
    before = torch.get_num_threads()
    with bounded_threads(3), Workers(1) as alone:
        piece: WorkPiece[object, object] = WorkPiece(
            Held(lambda given: torch.get_num_threads(), "here"), None
        )
        assert list(alone.map(CALL, [piece])) == [(0, 1)]
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before


def test_the_first_error_in_the_order_of_the_work_is_raised_as_it_was(two: Workers) -> None:
    """One process stops at its first error; two must not name another, or lose its class."""
    call = Held(eval, "eval")
    late = "(__import__('time').sleep(0.4), {}['first'])"
    with pytest.raises(KeyError, match="first"):
        list(two.map(CALL, [WorkPiece(call, each) for each in (late, "1 / 0", "2")]))
    raising = "(_ for _ in ()).throw(__import__('kdprobe.errors').errors.{}('m', found='no'))"
    given = [raising.format("TaskError"), "3", raising.format("CapabilityError")]
    outcomes = dict(two.outcomes(CALL, [WorkPiece(call, each) for each in given]))
    assert outcomes[1] == 3
    assert isinstance(outcomes[0], FailedWork)
    assert isinstance(outcomes[0].error, errors.TaskError)
    assert isinstance(outcomes[2], FailedWork)
    assert isinstance(outcomes[2].error, errors.CapabilityError)


def test_work_says_how_far_it_is_wherever_it_is_done(two: Workers) -> None:
    """A bar that hears of whole pieces only stands still while a large model works on one."""

    def slow(given: float) -> int:
        with counting.part(4 * given):
            for _ in range(4):
                counting.count(given)
                time.sleep(0.7)
        return os.getpid()

    piece: WorkPiece[object, object] = WorkPiece(Held(slow, "a call"), 10.0)
    listener: dict[bool, list[float]] = {True: [], False: []}
    with Workers(1) as alone:
        for workers in (alone, two):

            def hear(place: int, amount: float, inside: bool = workers is alone) -> None:
                listener[inside].append(amount)

            pids = {pid for _, pid in workers.map(CALL, [piece] * 2, listener=hear)}
            assert (pids == {os.getpid()}) is (workers is alone)
    assert listener[True] == [10.0, 20.0, 30.0, 40.0, 40.0] * 2
    assert {each % 10 for each in listener[False]} == {0.0}
    assert 0.0 < max(listener[False]) <= 40.0


def test_what_fails_elsewhere_only_is_done_here(two: Workers) -> None:
    """A model that another process cannot make again as it is must cost time, not its numbers."""
    here = f"1 / (__import__('os').getpid() == {os.getpid()})"
    call = Held(eval, "the model m")
    assert dict(two.map(CALL, [WorkPiece(call, here)] * 5)) == dict.fromkeys(range(5), 1.0)
    assert LINES[-1] == (
        "the model m works in one process: in others it fails (ZeroDivisionError: "
        "division by zero)."
    )
    assert sum(line.startswith("the model m") for line in LINES) == 1


def test_what_cannot_be_sent_works_here(two: Workers) -> None:
    """What holds a lock, or a file, cannot be copied: it must be asked all the same."""
    lock = threading.Lock()
    mine: Held[Any] = Held(lambda given: (given, os.getpid(), lock.locked()), "the function f")
    other = Held(eval, "eval")
    pieces: list[WorkPiece[Any, Any]] = [
        WorkPiece(mine, 7), WorkPiece(other, "__import__('os').getpid()"), WorkPiece(mine, 8),
    ]  # fmt: skip
    results: dict[int, Any] = dict(two.map(CALL, pieces))
    assert [results[0], results[2]] == [(7, os.getpid(), False), (8, os.getpid(), False)]
    assert results[1] != os.getpid()
    assert LINES[-1].startswith(
        "the function f works in one process: it cannot be sent to others ("
    )
    assert sum(line.startswith("the function f") for line in LINES) == 1


@pytest.mark.slow
def test_a_process_that_holds_much_is_kept(two: Workers) -> None:
    """A process that grew by 300 MB is ended by loky, and with it the models that it had opened."""
    _call(two, *[(time.sleep, 0.1)] * 4)
    assert two._pool is not None
    before = set(two._pool._processes)
    held = Held(torch.ones(100_000_000), "400 MB")
    for _ in range(2):
        assert [float(x) for _, x in two.map(torch.sum, [WorkPiece(held, None)] * 4)] == [1e8] * 4
        time.sleep(1.1)
    assert set(two._pool._processes) == before
    held.forget()
    assert held._file is None
    with Workers(2, starting=0) as others:
        for _ in range(2):  # what was sent to one set of processes is sent anew to the next
            assert len(list(others.map(torch.sum, [WorkPiece(held, None)] * 2))) == 2
            others.rest()
    assert not held.here


@pytest.mark.slow
def test_a_killed_process_is_one_message() -> None:
    """The system kills where memory is short; a traceback of a pool names neither jobs nor why."""
    with Workers(2, starting=0) as workers:
        _call(workers, (time.sleep, 0.1), (time.sleep, 0.1))
        assert workers._pool is not None
        begun = set(workers._pool._processes)
        with pytest.raises(errors.WorkerError) as raised:
            _call(workers, (signal.raise_signal, signal.SIGKILL), (time.sleep, 0.1))
    assert len(begun) == 2
    assert not begun & set(psutil.pids())
    assert str(raised.value).startswith(
        "`jobs=2`: a process ended with SIGKILL(-9) before its work was done, expected memory for "
        "2 processes ("
    )
    assert raised.value.remedy.startswith("ask for fewer `jobs`")


PROGRAM = """
import operator, signal, sys, time
from kdprobe.workers.pieces import Held, WorkPiece
from kdprobe.workers.pool import Workers
# What a shell begins in the background ignores Ctrl-C, and so does what that begins.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Workers(2, starting=0) as workers:
    sleep = Held(time.sleep, "sleep")
    pieces = [WorkPiece(sleep, 0.0), *[WorkPiece(sleep, 250.0)] * 4]
    for place, _ in workers.map(operator.call, pieces):
        print(place, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(how: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C reaches all of a terminal's processes; a kill the first only: none may stay.

    A second traceback among the lines of an interrupt would hide the first.
    """
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)  # without `if __name__`: a spawn of the standard library fails here
    begun = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert begun.stdout is not None
    assert begun.stdout.readline() == "0\n"
    workers = [
        each for each in psutil.Process(begun.pid).children(recursive=True)
        if "popen_loky" in " ".join(each.cmdline())
    ]  # fmt: skip
    assert len(workers) >= 2
    if how == signal.SIGINT:
        os.killpg(begun.pid, how)
    else:
        os.kill(begun.pid, how)
    _, complaint = begun.communicate(timeout=120)
    _, alive = psutil.wait_procs(workers, timeout=40)
    assert not alive  # each would sleep for minutes
    assert complaint.count("Traceback (most recent call last)") == (how == signal.SIGINT)
    left = [each.name for each in tmp_path.iterdir() if each.name.startswith(".kdprobe-jobs")]
    assert len(left) == (how != signal.SIGINT)


BLOCKED = """
import operator
from kdprobe.workers.pieces import Held, WorkPiece
from kdprobe.workers.pool import Workers
call = "[__import__('os').getpid(), 2 in __import__('signal').pthread_sigmask(0, ())]"
with Workers(2, starting=0) as workers:
    evaluate = Held(eval, "eval")
    for _, answer in workers.map(operator.call, [WorkPiece(evaluate, call)] * 3):
        print(*answer)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows blocks no signals")
def test_a_process_cannot_be_interrupted_while_it_begins(tmp_path: Path) -> None:
    """Ctrl-C while others import would print their tracebacks after one's own.

    The first process of a program is the one that matters: with it begins a helper of the standard
    library, which unblocks the signal.
    """
    program = tmp_path / "program.py"
    program.write_text(BLOCKED)
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True, timeout=120
    )
    answers = dict(line.split() for line in done.stdout.splitlines())
    assert len(answers) in (1, 2)  # the second may begin when all is done
    assert set(answers.values()) == {"True"}


def started(workers: Workers) -> bool:
    """Whether processes were started."""
    return workers._pool is not None


@pytest.mark.slow
def test_small_work_starts_nothing_and_large_work_does() -> None:
    """Processes begin for some seconds: for work of one second that is all loss."""
    lines: list[str] = []
    with Workers(2, starting=5.0, say=lines.append) as workers:
        held: Held[object] = Held(time.sleep, "sleep")
        few = [WorkPiece(held, 0.01, size=1.0)] * 20
        assert len(list(workers.map(CALL, few))) == 20
        assert not started(workers)
        many = [WorkPiece(held, 0.2, size=1.0)] * 60  # 12 seconds, of which two processes save 6
        own = 0
        for _ in workers.map(CALL, many):
            own += not started(workers)
        assert started(workers)
        assert own == 1, "the first piece says how long the others take"
    assert len(lines) == 1


def test_memory_bounds_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that do not fit are killed one after the other, hours later.

    By hand: 450 + 1000 + 500 MB each; nine tenths of 7 GB hold three of them.
    """
    assert plan_processes(8, 1_000_000_000, 7_000_000_000).jobs == 3
    assert plan_processes(3, 1_000_000_000, 7_000_000_000).jobs == 3
    assert plan_processes(8, 1_000_000_000, 0).jobs == 1
    monkeypatch.setattr("kdprobe.workers.pool.free_bytes", lambda: 1_000_000_000)
    lines: list[str] = []
    with Workers(2, starting=0, say=lines.append) as workers:
        held = Held(torch.ones(2), "ones")
        assert len(list(workers.map(torch.mul, [WorkPiece(held, 2.0)] * 3))) == 3
        assert (workers.jobs, workers._pool) == (1, None)
    assert lines == [
        "1 process of one thread each in place of 2, which would take 1.9 GB of memory: 1.0 GB are "
        "free."
    ]


def test_cores_and_memory_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of two cores on a machine of 64 would start 64 processes."""
    assert 1 <= room.cores() <= len(os.sched_getaffinity(0))
    monkeypatch.delenv("KDPROBE_JOBS")
    assert room.default_jobs(1) == room.cores()
    assert room.default_jobs(room.cores()) == room.default_jobs(1000) == 1
    monkeypatch.setenv("KDPROBE_JOBS", "7")
    assert room.default_jobs(3) == Workers(None).jobs == 7
    monkeypatch.setenv("KDPROBE_JOBS", "many")
    with pytest.raises(errors.ConfigError, match="KDPROBE_JOBS: is 'many', expected a number"):
        Workers(None)
    assert 0 < room.free_bytes() <= psutil.virtual_memory().total
