"""`--probe-tasks gold`: layers asked for the task's own labels, from the command to the page."""

import csv
import json
from pathlib import Path

import pytest

from kdprobe.config.task import TaskFile
from kdprobe.results.io import read_document
from kdprobe.results.schema import AnalysisResult
from kdprobe.tasks.open import open_task
from kdprobe.tasks.probing.gold_sets import gold_sets
from kdprobe.tasks.probing.sets import write_senteval
from kdprobe.tasks.sources import load_split
from tests.cli.scene import LABELS, Outcome, run, write_task
from tests.models.tiny import tiny_checkpoint
from tests.tasks.several_labels import LABELS as SEVERAL
from tests.tasks.several_labels import TASK, tiny_rows, write_rows

HOSTILE = "<script>alert(1)</script>[/red]"


def models(place: Path, labels: tuple[str, ...], *, several: bool = False) -> list[Path]:
    """A teacher of two layers and a student of one."""
    folders = []
    for name, layers, width in (("t", 2, 16), ("s", 1, 8)):
        folders.append(tiny_checkpoint(place / name, labels=labels, layers=layers, width=width))
        if several:
            config = json.loads((folders[-1] / "config.json").read_text())
            config["problem_type"] = "multi_label_classification"
            (folders[-1] / "config.json").write_text(json.dumps(config))
    return folders


def probed(place: Path, *words: object, out: str = "out") -> Outcome:
    return run(
        "compare", place / "t", place / "s", "-o", place / out, "--only", "probing",
        "--resamples", "100", "--device", "cpu", *words,
    )  # fmt: skip


def probing_of(place: Path) -> AnalysisResult:
    result = read_document(place).analysis("probing")
    assert result is not None
    return result


def file_of(place: Path) -> TaskFile:
    return open_task(str(place))


def several(place: Path, *, without: str = "") -> Path:
    """The task of three labels, the last one hostile; one may be missing from the examples."""
    rows = [
        {
            **row,
            "labels": [
                HOSTILE if name == SEVERAL[-1] else name
                for name in row["labels"]  # type: ignore[attr-defined]
                if name != without
            ],
        }
        for row in tiny_rows()
    ]
    write_rows(rows, place / "clauses.jsonl")
    task = place / "clauses.toml"
    task.write_text(TASK.replace(SEVERAL[-1], HOSTILE), encoding="utf-8")
    models(place, (*SEVERAL[:-1], HOSTILE), several=True)
    return task


def test_each_label_of_several_is_asked_for(tmp_path: Path):
    """Guards labels that are no tasks of their own, and a label's name that runs as a script."""
    task = several(tmp_path)
    done = probed(tmp_path, "--task", task, "--probe-tasks", "gold,past_present",
                  "--probe-sentences", "80")  # fmt: skip
    assert done.code == 0, done.err
    result = probing_of(tmp_path / "out")
    names = ["past_present", "gold: negation", "gold: past", f"gold: {HOSTILE}"]
    assert [curve.name for curve in result.curves] == [f"task-{name}" for name in names]
    assert result.matrices[0].rows == tuple(names)
    made = {(e.metric, e.subset, e.layer): e for e in result.estimates if e.model_a == "t"}
    gap = made["gap", "gold: past", "best"]
    assert gap.value is not None
    assert gap.n == 40  # of the 48 compared examples, half of 80
    assert made["selectivity", "gold: past", "1"].value is not None
    lines = {(e.name, len(e.y)) for curve in result.curves for e in curve.series}
    assert {name for name, _ in lines} >= {"t: random weights", "word endings"}
    assert "tested on the compared examples of dev" in " ".join(result.notes)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "gold: negation (other, 2 classes)" in page
    assert "gold: &lt;script&gt;alert(1)" in page
    assert f"gold: {HOSTILE}" not in page
    with (tmp_path / "out" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        assert f"gold: {HOSTILE}" in {row["subset"] for row in csv.DictReader(file)}


def test_a_label_without_examples_is_left_out(tmp_path: Path):
    """Guards one label that nothing has and that ends hours of probing of the others."""
    task = several(tmp_path, without="past")
    done = probed(tmp_path, "--task", task, "--probe-tasks", "gold", "--probe-sentences", "40")
    assert done.code == 3
    document = read_document(tmp_path / "out")
    assert [(one.what, one.reason) for one in document.skipped if one.requested] == [
        ("probing", "gold: past: the training part has one class only, 'no'")
    ]
    assert len(probing_of(tmp_path / "out").curves) == 2


def test_the_numbers_are_those_of_a_file_of_the_same_sentences(tmp_path: Path):
    """Guards sentences, classes or parts that reach the probes otherwise than those of a file."""
    task = write_task(tmp_path)
    models(tmp_path, LABELS)
    opened = file_of(task)
    train, dev = (load_split(opened, name, offline=True) for name in ("train", "dev"))
    ((_, one),) = gold_sets(train, dev, seed=0).sets
    write_senteval(one, tmp_path / "mine.txt")
    own = tmp_path / "mine.toml"
    own.write_text(
        'name = "gold"\ngroup = "other"\ndescription = "the same"\nfile = "mine.txt"\n',
        encoding="utf-8",
    )
    asked = ("--task", task, "--seed", "0", "--probe-sentences", "60", "--mdl")
    for out, name in (("out", "gold"), ("own", own)):
        done = probed(tmp_path, *asked, "--probe-tasks", name, out=out)
        assert done.code == 0, done.err
    gold, mine = (probing_of(tmp_path / out) for out in ("out", "own"))
    assert gold.estimates == mine.estimates
    assert gold.tables == mine.tables
    assert gold.matrices == mine.matrices
    both = probed(tmp_path, *asked, "--probe-tasks", f"{own},Gold", out="x")
    assert both.code == 2
    assert "--probe-tasks: gold is named twice, expected once" in both.err


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("train", "toy has no training split at hand beside train"),
        ("dev", "the gold labels of toy are numbers, no classes"),
    ],
)
def test_what_cannot_be_asked_ends_before_anything_is_written(
    tmp_path: Path, split: str, message: str
):
    """Guards a refusal after the models were read, or a folder that holds half a report."""
    task = write_task(tmp_path)
    if split == "dev":
        for name in ("train", "dev"):
            held = (tmp_path / f"{name}.tsv").read_text()
            (tmp_path / f"{name}.tsv").write_text(
                held.replace("\tgood", "\t1").replace("\tbad", "\t0")
            )
        task.write_text(
            task.read_text().replace('labels = ["bad", "good"]', 'kind = "regression"')
            .replace("accuracy", "pearson").replace('acceptable = "good"\n', "")
        )  # fmt: skip
    models(tmp_path, () if split == "dev" else LABELS)
    done = probed(tmp_path, "--task", task, "--split", split, "--probe-tasks", "gold")
    assert done.code == 2
    assert f"--probe-tasks gold: {message}" in " ".join(done.err.split())
    assert not (tmp_path / "out").exists()
