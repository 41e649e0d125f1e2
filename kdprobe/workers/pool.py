"""Work shared out over processes of one thread each, with the numbers of one process.

Does: do pieces of work here until other processes are worth their start, then in these, and give
results as they are done; say what memory they take, end all of them however the block ends. Does
not: cut work into pieces; whoever does cuts by content, never by the number of processes, so that
every piece is computed in the same batches whoever computes it.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NamedTuple

from kdprobe.leftovers import clear_leftovers, temporary_folder
from kdprobe.workers.counting import Listener, Tell, counted, last_of, of_piece
from kdprobe.workers.pieces import FailedWork, H, R, T, WorkPiece
from kdprobe.workers.process import (
    Raised,
    begin,
    bounded_threads,
    ended_as_error,
    environment,
    is_worker,
    without_interrupts,
    work,
)
from kdprobe.workers.room import STARTING, default_jobs, free_bytes, plan_processes

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

_NAME = "kdprobe-jobs"


class _Sent(NamedTuple, Generic[H, T]):
    """A piece under way in another process, and the file that says how far it is."""

    place: int
    piece: WorkPiece[H, T]
    file: Path | None


class Workers:
    """Processes of one thread each that share work out; a context manager.

    Every piece is computed with `threads` threads, here and elsewhere, so that the numbers of one
    process and of many are equal to the bit. Processes start when work is left that is worth it,
    and live until the block ends, which ends them at once. One that itself works for another
    process starts none.

    Args:
        jobs: the most processes; None: see `room.default_jobs`. 1: all is done here.
        threads: of each process.
        say: told one line when they start, and of what cannot be sent.
        starting: seconds that a process takes to begin.

    >>> from operator import mul
    >>> from kdprobe.workers.pieces import Held, WorkPiece
    >>> with Workers(jobs=1) as workers:
    ...     ten = Held(10, "ten")
    ...     sorted(workers.map(mul, [WorkPiece(ten, 1), WorkPiece(ten, 2)]))
    [(0, 10), (1, 20)]
    """

    def __init__(
        self,
        jobs: int | None = 1,
        *,
        threads: int = 1,
        say: Callable[[str], None] | None = None,
        starting: float | None = None,
    ) -> None:
        self.jobs = 1 if is_worker() else default_jobs(threads) if jobs is None else jobs
        self.threads, self._say = threads, say or (lambda line: None)
        self._starting = STARTING if starting is None else starting
        self._spent = 0.0
        self._pool: ProcessPoolExecutor | None = None
        self._begun: list[Future[int]] = []
        self._open = ExitStack()
        self._folder: Path | None = None

    def __enter__(self) -> Workers:
        """Return the workers; none is started yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every process, whatever it does, and delete what was sent to them."""
        self.rest()

    def rest(self) -> None:
        """End every process and delete what was sent; more work starts others."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)
        self._open.close()
        self._folder = None

    def map(
        self,
        function: Callable[[H, T], R],
        pieces: Sequence[WorkPiece[H, T]],
        *,
        listener: Listener | None = None,
    ) -> Generator[tuple[int, R]]:
        """Do all pieces; yield the place and the result of each as it is done, in any order.

        Args:
            function: a function of a module, called with the held object and what is given.
            pieces: the work, in the order in which one process does it.
            listener: told how far pieces are, of those elsewhere once a second.

        Raises:
            WorkerError: a process ended before its work was done.
            Exception: what the first of the pieces, in their order, that failed has raised.
        """
        open_places = set(range(len(pieces)))
        failed: dict[int, Exception] = {}
        with closing(self.outcomes(function, pieces, listener=listener)) as outcomes:
            for place, result in outcomes:
                open_places.discard(place)
                if isinstance(result, FailedWork):
                    failed[place] = result.error
                elif not failed:
                    yield place, result
                if failed and not any(place < min(failed) for place in open_places):
                    raise failed[min(failed)]

    def in_order(
        self, function: Callable[[H, T], R], pieces: Sequence[WorkPiece[H, T]]
    ) -> Iterator[R]:
        """Do all pieces as `map` does; yield the results in the order of the pieces."""
        early: dict[int, R] = {}
        following = 0
        with closing(self.map(function, pieces)) as results:
            for place, result in results:
                early[place] = result
                while following in early:
                    yield early.pop(following)
                    following += 1

    def outcomes(
        self,
        function: Callable[[H, T], R],
        pieces: Sequence[WorkPiece[H, T]],
        *,
        listener: Listener | None = None,
    ) -> Generator[tuple[int, R | FailedWork]]:
        """Do all pieces as `map` does; what some of them raise keeps no other from being done.

        Raises:
            WorkerError: a process ended before its work was done.
        """
        left = deque(enumerate(pieces))
        spent, done = 0.0, 0.0
        while left and not self._is_worth(left, spent / done if done else None):
            place, piece = left.popleft()
            started = time.perf_counter()
            result = self._do_here(function, piece, of_piece(listener, place))
            seconds = time.perf_counter() - started
            spent, done, self._spent = spent + seconds, done + piece.size, self._spent + seconds
            yield place, result
        if left:
            yield from self._share_out(function, left, listener)

    def _do_here(
        self, function: Callable[[H, T], R], piece: WorkPiece[H, T], tell: Tell | None
    ) -> R | FailedWork:
        threads = self.threads if piece.held.bounded else None
        try:
            with bounded_threads(threads), counted(tell):
                return function(piece.held.value, piece.made())
        except Exception as error:
            return FailedWork(error)

    def _is_worth(self, left: Sequence[tuple[int, WorkPiece[H, T]]], rate: float | None) -> bool:
        """Whether what is left is to be shared out now.

        Definition: processes are started once the seconds spent on such work so far, and what
        sharing out the rest saves, exceed what their start takes, so that all starts together never
        cost more than what was done without them; until one has begun, work goes on here.
        """
        if self.jobs == 1 or all(piece.held.here for _, piece in left):
            return False
        if self._pool is None:
            if len(left) < 2:
                return False
            saved = sum(piece.size for _, piece in left) * (rate or 0.0)
            saved *= 1 - 1 / min(self.jobs, len(left))
            if self._spent + saved < self._starting:
                return False
            self._start(max(piece.held.size for _, piece in left))
            if self._pool is None:
                return False
        return self._starting <= 0 or any(future.done() for future in self._begun)

    def _start(self, largest: int) -> None:
        """Start the processes that there is memory for, or remember that there is for one only."""
        plan = plan_processes(self.jobs, largest, free_bytes())
        self._say(plan.line)
        self.jobs = plan.jobs
        if plan.jobs == 1:
            return
        import torch
        from loky import ProcessPoolExecutor

        place = Path(tempfile.gettempdir())
        clear_leftovers(place, _NAME)
        self._folder = self._open.enter_context(temporary_folder(place, _NAME))
        self._folder.chmod(0o700)
        with without_interrupts():
            self._pool = ProcessPoolExecutor(
                plan.jobs, initializer=begin, env=environment(self.threads),
                initargs=(os.getpid(), torch.get_float32_matmul_precision()),
            )  # fmt: skip
            self._begun = [self._pool.submit(os.getpid) for _ in range(plan.jobs)]

    def _share_out(
        self,
        function: Callable[[H, T], R],
        left: deque[tuple[int, WorkPiece[H, T]]],
        listener: Listener | None,
    ) -> Generator[tuple[int, R | FailedWork]]:
        assert self._folder is not None
        running: dict[Future[R | Raised], _Sent[H, T]] = {}
        # Nothing is cancelled where this ends early: an executor that is ended at the same time, as
        # by Ctrl-C, would stumble over it, and no more than a piece a process is under way.
        while left or running:
            while left and len(running) <= self.jobs:
                place, piece = left.popleft()
                file = piece.held.file_in(self._folder, self._say)
                if file is None:
                    yield place, self._do_here(function, piece, of_piece(listener, place))
                else:
                    lines = None if listener is None else self._folder / secrets.token_hex(8)
                    sent = _Sent(place, piece, lines)
                    running[self._submit(function, file, sent)] = sent
            # A wait without end cannot be interrupted on every system.
            for future in wait(running, timeout=1.0, return_when=FIRST_COMPLETED).done:
                sent = running.pop(future)
                with ended_as_error(self.jobs):
                    result = future.result()
                if sent.file is not None:
                    sent.file.unlink(missing_ok=True)
                yield sent.place, self._again(function, sent, result, listener)
            for sent in running.values():
                if listener is not None and sent.file is not None:
                    listener(sent.place, last_of(sent.file))

    def _again(
        self,
        function: Callable[[H, T], R],
        sent: _Sent[H, T],
        result: R | Raised,
        listener: Listener | None,
    ) -> R | FailedWork:
        """Do here what failed elsewhere, so that it fails as in one process, or does not.

        What works here only was not made again elsewhere as it is: all its work is done here then.
        """
        if not isinstance(result, Raised):
            return result
        held = sent.piece.held
        again = self._do_here(function, sent.piece, of_piece(listener, sent.place))
        if not isinstance(again, FailedWork) and not held.here:
            held.here = f"in others it fails ({result.words})"
            self._say(f"{held.name} works in one process: {held.here}.")
        return again

    def _submit(
        self, function: Callable[[H, T], R], file: Path, sent: _Sent[H, T]
    ) -> Future[R | Raised]:
        assert self._pool is not None
        given = sent.piece.made()
        with ended_as_error(self.jobs), without_interrupts():
            future: Future[R | Raised] = self._pool.submit(
                work, function, file, given, self.threads, sent.file
            )
        return future


ALONE = Workers(jobs=1)
"""Whoever shares nothing out; numbers are those of any other."""
