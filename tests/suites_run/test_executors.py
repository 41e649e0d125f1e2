"""Steps in processes of their own, on this machine and on Ray: a process that dies is replaced."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kdprobe.errors import ConfigError
from kdprobe.suites_run.run import run_suite
from kdprobe.workers.jobs import DIED
from kdprobe.workers.ray_address import require_ray, use_token
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


def answering(head: subprocess.Popen[bytes], address: str) -> str:
    """Wait until a cluster answers at its address."""
    while head.poll() is None:
        with contextlib.suppress(ConfigError):
            require_ray(address)
            break
        time.sleep(0.5)
    return address


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster of one machine that asks for a token, as `ray start` begins one; its address."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}",
        "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
        "--object-store-memory=100000000",
    ]  # fmt: skip
    with (tmp_path / "ray.log").open("w") as log:
        head = subprocess.Popen(
            command, env={**os.environ, "RAY_AUTH_MODE": "token"}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        address = f"127.0.0.1:{port}"
        try:
            yield answering(head, address)
        finally:
            for child in psutil.Process(head.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            head.kill()
            head.wait()


RUN = """
import sys
from kdprobe import run_suite
result = run_suite(sys.argv[1], output=sys.argv[2], executor="ray", address=sys.argv[3],
                   device="cpu", offline=True)
assert result.failed == (), result.failed
"""


def test_a_cluster_that_asks_for_a_token(tmp_path: Path, cluster: str) -> None:
    """Ray says of a cluster that asks for a token that there is none, after half a minute.

    In a process of its own, as a mode is read where ray is imported.
    """
    path = write(tmp_path, "answers")
    folder = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path), str(tmp_path / "out"), cluster],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": folder},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + (tmp_path / "ray.log").read_text()[-2000:]
    run_suite(path, output=tmp_path / "here", device="cpu", offline=True)
    assert content(tmp_path / "out") == content(tmp_path / "here")


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ({}, None),
        ({"RAY_AUTH_TOKEN": "a"}, "token"),
        ({"RAY_AUTH_TOKEN_PATH": "FILE"}, "token"),
        ({"RAY_AUTH_TOKEN_PATH": "elsewhere"}, None),
        ({"RAY_AUTH_TOKEN": "a", "RAY_AUTH_MODE": "disabled"}, "disabled"),
    ],
)
def test_a_token_is_shown_where_there_is_one(
    given: dict[str, str], mode: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that nobody has would be asked for, or a mode that somebody chose passed over."""
    (tmp_path / "token").write_text("a")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "")  # so that what is set below is taken back
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value.replace("FILE", str(tmp_path / "token")))
    use_token()
    assert os.environ.get("RAY_AUTH_MODE") == mode


class OtherService(socketserver.StreamRequestHandler):
    """Answers as a web server does, or closes at once."""

    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    def handle(self) -> None:
        """Answer."""
        self.rfile.readline()
        self.wfile.write(self.answer)


@pytest.mark.parametrize("answer", [OtherService.answer, b"", b"hm"])
def test_an_address_of_another_service(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would wait for five minutes, and write its own log on the terminal meanwhile."""
    monkeypatch.setattr(OtherService, "answer", answer)
    with socketserver.TCPServer(("127.0.0.1", 0), OtherService) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ConfigError, match="what answers there is no Ray"):
            require_ray(f"ray://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def test_an_address_where_nothing_listens(tmp_path: Path) -> None:
    """Ray would wait for minutes, and write its own log on the terminal meanwhile."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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
