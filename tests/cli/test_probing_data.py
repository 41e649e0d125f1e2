"""Where probing sets come from, as a person meets it: helps, own tasks, unusable files."""

from pathlib import Path

import pytest

from kdprobe.models.hf import HfModel
from kdprobe.results.io import read_document
from tests.cli.scene import LABELS, run, write_task
from tests.models.tiny import tiny_checkpoint

CYCLE = (
    "1\tCats\tcat\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tsleep\tsleep\tVERB\t_\t_\t1\tdep\t_\t_\n"
)  # fmt: skip


def test_helps_say_what_comes_from_where():
    """Guards against a person who builds from dependencies and looks for two tasks in vain."""
    build = " ".join(run("probes", "build", "--help").out.split())
    assert "Universal Dependencies (.conllu) give eight" in build
    assert "tree_depth and top_constituents ask for constituents" in build
    assert "Example: kdprobe probes build" in build
    fetch = " ".join(run("probes", "fetch", "--help").out.split())
    assert "goes on where it stopped" in fetch
    assert "Example: kdprobe probes fetch" in fetch


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.mrg", "(S (NP (NN x))", "t.mrg:1: the file ends inside a bracket, expected bracketed"),
        ("t.mrg", "\n(S (NN x)) )", "t.mrg:2: ')' outside any bracket"),
        ("t.mrg", "", "holds no tree, expected a treebank"),
        ("t.conllu", CYCLE, "t.conllu:1: the heads above word 1 ('Cats') run in a circle"),
        ("t.conllu", "1\tCats\n", "t.conllu:1: 2 tab-separated fields, expected ten"),
        ("t.txt", "(S (NN x))", "is no treebank, expected a .mrg or .conllu file"),
    ],
)
def test_treebanks_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str):
    """Guards against a traceback, and against half a set left in the new folder."""
    (tmp_path / name).write_text(text)
    done = run("probes", "build", tmp_path / name, "-o", tmp_path / "out")
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_folders_without_what_is_asked(tmp_path: Path):
    """Guards against an empty folder that is taken for a treebank or for SentEval's files."""
    (tmp_path / "empty").mkdir()
    done = run("probes", "build", tmp_path / "empty", "-o", tmp_path / "out")
    assert done.code == 2
    assert "is no treebank, expected a .mrg or .conllu file, or a folder that" in done.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    done = run("probes", "build", "grammar", "-o", tmp_path / "full")
    assert done.code == 2
    assert "is not empty, expected a new or empty folder" in done.err


@pytest.mark.parametrize(
    ("folder", "line", "message"),
    [
        ("empty", "", "holds no bigram_shift.txt, expected the file of the probing task"),
        ("bad", "tr\tO\n", "bigram_shift.txt:9: 2 tab-separated fields that start with 'tr'"),
        ("bad", "dev\tO\tthe dog\n", "bigram_shift.txt:9: 3 tab-separated fields that start with "
         "'dev', expected tr, va or te, a class, and a sentence"),
        ("bad", "te\tX\tthe dog\n", "class 'X' stands in part 'te' and never in 'tr'"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_probed_end_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, line: str, message: str
):
    """Guards against minutes of work before, or a table of numbers after, a malformed line."""
    asked: list[object] = []
    monkeypatch.setattr(HfModel, "outputs", lambda *given, **named: asked.append(given))
    task = write_task(tmp_path)
    model = tiny_checkpoint(tmp_path / "t", labels=LABELS, layers=1, width=8)
    sets = tmp_path / folder
    sets.mkdir()
    if line:
        good = "".join(f"{part}\t{label}\tdog {k}\n" for k, (part, label) in enumerate(
            (part, label) for part in ("tr", "va", "te") for label in "IO"
        ))  # fmt: skip
        (sets / "bigram_shift.txt").write_text(good + "\n\n" + line)
    done = run("compare", model, f"s={model}", "--task", task, "-o", tmp_path / "out", "--only",
               "probing", "--probe-tasks", "bigram_shift", "--probing-dir", sets, "--device", "cpu",
               "--resamples", "100", "--quiet")  # fmt: skip
    assert done.code == 2
    assert message in done.err
    assert asked == []


def test_an_own_task_is_compared_from_end_to_end(tmp_path: Path):
    """Guards against own tasks that are opened and never asked, or sought in SentEval's folder."""
    task = write_task(tmp_path)
    (tmp_path / "mine").mkdir()
    rows = [
        f"{part}\t{'cat' if k % 2 else 'dog'}\tthe {'cat' if k % 2 else 'dog'} sleeps {k}"
        for part, size in (("tr", 40), ("va", 20), ("te", 20))
        for k in range(size)
    ]
    (tmp_path / "mine" / "animals.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "mine" / "animals.toml").write_text(
        'name = "animals"\ngroup = "other"\ndescription = "Cat or dog?"\nfile = "animals.txt"\n'
    )
    (tmp_path / "sets").mkdir()
    teacher = tiny_checkpoint(tmp_path / "t", labels=LABELS, layers=1, width=8)
    student = tiny_checkpoint(tmp_path / "s", labels=LABELS, layers=1, width=8, seed=1)
    done = run("compare", teacher, student, "--task", task, "-o", tmp_path / "out", "--only",
               "probing", "--probe-tasks", tmp_path / "mine" / "animals.toml", "--probing-dir",
               tmp_path / "sets", "--probe-sentences", "40", "--device", "cpu", "--resamples",
               "100", "--quiet")  # fmt: skip
    assert done.code == 0, done.err
    result = read_document(tmp_path / "out").analysis("probing")
    assert result is not None
    values = [
        estimate.value
        for estimate in result.estimates
        if (estimate.metric, estimate.subset, estimate.layer) == ("accuracy", "animals", "0")
    ]
    assert values == [1.0, 1.0]
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
