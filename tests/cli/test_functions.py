"""Functions as models on the command line, as a person calls them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdprobe.results.io import read_document
from kdprobe.results.schema import ResultsDocument
from tests.cli.scene import checkpoint, run, write_task

CODE = """
import math
CALLS = []
def predict(texts):
    CALLS.extend(texts)
    rows = []
    for text in texts:
        score = (text.count("e") - text.count("a")) / 3
        good = 1 / (1 + math.exp(-score))
        rows.append([1 - good, good])
    return rows
def wrong(texts):
    rows = predict(texts)
    return [[0.5, 0.7] if text.endswith(" 3") else row for text, row in zip(texts, rows)]
def few(texts):
    return predict(texts)[:-1]
def nan(texts):
    return [[float("nan")] * 2 for text in texts]
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a task, a checkpoint, minimal pairs and a module."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write_task(tmp_path)
    checkpoint(tmp_path / "teacher", seed=1)
    (tmp_path / "kdp_rule.py").write_text(CODE, encoding="utf-8")
    same = {"UID": "u", "linguistics_term": "u", "field": "f"}
    pairs = [
        {
            "sentence_good": f"he ate {row}",
            "sentence_bad": f"a man ate {row}",
            **same,
            "pairID": row,
        }
        for row in map(str, range(4))
    ]
    (tmp_path / "pairs").mkdir()
    lines = "\n".join(map(json.dumps, pairs))
    (tmp_path / "pairs" / "u.jsonl").write_text(lines, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("kdp_rule", None)


FAST = ("--task", "toy.toml", "--resamples", "100", "--quiet", "-o", "out")


def compared(scene: Path, *words: str) -> ResultsDocument:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["kdprobe", "compare", *words, *FAST])
        done = run("compare", *words, *FAST)
    assert done.code == 0, done.err
    return read_document(scene / "out")


@pytest.mark.slow
def test_a_function_as_student_with_all_that_texts_can_give(scene: Path) -> None:
    """Guards a report whose command does not make it again, or leaves LIME and SHAP out."""
    document = compared(
        scene, "teacher", "rule=python:kdp_rule:predict?version=1", "--methods",
        "lime,shap,occlusion", "--attribution-sentences", "3", "--minimal-pairs", "pairs",
    )  # fmt: skip
    assert "'rule=python:kdp_rule:predict?version=1'" in document.request.command
    student = document.students[0]
    assert (student.name, student.source) == ("rule", "function")
    assert student.folder == "the function kdp_rule:predict"
    ran = {result.name for result in document.analyses}
    assert {"attribution_agreement", "minimal_pairs", "agreement"} <= ran
    right = document.find("minimal_pairs", "accuracy", "rule")
    assert right is not None
    assert right.value == 1.0
    assert "imported and run" in " ".join(student.notes)
    assert "not kept" not in " ".join(student.notes)


def test_a_version_keeps_its_answers(scene: Path) -> None:
    """Guards a function that is asked anew though its answers are known, and one that is not."""
    import importlib

    compared(scene, "python:kdp_rule:predict?version=1", "teacher", "--only", "agreement")
    calls = importlib.import_module("kdp_rule").CALLS
    assert len(calls) == 62  # sixty texts, two of them twice
    calls.clear()
    compared(
        scene, "python:kdp_rule:predict?version=1", "teacher", "--only", "agreement", "--force"
    )
    assert calls == []
    document = compared(
        scene, "python:kdp_rule:predict", "teacher", "--only", "agreement", "--force"
    )
    assert len(calls) == 62
    assert "its answers were not kept" in " ".join(document.teacher.notes)


def test_its_words_are_explained(scene: Path) -> None:
    """Guards a traceback where the default method needs gradients."""
    words = ("attribute", "rule=python:kdp_rule:predict", "--text", "he ate pears")
    done = run(*words, "--methods", "lime,shap,occlusion", "--json")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert (shown["model"], shown["explained"]) == ("rule", "1")
    assert [method["method"] for method in shown["methods"]] == ["lime", "shap", "occlusion"]
    done = run(*words)
    assert done.code == 2
    assert "expected a method that leaves words out: lime, shap, occlusion" in done.err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong", "row 4 (of "),
        ("few", "an array of shape (59, 2), expected a row for each of 60"),
        ("nan", "row 1 (of "),
        ("absent", "kdp_rule has no 'absent', expected one of few, nan, predict, wrong"),
    ],
)
def test_what_is_wrong_with_it_is_one_message(scene: Path, name: str, message: str) -> None:
    """Guards a traceback, a report half written, and a text that nobody can look up."""
    done = run("compare", f"python:kdp_rule:{name}", "teacher", *FAST)
    assert done.code == 2
    assert message in done.err.replace("\n", " ")
    assert not (scene / "out").exists()
