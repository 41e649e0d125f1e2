"""Downloads checked against a server on this machine: whole, broken, changed, missing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from kdprobe.config.probing import probing_task_names
from kdprobe.errors import OutputError, TaskError
from kdprobe.progress import Silent
from kdprobe.tasks.probing.senteval_files import BLOB_IDS, fetch_senteval, git_blob_id
from tests.cli.scene import run

TEXT = b"".join(b"tr\t%d\tword %d\n" % (k % 2, k) for k in range(20_000))
BLOB = sha1(b"blob %d\0" % len(TEXT) + TEXT).hexdigest()
BLOBS = {"tree_depth": BLOB[:8], "bigram_shift": BLOB[:8]}


@dataclass
class Server:
    """What the server does, and the byte ranges it was asked for."""

    address: str = ""
    text: bytes = TEXT
    breaks_after: int | None = None
    ranges: bool = True
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve on this machine only; every request is recorded."""
    held = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            held.asked.append((self.path, asked))
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and held.ranges else 0
            if held.status != 200 or start >= len(held.text):
                self.send_error(held.status if held.status != 200 else 416)
                return
            body = held.text[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: held.breaks_after])

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.address = f"http://127.0.0.1:{service.server_port}/probing"
    thread = Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield held
    service.shutdown()
    thread.join()
    service.server_close()


def fetch(folder: Path, server: Server):
    return fetch_senteval(folder, progress=Silent(), source=server.address, blob_ids=BLOBS)


def test_every_task_has_its_id_and_ids_are_git_s(tmp_path: Path):
    """Guards against a file that is never fetched, and ids no other program gives."""
    assert set(BLOB_IDS) == set(probing_task_names())
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    # `git hash-object` of this content, known to everybody.
    assert git_blob_id(tmp_path / "a.txt") == "ce013625030ba8dba906f756967f9e9ca394464a"
    (tmp_path / "b.txt").write_bytes(TEXT)
    told = subprocess.run(
        ["git", "hash-object", "b.txt"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == git_blob_id(tmp_path / "b.txt") == BLOB


def test_files_are_fetched_once(tmp_path: Path, server: Server):
    """Guards against a second download, and a file that differs from the server's."""
    first = fetch(tmp_path / "new", server)
    assert [(one.path.name, one.known) for one in first] == [
        ("tree_depth.txt", False), ("bigram_shift.txt", False)
    ]  # fmt: skip
    assert (tmp_path / "new" / "bigram_shift.txt").read_bytes() == TEXT
    assert [one.known for one in fetch(tmp_path / "new", server)] == [True, True]
    assert [path for path, _ in server.asked] == [
        "/probing/tree_depth.txt", "/probing/bigram_shift.txt"
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "bigram_shift.txt", "tree_depth.txt"
    ]  # fmt: skip


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(tmp_path: Path, server: Server, ranges: bool):
    """Guards against half a file under its name, and bytes that stand twice in the second half."""
    server.breaks_after = 100_000
    with pytest.raises(TaskError) as told:
        fetch(tmp_path, server)
    message = str(told.value)
    assert message.startswith(f"{server.address}/tree_depth.txt: the connection broke")
    assert message.endswith(f"; run the command again: what came is kept in {tmp_path}")
    assert [path.name for path in tmp_path.iterdir()] == ["tree_depth.txt.part"]
    server.breaks_after, server.ranges = None, ranges
    fetch(tmp_path, server)
    assert (tmp_path / "tree_depth.txt").read_bytes() == TEXT
    assert server.asked[1] == ("/probing/tree_depth.txt", "bytes=100000-")


def test_a_whole_download_that_was_not_renamed_is_used(tmp_path: Path, server: Server):
    """Guards against a run that was killed at the last moment and can never finish."""
    (tmp_path / "tree_depth.txt.part").write_bytes(TEXT)
    fetch(tmp_path, server)
    assert server.asked[0] == ("/probing/tree_depth.txt", f"bytes={len(TEXT)}-")
    assert (tmp_path / "tree_depth.txt").read_bytes() == TEXT


def test_other_content_is_refused(tmp_path: Path, server: Server):
    """Guards against probing on files that are not SentEval's."""
    server.text = TEXT + b"x"
    wrong = sha1(b"blob %d\0" % len(server.text) + server.text).hexdigest()[:8]
    with pytest.raises(TaskError) as told:
        fetch(tmp_path, server)
    assert str(told.value) == (
        f"{server.address}/tree_depth.txt: gave a file with the git blob id {wrong}; it was "
        f"deleted, expected {BLOB[:8]}; run the command again; if this stays, the file has "
        "changed at its source"
    )
    assert not list(tmp_path.iterdir())
    (tmp_path / "tree_depth.txt").write_bytes(b"mine")
    with pytest.raises(TaskError, match=r"move it away, or fetch into another folder with -o"):
        fetch(tmp_path, server)
    assert (tmp_path / "tree_depth.txt").read_bytes() == b"mine"


def test_faults_of_the_network_are_one_message(tmp_path: Path, server: Server):
    """Guards against a traceback on a machine without a network, and exit code 1."""
    server.status = 404
    done = run("probes", "fetch", "-o", tmp_path / "x", "--from", server.address, "--quiet")
    assert done.code == 2
    assert "the server answered 404 Not Found, expected SentEval's file" in done.err
    # Nobody listens on port 9 of this machine.
    done = run("probes", "fetch", "-o", tmp_path / "x", "--from", "http://127.0.0.1:9", "--quiet")
    assert done.code == 2
    assert "cannot be reached (" in done.err
    assert f"put them into {tmp_path / 'x'}, or do without: kdprobe probes build" in done.err
    done = run("probes", "fetch", "-o", tmp_path / "x", "--from", "file:///etc", "--quiet")
    assert done.code == 2
    assert "--from: 'file:///etc', expected an http or https address" in done.err


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, server: Server):
    """Guards against a full or closed disk that is taken for a fault of the network."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(tmp_path / "file", server)
    (tmp_path / "tree_depth.txt.part").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(tmp_path, server)
