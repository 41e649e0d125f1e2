"""Steps in processes of their own, on this machine and on Ray: a process that dies is replaced."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from kdprobe.errors import ConfigError
from kdprobe.suites_run.run import run_suite
from kdprobe.workers.jobs import DIED
from kdprobe.workers.ray_executor import require_listener
from tests.suites_run.builders import DATA
from tests.suites_run.deaths import MARK

SUITE = """
name = "functions"
title = "Functions of texts"
tasks = ["words"]

[scales.paper]
[scales.tiny]
differs = ["made up"]
tasks.words = { task = "DATA" }
compare = { resamples = 100, only = ["task_scores", "agreement"], cache = false }

[[models]]
name = "teacher"
make = "folder"
model = "python:tests.suites_run.deaths:answers"

[[models]]
name = "student"
make = "folder"
model = "python:tests.suites_run.deaths:FUNCTION"

[[comparisons]]
name = "one"
teacher = "teacher"
students = ["student"]

[[comparisons]]
name = "two"
teacher = "teacher"
students = ["student"]
options.seed = 1

[[tables]]
name = "scores"
title = "Scores"
comparison = "one"
metric = "accuracy"
columns = [{ label = "a" }]
rows = [{ label = "s", model = "student" }]
"""


def write(folder: Path, function: str) -> Path:
    path = folder / f"{function}.toml"
    path.write_text(SUITE.replace("DATA", str(DATA)).replace("FUNCTION", function))
    return path


def content(folder: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    held.pop("timings")
    return held


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The suite where no process dies."""
    folder = tmp_path_factory.mktemp("alone")
    mark = folder / "mark"
    mark.write_text("dead already")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, str(mark))
        run_suite(write(folder, "dies_once"), output=folder / "out", device="cpu", offline=True)
    return content(folder / "out")


def test_a_process_that_dies_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, Any]
) -> None:
    """One step without enough memory would end the whole suite."""
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))
    result = run_suite(
        write(tmp_path, "dies_once"), output=tmp_path / "out", jobs=2, device="cpu", offline=True
    )
    assert (tmp_path / "mark").read_text() == "dead"
    assert result.failed == ()
    assert content(tmp_path / "out") == undisturbed


def test_one_that_dies_twice_is_told(tmp_path: Path) -> None:
    """A step that kills every process would be tried for ever."""
    path = write(tmp_path, "dies")
    path.write_text(path.read_text().replace('name = "two"', 'name = "two"\ntasks = ["words"]'))
    result = run_suite(path, output=tmp_path / "out", jobs=2, device="cpu", offline=True)
    assert {reason for _, reason in result.failed} == {DIED}


def test_two_ray_workers_one_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, Any]
) -> None:
    """Another executor would give another document, or lose a step with its worker."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))
    monkeypatch.setenv("RAY_DEDUP_LOGS", "0")
    result = run_suite(
        write(tmp_path, "dies_once"), output=tmp_path / "out", executor="ray", jobs=2,
        device="cpu", offline=True,
    )  # fmt: skip
    assert (tmp_path / "mark").read_text() == "dead"
    assert result.failed == ()
    assert content(tmp_path / "out") == undisturbed


def test_an_address_where_nothing_listens(tmp_path: Path) -> None:
    """Ray would wait for minutes, and write its own log on the terminal meanwhile."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        require_listener(f"127.0.0.1:{port}")
        require_listener(f"ray://127.0.0.1:{port}")
    path = write(tmp_path, "answers")
    for address, message in (
        (f"127.0.0.1:{port}", "nothing answers there"), ("127.0.0.1:99999", "expected HOST:PORT"),
        ("127.0.0.1", "expected HOST:PORT"), ("http://", "expected HOST:PORT"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            run_suite(
                path, output=tmp_path / "out", executor="ray", address=address, device="cpu",
                offline=True,
            )  # fmt: skip
    assert not (tmp_path / "out").exists()
