"""`--missing drop`: examples that a model did not answer, as a person meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdprobe.results.io import read_document
from kdprobe.results.schema import Notice, ResultsDocument
from tests.cli.scene import gold, run, write_predictions, write_task

FAST = ("--resamples", "100", "--quiet", "--only", "agreement,task_scores")


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A task of sixty dev examples, a student of all of them, and what a language model said.

    Of its sixty answers two lack, one is empty, one is `Good.` and one is a refusal.
    """
    write_task(tmp_path)
    write_predictions(tmp_path / "student.jsonl", gold(tmp_path), seed=2)
    rows = [{"text": text, "prediction": label} for text, label, _ in gold(tmp_path)]
    rows[5]["prediction"], rows[6]["prediction"] = "", "Good."
    rows[7]["prediction"] = "I cannot judge that."
    lines = "\n".join(json.dumps(row) for place, row in enumerate(rows) if place not in (3, 4))
    (tmp_path / "llm.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


def compared(scene: Path, *words: object) -> ResultsDocument:
    models = (scene / "llm.jsonl", scene / "student.jsonl")
    done = run("compare", *models, "-t", scene / "toy.toml", "-o", scene / "out", *FAST, *words)
    assert done.code == 0, done.err
    return read_document(scene / "out")


def unanswered(document: ResultsDocument) -> list[Notice]:
    return [notice for notice in document.warnings if notice.code == "unanswered"]


def test_the_default_is_a_refusal_with_the_remedy(scene: Path) -> None:
    """Guards numbers over the examples that a model chose to answer."""
    models = (scene / "llm.jsonl", scene / "student.jsonl")
    done = run("compare", *models, "-t", scene / "toy.toml", "-o", scene / "out", *FAST)
    assert done.code == 2
    message = " ".join(done.err.split())
    assert (
        "no answer to 5 of 60 examples (2 without a row, 1 empty, 2 no label ('Good.' 1, 'I cannot "
        "judge that.' 1)), the first is" in message
    )
    assert "--missing drop leaves them out for all models" in message
    assert "--label-map says which label an answer means (Good.=LABEL)" in message
    assert not (scene / "out").exists()


def test_dropped_for_all_models_counted_and_alarmed(scene: Path) -> None:
    """Guards a student scored on other examples than its teacher, and a share that is not told."""
    document = compared(scene, "--missing", "drop")
    assert document.task.n == document.examples_total == 55
    (notice,) = unanswered(document)
    assert notice.severity == "alarm"
    assert notice.message == (
        "5 of 60 examples (8.3%) were left out for all models (`missing=drop`): llm did not answer "
        "5 (2 without a row, 1 empty, 2 no label ('Good.' 1, 'I cannot judge that.' 1)). Every "
        "number is of the other 55, which may be easier than those."
    )
    assert document.request.options["missing"] == {
        "rule": "drop", "left out": 5, "of": 60, "by model": {"llm": 5},
    }  # fmt: skip
    accuracy = document.find("task_scores", "accuracy", "llm")
    assert accuracy is not None
    assert accuracy.value == 1.0
    page = (scene / "out" / "report.html").read_text(encoding="utf-8")
    assert "left out for all models" in page


def test_of_one_in_twenty_it_is_a_warning(scene: Path) -> None:
    """Guards the bound of 5 %: 3 of 60 are no more than that."""
    file = scene / "llm.jsonl"
    rows = gold(scene)
    whole = [json.dumps({"text": text, "prediction": label}) for text, label, _ in rows]
    file.write_text("\n".join(whole[3:]), encoding="utf-8")
    (notice,) = unanswered(compared(scene, "--missing", "drop"))
    assert notice.severity == "warning"
    file.write_text("\n".join(whole), encoding="utf-8")
    document = compared(scene, "--missing", "drop", "--force")
    assert unanswered(document) == []
    assert document.request.options["missing"] == {"rule": "drop"}


def test_a_label_map_says_what_answers_mean(scene: Path) -> None:
    """Guards `Good.` left out though a person says what it means, and slips in the map."""
    document = compared(scene, "--missing", "drop", "--label-map", "Good.=good")
    assert document.task.n == 56
    assert "'Good.' as good (1)" in " ".join(document.teacher.notes)
    models = (scene / "llm.jsonl", scene / "student.jsonl")
    words = ("-t", scene / "toy.toml", "-o", scene / "two", "--missing", "drop", *FAST)
    done = run("compare", *models, *words, "--label-map", "Good=good")
    assert done.code == 2
    assert "no model has a label 'Good'" in done.err
    assert "did you mean 'Good.'?" in " ".join(done.err.split())


def test_without_a_task_the_file_s_own_examples_are_dropped_too(scene: Path) -> None:
    """Guards a refusal that is a third class where the file itself is the task."""
    rows = gold(scene)
    said = [{"text": text, "label": label, "prediction": label} for text, label, _ in rows]
    said[0]["prediction"] = "No idea"
    (scene / "llm.jsonl").write_text("\n".join(map(json.dumps, said)), encoding="utf-8")
    models = (scene / "llm.jsonl", scene / "student.jsonl")
    done = run("compare", *models, "-o", scene / "out", "--missing", "drop", *FAST)
    assert done.code == 0, done.err
    document = read_document(scene / "out")
    assert (document.task.labels, document.task.n) == (("bad", "good"), 59)


def test_nothing_is_left(scene: Path) -> None:
    """Guards a study of no examples."""
    student = scene / "student.jsonl"
    lines = student.read_text(encoding="utf-8").splitlines()
    student.write_text(lines[3], encoding="utf-8")
    models = (scene / "llm.jsonl", student)
    words = ("-t", scene / "toy.toml", "-o", scene / "out", "--missing", "drop", *FAST)
    done = run("compare", *models, *words)
    assert done.code == 2
    assert "no example is answered by all models: llm did not answer 5" in done.err
