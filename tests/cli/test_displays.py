"""How long work shows itself: lines for a log, bars on a terminal; the clock is the test's own."""

from __future__ import annotations

import io
import re
import threading
import time

import pytest
from rich.cells import cell_len
from rich.console import Console

from kdprobe.cli import terminal
from kdprobe.cli.displays import BarProgress, LineProgress, _looking
from kdprobe.cli.time_left import TimeLeft
from kdprobe.progress import Silent


class Clock:
    """Stands still until it is set on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Log:
    """Lines, and the display that prints them."""

    def __init__(self) -> None:
        self.clock, self.lines = Clock(), list[str]()
        self.display = LineProgress(self.lines.append, clock=self.clock, watched=False)


def test_a_training_in_a_log() -> None:
    """Guards hours without a word: the estimate, a line every 30 s with loss and time left."""
    log = Log()
    with log.display.stage("train on cola", 804) as stage:
        for step in range(1, 805):
            log.clock.now = 0.25 * step
            stage.advance(note=f"loss {1 / step:.3f} · agreement 0.900")
    assert log.lines == [
        "train on cola (804): about 3 minutes",
        "train on cola: 130 of 804 · loss 0.008 · agreement 0.900 · about 3 minutes left",
        "train on cola: 250 of 804 · loss 0.004 · agreement 0.900 · about 2 minutes left",
        "train on cola: 370 of 804 · loss 0.003 · agreement 0.900 · about 2 minutes left",
        "train on cola: 490 of 804 · loss 0.002 · agreement 0.900 · about 78 seconds left",
        "train on cola: 610 of 804 · loss 0.002 · agreement 0.900 · about 48 seconds left",
        "train on cola: 730 of 804 · loss 0.001 · agreement 0.900 · about 18 seconds left",
        "train on cola (804): 201.0 s · loss 0.001 · agreement 0.900",
    ]


def test_quick_work_is_one_line() -> None:
    """Guards a log full of announcements of what takes a second."""
    log = Log()
    with log.display.stage("asking teacher", 64) as stage:
        log.clock.now = 1.5
        stage.advance(64)
    log.display.say("a note")
    assert log.lines == ["asking teacher (64): 1.5 s", "a note"]


def test_a_training_that_goes_on_counts_its_own_steps() -> None:
    """Guards an estimate that takes an earlier run's 600 steps for this one's first second."""
    log = Log()
    with log.display.stage("train on cola", 804) as stage:
        stage.advance(600)
        log.clock.now = 10.0
        stage.advance(2)
        log.clock.now = 20.0
        stage.advance(2)
        assert log.lines == ["train on cola (804): about 17 minutes"]  # 202 steps of 5 seconds


def test_a_step_of_minutes_speaks_too() -> None:
    """Guards one forward pass, or one probe, that takes minutes: nothing advances, lines come."""
    log = Log()
    with log.display.stage("probes of teacher", 3) as stage:
        speak = stage._stage.speak  # type: ignore[attr-defined]  # what the thread calls
        for now in (1.0, 29.0, 31.0, 45.0, 62.0):
            log.clock.now = now
            speak()
        log.clock.now = 100.0
        stage.advance(note="bigram_shift")
        log.clock.now = 140.0
        speak()
    assert log.lines == [
        "probes of teacher: 0 of 3 · 31 seconds so far",
        "probes of teacher: 0 of 3 · 62 seconds so far",
        "probes of teacher (3): about 5 minutes",
        "probes of teacher: 1 of 3 · bigram_shift · about 3 minutes left",
        "probes of teacher (3): 140.0 s · bigram_shift",
    ]


def test_work_of_unknown_length() -> None:
    """Guards a time left that nobody can know."""
    log = Log()
    with log.display.stage("narrow the teacher", None) as stage:
        log.clock.now = 40.0
        stage.advance()
    assert log.lines == ["narrow the teacher: 1 · 40 seconds so far", "narrow the teacher: 40.0 s"]


def test_nothing_is_looked_at_after_a_failure() -> None:
    """Guards a thread that speaks on after the work has failed, or keeps a program running."""
    calls, called = list[float](), threading.Event()

    def speak() -> None:
        calls.append(time.monotonic())
        called.set()

    def fail() -> None:
        with _looking(speak):
            assert called.wait(120)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    spoken = len(calls)
    assert "kdprobe progress" not in {thread.name for thread in threading.enumerate()}
    assert len(calls) == spoken >= 1


def test_a_failed_stage_has_no_last_line() -> None:
    """Guards a log that says a stage ended when it failed."""
    log = Log()
    with pytest.raises(RuntimeError), log.display.stage("train on cola", 3):
        raise RuntimeError
    assert log.lines == []


@pytest.mark.parametrize("width", [40, 80, 110, 160])
def test_a_bar_never_wraps(width: int) -> None:
    """Guards a terminal of 80 columns: a bar of two lines draws itself over the text above."""
    clock, out = Clock(), io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    note = "loss 0.512 · mcc 0.401 · agreement 0.912 · kappa 0.000"
    for title in ("train on grammar", "ask the teacher, whose name is very long, about 電影 " * 3):
        with BarProgress(console, clock=clock).stage(title, 13400) as stage:
            clock.now += 10.0
            stage.advance(804, note=note)
            clock.now += 10.0
            stage.advance(804, note=note)
    shown = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", out.getvalue()).replace("\r", "\n").split("\n")
    drawn = [line for line in shown if "/13400" in line]
    assert drawn
    for line in drawn:
        assert cell_len(line) <= width, line
        assert line.rstrip().endswith(tuple("0123456789-")), line  # the time left is not cut
    assert any("1608/13400" in line for line in drawn)
    if width >= 80:
        assert note in out.getvalue()
    assert "train on grammar (13,400): about 3 minutes" in out.getvalue().replace("\n", "")


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards torchrun and --quiet: of several processes one speaks, and quiet means quiet."""
    assert isinstance(terminal.progress(quiet=True), Silent)
    assert isinstance(terminal.progress(quiet=False), LineProgress)
    monkeypatch.setenv("RANK", "1")
    assert isinstance(terminal.progress(quiet=False), Silent)


def test_a_slow_first_step_is_no_measure() -> None:
    """Guards an hour that is announced for two minutes: the first step loads what all use."""
    left = TimeLeft(1000, now=5.0)
    left.add(1, now=12.0)
    assert (left.seconds(12.0), left.whole(12.0)) == (None, None)
    left.add(9, now=13.8)
    assert left.seconds(13.8) is None
    left.add(10, now=16.0)
    assert left.seconds(16.0) == pytest.approx(980 * 4.0 / 19)
    assert left.seconds(1000.0) == 0.0
