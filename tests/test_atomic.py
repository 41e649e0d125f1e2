"""Files that are either there whole or not there."""

import errno
import os
from pathlib import Path

import pytest

from kdprobe import atomic
from kdprobe.errors import OutputError


def test_write_replaces_whole(tmp_path: Path) -> None:
    """A reader must see the old bytes or the new ones."""
    target = tmp_path / "new" / "file.txt"
    atomic.write_text(target, "one\n")
    atomic.write_text(target, "two\n")
    assert target.read_text() == "two\n"
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle must not cost the file that was there."""
    target = tmp_path / "file.txt"
    atomic.write_text(target, "old\n")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        atomic.write_text(target, "new\n")
    assert str(caught.value) == (
        f"{target}: no space left on the device; nothing was written; free some space or choose "
        f"another place with -o, then run the command again"
    )
    assert target.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_staged_folder_is_all_or_nothing(tmp_path: Path) -> None:
    """A killed run must leave no folder that looks finished."""
    target = tmp_path / "out"
    target.mkdir()
    (target / "kept.txt").write_text("kept")
    (target / "sub").mkdir()
    (target / "sub" / "old").write_text("old")

    def fail_halfway() -> None:
        with atomic.staged_folder(target) as stage:
            (stage / "new.txt").write_text("new")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_halfway()
    assert sorted(p.name for p in target.iterdir()) == ["kept.txt", "sub"]
    with atomic.staged_folder(target) as stage:
        (stage / "new.txt").write_text("new")
        (stage / "sub").mkdir()
        (stage / "sub" / "young").write_text("young")
    assert sorted(p.name for p in target.iterdir()) == ["kept.txt", "new.txt", "sub"]
    assert [p.name for p in (target / "sub").iterdir()] == ["young"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_staged_folder_tells_of_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """A path below a file ends in one message, before and after the work."""
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(OutputError, match=r"cannot be written \(.*\); nothing was written"),
        atomic.staged_folder(tmp_path / "file" / "out"),
    ):
        pass
    with (
        pytest.raises(OutputError, match="cannot be written"),
        atomic.staged_folder(tmp_path / "file") as stage,
    ):
        (stage / "a").write_text("a")


def test_output_folder_must_be_empty(tmp_path: Path) -> None:
    """An output folder that holds another run's files would mix two runs."""
    atomic.require_empty_folder(tmp_path / "new", force=False)
    (tmp_path / "a").write_text("x")
    with pytest.raises(OutputError) as caught:
        atomic.require_empty_folder(tmp_path, force=False)
    assert str(caught.value) == (
        f"{tmp_path}: is not empty, expected a new or empty folder; choose another with -o, or say "
        f"--force to write over its files"
    )
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(OutputError, match="or --resume to go on with the training that stopped"):
        atomic.require_empty_folder(tmp_path, force=False)
    atomic.require_empty_folder(tmp_path, force=True)
    atomic.require_empty_folder(tmp_path, force=False, resume=True)
    with pytest.raises(OutputError, match="is a file, expected a folder to write into"):
        atomic.require_empty_folder(tmp_path / "a", force=True)
