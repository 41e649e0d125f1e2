"""Files and folders of results that are either there whole or not there.

Does: write beside the target, flush, and rename; put a new folder in its place so that a run killed
at any moment leaves the old one, the new one, or what the next run finishes; turn a full disk into
one message. Does not: lock; two writers of one path leave the last one's bytes, whole.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from kdprobe.errors import OutputError
from kdprobe.leftovers import (
    alone_in,
    clear_leftovers,
    is_temporary,
    remove_folder,
    temporary_file,
    temporary_folder,
)
from kdprobe.plain_files import read_json

EXCHANGE = ".kdprobe-ready"
"""The new files of a folder, all of them, while they take the places of the old ones."""
_OUTDATED = "outdated.kdprobe"
"""In it: the names of files that the new ones replace without having their names."""


def output_error(path: Path, error: OSError) -> OutputError:
    """Turn the system's complaint about a path that cannot be written into our one message."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            str(path),
            found="no space left on the device; nothing was written",
            remedy="free some space or choose another place, then run the command again",
        )
    return OutputError(
        str(path),
        found=f"cannot be written ({error.strerror or error}); nothing was written",
        remedy="choose another place",
    )


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part.

    Raises:
        OutputError: no space is left, or the place cannot be written; no temporary file remains.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent, path.name)
        with temporary_file(path) as (handle, temporary):
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise output_error(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as it stands; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def staged_folder(target: Path, *, outdated: Collection[str] = ()) -> Iterator[Path]:
    """Give an empty folder; when the block ends well its files are those of `target`.

    Where there is no `target`, the folder becomes it in one rename. Otherwise the folder is made
    inside `target`, which may be a disk of its own, is renamed once, and then each of its files
    takes its place: a kill in between leaves what `finish_exchange` finishes. Files already in
    `target` under other names stay. When the block fails nothing in `target` has changed and the
    temporary folder is gone.

    Args:
        target: the folder of the results.
        outdated: names of earlier results in `target`; those that the block does not write again
            are deleted.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target.parent, target.name)
        finish_exchange(target)
        inside = target.is_dir()
        if inside:
            clear_leftovers(target, target.name)
        with temporary_folder(target if inside else target.parent, target.name) as stage:
            yield stage
            if inside:
                gone = sorted(name for name in outdated if not (stage / name).exists())
                (stage / _OUTDATED).write_text(json.dumps(gone), encoding="utf-8")
            sync_tree(stage)
            os.rename(stage, target / EXCHANGE if inside else target)
            _sync_folder(target.parent)
        finish_exchange(target)
    except OSError as error:
        raise output_error(target, error) from error


def copied_folder(source: Path, target: Path, *, force: bool) -> Path:
    """Copy the files of a folder, all or none, and return where to.

    Raises:
        OutputError: the target holds something and `force` is not set, or cannot be written.
    """
    require_empty_folder(target, force=force)
    with staged_folder(target) as stage:
        shutil.copytree(source, stage, dirs_exist_ok=True)
    return target


def finish_exchange(target: Path) -> bool:
    """Put the files in their places that a killed run had ready, and tell whether there were any.

    Each of them is whole. Of the JSON files, which say what a folder is, each comes last.

    Raises:
        OutputError: the place cannot be written; the files stay ready.
    """
    ready = target / EXCHANGE
    if ready.is_symlink() or not ready.is_dir():
        return False
    try:
        with alone_in(ready) as still_there:  # of several processes that go on, one
            if still_there:
                _exchange(ready, target)
    except OSError as error:
        raise OutputError(
            str(target),
            found=f"cannot be written ({error.strerror or error}); the new files are in {ready}",
            remedy="free some space or mend the place, then run the command again",
        ) from error
    return True


def _exchange(ready: Path, target: Path) -> None:
    for name in _outdated(ready):
        with contextlib.suppress(FileNotFoundError):
            (target / name).unlink()
    (ready / _OUTDATED).unlink(missing_ok=True)
    for item in sorted(ready.iterdir(), key=lambda item: (item.suffix == ".json", item.name)):
        _make_way(target / item.name, item)
        os.replace(item, target / item.name)
    _sync_folder(target)
    ready.rmdir()


def _make_way(goal: Path, item: Path) -> None:
    """Delete what a rename does not replace: a folder, or a file where a folder is to stand."""
    if goal.is_dir() and not goal.is_symlink():
        remove_folder(goal)
    elif item.is_dir():
        goal.unlink(missing_ok=True)


def _outdated(ready: Path) -> list[str]:
    """Read the names to delete; only plain names of files, whatever stands there."""
    try:
        names = read_json(ready / _OUTDATED, error=OutputError)
    except OutputError:
        return []
    plain = [name for name in names if isinstance(name, str) and Path(name).name == name]
    return [name for name in plain if not (ready.parent / name).is_dir()]


def sync_tree(folder: Path) -> None:
    """Have the disk hold all files of a folder before anything says that they are whole.

    Raises:
        OSError: the disk has no space for them.
    """
    flags = os.O_RDWR if os.name == "nt" else os.O_RDONLY
    for place, _, names in os.walk(folder):
        for name in names:
            handle = os.open(os.path.join(place, name), flags)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        _sync_folder(Path(place))


def _sync_folder(folder: Path) -> None:
    """Have the disk hold a folder's names; not every system can, and none must."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def holds_files(folder: Path) -> bool:
    """Whether there is anything in a folder but what a killed run left for nobody."""
    return folder.is_dir() and not all(is_temporary(item.name) for item in folder.iterdir())


def require_empty_folder(path: Path, *, force: bool, resume: bool = False) -> None:
    """Refuse a folder that holds something, unless told to write over it or to go on.

    What a killed run had ready is put in its place first, and what it left otherwise is deleted;
    results that it had not finished putting in place may be written over.

    Raises:
        OutputError: the path is a file, or a folder that is not empty.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(str(path), found="is a file", expected="a folder to write into")
    own = finish_exchange(path)
    clear_leftovers(path.parent, path.name)
    clear_leftovers(path)
    if not own and not force and not resume and holds_files(path):
        stopped = (path / "checkpoints").is_dir()
        go_on = ", or `resume` to go on with the training that stopped there" if stopped else ""
        raise OutputError(
            str(path),
            found="is not empty",
            expected="a new or empty folder",
            remedy=f"choose another with `output`, or say `force` to write over its files{go_on}",
        )
