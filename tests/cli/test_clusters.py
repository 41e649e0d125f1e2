"""Dependent examples from the folder to the page: MultiRC in small, and every bad column."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.errors import UsageError
from kdprobe.results.io import read_document
from tests.cli.scene import run

PASSAGES, QUESTIONS, ANSWERS = 12, 2, 3
N = PASSAGES * QUESTIONS * ANSWERS
FAST = ("--resamples", "400", "--quiet", "--skip", "sanity_checks")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in SuperGLUE's format: 12 passages of 2 questions with 3 answers each."""
    generator = np.random.default_rng(0)
    (tmp_path / "MultiRC").mkdir()
    lines = []
    for passage in range(PASSAGES):
        questions = [
            {
                "question": f"What of {passage} and {number}?", "idx": passage * QUESTIONS + number,
                "answers": [
                    {"text": f"answer {place}", "idx": place, "label": int(generator.integers(2))}
                    for place in range(ANSWERS)
                ],
            }
            for number in range(QUESTIONS)
        ]  # fmt: skip
        text = f"Passage {passage} tells of the rain."
        lines.append({"idx": passage, "passage": {"text": text, "questions": questions}})
    file = tmp_path / "MultiRC" / "val.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return tmp_path


def models(folder: Path) -> list[Path]:
    """A teacher and a student that are right or wrong on whole passages, mostly."""
    records = (folder / "MultiRC" / "val.jsonl").read_text(encoding="utf-8").splitlines()
    gold = [
        answer["label"]
        for record in map(json.loads, records)
        for question in record["passage"]["questions"]
        for answer in question["answers"]
    ]
    files = []
    for name, share in (("teacher", 0.85), ("student", 0.6)):
        generator = np.random.default_rng(len(name))
        good = np.repeat(generator.random(PASSAGES) < share, QUESTIONS * ANSWERS)
        good ^= generator.random(N) < 0.08
        rows = []
        for row, (label, right) in enumerate(zip(gold, good, strict=True), start=1):
            said = label if right else 1 - label
            logits = [0.0, 0.0]
            logits[said] = 1.0 + generator.random()
            rows.append(json.dumps({"id": f"dev-{row:05d}", "logits": logits}))
        files.append(folder / f"{name}.jsonl")
        files[-1].write_text("\n".join(rows) + "\n", encoding="utf-8")
    return files


def numbers(folder: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """The rows of metrics.csv by their coordinates."""
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    keys = ("analysis", "metric", "model_a", "model_b", "subset", "method")
    return {tuple(row[key] for key in keys): row for row in rows}


def compared(folder: Path, name: str, *more: object) -> Path:
    out = folder / name
    done = run("compare", *models(folder), "-t", "multirc", "--data-dir", folder, "-o", out,
               *FAST, *more)  # fmt: skip
    assert done.code == 0, done.err
    return out


def test_multirc_is_told_in_answers_and_passages(folder: Path) -> None:
    """Guards n = 72 told as 72 independent answers, which are 12 passages."""
    out = compared(folder, "by-passage")
    task = read_document(out).task
    assert (task.n, task.clusters, task.clustered_by) == (N, PASSAGES, "paragraph")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "n = 72 in 12 clusters of equal paragraph unless said otherwise" in page
    assert "72 examples in 12 clusters of equal paragraph" in page
    assert "With so few of them intervals are too narrow." in page
    clustered, alone = numbers(out), numbers(compared(folder, "alone", "--cluster", "none"))
    agreement = ("agreement", "agreement", "teacher", "student", "all", "")
    one, other = clustered[agreement], alone[agreement]
    assert one["value"] == other["value"]
    assert one["interval"] == "paired bootstrap over clusters of examples, percentile"
    assert other["interval"] == "paired bootstrap over examples, percentile"
    widths = [float(each["ci_high"]) - float(each["ci_low"]) for each in (one, other)]
    assert widths[0] > 1.5 * widths[1]
    mcnemar = ("paired_tests", "mcnemar", "teacher", "student", "all", "")
    assert float(clustered[mcnemar]["p_value"]) > float(alone[mcnemar]["p_value"])
    effect = clustered["design_effect", "design_effect", "teacher", "student", "all", "agreement"]
    assert float(effect["value"]) == pytest.approx((widths[0] / widths[1]) ** 2, rel=0.35)
    assert read_document(folder / "alone").task.clusters is None


def test_another_column_and_a_cluster_each(folder: Path) -> None:
    """Guards a column that is taken from the task whatever is asked, and resamples that move."""
    by_question = read_document(compared(folder, "by-question", "--cluster", "question_id"))
    assert by_question.task.clusters == PASSAGES * QUESTIONS
    table = folder / "own.csv"
    rows = [f"text {row},{row % 2},{row}" for row in range(40)]
    table.write_text("\n".join(["text,label,key", *rows]) + "\n", encoding="utf-8")
    file = folder / "m.jsonl"
    said = [json.dumps({"text": f"text {row}", "logits": [0.0, float(row % 3)]})
            for row in range(40)]  # fmt: skip
    file.write_text("\n".join(said) + "\n", encoding="utf-8")
    each = kdprobe.compare(f"t={file}", f"s={file}", task=table, cluster="key", resamples=100,
                           label="label", text="text")  # fmt: skip
    none = kdprobe.compare(f"t={file}", f"s={file}", task=table, resamples=100,
                           label="label", text="text")  # fmt: skip
    kept = ["analysis", "metric", "model_a", "model_b", "subset", "value", "ci_low", "ci_high"]
    ours, theirs = (
        frame[frame.analysis == "task_scores"][kept].reset_index(drop=True)
        for frame in (each.metrics, none.metrics)
    )
    assert ours.equals(theirs)
    notice = next(one for one in each.document.warnings if one.code == "clusters")
    assert notice.message.startswith("Each of the 40 examples is a cluster of equal 'key'")


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("colour", ("no column 'colour' for the clusters", "'text'")),
        ("same", ("--cluster same:", "all examples are in one cluster", "--cluster none")),
        ("part", ("own.csv:3", "column 'part' is empty", "--cluster none")),
    ],
)
def test_a_column_that_cannot_serve_is_refused_in_one_message(
    tmp_path: Path, column: str, parts: tuple[str, ...]
) -> None:
    """Guards intervals of no width from one cluster, and rows lumped together for lack of one."""
    table = tmp_path / "own.csv"
    table.write_text("text,label,same,part\na,0,x,p\nb,1,x,\nc,0,x,q\n", encoding="utf-8")
    file = tmp_path / "m.jsonl"
    said = [json.dumps({"text": text, "logits": [0.0, 1.0]}) for text in "abc"]
    file.write_text("\n".join(said) + "\n", encoding="utf-8")
    asked = ("--text", "text", "--label", "label", "--cluster", column)
    done = run("compare", f"t={file}", f"s={file}", "-t", table, "-o", tmp_path / "out", *asked)
    assert done.code == 2
    lines = [line for line in done.err.splitlines() if line.startswith("Error")]
    assert len(lines) == 1
    for part in parts:
        assert part in done.err
    assert not (tmp_path / "out").exists()


def test_arrays_take_clusters(tmp_path: Path) -> None:
    """Guards a keyword that is taken and not used, and rows that do not fit."""
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 2, size=80)
    good = np.repeat(generator.random(20) < 0.7, 4)
    student = np.where(good, gold, 1 - gold)
    given: dict[str, Any] = {"teacher": gold, "students": {"s": student}, "resamples": 300}
    plain = kdprobe.compare_predictions(gold, **given)
    grouped = kdprobe.compare_predictions(
        gold, clusters=np.repeat(np.arange(20), 4).tolist(), **given
    )
    assert grouped.document.task.in_clusters == " in 20 clusters of equal clusters"
    one, other = (result.get("accuracy", "s") for result in (grouped, plain))
    assert one.low is not None
    assert other.low is not None
    assert one.low < other.low
    # The teacher is never wrong: 3 / clusters, not 3 / n.
    teacher = grouped.get("accuracy", "teacher")
    assert (teacher.low, teacher.interval) == (1 - 3 / 20, "rule of three over clusters")
    for wrong, words in (
        ([1, 2], "`clusters`: 2 rows, expected 80"),
        ([None] * 80, "`clusters`: row 1 has none"),
        ([1] * 80, "all examples are in one cluster"),
    ):
        with pytest.raises(UsageError, match=words):
            kdprobe.compare_predictions(gold, clusters=wrong, **given)
