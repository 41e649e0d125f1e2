"""`kdprobe.diff`: what changed between two reports, against arithmetic and normal theory."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import kdprobe
from kdprobe.errors import ConfigError, ResultsFormatError, UnknownNameError
from kdprobe.results.diff import NumberChange
from kdprobe.results.diff_view import first_changes
from kdprobe.results.io import dumps, read_document

N = 300
GOLD = np.random.default_rng(0).integers(0, 2, N)
FEW: dict[str, Any] = {"resamples": 200, "only": ["task_scores", "agreement"]}


def outputs(accuracy: float, seed: int) -> np.ndarray:
    """Probabilities that are right on a drawn share of the examples."""
    rng = np.random.default_rng(seed)
    right = rng.random(N) < accuracy
    label, sure = np.where(right, GOLD, 1 - GOLD), rng.uniform(0.55, 0.99, N)
    values = np.empty((N, 2))
    values[np.arange(N), label], values[np.arange(N), 1 - label] = sure, 1 - sure
    return values


def report(folder: Path | None, *, gold: Any = GOLD, **students: Any) -> kdprobe.Comparison:
    return kdprobe.compare_predictions(
        gold, teacher=outputs(0.9, 1), students=students, output=folder, **FEW
    )


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two reports: `s` was trained again, `old` is now called `new`, `gone` is gone."""
    folder = tmp_path_factory.mktemp("diff")
    report(folder / "a", s=outputs(0.7, 2), old=outputs(0.8, 3), gone=outputs(0.8, 5))
    report(folder / "b", s=outputs(0.85, 4), new=outputs(0.8, 3), fresh=outputs(0.6, 6))
    return folder / "a", folder / "b"


def change_of(result: kdprobe.ReportDiff, metric: str, model: str) -> NumberChange:
    (found,) = [
        one
        for one in result.document.changes
        if one.change.metric == metric and model in (one.change.model_b or one.change.model_a)
        and one.change.subset == "all" and not one.change.method
        and one.change.model_a in ("teacher", model)
    ]  # fmt: skip
    return found


def test_a_change_is_after_minus_before_on_the_same_examples(sides: tuple[Path, Path]) -> None:
    """Guards an interval of two samples where there is one: a paired one is narrower.

    The reference is the normal interval of the mean of paired differences, and of two independent
    means.
    """
    result = kdprobe.diff(*sides)
    one = change_of(result, "accuracy", "s")
    before, after = (outputs(a, s).argmax(1) == GOLD for a, s in ((0.7, 2), (0.85, 4)))
    moved = after.astype(float) - before
    assert one.before.value == before.mean()
    assert one.after.value == after.mean()
    assert one.change.value == pytest.approx(moved.mean())
    half = 1.96 * moved.std() / math.sqrt(N)
    assert one.change.low == pytest.approx(moved.mean() - half, abs=0.01)
    assert one.change.high == pytest.approx(moved.mean() + half, abs=0.01)
    assert one.verdict == "better"
    assert result.get("accuracy", "s") == one.change
    paired = [each for each in result.document.changes if each.change.low is not None]
    assert len(paired) > 0.8 * len(result.document.changes)


def test_models_are_matched_by_name_and_told_by_fingerprint(sides: tuple[Path, Path]) -> None:
    """Guards a model that was renamed taken for two, and another checkpoint for the same."""
    result = kdprobe.diff(*sides)
    states = {model.name: (model.state, model.note) for model in result.document.models}
    assert states == {
        "teacher": ("same weights", ""), "s": ("other weights", ""),
        "new": ("same weights", "was called old"), "fresh": ("new", ""), "gone": ("gone", ""),
    }  # fmt: skip
    same = change_of(result, "accuracy", "new")
    assert (same.verdict, same.change.value, same.change.low) == ("unchanged", 0.0, 0.0)
    assert same.before.model_a == "old"
    with pytest.raises(UnknownNameError, match="gone"):
        result.get("accuracy", "gone")


def test_the_two_directions_are_each_other_turned_round(sides: tuple[Path, Path]) -> None:
    """Guards an order that matters: a change from a to b is that from b to a with its sign."""
    there, back = kdprobe.diff(*sides), kdprobe.diff(*sides[::-1])
    for metric in ("accuracy", "agreement", "cohens_kappa", "kl"):
        one, other = (change_of(each, metric, "s").change for each in (there, back))
        assert (one.value, one.low, one.high) == pytest.approx(
            tuple(-(end or 0) for end in (other.value, other.high, other.low)), abs=1e-12
        )
    assert there.document == kdprobe.diff(*sides).document.model_copy(
        update={"produced_by": there.document.produced_by}
    )


def test_a_report_and_itself_do_not_differ(sides: tuple[Path, Path]) -> None:
    """Guards changes that the way through files makes."""
    document = kdprobe.diff(sides[0], sides[0]).document
    assert {one.verdict for one in document.changes} <= {"unchanged", "no interval", "undefined"}
    assert all(one.change.value in (0.0, None) for one in document.changes)
    assert (document.definitions, document.analyses, document.settings) == ((), (), ())
    assert document.notices == ()
    memory = report(None, s=outputs(0.7, 2), old=outputs(0.8, 3), gone=outputs(0.8, 5))
    again = kdprobe.diff(sides[0], memory).document
    assert [one.change.value for one in again.changes] == [
        one.change.value for one in document.changes
    ]


def rewritten(folder: Path, source: Path, change: Any) -> Path:
    """Copy a report, its document changed."""
    shutil.copytree(source, folder)
    data = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    change(data)
    (folder / "results.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_what_is_defined_otherwise_is_named_and_not_compared(
    sides: tuple[Path, Path], tmp_path: Path
) -> None:
    """Guards two numbers of one name and two meanings, subtracted."""

    def change(data: Any) -> None:
        for result in data["analyses"]:
            if result["name"] == "agreement":
                result["version"] += 1
            if result["name"] == "task_scores":
                (mcc,) = [each for each in result["metrics"] if each["name"] == "mcc"]
                mcc["definition"] = "Something else."

    other = rewritten(tmp_path / "other", sides[1], change)
    result = kdprobe.diff(sides[0], other)
    found = {(one.analysis, one.metric, one.differs) for one in result.document.definitions}
    assert found == {("agreement", "", "version"), ("task_scores", "mcc", "definition")}
    compared = {(one.analysis, one.change.metric) for one in result.document.changes}
    assert ("task_scores", "accuracy") in compared
    assert not {each for each in compared if each[0] == "agreement" or each[1] == "mcc"}
    assert "Defined otherwise, and not compared: agreement, task_scores.mcc." in repr(result)
    for shown in (result.html(), result.markdown()):
        assert "defined otherwise (version): not compared" in shown
    assert result.tripped(["accuracy<-1"]) == []
    with pytest.raises(UnknownNameError):
        result.tripped(["kappa<-1"])


def test_without_the_predictions_there_is_no_interval_and_a_reason(
    sides: tuple[Path, Path], tmp_path: Path
) -> None:
    """Guards an interval that nothing is known of, and a file that is not of the report."""
    bare = rewritten(tmp_path / "bare", sides[1], lambda data: None)
    (bare / "predictions.parquet").unlink()
    result = kdprobe.diff(sides[0], bare)
    one = change_of(result, "accuracy", "s")
    assert (one.verdict, one.change.low) == ("no interval", None)
    reason = "of the later report, no predictions.parquet lies beside its results.json"
    assert one.why == reason
    assert result.document.notices[0].message == f"No change has a paired interval: {reason}."
    assert result.tripped(["s:accuracy_low<0"])[0].startswith("s: accuracy has no interval")
    shutil.copy(sides[0] / "predictions.parquet", bare)
    assert "is of other models than" in change_of(kdprobe.diff(sides[0], bare), "mcc", "s").why
    (bare / "predictions.parquet").write_bytes(b"nonsense")
    with pytest.raises(ResultsFormatError, match="take it out of the folder"):
        kdprobe.diff(sides[0], bare)

    def moved(data: Any) -> None:
        for result in data["analyses"]:
            for number in result["estimates"]:
                if (number["metric"], number["model_a"]) == ("accuracy", "s"):
                    number["value"] -= 0.01

    wrong = rewritten(tmp_path / "wrong", sides[1], moved)
    why = change_of(kdprobe.diff(sides[0], wrong), "accuracy", "s").why
    assert why.startswith("the predictions of the later report give 0.8")


def test_other_examples_are_an_alarm_and_other_tasks_are_refused(
    sides: tuple[Path, Path], tmp_path: Path
) -> None:
    """Guards a change of the examples taken for one of the model."""
    flipped = GOLD.copy()
    flipped[0] = 1 - flipped[0]
    report(tmp_path / "gold", gold=flipped, s=outputs(0.7, 2))
    result = kdprobe.diff(sides[0], tmp_path / "gold")
    assert [one.severity for one in result.document.notices] == ["alarm"]
    assert change_of(result, "accuracy", "s").why == "the two reports are of different examples"
    assert 'role="alert"' in result.html()
    other = rewritten(tmp_path / "t", sides[1], lambda data: data["task"].update(split="test"))
    with pytest.raises(ConfigError, match=r"of different splits \(split: examples and test\)"):
        kdprobe.diff(sides[0], other)
    with pytest.raises(TypeError, match=r"diff\(\) takes a results.json"):
        kdprobe.diff(5, sides[0])  # type: ignore[arg-type]


def test_the_order_of_rows_and_clusters_move_nothing(
    sides: tuple[Path, Path], tmp_path: Path
) -> None:
    """Guards rows paired by their place, and clusters of dependent examples that are forgotten."""
    turned = rewritten(tmp_path / "turned", sides[1], lambda data: None)
    table = pq.read_table(turned / "predictions.parquet")
    order = np.random.default_rng(0).permutation(len(table))
    pq.write_table(table.take(order), turned / "predictions.parquet")
    one, other = (change_of(kdprobe.diff(sides[0], each), "accuracy", "s").change
                  for each in (sides[1], turned))  # fmt: skip
    assert one == other
    folders = []
    for place, student in enumerate((outputs(0.7, 2), outputs(0.85, 4))):
        folders.append(tmp_path / str(place))
        kdprobe.compare_predictions(
            GOLD, teacher=outputs(0.9, 1), students={"s": student}, output=folders[-1],
            clusters=(np.arange(N) // 30).tolist(), **FEW,
        )  # fmt: skip
    assert "cluster" in pq.read_table(folders[0] / "predictions.parquet").column_names
    clustered = change_of(kdprobe.diff(*folders), "accuracy", "s").change
    assert clustered.value == one.value
    assert (clustered.low, clustered.high) != (one.low, one.high)


def test_several_seeds_widen_a_change(tmp_path: Path) -> None:
    """Guards the seeds of another training taken for the same: their spread is in the interval."""
    runs = {"a": [2, 3, 4], "b": [5, 6, 7]}
    for name, seeds in runs.items():
        accuracies = np.linspace(0.6, 0.8, 3) + (0.1 if name == "b" else 0)
        report(tmp_path / name,
               s=[outputs(a, seed) for a, seed in zip(accuracies, seeds, strict=True)])  # fmt: skip
    many = change_of(kdprobe.diff(tmp_path / "a", tmp_path / "b"), "accuracy", "s").change
    assert many.low is not None
    assert many.high is not None
    assert many.high - many.low > 0.2
    itself = change_of(kdprobe.diff(tmp_path / "a", tmp_path / "a"), "accuracy", "s")
    assert itself.verdict == "unchanged"


def test_the_numbers_of_a_file_are_those_of_the_analyses(sides: tuple[Path, Path]) -> None:
    """Guards draws that belong to another number: what is paired has the document's very value."""
    document = read_document(sides[1])
    later = {
        (result.name, *at_of(number)): number.value
        for result in document.analyses
        for number in result.estimates
    }
    changes = kdprobe.diff(*sides).document.changes
    for one in changes:
        assert later[one.analysis, *at_of(one.after)] == one.after.value
        if one.change.low is not None and one.change.high is not None:
            assert one.change.low <= (one.change.value or 0) <= one.change.high
    dumped = dumps(kdprobe.diff(*sides).document)
    assert json.loads(dumped)["schema_version"] == 1


def at_of(number: Any) -> tuple[str, ...]:
    return (number.metric, number.model_a, number.model_b, number.subset, number.layer,
            number.pooling, number.method)  # fmt: skip


def test_page_markdown_and_frame_show_the_same_numbers(sides: tuple[Path, Path]) -> None:
    """Guards views that drift apart, and foreign text that acts."""
    result = kdprobe.diff(*sides)
    page, text, frame = result.html(), result.markdown(), result.metrics
    for one in first_changes(result.document):
        if one.verdict == "better":
            assert f"+{one.change.value:.2f}" in text
    assert "<script>" not in text
    assert page.count("<section") >= 4
    row = frame[(frame.metric == "accuracy") & (frame.model_a == "s")].iloc[0]
    assert row.value == pytest.approx(row.after - row.before)
    assert row.verdict == "better"
    assert "Accuracy" in result._repr_html_()
