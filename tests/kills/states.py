"""Every state in which a killed process would leave a folder.

Does: watch what this process does to the files below a folder, and copy the folder before each
event and in the middle of each write; these are the states a kill leaves, as it takes what is in
memory with it and leaves what is on the disk. Does not: run anything.

Audit events tell of what Python does; the calls that write files in C or Rust are wrapped.
`Watch.unseen` names files that appeared without an event: a test that misses a writer fails.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet
import safetensors.torch
import torch
import transformers.modeling_utils
import transformers.tokenization_utils_tokenizers

from kdprobe.leftovers import is_temporary

_RENAMES = ("os.rename", "os.link", "os.symlink")
_CHANGES = ("os.remove", "os.rmdir", "os.mkdir", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_GOALS = ("save_directory", "filename", "where", "f")
_LEAST = 64
"""Bytes of a write that is cut in the middle."""
_RANDOM = re.compile(r"\.kdprobe-\w{8}")
_WRITERS: tuple[tuple[Any, str], ...] = (
    (torch, "save"),
    (safetensors.torch, "save_file"),
    (transformers.modeling_utils, "safe_save_file"),
    (transformers.tokenization_utils_tokenizers.TokenizersBackend, "_save_pretrained"),
    (pyarrow.parquet, "write_table"),
)


@dataclass(frozen=True)
class State:
    """One folder as a kill would have left it.

    Args:
        event: what was about to be done, or was half done.
        late: whether the command had come to its end.
        copy: where it is.
    """

    event: str
    late: bool
    copy: Path


@dataclass
class Watch:
    """The states of a folder, each kept once.

    Args:
        root: the folder.
        keep: where the copies go.
        strict: whether what stands under temporary names makes another state; the next run deletes
            it unread, whatever it is.
        events: the number of events.
        states: what they left.
        late: set from outside, once the command has come to its end.
    """

    root: Path
    keep: Path
    strict: bool = False
    events: int = 0
    states: list[State] = field(default_factory=list)
    late: bool = False
    unseen: set[str] = field(default_factory=set)
    _known: set[tuple[bool, str]] = field(default_factory=set)
    _named: set[str] = field(default_factory=set)
    _moved: set[str] = field(default_factory=set)
    _busy: bool = False

    def event(self, what: str, path: str, *, half: str | None = None) -> None:
        """Copy the folder as it is now; of `half` only the first half of its bytes.

        `path` is what the event makes or changes.
        """
        if self._busy:
            return
        self._busy = True
        try:
            self.events += 1
            self._named.add(_RANDOM.sub("", path))
            paths = {str(item) for item in self.root.rglob("*")}
            self.unseen |= {name for name in paths if not self._was_named(_RANDOM.sub("", name))}
            state = (self.late, tree_digest(self.root, half=half, strict=self.strict))
            if state in self._known:
                return
            self._known.add(state)
            copy = self.keep / f"{len(self.states):05d}"
            shutil.copytree(self.root, copy, symlinks=True)
            if half is not None:
                file = copy / os.path.relpath(half, self.root)
                os.truncate(file, file.stat().st_size // 2)
            name = f"{what} {os.path.relpath(path, self.root)}"
            self.states.append(State(name, self.late, copy))
        finally:
            self._busy = False

    def _was_named(self, path: str) -> bool:
        """Whether an event named a file, or it was moved with a folder of its own."""
        return path in self._named or any(part in self._moved for part in _ancestors(path))

    def holds(self, path: str) -> bool:
        """Whether a path lies below the folder."""
        return path.startswith(f"{self.root}{os.sep}") or path == str(self.root)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the process ends; audit hooks cannot be taken away."""
        self._named |= {str(item) for item in self.root.rglob("*")}
        sys.addaudithook(self._heard)
        setattr(builtins, "open", self._opener(builtins.open))  # noqa: B010 (mypy knows none)
        setattr(io, "open", builtins.open)  # noqa: B010
        for owner, name in _WRITERS:
            setattr(owner, name, self._writer(getattr(owner, name), name))
        yield
        self._heard("os.mkdir", (str(self.root / "end"), 0, -1))
        self._busy = True

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if self._busy:
            return
        if event == "open":
            path, _, flags = given
            writes = isinstance(flags, int) and flags & _WRITING
            if writes and isinstance(path, str | bytes | os.PathLike):
                self._told("open", os.fsdecode(path))
        elif event in _RENAMES:
            self._told(event, _place(given[0], given[2]))
            goal = _place(given[1], given[3] if event == "os.rename" else -1)
            self._moved.add(_RANDOM.sub("", goal))
            self._told(event, goal)
        elif event in _CHANGES:
            self._told(event, _place(given[0], given[-1] if event != "os.truncate" else -1))

    def _told(self, event: str, path: str) -> None:
        if self.holds(path):
            self.event(f"before {event}", path)

    def _opener(self, whole: Callable[..., Any]) -> Callable[..., Any]:
        """Open as Python does, but cut the first large write of each file in two."""

        @functools.wraps(whole)
        def opened(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            stream = whole(file, mode, *more, **named)
            if set(mode) & set("wax+") and not self._busy:
                path = _place(file, -1)
                if self.holds(path):
                    self._cut_writes(stream, path)
            return stream

        return opened

    def _cut_writes(self, stream: Any, path: str) -> None:
        write, cut = stream.write, list[bool]()

        def written(data: Any) -> int:
            if not cut and len(data) >= _LEAST:
                cut.append(True)
                self.event("before write", path)
                done = write(data[: len(data) // 2])
                stream.flush()
                self.event("half-way of write", path)
                return int(done + write(data[len(data) // 2 :]))
            return int(write(data))

        stream.write = written

    def _writer(self, whole: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Call what writes one file outside Python; a kill in its middle leaves half of it."""

        @functools.wraps(whole)
        def written(*given: Any, **named: Any) -> Any:
            goal = (
                given[1] if len(given) > 1 else next(iter(named[n] for n in _GOALS if n in named))
            )
            path = os.fspath(goal) if isinstance(goal, str | os.PathLike) else ""
            if not path or not self.holds(path) or self._busy:
                return whole(*given, **named)
            self.event(f"before {name}", path)
            self._busy = True
            try:
                result = whole(*given, **named)
            finally:
                self._busy = False
            file = os.path.join(path, "tokenizer.json") if os.path.isdir(path) else path
            self._named.add(_RANDOM.sub("", file))
            self.event(f"half-way of {name}", file, half=file)
            self.event(f"after {name}", file)
            return result

        return written


def _place(path: Any, folder: Any) -> str:
    """Return the absolute path of what an audit event names, or of a descriptor."""
    if isinstance(path, int):
        return os.readlink(f"/proc/self/fd/{path}")
    name = os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(name):
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    return os.path.abspath(name)


def _ancestors(path: str) -> Iterator[str]:
    """Return a path and the folders above it: what is moved with its folder was seen with it."""
    while len(path) > 1:
        yield path
        path = os.path.dirname(path)


def tree_digest(root: Path, *, half: str | None, strict: bool) -> str:
    """Hash names and bytes of a folder; the random parts of temporary names do not count."""
    digest = hashlib.sha256()
    files = files_of(root, half=half)
    if not strict:
        files = dict(_without_temporary(files))
    for name, data in sorted(files.items()):
        digest.update(f"\0{_RANDOM.sub('', name)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _without_temporary(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Return files, but of what has a temporary name, or is below one, nothing but that it is."""
    for name, data in files.items():
        parts = name.rstrip("/").split("/")
        places = [place for place, part in enumerate(parts) if is_temporary(part)]
        if places:
            yield "/".join(parts[: places[0] + 1]), b""
        else:
            yield name, data


def files_of(root: Path, *, half: str | None = None) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, and a sign for every folder."""
    contents = {}
    for item in root.rglob("*"):
        name = str(item.relative_to(root))
        if item.is_dir():
            contents[f"{name}/"] = b""
            continue
        data = item.read_bytes()
        contents[name] = data[: len(data) // 2] if str(item) == half else data
    return contents
