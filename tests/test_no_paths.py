"""What is written says nothing of the machine it was written on: people push and mail it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kdprobe
from kdprobe import ProbingRequest
from kdprobe.cli import demo
from tests.cli.scene import EXAMPLES, run, write_task

USER = "aloysius"
TEACHER = "bilstm:hidden=8,fc=8,embed=8"
STUDENT = "bilstm:hidden=4,fc=4,embed=4"
QUICK = ("--epochs", "1", "--batch-size", "16", "--device", "cpu", "--quiet")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, in which everything is done."""
    place = tmp_path / USER
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    return place


def tell_tales(folder: Path) -> list[str]:
    """Name every file below a folder that holds the user's name, and the words around it."""
    tales = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        at = data.find(USER.encode())
        if at >= 0:
            tales.append(f"{file.relative_to(folder)}: …{data[max(0, at - 60) : at + 60]!r}…")
    return tales


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A command that is typed and ends well."""

    def typed(*words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["/opt/bin/kdprobe", *map(str, words)])
        outcome = run(*words)
        assert outcome.code == 0, outcome.err

    return typed


@pytest.mark.slow
@pytest.mark.parametrize("inside", [False, True], ids=["absolute paths", "inside the home"])
def test_no_file_names_the_user(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    done: Callable[..., None],
    inside: bool,
) -> None:
    """Guards a model card, a record, a page or a table that tells where a person's files are."""
    task, out = write_task(home), home / "out"
    monkeypatch.chdir(home if inside else tmp_path)
    place = (lambda path: os.path.relpath(path)) if inside else str
    teacher, student = place(out / "teacher"), place(out / "student")
    texts = place(home / "texts.tsv")
    done("finetune", TEACHER, "-t", place(task), "-o", teacher, *QUICK)
    done("augment", place(task), "-o", texts, "--n", "20", "-q")
    # A teacher of one epoch knows nothing, which `distill` refuses: this is about files alone.
    monkeypatch.setattr("kdprobe.distillers.teacher.refuse_chance", lambda *a, **k: None)
    common = (teacher, "-t", place(task), "--student", STUDENT, *QUICK)
    unlabelled = ("--transfer-set", texts, "--set", "hard_labels.weight=0")
    done("distill", *common, *unlabelled, "-o", student)
    done("distill", *common, "-o", place(out / "sweep"), "--sweep", "seed=1,2")
    done(
        "compare", teacher, f"s={student}", "-t", place(task), "-o", place(home / "report"),
        "--resamples", "100", "--methods", "ig", "--attribution-sentences", "4",
    )  # fmt: skip
    done("report", place(home / "report"), "-o", place(home / "page" / "again.html"))
    made = [path for path in home.rglob("*") if path.is_file()]
    assert len(made) > 40
    assert not tell_tales(home)
    card = (out / "student" / "README.md").read_text(encoding="utf-8")
    page = (home / "report" / "report.html").read_text(encoding="utf-8")
    if inside:
        assert "kdprobe distill out/teacher --task toy.toml -o out/student" in card
        assert "kdprobe compare out/teacher s=out/student -t toy.toml -o report" in page
    else:
        assert "kdprobe distill PATH/TO/teacher --task PATH/TO/toy.toml" in card
        assert "`PATH/TO/` stands for" in card
        assert "s=PATH/TO/student" in page
        assert "stands for folders of the machine" in page


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_names_nobody(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the page that newcomers show around: the demo's machinery, with next to no training.

    Its files, and its terminal where the user typed no path; then once more by an absolute path,
    the models kept.
    """
    small = {"TEACHER": TEACHER, "STUDENT": STUDENT, "TEACHER_EPOCHS": 0.01}
    small |= {"STUDENT_EPOCHS": 0.01, "METHODS": ("integrated_gradients",)}
    small |= {"SENTENCES": 2, "COMPARED": 20, "ERASED": 40, "DRAWS": 10}
    small |= {"PROPERTIES": ("subj_number",)}
    for name, value in small.items():
        monkeypatch.setattr(demo, name, value)
    for name in ("check_learnt", "check_nearer"):  # nobody has learnt anything
        monkeypatch.setattr(demo, name, lambda value: None)
    short = ProbingRequest(tasks=("sentence_length",), sentences=40)
    monkeypatch.setattr(kdprobe, "ProbingRequest", lambda **options: short)
    kdprobe_itself = str(home / ".venv" / "bin" / "kdprobe")
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "argv", [kdprobe_itself, "demo", "-o", "out"])
    done = run("demo", "-o", "out", "--threads", "1")
    assert done.code == 0, done.err
    written = {str(path.relative_to(home / "out")) for path in (home / "out").rglob("*")}
    assert {"results.json", "report.html", "metrics.csv", "predictions.parquet"} <= written
    for name in ("teacher", "kd-student", "kd-student-control"):
        assert {f"models/{name}/README.md", f"models/{name}/training.html"} <= written
    assert not tell_tales(home)
    assert "kdprobe demo -o out" in (home / "out" / "report.html").read_text(encoding="utf-8")
    for word in (USER, str(tmp_path)):
        assert word not in done.out + done.err
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, "_train", lambda models, **options: None)
    words = ("demo", "-o", str(home / "out"), "--threads", "1")
    monkeypatch.setattr(sys, "argv", [kdprobe_itself, *words])
    done = run(*words)
    assert done.code == 0, done.err
    assert not tell_tales(home)
    page = (home / "out" / "report.html").read_text(encoding="utf-8")
    assert "kdprobe demo -o PATH/TO/out" in page


def test_a_run_goes_on_from_another_place(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: Callable[..., None]
) -> None:
    """Guards a resumed run refused because its folder is named in another way than before."""
    task = write_task(home)
    assert EXAMPLES < 100
    monkeypatch.chdir(tmp_path)
    done("finetune", TEACHER, "-t", str(task), "-o", str(home / "m"), *QUICK)
    monkeypatch.chdir(home)
    outcome = run("finetune", TEACHER, "-t", "toy.toml", "-o", "m", *QUICK, "--resume")
    assert outcome.code == 0, outcome.err
