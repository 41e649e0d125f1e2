"""`kdprobe compare` as a person runs it."""

import csv
import errno
import json
from pathlib import Path

import pytest

from kdprobe.results.io import read_document
from tests.cli.scene import (
    LABELS,
    Outcome,
    checkpoint,
    gold,
    run,
    shuffled,
    write_predictions,
    write_task,
)
from tests.models.tiny import tiny_checkpoint

FAST = ("--resamples", "200", "--quiet")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The toy task's file; its data lie beside it."""
    return write_task(tmp_path)


@pytest.fixture
def teacher(tmp_path: Path, task: Path) -> Path:
    """A good model's predictions file."""
    return write_predictions(tmp_path / "teacher.jsonl", gold(tmp_path), seed=1)


@pytest.fixture
def student(tmp_path: Path, task: Path) -> Path:
    """A worse model's predictions file."""
    return write_predictions(tmp_path / "student.jsonl", gold(tmp_path), seed=2, skill=0.7)


def numbers(folder: Path) -> dict[tuple[str, ...], str]:
    """Read metrics.csv: coordinates to value."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = ("analysis", "metric", "model_a", "model_b", "subset", "method")
    return {tuple(row[key] for key in keys): row["value"] for row in rows}


def test_a_model_compared_with_itself(tmp_path: Path, task: Path) -> None:
    """Agreement 1 and kappa 1, and nothing undefined may be shown as a number."""
    model = checkpoint(tmp_path / "model")
    done = run("compare", f"a={model}", f"b={model}", "-t", task, "-o", tmp_path / "out", *FAST)
    assert done.code == 0, done.err
    found = numbers(tmp_path / "out")
    assert found["agreement", "agreement", "a", "b", "all", ""] == "1.0"
    assert found["agreement", "cohens_kappa", "a", "b", "all", ""] == "1.0"
    document = read_document(tmp_path / "out")
    mcnemar = document.find("paired_tests", "mcnemar", "a", "b")
    assert mcnemar is not None
    assert mcnemar.p_value == 1.0
    for result in document.analyses:
        for number in result.estimates:
            assert (number.value is None) == bool(number.undefined)
    assert "nan" not in (tmp_path / "out" / "metrics.csv").read_text().lower().split(",")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"results.json", "report.html", "metrics.csv", "predictions.parquet"}


def test_shuffled_predictions_files_give_the_same_numbers(
    tmp_path: Path, task: Path, teacher: Path, student: Path
) -> None:
    """Two files joined by row order give a kappa near 0 that looks like a finding."""
    (tmp_path / "mixed").mkdir()
    mixed = [
        shuffled(teacher, tmp_path / "mixed" / "teacher.jsonl", seed=3),
        shuffled(student, tmp_path / "mixed" / "student.jsonl", seed=4),
    ]
    assert run("compare", teacher, student, "-t", task, "-o", tmp_path / "a", *FAST).code == 0
    assert run("compare", *mixed, "-t", task, "-o", tmp_path / "b", *FAST).code == 0
    assert numbers(tmp_path / "a") == numbers(tmp_path / "b")
    assert len(numbers(tmp_path / "a")) > 100


def test_the_cache_changes_no_number(tmp_path: Path, task: Path) -> None:
    """A stale or rounded cache entry would show another model's answers."""
    models = [checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate(("t", "s"))]
    for name, extra in (("one", ()), ("two", ()), ("three", ("--no-cache", "--batch-size", "7"))):
        done = run("compare", *models, "-t", task, "-o", tmp_path / name, *FAST, *extra)
        assert done.code == 0, done.err
    one, two, three = (numbers(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.keys() == three.keys()
    for key, value in one.items():
        assert value == three[key] or float(three[key]) == pytest.approx(float(value), abs=1e-5)


def test_only_skip_and_what_cannot_run(
    tmp_path: Path, task: Path, teacher: Path, student: Path
) -> None:
    """An analysis that was asked for and could not run must not pass as done."""
    common = ("compare", teacher, student, "-t", task, *FAST)
    assert run(*common, "-o", tmp_path / "a", "--only", "agreement").code == 0
    ran = [result.name for result in read_document(tmp_path / "a").analyses]
    assert ran == ["agreement"]
    asked = run(*common, "-o", tmp_path / "b", "--only", "minimal_pairs,agreement")
    assert asked.code == 3
    assert "asked for, not possible: minimal pairs:" in asked.err
    assert "not run: " not in asked.err
    assert run(*common, "-o", tmp_path / "c", "--skip", "lists,slices").code == 0
    ran = [result.name for result in read_document(tmp_path / "c").analyses]
    assert "exemplary_cases" not in ran
    assert "slices" not in ran


def test_what_nobody_asked_for_is_one_line(
    tmp_path: Path, task: Path, teacher: Path, student: Path
) -> None:
    """Nine lines on what a person did not want, among which a warning is not seen."""
    common = ("compare", teacher, student, "-t", task, "--resamples", "200")
    assert "not run: " not in run(*common, "-o", tmp_path / "a", "--quiet").err
    lines = run(*common, "-o", tmp_path / "b").err.splitlines()
    (line,) = [one for one in lines if "not run" in one or "similarity" in one]
    assert line.startswith("not run: ")
    assert "attention_similarity (--attention 500), " in line
    assert "probing (--probe-tasks all), " in line
    assert "exemplars (every model has one run)" in line
    assert "per_label" not in line  # the task has one label: nobody could get it
    asked = run(*common, "-o", tmp_path / "c", "--only", "per_label,agreement")
    assert "examples of this task have one label or number" in " ".join(asked.err.split())


def test_gates(tmp_path: Path, task: Path, teacher: Path, student: Path) -> None:
    """A gate that exits with 0 is no gate."""
    common = ("compare", teacher, student, "-t", task, *FAST)
    failed = run(*common, "-o", tmp_path / "a", "--fail-if", "kappa<0.99")
    assert failed.code == 4
    assert "gate failed: student: cohens_kappa = " in failed.err
    passed = run(*common, "-o", tmp_path / "b", "--fail-if", "kappa<-1")
    assert passed.code == 0


def test_slices_seeds_and_json(tmp_path: Path, task: Path, teacher: Path, student: Path) -> None:
    """Several seeds under one name are one model; a slice column reaches the numbers."""
    second = write_predictions(tmp_path / "teacher2.jsonl", gold(tmp_path), seed=9)
    done = run(
        "compare", f"T={teacher},{second}", f"S={student}", "-t", task, "-o", tmp_path / "a",
        "--slice", "genre", "--json", *FAST,
    )  # fmt: skip
    assert done.code == 0, done.err
    head = json.loads(done.out)
    assert set(head["students"]) == {"S"}
    document = read_document(tmp_path / "a")
    assert document.teacher.runs == 2
    subsets = {number.subset for number in document.analysis("slices").estimates}  # type: ignore[union-attr]
    assert any("genre" in subset for subset in subsets)


def test_many_students_stand_below_each_other(tmp_path: Path, task: Path, teacher: Path) -> None:
    """A column for each of many students folds every number into a tower of digits."""
    students = [f"s{i}={teacher}" for i in range(5)]
    asked = ("--only", "task_scores,agreement", "-o", tmp_path / "out")
    done = run("compare", teacher, *students, "-t", task, *asked, *FAST)
    assert done.code == 0, done.err
    row = next(line for line in done.out.splitlines() if line.startswith("s3 "))
    assert [cell.strip() for cell in row.split("│")][3] == "1.00"  # state, score, agreement


def test_a_summary_is_written_where_it_is_asked_for(
    tmp_path: Path, task: Path, teacher: Path, student: Path
) -> None:
    """A place refused after an hour of computing, or other words than the page's, help nobody."""
    file, out = tmp_path / "verdict.md", tmp_path / "out"
    done = run("compare", teacher, student, "-t", task, "-o", out, "--summary", file, *FAST)
    assert done.code == 0, done.err
    assert f"Summary: {file}" in done.out
    again = tmp_path / "again.md"
    assert run("report", out, "-o", tmp_path / "x.html", "--summary", again).code == 0
    assert again.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
    assert "| student<br>student |" in file.read_text(encoding="utf-8")
    refused(
        run("compare", teacher, student, "-t", task, "-o", tmp_path / "b", "--summary", tmp_path),
        "is a folder",
    )
    assert not (tmp_path / "b").exists()


def test_limit_is_told_and_options_are_recorded(tmp_path: Path, task: Path, teacher: Path) -> None:
    """Numbers of 20 examples must not pass for numbers of all; full paths stay private."""
    done = run("compare", teacher, f"s={teacher}", "-t", task, "-o", tmp_path / "a", "--limit",
               "20", *FAST)  # fmt: skip
    assert done.code == 0, done.err
    document = read_document(tmp_path / "a")
    assert document.task.n == 20
    assert any(notice.code == "limit" for notice in document.warnings)
    assert str(tmp_path) not in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")


def refused(done: Outcome, *parts: str) -> None:
    """Check that a command ended with 2 and one message that holds these parts."""
    assert done.code == 2, done.out + done.err
    lines = [line for line in done.err.splitlines() if line.strip()]
    assert len(lines) == 1, done.err
    assert lines[0].startswith("Error: ")
    for part in parts:
        assert part in lines[0]


def test_bad_models(tmp_path: Path, task: Path, teacher: Path) -> None:
    """Each thing that is no usable model is named, with what to do."""
    out = ("-t", task, "-o", tmp_path / "out", *FAST)
    good = checkpoint(tmp_path / "good")
    refused(run("compare", tmp_path / "gone", good, *out), "gone")
    bare = tiny_checkpoint(tmp_path / "bare", labels=LABELS, head=False)
    refused(run("compare", good, bare, *out), "bare", "head")
    pickled = checkpoint(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    refused(run("compare", good, pickled, *out), "pickled", "safetensors")
    lost = checkpoint(tmp_path / "lost")
    for file in lost.glob("*token*"):
        file.unlink()
    for file in lost.glob("vocab*"):
        file.unlink()
    refused(run("compare", good, lost, *out), "lost", "tokenizer")
    foreign = checkpoint(tmp_path / "foreign")
    config = json.loads((foreign / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "code.Model"}
    (foreign / "config.json").write_text(json.dumps(config))
    refused(run("compare", good, foreign, *out), "foreign", "code")
    other = tiny_checkpoint(tmp_path / "other", labels=["red", "blue"])
    refused(run("compare", good, other, *out), "other", "red", "label")
    wrong = tiny_checkpoint(tmp_path / "wrong", labels=["a", "b", "c"])
    refused(run("compare", good, wrong, *out), "wrong", "3")
    refused(run("compare", f"x={good}", f"x={teacher}", *out), "x")
    assert not (tmp_path / "out").exists()


def test_bad_tasks_and_places(tmp_path: Path, task: Path, teacher: Path) -> None:
    """Each wrong word is answered by the nearest right one, or by what is missing."""
    pair = (teacher, f"s={teacher}")
    refused(run("compare", *pair, "-t", "grammer", "-o", tmp_path / "o"), "did you mean 'grammar'")
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    refused(run("compare", *pair, "-t", task, "-o", full), "is not empty", "--force")
    assert (full / "thesis.txt").read_text() == "mine"
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\tgenre\n", encoding="utf-8")
    refused(run("compare", *pair, "-t", task, "-o", tmp_path / "o"), "dev")
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\tgenre\nabc\tgood\n", encoding="utf-8")
    refused(run("compare", *pair, "-t", task, "-o", tmp_path / "o"), "dev.tsv:2", "2", "3")
    refused(run("compare", *pair, "-t", task, "--only", "agrement"), "did you mean 'agreement'")
    refused(run("compare", *pair, "-t", task, "--fail-if", "kappa"), "--fail-if")
    refused(run("compare", *pair, "-t", task, "--set", "bins=3"), "ANALYSIS.KEY=VALUE")


def test_bad_slice_and_settings(tmp_path: Path, task: Path, teacher: Path) -> None:
    """A misspelt column or option must not silently fall back to the default."""
    common = ("compare", teacher, f"s={teacher}", "-t", task, "-o", tmp_path / "o", *FAST)
    refused(run(*common, "--slice", "gender"), "no such column", "genre")
    refused(run(*common, "--set", "calibration.bin=3"), "unknown key", "'bins'")
    refused(run(*common, "--set", "calibratoin.bins=3"), "did you mean 'calibration'")
    refused(run(*common, "--minimal-pairs", tmp_path / "none"), "none")
    assert not (tmp_path / "o").exists()


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, task: Path, teacher: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up while the files are written must not leave half of them."""
    write = Path.write_text

    def full(self: Path, *args: object, **kwargs: object) -> int:
        if self.name == "report.html":
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return write(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    done = run("compare", teacher, student, "-t", task, "-o", tmp_path / "out", *FAST)
    refused(done, "no space left on the device")
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]
