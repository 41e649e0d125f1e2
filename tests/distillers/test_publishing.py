"""`kdprobe push` and cards: against a hub of our own on the loopback, by the hub's own library."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

import kdprobe
from kdprobe.errors import CapabilityError, CheckpointError, ConfigError
from tests.cli.scene import checkpoint, run, write_task
from tests.distillers.conftest import Toy

Files = dict[str, bytes]


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as one commit needs."""

    calls: list[tuple[str, str, Any]] = []  # noqa: RUF012 (of the class: a handler is made anew)
    files: Files = {}  # noqa: RUF012
    tokens: set[str] = set()  # noqa: RUF012
    forbidden = False

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a repository that is made, what is to be sent how, and the commit."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.tokens.add(self.headers.get("Authorization", ""))
        self.calls.append(("POST", self.path, None))
        if self.forbidden:
            self.answer({"error": "no"}, 403)
        elif self.path.endswith("/repos/create"):
            self.calls[-1] = ("POST", self.path, json.loads(body))
            self.answer({"url": f"{self.base}/owner/student", "id": "1"})
        elif "/preupload/" in self.path:
            names = [each["path"] for each in json.loads(body)["files"]]
            self.answer({"files": [
                {"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names
            ]})  # fmt: skip
        elif "/commit/" in self.path:
            lines = [json.loads(line) for line in body.decode().splitlines()]
            for line in lines:
                if line["key"] == "file":
                    value = line["value"]
                    self.files[value["path"]] = base64.b64decode(value["content"])
            self.calls[-1] = ("POST", self.path, lines[0]["value"])
            self.answer({"commitUrl": f"{self.base}/owner/student/commit/1", "commitOid": "1"})
        else:
            self.answer({}, 200)

    def do_GET(self) -> None:
        """Answer what a repository is."""
        self.calls.append(("GET", self.path, None))
        self.answer({"id": "owner/student", "sha": "0", "siblings": []})

    @property
    def base(self) -> str:
        server: Any = self.server
        return f"http://127.0.0.1:{server.server_address[1]}"

    def answer(self, data: Any, status: int = 200) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def hub() -> Iterator[tuple[str, type[Hub]]]:
    Hub.calls.clear()
    Hub.files.clear()
    Hub.tokens.clear()
    Hub.forbidden = False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Hub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def world(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of the toy teacher, its control's folders, and their comparison."""
    folder = tmp_path_factory.mktemp("push")
    kdprobe.distill(
        toy.teacher, task=toy.task, student="layers=1", output=folder / "student", epochs=1,
        learning_rate=1e-3, device="cpu", bf16=False, threads=1, offline=True,
    )  # fmt: skip
    kdprobe.compare(
        toy.teacher, str(folder / "student"), task=toy.task, output=folder / "report",
        resamples=100, device="cpu", only=["task_scores", "agreement", "calibration"],
    )  # fmt: skip
    return folder


def pushed(
    endpoint: str, *words: object, token: str = "hf_secret"
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*",
           "HF_HUB_DISABLE_TELEMETRY": "1"}  # fmt: skip
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        env.pop(name, None)
    env |= {"HF_TOKEN": token, "HF_TOKEN_PATH": "/nowhere/token"}
    if not token:
        del env["HF_TOKEN"]
    return subprocess.run(
        [sys.executable, "-m", "kdprobe.cli.main", "push", *map(str, words)],
        capture_output=True, text=True, env=env, check=False, timeout=280,
    )  # fmt: skip


def test_a_folder_goes_to_the_hub_whole(world: Path, hub: tuple[str, type[Hub]]) -> None:
    """Guards files that are left behind or changed on the way, and a card without the numbers."""
    endpoint, seen = hub
    done = pushed(endpoint, world / "student", "owner/student", "--report", world / "report",
                  "--private")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"Pushed: {endpoint}/owner/student/commit/1" in done.stdout
    assert seen.tokens == {"Bearer hf_secret"}
    (made,) = [body for _, path, body in seen.calls if path.endswith("/repos/create")]
    assert made["name"] == "student"
    assert made.get("private") is True or made.get("visibility") == "private"
    held = {str(file.relative_to(world / "student")) for file in (world / "student").rglob("*")
            if file.is_file()}  # fmt: skip
    report = {"report/report.html", "report/results.json", "report/metrics.csv"}
    assert seen.files.keys() == held | report
    for name, data in seen.files.items():
        source = world / ("report" if name in report else "student") / Path(name).name
        if name != "README.md":
            assert hashlib.sha256(data).digest() == hashlib.sha256(source.read_bytes()).digest()
    card: Any = ModelCard(seen.files["README.md"].decode())
    document = kdprobe.load_results(world / "report")
    rows = {row.metric_type: row for row in card.data.eval_results or []}
    assert rows["accuracy"].metric_value == document.get("accuracy", "student").value
    assert rows["agreement"].metric_name == "Agreement with the teacher teacher"
    assert rows["agreement"].metric_args["n"] == document.document.task.n
    assert (rows["accuracy"].dataset_name, rows["accuracy"].dataset_split) == ("toy", "dev")
    assert "report/report.html" in card.text
    assert "## Scores on dev" in card.text
    assert "model-index" not in (world / "student" / "README.md").read_text()


def test_what_cannot_be_pushed(world: Path, hub: tuple[str, type[Hub]], tmp_path: Path) -> None:
    """Guards a traceback of the hub's library, and half a repository."""
    endpoint, seen = hub
    done = pushed(endpoint, world / "student", "owner/student", token="")
    assert done.returncode == 2
    assert "no token of the hub is at hand" in done.stderr
    assert "`hf auth login`, or set HF_TOKEN" in done.stderr
    assert seen.calls == []
    seen.forbidden = True
    done = pushed(endpoint, world / "student", "owner/student")
    assert done.returncode == 2
    assert "the hub does not let this token write there (403)" in " ".join(done.stderr.split())
    assert "hf_secret" not in done.stdout + done.stderr
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="no such folder"):
        kdprobe.push(tmp_path / "nowhere", "owner/x")
    with pytest.raises(CheckpointError, match=r"holds no config.json"):
        kdprobe.push(tmp_path / "empty", "owner/x", dry_run=True)
    checkpoint(tmp_path / "other", seed=5)
    with pytest.raises(ConfigError, match="its model is none of those that the report is about"):
        kdprobe.push(tmp_path / "other", "owner/x", report=world / "report", dry_run=True)


@pytest.mark.parametrize("name", ["bad//name", "a/b/c", "a b", "x" * 97, "-x", "owner/x.git", ""])
def test_a_name_that_the_hub_cannot_have(name: str, world: Path) -> None:
    """Guards a dry run that checks everything but where it would go."""
    with pytest.raises(
        ConfigError, match=r"REPO_ID: .* is no name on the hub, expected owner/name"
    ):
        kdprobe.push(world / "student", name, dry_run=True)


def test_a_dry_run_sends_nothing(world: Path) -> None:
    """Guards a check that needs a token, and files of the training among those that are listed."""
    (world / "student" / "checkpoints").mkdir(exist_ok=True)
    (world / "student" / "checkpoints" / "state").write_text("x")
    done = run("push", world / "student", "owner/student", "--report", world / "report",
               "--dry-run")  # fmt: skip
    assert done.code == 0, done.err
    assert "Nothing was sent (--dry-run)." in done.out
    assert "model.safetensors" in done.err
    assert "checkpoints" not in done.err


def test_without_a_network_there_is_one_message(world: Path) -> None:
    """Guards retries for minutes and a traceback where nobody listens."""
    done = pushed("http://127.0.0.1:9", world / "student", "owner/student")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "the hub did not take it" in done.stderr


def test_a_report_writes_a_card_and_twice_is_once(world: Path, tmp_path: Path) -> None:
    """Guards rows that pile up, a card whose words are lost, rows of another task thrown away."""
    other = {"model-index": [{"name": "s", "results": [{
        "task": {"type": "text-classification"}, "dataset": {"name": "else", "type": "else"},
        "metrics": [{"type": "accuracy", "value": 0.5}],
    }]}]}  # fmt: skip
    student = tmp_path / "student"
    kdprobe.load_results(world / "report")
    shutil.copytree(world / "student", student)
    card: Any = ModelCard((student / "README.md").read_text())
    text = (student / "README.md").read_text()
    head = json.dumps(other)[1:-1]
    (student / "README.md").write_text(text.replace("---\n", f"---\n{head}\n", 1))
    for _ in range(2):
        done = run("report", world / "report", "-o", tmp_path / "x.html", "--card", student)
        assert done.code == 0, done.err
        assert f"Card: {student / 'README.md'}" in done.out
    after: Any = ModelCard((student / "README.md").read_text())
    assert after.text == card.text
    assert after.data.tags == card.data.tags
    rows = after.data.eval_results or []
    assert [row.dataset_name for row in rows].count("else") == 1
    assert [row.metric_type for row in rows if row.dataset_name == "toy"].count("accuracy") == 1
    sweep = tmp_path / "sweep.json"
    sweep.write_text('{"kind": "sweep", "schema_version": 1}', encoding="utf-8")
    assert run("report", sweep, "--card", student).code == 2


def test_a_job_of_github_gets_the_summary_below_what_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a page that is written over, and a summary that the job does not show."""
    task = write_task(tmp_path)
    checkpoint(tmp_path / "t", seed=1)
    page = tmp_path / "step.md"
    page.write_text("before\n", encoding="utf-8")
    words = ("compare", tmp_path / "t", f"s={tmp_path / 't'}", "-t", task, "--only",
             "task_scores", "--resamples", "100", "-q", "--force", "-o", tmp_path / "out",
             "--summary", tmp_path / "s.md")  # fmt: skip
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    for _ in range(2):
        assert run(*words).code == 0
    text = (tmp_path / "s.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == f"before\n{text}\n{text}\n"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    done = run(*words)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_no_token_is_needed_until_something_is_sent(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a token looked for where nothing is sent, and one that is made up where it is."""
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert kdprobe.push(world / "student", "owner/x", dry_run=True).url == ""
    with pytest.raises(CapabilityError, match="no token of the hub is at hand"):
        kdprobe.push(world / "student", "owner/x")
