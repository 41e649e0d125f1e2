"""Where files are looked for: the order, and what a search remembers."""

from pathlib import Path

import pytest

from kdprobe.config.task import Layout, SplitFile, TaskFile
from kdprobe.errors import TaskError
from kdprobe.tasks.locate import find_split


def task_file(*layouts: Layout, base: Path | None = None) -> TaskFile:
    return TaskFile(
        name="mine", labels=("a", "b"), primary_score="mcc", text="t", base=base, local=layouts
    )


def layout(*folders: str, file: str = "dev.tsv") -> Layout:
    return Layout(folders=folders, splits={"dev": SplitFile(file=file)})


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDPROBE_DATA", raising=False)


@pytest.mark.parametrize("place", ["Mine", "glue/Mine"])
def test_directly_or_one_level_down(tmp_path: Path, place: str):
    """Both layouts that the manual promises must be found."""
    path = touch(tmp_path / place / "dev.tsv")
    found = find_split(task_file(layout("Mine")), "dev", data_dir=tmp_path).files
    assert found is not None
    assert (found.paths, found.folder) == ((path,), path.parent)


def test_the_folder_itself(tmp_path: Path):
    """Naming the task's own folder is the likeliest slip, and no reason to fail."""
    path = touch(tmp_path / "Mine" / "dev.tsv")
    found = find_split(task_file(layout("Mine")), "dev", data_dir=tmp_path / "Mine").files
    assert found is not None
    assert found.paths == (path,)


def test_data_dir_wins_over_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The option on the command line must not be overruled by the environment."""
    first = touch(tmp_path / "one" / "Mine" / "dev.tsv")
    second = touch(tmp_path / "two" / "Mine" / "dev.tsv")
    monkeypatch.setenv("KDPROBE_DATA", str(tmp_path / "two"))
    file = task_file(layout("Mine"))
    by_option = find_split(file, "dev", data_dir=tmp_path / "one").files
    by_variable = find_split(file, "dev", data_dir=None).files
    assert by_option is not None
    assert by_option.paths == (first,)
    assert by_variable is not None
    assert by_variable.paths == (second,)


def test_a_folder_without_the_file_does_not_end_the_search(tmp_path: Path):
    """An empty CoLA/ beside a full glue/CoLA/ must not hide it."""
    (tmp_path / "Mine").mkdir()
    path = touch(tmp_path / "glue" / "Mine" / "dev.tsv")
    found = find_split(task_file(layout("Mine")), "dev", data_dir=tmp_path).files
    assert found is not None
    assert found.paths == (path,)


def test_the_second_layout_is_taken_when_the_first_is_not_there(tmp_path: Path):
    """Sara's nlu.yml must be found where the split files are missing."""
    path = touch(tmp_path / "Mine" / "nlu.yml")
    file = task_file(layout("Mine"), layout("Mine", file="nlu.yml"))
    found = find_split(file, "dev", data_dir=tmp_path).files
    assert found is not None
    assert (found.paths, found.layout) == ((path,), file.local[1])


def test_several_files_by_a_star(tmp_path: Path):
    """Shards must be read all, in order."""
    paths = [touch(tmp_path / "Mine" / f"dev-{i}.parquet") for i in (1, 0)]
    file = task_file(layout("Mine", file="dev-*.parquet"))
    found = find_split(file, "dev", data_dir=tmp_path).files
    assert found is not None
    assert found.paths == tuple(sorted(paths))


def test_files_beside_the_task_file(tmp_path: Path):
    """A task file of one's own names its neighbours, whatever the data folders are."""
    path = touch(tmp_path / "dev.tsv")
    file = task_file(layout(), base=tmp_path)
    found = find_split(file, "dev", data_dir=None).files
    assert found is not None
    assert found.paths == (path,)
    assert find_split(task_file(layout(), base=tmp_path / "no"), "dev", data_dir=None).looked == (
        str(tmp_path / "no" / "dev.tsv"),
    )


def test_every_place_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`not found` without the places leaves the reader guessing."""
    file = task_file(layout("Mine"))
    one = tmp_path / "one"
    one.mkdir()
    assert find_split(file, "dev", data_dir=None) == (
        None,
        ("`data_dir` (not given)", "$KDPROBE_DATA (not set)"),
    )
    monkeypatch.setenv("KDPROBE_DATA", str(tmp_path / "gone"))
    assert find_split(file, "dev", data_dir=one) == (
        None,
        (
            str(one / "Mine" / "dev.tsv"),
            str(one / "*" / "Mine" / "dev.tsv"),
            f"$KDPROBE_DATA ({tmp_path / 'gone'}: no such folder)",
        ),
    )


def test_a_data_dir_that_is_none_is_refused(tmp_path: Path):
    """A typo in `data_dir` must not lead to other data unsaid."""
    with pytest.raises(TaskError) as caught:
        find_split(task_file(layout("Mine")), "dev", data_dir=tmp_path / "no")
    assert str(caught.value) == (
        f"`data_dir={tmp_path / 'no'}`: no such folder, expected a folder that holds the task's "
        "folder"
    )
    with pytest.raises(TaskError, match="is a file, expected a folder"):
        find_split(task_file(layout("Mine")), "dev", data_dir=touch(tmp_path / "f"))
