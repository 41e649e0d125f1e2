"""Files that are either there whole or not there.

Does: write beside the target, flush, and rename; turn a full disk into one message. Does not: lock;
two writers of one path leave the last one's bytes, whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kdprobe.errors import OutputError


def output_error(path: Path, error: OSError) -> OutputError:
    """Turn the system's complaint about a path that cannot be written into our one message."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            str(path),
            found="no space left on the device; nothing was written",
            remedy="free some space or choose another place with -o, then run the command again",
        )
    return OutputError(
        str(path),
        found=f"cannot be written ({error.strerror or error}); nothing was written",
        remedy="choose another place with -o",
    )


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part.

    Raises:
        OutputError: no space is left, or the place cannot be written; no temporary file remains.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise output_error(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as it stands; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target`; when the block ends well its files move into `target`.

    Files already in `target` under other names stay. When the block fails nothing in `target` has
    changed and the temporary folder is gone.

    Raises:
        OutputError: no space is left, or the place cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise output_error(target, error) from error
    try:
        yield stage
        target.mkdir(exist_ok=True)
        for item in sorted(stage.iterdir()):
            goal = target / item.name
            if goal.is_dir() and not goal.is_symlink():
                shutil.rmtree(goal)
            os.replace(item, goal)
    except OSError as error:
        raise output_error(target, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def require_empty_folder(path: Path, *, force: bool, resume: bool = False) -> None:
    """Refuse a folder that holds something, unless told to write over it or to go on.

    Raises:
        OutputError: the path is a file, or a folder that is not empty.
    """
    if path.exists() and not path.is_dir():
        raise OutputError(str(path), found="is a file", expected="a folder to write into")
    if path.is_dir() and not force and not resume and any(path.iterdir()):
        stopped = (path / "checkpoints").is_dir()
        go_on = ", or --resume to go on with the training that stopped there" if stopped else ""
        raise OutputError(
            str(path),
            found="is not empty",
            expected="a new or empty folder",
            remedy=f"choose another with -o, or say --force to write over its files{go_on}",
        )
