"""What a killed run leaves beside its results, and how the next run knows it.

Does: name what is written beside its place, hold it while a process works on it, and take away what
no process works on any more. Does not: write results; `atomic.py` does.

Everything temporary is named `.NAME.kdprobe-XXXXXXXX`. The process that made it holds a lock on it
(`flock`), which the system releases when the process ends, however it ends; where there are no such
locks, what has not been touched for a day counts as left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

try:
    import fcntl as _locks
except ImportError:  # Windows
    locks: ModuleType | None = None
else:
    locks = _locks

_MARK = ".kdprobe-"
_LEFTOVER = re.compile(r"\..*\.kdprobe-\w{8}", re.DOTALL)
_DAY = 24 * 60 * 60


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name stands beside its place.

    >>> is_temporary(".results.json.kdprobe-0a1b2c3d"), is_temporary(".kdprobe-cache")
    (True, False)
    """
    return _LEFTOVER.fullmatch(name) is not None


def temporary_name(name: str) -> str:
    """Return a new name beside a place called `name`."""
    return f".{name}{_MARK}{secrets.token_hex(4)}"


@contextlib.contextmanager
def temporary_file(path: Path) -> Iterator[tuple[int, Path]]:
    """Open a new file beside `path` for a block: its descriptor and its path.

    The block closes the descriptor. What the block leaves under the temporary name is deleted.

    Raises:
        OSError: the place cannot be written.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}{_MARK}")
        _lock(handle, wait=True)
        if os.path.exists(name):  # not taken for a leftover before it was locked
            break
        os.close(handle)
    try:
        yield handle, Path(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


@contextlib.contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a new folder in `parent` for a block; what stands under its name afterwards is deleted.

    Raises:
        OSError: the place cannot be written.
    """
    while True:
        place = parent / temporary_name(name)
        place.mkdir()  # with the user's own mask, as this may become the folder of results
        handle = _open(place)
        if handle is None:
            break
        _lock(handle, wait=True)
        if place.exists():  # not taken for a leftover before it was locked
            break
        os.close(handle)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Let one process at a time work in a folder; gives whether the folder is still there."""
    handle = _open(folder)
    try:
        if handle is not None:
            _lock(handle, wait=True)
        yield folder.is_dir()
    finally:
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def alone_with(file: Path) -> Iterator[bool]:
    """Hold a file for a block, made where there is none; gives False where another holds it.

    Nothing is waited for. What is empty when the block ends is deleted. Where the system has no
    such locks, everybody is taken to be alone.

    Raises:
        OSError: the place cannot be written.
    """
    if locks is None:
        yield True
        return
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        alone = _lock(handle, wait=False) is not False
        if not alone or _is_at(handle, file):  # not deleted before it was locked
            break
        os.close(handle)
    try:
        yield alone
    finally:
        if alone and _is_at(handle, file) and not os.fstat(handle).st_size:
            file.unlink()
        os.close(handle)


def _is_at(handle: int, file: Path) -> bool:
    """Whether an open file is the one that stands at a place."""
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def is_held(folder: Path) -> bool:
    """Whether a process works in a folder now (`alone_in`); False where that cannot be known."""
    handle = _open(folder)
    if handle is None:
        return False
    try:
        return _lock(handle, wait=False) is False
    finally:
        os.close(handle)


def clear_leftovers(folder: Path, name: str | None = None) -> None:
    """Delete what killed runs left in `folder`: of results called `name`, or all.

    What a living process works on stays.
    """
    start = "." if name is None else f".{name}{_MARK}"
    try:
        names = [entry for entry in os.listdir(folder) if entry.startswith(start)]
    except OSError:
        return
    for entry in names:
        if is_temporary(entry):
            _delete_unused(folder / entry)


def remove_folder(place: Path) -> None:
    """Delete a folder so that it is gone, whole, before the first of its files is."""
    aside = place.with_name(temporary_name(place.name))
    try:
        os.rename(place, aside)
    except OSError:  # it is not there; or, on Windows, a file in it is open
        aside = place
    shutil.rmtree(aside, ignore_errors=True)


def _open(place: Path) -> int | None:
    """Open a file or folder to lock it; None where the system opens no folders."""
    try:
        return os.open(place, os.O_RDONLY)
    except OSError:
        return None


def _lock(handle: int, *, wait: bool) -> bool | None:
    """Take the lock; False: another process holds it; None: there are no locks here."""
    if locks is None:
        return None
    try:
        locks.flock(handle, locks.LOCK_EX | (0 if wait else locks.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _delete_unused(place: Path) -> None:
    """Delete a leftover, locked meanwhile, so that nobody takes it up."""
    handle = None if place.is_symlink() else _open(place)
    try:
        unused = None if handle is None else _lock(handle, wait=False)
        if unused is None:
            with contextlib.suppress(OSError):
                unused = time.time() - place.lstat().st_mtime > _DAY
        if not unused:
            return
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                place.unlink()
    finally:
        if handle is not None:
            os.close(handle)
