"""What killed runs leave beside their results: taken away, but never from a living process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdprobe import leftovers
from kdprobe.leftovers import clear_leftovers, remove_folder, temporary_file, temporary_folder

HOLDS = """
import sys
from pathlib import Path
from kdprobe.leftovers import temporary_file, temporary_folder
place = Path(sys.argv[1])
with temporary_file(place / "a.json") as (handle, file), temporary_folder(place, "out") as folder:
    (folder / "half").write_text("x")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(leftovers.locks is None, reason="needs flock")
def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    """Guards two runs side by side: one must not take the other's files for left behind."""
    words = [sys.executable, "-c", HOLDS, str(tmp_path)]
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    with other.stdin, other.stdout:
        assert other.stdout.readline() == "ready\n"
        clear_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        other.kill()
        other.wait()
    clear_leftovers(tmp_path, "b.json")
    assert len(list(tmp_path.iterdir())) == 2
    clear_leftovers(tmp_path, "a.json")
    assert [item.name.split(".kdprobe-")[0] for item in tmp_path.iterdir()] == [".out"]
    clear_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_locks_only_old_leftovers_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a system without flock: what is younger than a day may belong to a living run."""
    monkeypatch.setattr(leftovers, "locks", None)
    old, young = (tmp_path / f".a.kdprobe-{name:0>8}" for name in ("old", "young"))
    for place in (old, young):
        place.write_text("x")
    os.utime(old, (time.time() - 90_000,) * 2)
    clear_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
    with (
        temporary_file(tmp_path / "a") as (handle, file),
        temporary_folder(tmp_path, "b") as folder,
    ):
        os.close(handle)
        assert file.exists()
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == [young]


def test_other_names_are_nobodys_leftovers(tmp_path: Path) -> None:
    """Guards the user's hidden files, and a link that points out of the folder."""
    names = {".kdprobe-settings", ".notes.kdprobe-x", "a.kdprobe-01234567"}
    for name in names:
        (tmp_path / name).write_text("mine")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("mine")
    (tmp_path / ".a.kdprobe-01234567").symlink_to(tmp_path / "far")
    clear_leftovers(tmp_path)
    clear_leftovers(tmp_path / "nowhere")
    assert {item.name for item in tmp_path.iterdir()} >= names
    assert (tmp_path / "far" / "file").exists()


def test_a_folder_loses_its_name_before_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards half a checkpoint under the name of a whole one."""
    (tmp_path / "checkpoint-7").mkdir()
    (tmp_path / "checkpoint-7" / "model.safetensors").write_text("x")
    names: list[list[str]] = []
    monkeypatch.setattr(
        shutil, "rmtree",
        lambda place, ignore_errors: names.append([item.name for item in tmp_path.iterdir()]),
    )  # fmt: skip
    remove_folder(tmp_path / "checkpoint-7")
    assert len(names[0]) == 1
    assert leftovers.is_temporary(names[0][0])
    remove_folder(tmp_path / "nothing")
