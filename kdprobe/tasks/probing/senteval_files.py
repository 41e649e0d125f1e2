"""SentEval's ten probing files from where their authors publish them.

Does: download what is not there, go on with a broken download, and check every file against its
known git blob id. Does not: redistribute the files, or read their lines (`probing_sets.py` does).
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kdprobe import atomic
from kdprobe.errors import TaskError
from kdprobe.progress import Progress

SOURCE = "https://raw.githubusercontent.com/facebookresearch/SentEval/main/data/probing"
BLOB_IDS: Mapping[str, str] = MappingProxyType(
    {
        "sentence_length": "9799e50a",
        "word_content": "596d6fc7",
        "tree_depth": "91567ad5",
        "top_constituents": "1d00fe9b",
        "bigram_shift": "1226c046",
        "past_present": "d11394b2",
        "subj_number": "dee57709",
        "obj_number": "c5a6f758",
        "odd_man_out": "ca1ec154",
        "coordination_inversion": "28188821",
    }
)
"""Task -> the first eight digits of the git blob id of its file."""

_CHUNK = 1 << 16
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Fetched:
    """One file: its path, its bytes, and whether it was there already."""

    path: Path
    size: int
    known: bool


def git_blob_id(path: Path) -> str:
    """Return the id under which git stores a file: SHA-1 over `blob <size>`, NUL and its bytes.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fetch_senteval(
    folder: Path,
    *,
    progress: Progress,
    source: str = SOURCE,
    blob_ids: Mapping[str, str] = BLOB_IDS,
) -> tuple[Fetched, ...]:
    """Put SentEval's probing files into a folder; files that are there and whole are kept.

    A file appears under its name only when it is whole and has the known content; what a broken
    download left (`<name>.txt.part`) is used by the next run.

    Args:
        folder: made if it does not exist.
        progress: told of every 64 KiB.
        source: an http(s) address under which `<task>.txt` lie.
        blob_ids: task -> the beginning of its file's git blob id.

    Raises:
        TaskError: the address is no http(s) address, cannot be reached, has no such file, breaks
            off, or gives a file of other content; a file that is there has other content.
        OutputError: the place cannot be written.
    """
    if urllib.parse.urlsplit(source).scheme not in ("http", "https"):
        raise TaskError("`source`", found=repr(source), expected="an http or https address")
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        _fetch(folder / f"{task}.txt", f"{source.rstrip('/')}/{task}.txt", blob_id, progress)
        for task, blob_id in blob_ids.items()
    )


def _fetch(path: Path, address: str, blob_id: str, progress: Progress) -> Fetched:
    if path.is_file():
        with _writing(path):
            blob = git_blob_id(path)
        if not blob.startswith(blob_id):
            raise TaskError(
                str(path),
                found=f"is there with the git blob id {blob[:8]}",
                expected=f"SentEval's file, {blob_id}",
                remedy="move it away, or fetch into another folder with -o",
            )
        return Fetched(path, path.stat().st_size, True)
    partial = path.with_name(f"{path.name}.part")
    _download(partial, address, progress)
    with _writing(partial):
        blob = git_blob_id(partial)
        if not blob.startswith(blob_id):
            partial.unlink()
            raise TaskError(
                address,
                found=f"gave a file with the git blob id {blob[:8]}; it was deleted",
                expected=blob_id,
                remedy="run the command again; if this stays, the file has changed at its source",
            )
        os.replace(partial, path)
    return Fetched(path, path.stat().st_size, False)


def _download(partial: Path, address: str, progress: Progress) -> None:
    """Append what is missing, or begin anew where the server gives whole files only."""
    with _writing(partial):
        done = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "kdprobe"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    wanted, received = None, 0
    with (
        _reading(address, partial.parent),
        urllib.request.urlopen(request, timeout=_TIMEOUT) as answer,
    ):
        if answer.status != http.client.PARTIAL_CONTENT:
            done = 0
        length = answer.headers.get("Content-Length", "")
        wanted = int(length) if length.isdigit() else None
        title = partial.name.removesuffix(".part")
        with _writing(partial), partial.open("r+b" if done else "wb") as stream:
            stream.seek(done)
            stream.truncate()
            total = None if wanted is None else -(-wanted // 1024)
            with progress.stage(f"{title} (KiB)", total) as stage:
                for chunk in _chunks(answer, address, partial.parent):
                    stream.write(chunk)
                    received += len(chunk)
                    stage.advance(-(-len(chunk) // 1024))
    if wanted is not None and received < wanted:
        raise _broken(address, partial.parent, f"after {done + received:,} bytes")


def _chunks(answer: http.client.HTTPResponse, address: str, folder: Path) -> Iterator[bytes]:
    """Read the answer; its faults are the network's, not the disk's."""
    while True:
        with _reading(address, folder):
            chunk = answer.read(_CHUNK)
        if not chunk:
            return
        yield chunk


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise atomic.output_error(path, error) from error


@contextmanager
def _reading(address: str, folder: Path) -> Iterator[None]:
    """Turn every way in which a network can fail into one message."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer too, and holds the connection
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing
        raise TaskError(
            address,
            found=f"the server answered {error.code} {error.reason}",
            expected="SentEval's file",
            remedy="name another copy with `source`",
        ) from error
    except urllib.error.URLError as error:
        raise _unreachable(address, folder, str(error.reason)) from error
    except (http.client.HTTPException, OSError) as error:
        raise _broken(address, folder, f"({error})") from error


def _unreachable(address: str, folder: Path, reason: str) -> TaskError:
    return TaskError(
        address,
        found=f"cannot be reached ({reason})",
        expected="a network",
        remedy=f"download the files on another machine and put them into {folder}, or do without: "
        "kdprobe probes build makes such sets from a treebank",
    )


def _broken(address: str, folder: Path, how: str) -> TaskError:
    return TaskError(
        address,
        found=f"the connection broke {how}",
        remedy=f"run the command again: what came is kept in {folder}",
    )
