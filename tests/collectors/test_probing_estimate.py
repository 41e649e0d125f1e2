"""How long probing is said to take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kdprobe.collectors.probes import work
from kdprobe.progress import Silent


class Lines(Silent):
    """A display that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.lines.append(message)


def encoder_of(device: str, parameters: int) -> Any:
    """Something that looks like an encoder of two cells."""
    handle = SimpleNamespace(
        device=SimpleNamespace(type=device), parameters=parameters, precision="float32"
    )
    reader = SimpleNamespace(handle=handle, cells=[0, 1], widths=[32, 32])
    data = SimpleNamespace(set=SimpleNamespace(train=range(10)))
    missing = SimpleNamespace(options=SimpleNamespace(seeds=1), data=data)
    return SimpleNamespace(
        encoder=SimpleNamespace(reader=reader, shape=(device, parameters)),
        missing=[missing], texts=["a", "b"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("device", "jobs", "free", "reading", "fitting"),
    [
        ("cpu", 1, 64e9, "20 minutes in one process", "40 seconds in one process"),
        ("cpu", 4, 64e9, "5 minutes in 4 processes", "10 seconds in 4 processes"),
        ("cuda", 4, 64e9, "20 minutes in one process", "10 seconds in 4 processes"),
        ("cpu", 4, 5e9, "10 minutes in 2 processes", "10 seconds in 4 processes"),
    ],
)
def test_the_time_is_that_of_the_processes_that_share_it(
    device: str, jobs: int, free: float, reading: str, fitting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour would be said of work that four processes do in a quarter of it.

    Layers on a GPU are read in one process; where memory is short, fewer read than fit, as fits
    hold no model.
    """
    monkeypatch.setattr(work, "_reading_seconds", lambda each: 1200.0)
    monkeypatch.setattr(work, "_fitting_seconds", lambda each: 40.0)
    monkeypatch.setattr(work, "free_bytes", lambda: int(free))
    monkeypatch.setattr("kdprobe.models.precision.has_bfloat16", lambda device: False)
    lines = Lines()
    work.say_estimate([encoder_of(device, 300_000_000)], lines, jobs=jobs)
    (line,) = lines.lines
    assert f": about {reading}; then 2 probes, one a task, layer and pooling: " in line
    assert f"about {fitting}." in line


def test_what_takes_seconds_is_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes would be promised that nobody starts for so little."""
    monkeypatch.setattr(work, "_reading_seconds", lambda each: 6.0)
    monkeypatch.setattr(work, "_fitting_seconds", lambda each: 2.0)
    lines = Lines()
    work.say_estimate([encoder_of("cpu", 1)], lines, jobs=2)
    assert "6 seconds in one process; then" in lines.lines[0]
    assert "2 seconds in one process." in lines.lines[0]
