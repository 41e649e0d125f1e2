"""What a process does that works for another: the other end of `pool.Workers`.

Does: keep Ctrl-C away, bound its threads, say what failed, and end with the process that started
it. Does not: choose work.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kdprobe.errors import WorkerError
from kdprobe.foreign import said
from kdprobe.workers.counting import counted, into
from kdprobe.workers.room import JOBS_VARIABLE, free_bytes
from kdprobe.workers.sending import take

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LOOK = 1.0
"""Seconds between two looks at whether the process that started this one still lives."""
_inside = False


class Raised(NamedTuple):
    """What work raised in another process, in words."""

    words: str


def is_worker() -> bool:
    """Whether this process works for another, and so starts none itself."""
    return _inside


def environment(threads: int) -> dict[str, str]:
    """Return what a process must find in its environment before its libraries are imported."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    # What tokenises in threads of its own would take the cores of the other processes.
    return dict.fromkeys(names, count) | {"TOKENIZERS_PARALLELISM": "false", JOBS_VARIABLE: "1"}


def begin(parent: int, precision: str) -> None:
    """Make this process ready; called once, before its first work.

    Args:
        parent: the process that started it.
        precision: how torch multiplies float32 there.
    """
    global _inside
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    import torch
    import transformers
    from loky import process_executor

    _inside = True
    # loky takes a process that holds 300 MB more than after its first call for one that leaks.
    process_executor._MAX_MEMORY_LEAK_SIZE = math.inf
    torch.set_float32_matmul_precision(precision)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it has ended, however it ended."""
    import psutil

    while os.getppid() == parent if sys.platform != "win32" else psutil.pid_exists(parent):
        time.sleep(_LOOK)
    os._exit(1)


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Start processes in a block that Ctrl-C does not reach, and deliver it here afterwards.

    A terminal sends it to all of them. What is blocked stays so in a process that is started, also
    while it imports, before it could choose to ignore it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: `begin` ignores it
        yield
        return
    # It unblocks the signal when it starts, which would be inside the block, before any process.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def ended_as_error(jobs: int) -> Iterator[None]:
    """Say that a process has ended, as it does where memory is short, in one message.

    Args:
        jobs: how many processes there are.

    Raises:
        WorkerError: one ended in the block.
    """
    from loky.process_executor import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool as error:
        codes = str(error).partition("exit codes of the workers are ")[2].splitlines()
        how = f" with {codes[0].strip('{}')}" if codes else ""
        raise WorkerError(
            f"`jobs={jobs}`",
            found=f"a process ended{how} before its work was done",
            expected=f"memory for {jobs} processes ({free_bytes() / 1e9:.1f} GB are free)",
            remedy="ask for fewer `jobs` or a smaller `batch_size`; what was done is kept in the "
            "cache",
        ) from error


@functools.lru_cache(maxsize=1)
def _linear_algebra(modules: int) -> ThreadpoolController:
    """Look for the loaded libraries, which takes milliseconds; anew once more modules are there."""
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()


@contextlib.contextmanager
def bounded_threads(threads: int | None) -> Iterator[None]:
    """Compute with so many threads in a block: in which parts numbers are added moves last digits.

    Bounds torch, where it is imported, and the libraries of linear algebra that numpy calls; None:
    nothing is bounded.
    """
    if threads is None:
        yield
        return
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    if torch is not None:
        torch.set_num_threads(threads)
    try:
        with _linear_algebra(len(sys.modules)).limit(limits=threads, user_api="blas"):
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


def work(
    function: Callable[[Any, Any], Any], file: Path, given: Any, threads: int, lines: Path | None
) -> Any:
    """Do one piece of work in this process.

    Args:
        function: see `pool.Workers.map`.
        file: holds what many pieces need.
        given: what is the piece's own.
        threads: what it is computed with.
        lines: the file that says how far it is; None: none.

    Returns:
        What the function gives, or `Raised`.
    """
    try:
        with bounded_threads(threads), counted(None if lines is None else into(lines)):
            return function(take(file), given)
    except Exception as error:
        return Raised(said(error))
