"""How long work shows itself: bars on a terminal, lines where nobody watches.

Does: draw the stages of `kdprobe.progress`, announce what each takes, and say every 30 seconds how
far it is. Does not: choose between the two; `terminal.py` does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kdprobe.cli.time_left import TimeLeft, in_words
from kdprobe.plain_text import printable
from kdprobe.progress import ProgressStage

if TYPE_CHECKING:
    from rich.console import Console

    from kdprobe.cli.bars import Bars

EVERY = 30.0
"""Seconds between two lines of a stage."""
_LOOK = 1.0
"""Seconds between two looks at the clock, while a stage takes a long step."""

Write = Callable[[str], None]
Clock = Callable[[], float]


class _Announced:
    """One stage: how far it is, and whether it has said what it takes."""

    def __init__(self, title: str, total: int | None, write: Write, clock: Clock) -> None:
        self._title, self._write, self._clock = title, write, clock
        self.left = TimeLeft(total, now=clock())
        self.note = ""
        self._announced = False
        self._spoke = self.left.began
        self._lock = threading.Lock()  # steps come from one thread, looks at the clock from another

    def count(self, steps: int, note: str) -> None:
        """Take up what is done."""
        with self._lock:
            self.left.add(steps, now=self._clock())
            self.note = note

    def announce(self) -> bool:
        """Say once what all of it takes, as soon as that is known and worth a line."""
        with self._lock:
            now = self._clock()
            whole = self.left.whole(now)
            if self._announced or whole is None:
                return False
            self._announced = True
            self._spoke = now
        self._write(f"{self._title} ({self.left.total:,}): about {in_words(whole)}")
        return True

    def speak(self) -> None:
        """Say how far it is, when that was last said 30 seconds ago."""
        if self.announce():
            return
        with self._lock:
            now = self._clock()
            if now - self._spoke < EVERY:
                return
            self._spoke = now
            seconds = self.left.seconds(now)
            taken = f"{in_words(now - self.left.began)} so far"
            rest = taken if seconds is None else f"about {in_words(seconds)} left"
            parts = [part for part in (self.left.count, self.note, rest) if part]
        self._write(f"{self._title}: {' · '.join(parts)}")


class _LineStage:
    def __init__(self, stage: _Announced) -> None:
        self._stage = stage

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        self._stage.count(steps, note)
        self._stage.speak()


class LineProgress:
    """A stage in lines: what it takes, every 30 seconds how far it is, and when it ends.

    Args:
        write: prints a line.
        clock: gives seconds.
        watched: whether a thread looks at the clock while a stage takes a long step.
    """

    def __init__(
        self, write: Write, *, clock: Clock = time.monotonic, watched: bool = True
    ) -> None:
        self._write, self._clock, self._watched = write, clock, watched

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        """Print the stage while it takes its time, and when it ends, with its seconds."""
        stage = _Announced(title, total, self._write, self._clock)
        if self._watched:
            with _looking(stage.speak):
                yield _LineStage(stage)
        else:
            yield _LineStage(stage)
        count = "" if total is None else f" ({total})"
        note = f" · {stage.note}" if stage.note else ""
        self._write(f"{title}{count}: {self._clock() - stage.left.began:.1f} s{note}")

    def say(self, message: str) -> None:
        """Print a line."""
        self._write(message)


@contextmanager
def _looking(speak: Callable[[], None]) -> Iterator[None]:
    """Call something every second from another thread until the block ends, however it ends."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK):
            speak()

    thread = threading.Thread(target=look, name="kdprobe progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class BarProgress:
    """One bar a stage with count, time taken and time left, on a terminal of any width.

    Args:
        console: the terminal; lines beside a bar are printed on the same one, above it.
        clock: gives seconds.
    """

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        self._console, self._clock = console, clock

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        """Show a bar until the block ends; what is told of its steps stands in a line below."""
        from kdprobe.cli.bars import Bars

        stage = _Announced(title, total, self.say, self._clock)
        with Bars(printable(title), stage.left, console=self._console, clock=self._clock) as bars:
            yield _BarStage(stage, bars)

    def say(self, message: str) -> None:
        """Print a line beside the bars."""
        self._console.print(printable(message), soft_wrap=True)


class _BarStage:
    def __init__(self, stage: _Announced, bars: Bars) -> None:
        self._stage, self._bars = stage, bars

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        self._stage.count(steps, note)
        self._bars.show(printable(note))
        self._stage.announce()
