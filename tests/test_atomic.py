"""Files that are either there whole or not there."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdprobe import atomic
from kdprobe.errors import OutputError
from kdprobe.leftovers import is_temporary


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
        f"another place, then run the command again"
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
        f"{tmp_path}: is not empty, expected a new or empty folder; choose another with "
        f"`output`, or say `force` to write over its files"
    )
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(OutputError, match="or `resume` to go on with the training that stopped"):
        atomic.require_empty_folder(tmp_path, force=False)
    atomic.require_empty_folder(tmp_path, force=True)
    atomic.require_empty_folder(tmp_path, force=False, resume=True)
    with pytest.raises(OutputError, match="is a file, expected a folder to write into"):
        atomic.require_empty_folder(tmp_path / "a", force=True)


def test_a_new_folder_appears_in_one_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a folder that somebody reads while its files arrive one by one."""
    renames: list[tuple[str, str]] = []
    rename = os.rename

    def counted(old: Path, new: Path) -> None:
        renames.append((Path(old).name, Path(new).name))
        rename(old, new)

    monkeypatch.setattr(os, "rename", counted)
    with atomic.staged_folder(tmp_path / "new" / "out") as stage:
        (stage / "a.txt").write_text("a")
        (stage / "b.json").write_text("b")
    ((old, new),) = renames
    assert is_temporary(old)
    assert new == "out"
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["out"]
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "new" / "out").stat().st_mode & 0o777 == 0o777 & ~mask


def half_exchanged(target: Path) -> Path:
    """A folder whose new files a killed run had ready, one of them in its place."""
    ready = target / atomic.EXCHANGE
    ready.mkdir(parents=True)
    (ready / "results.json").write_text("new")
    (ready / "sub").mkdir()
    (ready / "sub" / "young").write_text("new")
    (ready / "outdated.kdprobe").write_text(json.dumps(["old.parquet", "../notes.txt", "mine"]))
    (target / "metrics.csv").write_text("new")
    (target / "results.json").write_text("old")
    (target / "old.parquet").write_text("old")
    (target / "mine").mkdir()
    (target / "mine" / "notes.txt").write_text("mine")
    (target.parent / "notes.txt").write_text("mine")
    return target


def test_an_exchange_that_was_killed_is_finished(tmp_path: Path) -> None:
    """Guards a folder of new and old results, and files of the user's that a list names."""
    target = half_exchanged(tmp_path / "out")
    (target / "sub").write_text("a file where a folder is to stand")
    atomic.require_empty_folder(target, force=False)  # the folder is its own to finish
    assert {p.name for p in target.iterdir()} == {"metrics.csv", "mine", "results.json", "sub"}
    assert (target / "results.json").read_text() == "new"
    assert (target / "sub" / "young").read_text() == "new"
    assert (target / "mine" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="is not empty"):
        atomic.require_empty_folder(target, force=False)


def test_a_link_is_no_exchange(tmp_path: Path) -> None:
    """Guards a folder from elsewhere whose link would move the user's own files into it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "notes.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / atomic.EXCHANGE).symlink_to(tmp_path / "home")
    assert not atomic.finish_exchange(tmp_path / "out")
    assert (tmp_path / "home" / "notes.txt").exists()


def test_an_exchange_that_cannot_be_finished_says_where_the_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards results that are whole on a disk that fails, and a message that calls them lost."""
    target = half_exchanged(tmp_path / "out")

    def full(old: Path, new: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError) as caught:
        atomic.finish_exchange(target)
    assert str(caught.value) == (
        f"{target}: cannot be written (No space left on device); the new files are in "
        f"{target / atomic.EXCHANGE}; free some space or mend the place, then run the command again"
    )
    assert (target / atomic.EXCHANGE / "results.json").read_text() == "new"


def test_outdated_results_go_and_others_stay(tmp_path: Path) -> None:
    """Guards word scores of an earlier comparison beside the numbers of this one."""
    for name in ("words.parquet", "metrics.csv", "notes.txt"):
        (tmp_path / name).write_text("old")
    with atomic.staged_folder(tmp_path, outdated=("words.parquet", "metrics.csv")) as stage:
        (stage / "metrics.csv").write_text("new")
    assert {p.name for p in tmp_path.iterdir()} == {"metrics.csv", "notes.txt"}
    assert (tmp_path / "metrics.csv").read_text() == "new"
    assert (tmp_path / "notes.txt").read_text() == "old"


def test_what_a_killed_run_left_is_nothing(tmp_path: Path) -> None:
    """Guards `force` asked for, or rubbish kept for ever, where only temporary files stand."""
    target = tmp_path / "out"
    for place in (target / ".checkpoints.kdprobe-0123abcd", tmp_path / ".out.kdprobe-0123abcd"):
        place.mkdir(parents=True)
        (place / "half").write_text("x")
    (tmp_path / ".other.kdprobe-0123abcd").write_text("of another folder")
    atomic.require_empty_folder(target, force=False)
    assert list(target.iterdir()) == []
    assert {p.name for p in tmp_path.iterdir()} == {"out", ".other.kdprobe-0123abcd"}


def test_several_processes_finish_one_exchange(tmp_path: Path) -> None:
    """Guards torchrun, where every process opens the folder: none may trip over another's moves."""
    target = half_exchanged(tmp_path / "out")
    for number in range(200):
        (target / atomic.EXCHANGE / f"{number}.txt").write_text("new")
    code = "import sys, pathlib; from kdprobe.atomic import finish_exchange as f; "
    code += "sys.stdin.read(); f(pathlib.Path(sys.argv[1]))"
    words = [sys.executable, "-c", code, str(target)]
    others = [subprocess.Popen(words, stdin=subprocess.PIPE) for _ in range(3)]
    for other in others:
        assert other.stdin is not None
        other.stdin.close()
    assert [other.wait() for other in others] == [0, 0, 0]
    assert len(list(target.glob("*.txt"))) == 200
    assert not (target / atomic.EXCHANGE).exists()
