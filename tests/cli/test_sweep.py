"""Tests of `kdprobe distill --sweep` and of rendering its page again."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.extract.efficiency import Pace
from kdprobe.results.io import dumps
from kdprobe.sweeping import measure
from tests.cli.scene import run
from tests.distillers.conftest import make_toy
from tests.report import swept


def test_a_sweep_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the words that reach the library, exit 3 for a run without student, and the page."""
    monkeypatch.setattr(measure, "PACE", Pace({1: 4, 32: 3}))
    toy = make_toy(tmp_path)
    words = ("distill", toy.teacher, "--task", toy.task, "-o", tmp_path / "out", "--limit", 40,
             "--epochs", 1, "--device", "cpu", "--threads", 1, "--offline",
             "--sweep", "layers=1,9")  # fmt: skip
    dry = run(*words, "--dry-run")
    assert dry.code == 3
    assert "2 of 32 examples" in dry.out
    assert "Nothing was trained (--dry-run)." in dry.out
    assert not (tmp_path / "out").exists()
    done = run(*words)
    assert done.code == 3, done.err
    assert "layers=1" in done.out
    assert f"Page: {tmp_path / 'out' / 'sweep.html'}".replace("\n", "") in done.out.replace(
        "\n", ""
    )
    assert "No student from layers-9: --student: 9 layers" in done.err
    page = (tmp_path / "out" / "sweep.html").read_bytes()
    again = run("report", tmp_path / "out", "-o", tmp_path / "again.html")
    assert again.code == 0, again.err
    assert (tmp_path / "again.html").read_bytes() == page
    clash = run(*words, "--sample-seed", 1)
    assert clash.code == 2
    assert "--sample-seed: is given beside --sweep, expected --seed, which it takes" in clash.err


@pytest.mark.parametrize("name", ["sweep.json", "mine.json"])
def test_report_draws_a_sweep(tmp_path: Path, name: str) -> None:
    """Guards `kdprobe report` of a sweep: its page and its figures, whatever the file is called."""
    (tmp_path / name).write_text(dumps(swept.document()), encoding="utf-8")
    done = run("report", tmp_path / name, "--figures", tmp_path / "figures")
    assert done.code == 0, done.err
    assert (tmp_path / "sweep.html").is_file()
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 3
