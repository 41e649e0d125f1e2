"""What `task` may be."""

from pathlib import Path

import pytest

from kdprobe.config import base
from kdprobe.config.base import suites_folder
from kdprobe.errors import ConfigError, TaskError, UnknownNameError
from kdprobe.tasks.open import open_task, task_names

NAMES = (
    "cola", "grammar", "mnli", "mrpc", "multirc", "qnli", "qqp", "rte", "sara", "sst2", "stsb",
    "wnli",
)  # fmt: skip


def test_names():
    """A task file that does not ship is a task that does not exist."""
    assert set(NAMES) <= set(task_names())
    assert list(task_names()) == sorted(task_names())


@pytest.mark.parametrize("name", task_names())
def test_every_shipped_task_opens(name: str):
    """A file with a typo must fail here, not at a user's."""
    file = open_task(name)
    assert file.name == name
    assert file.description
    assert file.citation
    assert file.is_generated or file.obtain
    assert {"train", "dev"} <= set(file.split_names)
    assert file.compare_split == "dev"


@pytest.mark.parametrize(
    ("name", "labels", "score"),
    [
        ("cola", ("unacceptable", "acceptable"), "mcc"),
        ("sst2", ("negative", "positive"), "accuracy"),
        ("mrpc", ("not_equivalent", "equivalent"), "f1"),
        ("qqp", ("not_duplicate", "duplicate"), "f1"),
        ("stsb", (), "pearson"),
        ("mnli", ("entailment", "neutral", "contradiction"), "accuracy"),
        ("qnli", ("entailment", "not_entailment"), "accuracy"),
        ("rte", ("entailment", "not_entailment"), "accuracy"),
        ("wnli", ("not_entailment", "entailment"), "accuracy"),
        ("multirc", ("False", "True"), "accuracy"),
        ("grammar", ("unacceptable", "acceptable"), "mcc"),
    ],
)
def test_label_order_is_the_hubs(name: str, labels: tuple[str, ...], score: str):
    """A swapped order would turn every published checkpoint's head around."""
    file = open_task(name)
    assert (file.labels, file.primary_score) == (labels, score)


def test_f1_names_its_class():
    """F1 without a stated positive class is another number."""
    for name in task_names():
        file = open_task(name)
        assert file.primary_score != "f1" or file.positive == file.labels[1]


def test_unknown_name_has_neighbours():
    """A slip of the finger must be answered with the word that was meant."""
    with pytest.raises(UnknownNameError, match=r"no task is called 'colla', .* did you mean 'cola"):
        open_task("colla")


def test_own_task_file(tmp_path: Path):
    """Files named in it are beside it, also through `base`."""
    path = tmp_path / "mine.toml"
    head = 'name = "mine"\nlabels = ["a", "b"]\nprimary_score = "mcc"\ntext = "text"\n'
    layout = '[[local]]\nsplits = { dev = { file = "dev.tsv" } }\n'
    path.write_text(head + layout)
    assert open_task(str(path)).base == tmp_path
    path.write_text(head + 'base = "data"\n' + layout)
    assert open_task(str(path)).base == tmp_path / "data"
    path.write_text(head + 'colour = "red"\n' + layout)
    with pytest.raises(ConfigError, match=r"mine\.toml: unknown key 'colour', expected one of na"):
        open_task(str(path))


def test_data_file(tmp_path: Path):
    """The options must reach the guess."""
    path = tmp_path / "d.tsv"
    path.write_text("words\ttext\tlabel\nx\ty\t0\nz\tw\t1\n")
    assert open_task(str(path)).text == "text"
    assert open_task(str(path), text="words").text == "words"
    with pytest.raises(TaskError, match=r"no\.csv: cannot be read \(No such file or directory\)"):
        open_task(str(tmp_path / "no.csv"))


def test_columns_are_for_data_files_only():
    """`label` with a named task would be passed over in silence."""
    with pytest.raises(ConfigError) as caught:
        open_task("cola", label="gold")
    assert str(caught.value) == (
        "`label` gold: `task=cola` says itself which columns and classes it has, expected a plain "
        "data file (.tsv, .csv, .jsonl, .parquet, .yml); leave `label` out"
    )
    with pytest.raises(ConfigError, match="`labels` a,b: `task=cola` says itself"):
        open_task("cola", labels=("a", "b"))


def test_other_paths_are_refused(tmp_path: Path):
    """A data folder given as `task` must lead to `data_dir`."""
    expected = (
        "expected a task's name, a .toml, or a data file (.tsv, .csv, .jsonl, .parquet, .yml); "
        "name the folder that holds a task's data with `data_dir`"
    )
    file = tmp_path / "a.xlsx"
    file.write_text("x")
    for spec, found in (
        (tmp_path, "is a folder of a kind not known"),
        (file, "is a file of a kind not known"),
        (tmp_path / "no" / "x", "is no such file"),
    ):
        with pytest.raises(TaskError) as caught:
            open_task(str(spec))
        assert str(caught.value) == f"`task={spec}`: {found}, {expected}"


def test_suites_inside_the_package_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installed wheel has its suites inside; a checkout has them beside the package."""
    package = tmp_path / "kdprobe"
    package.mkdir()
    monkeypatch.setattr(base, "__file__", str(package / "config" / "base.py"))
    assert suites_folder() == tmp_path / "suites"
    (package / "suites").mkdir()
    assert suites_folder() == package / "suites"
