"""A study made again from `predictions.parquet`: several labels at once, damaged files."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kdprobe
from kdprobe.errors import ResultsFormatError
from kdprobe.observations.label_sets import LabelOutputs
from kdprobe.results.diff import NumberChange
from tests.cli.scene import run

N = 150
FEW: dict[str, Any] = {"resamples": 200, "only": ["task_scores", "agreement", "per_label"]}


def gold_of(labels: int) -> np.ndarray:
    return np.random.default_rng(labels).integers(0, 2, (N, labels))


def logits_of(labels: int, noise: float, seed: int) -> np.ndarray:
    """Log-odds of each label: right where the noise is small."""
    rng = np.random.default_rng(seed)
    return np.asarray(2.0 * gold_of(labels) - 1 + noise * rng.standard_normal((N, labels)))


def report(folder: Path, labels: int, *, sets: bool = False, **noise: float) -> kdprobe.Comparison:
    """Compare a teacher with students whose noise is given; of `sets` only decisions are known."""
    names = [f"label {place}" for place in range(labels)]

    def outputs(size: float, seed: int) -> np.ndarray:
        values = logits_of(labels, size, seed)
        return (values > 0).astype(int) if sets else 1 / (1 + np.exp(-values))

    students = {name: outputs(size, int(100 * size)) for name, size in noise.items()}
    return kdprobe.compare_predictions(
        gold_of(labels), teacher=outputs(0.5, 1), students=students, labels=names, output=folder,
        **FEW,
    )  # fmt: skip


def changes(result: kdprobe.ReportDiff) -> dict[tuple[str, str, str, str], NumberChange]:
    return {
        (one.change.metric, one.change.model_a, one.change.model_b, one.change.subset): one
        for one in result.document.changes
    }


@pytest.mark.parametrize("labels", [3, 8])
@pytest.mark.parametrize("sets", [False, True])
def test_changes_of_several_labels_have_paired_intervals(
    labels: int, sets: bool, tmp_path: Path
) -> None:
    """Guards numbers of label sets that cannot be drawn again, and two lists of sets mixed up.

    Of 8 labels the sets that occur are the classes, and others occur in the other report. The
    reference is the normal interval of the mean of paired differences.
    """
    before = report(tmp_path / "a", labels, sets=sets, s=1.5, old=0.9)
    after = report(tmp_path / "b", labels, sets=sets, s=0.7, new=0.9)
    result = kdprobe.diff(tmp_path / "a", tmp_path / "b")
    held = changes(result)
    one = held["subset_accuracy", "s", "", "all"]
    decisions = [(logits_of(labels, size, int(100 * size)) > 0) == gold_of(labels)
                 for size in (1.5, 0.7)]  # fmt: skip
    moved = decisions[1].all(axis=1).astype(float) - decisions[0].all(axis=1)
    half = 1.96 * moved.std() / math.sqrt(N)
    assert one.change.value == pytest.approx(moved.mean())
    assert one.change.low == pytest.approx(moved.mean() - half, abs=0.03)
    assert one.change.high == pytest.approx(moved.mean() + half, abs=0.03)
    assert one.verdict == "better"
    assert held["label_agreement", "teacher", "s", "label 0"].change.low is not None
    assert held["subset_accuracy", "new", "", "all"].verdict == "unchanged"  # it was called old
    assert held["label_agreement", "teacher", "new", "label 1"].verdict == "unchanged"
    paired = [each for each in result.document.changes if each.change.low is not None]
    defined = [each for each in result.document.changes if each.change.value is not None]
    assert len(paired) > 0.8 * len(defined)
    assert result.document.notices == ()
    memory = changes(kdprobe.diff(before, after))
    for at, each in held.items():
        low = each.change.low
        assert memory[at].change.low == (low if low is None else pytest.approx(low, abs=1e-9))


def test_what_was_given_of_several_labels_is_read_again(tmp_path: Path) -> None:
    """Guards gold labels and log-odds that the way through a file changes."""
    made = report(tmp_path / "a", 3, s=1.5)
    again = kdprobe.diff(made, tmp_path / "a")
    verdicts = {one.verdict for one in again.document.changes}
    assert verdicts <= {"unchanged", "no interval", "undefined"}
    assert made.study is not None
    outputs = made.study.get(LabelOutputs)
    written = pq.read_table(tmp_path / "a" / "predictions.parquet").to_pylist()
    first = [row for row in written if row["model"] == "s"]
    shares = np.array([row["probabilities"] for row in first])
    assert np.log(shares / (1 - shares)) == pytest.approx(outputs.runs["s"][0].values)


def spoilt(column: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[pa.Table], pa.Table]:
    """Return what puts other values into a column."""

    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(column)
        return table.set_column(place, column, pa.array(values(table[column].to_pylist())))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoilt("predicted", lambda v: ["who", *v[1:]]), ""),
        (spoilt("label", lambda v: ["who", *v[1:]]), "column label says 'who', no label of"),
        (spoilt("text", lambda v: [None, *v[1:]]), "column text has an empty field"),
        (spoilt("run", lambda v: ["x"] * len(v)), "column run holds string"),
        (spoilt("id", lambda v: [None] * len(v)), "column id has an empty field"),
        (spoilt("probabilities", lambda v: [[0.5], *v[1:]]), "is not full of numbers"),
        (spoilt("probabilities", lambda v: [[1.0]] * len(v)), "has no 2 numbers a row"),
        (spoilt("probabilities", lambda v: [0.5] * len(v)), "column probabilities holds double"),
        (spoilt("probabilities", lambda v: [[None, 1.0], *v[1:]]), "not finite"),
        (lambda table: table.slice(0, 0), "has no rows"),
        (lambda table: table.drop_columns("score"), "has no column score"),
    ],
)
def test_a_damaged_file_is_one_message(
    change: Callable[[pa.Table], pa.Table], message: str, tmp_path: Path
) -> None:
    """Guards a traceback, or a number of what is not there, from a file that another program wrote.

    What is not read (the predicted label beside probabilities) is no fault.
    """
    given = np.random.default_rng(0).dirichlet((1, 1), size=(2, N))
    kdprobe.compare_predictions(
        gold_of(1)[:, 0], teacher=given[0], students={"s": given[1]}, output=tmp_path / "a",
        resamples=100, only=["agreement"],
    )  # fmt: skip
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    file = tmp_path / "b" / "predictions.parquet"
    pq.write_table(change(pq.read_table(file)), file)
    done = run("diff", tmp_path / "a", tmp_path / "b", "--resamples", "100")
    assert done.code == (2 if message else 0), done.err
    assert message in " ".join(done.err.split())
    if message:
        assert len(done.err.strip().splitlines()) < 8
        with pytest.raises((ResultsFormatError, kdprobe.errors.UsageError)):
            kdprobe.diff(tmp_path / "a", tmp_path / "b", resamples=100)


def test_runs_may_be_numbered_as_they_like(tmp_path: Path) -> None:
    """Guards a KeyError where the first run is not called 0."""
    gold = gold_of(1)[:, 0].tolist()
    kdprobe.compare_predictions(
        gold, teacher=gold, students={"s": gold[::-1]}, output=tmp_path / "a", resamples=100,
        only=["agreement"],
    )  # fmt: skip
    file = tmp_path / "a" / "predictions.parquet"
    table = pq.read_table(file)
    pq.write_table(spoilt("run", lambda v: [7] * len(v))(table), file)
    document = kdprobe.diff(tmp_path / "a", tmp_path / "a", resamples=100).document
    assert {one.verdict for one in document.changes} <= {"unchanged", "undefined", "no interval"}
