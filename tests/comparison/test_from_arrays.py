"""`compare_predictions`: arrays and frames, against predictions files and scikit-learn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

import kdprobe
from kdprobe.errors import ConfigError, MisalignedError, UsageError
from tests.cli.scene import gold, write_predictions, write_task

LABELS = ["bad", "good"]


def numbers(result: kdprobe.Comparison) -> pd.DataFrame:
    """All numbers but those of the checks of texts."""
    frame = result.metrics
    return frame[frame.analysis != "sanity_checks"].drop(columns=["note"]).reset_index(drop=True)


def test_arrays_give_the_numbers_of_files(tmp_path: Path) -> None:
    """Guards a second way into a comparison that computes something else."""
    task, rows = write_task(tmp_path), gold(tmp_path)
    files = [write_predictions(tmp_path / f"{name}.jsonl", rows, seed=seed)
             for seed, name in enumerate(("teacher", "s"))]  # fmt: skip
    arrays = [np.array(pd.read_json(file, lines=True).logits.tolist()) for file in files]
    ours = kdprobe.compare_predictions(
        [label for _, label, _ in rows], teacher=arrays[0], students={"s": arrays[1]},
        labels=LABELS, texts=[text for text, *_ in rows], resamples=100,
    )  # fmt: skip
    theirs = kdprobe.compare(
        *map(str, files), task=str(task), resamples=100, skip=["sanity_checks"]
    )
    kept = ["accuracy", "mcc", "agreement", "cohens_kappa", "kl", "ece", "exact_mcnemar"]
    for frame in (left := numbers(ours)), (right := numbers(theirs)):
        assert set(kept[:4]) <= set(frame.metric)
    pd.testing.assert_frame_equal(
        left[left.metric.isin(kept)].reset_index(drop=True),
        right[right.metric.isin(kept)].reset_index(drop=True),
    )


def test_predictions_need_no_torch(tmp_path: Path) -> None:
    """Guards seconds of imports, and a package of gigabytes, where files alone are compared."""
    task, rows = write_task(tmp_path), gold(tmp_path)
    files = [write_predictions(tmp_path / f"{name}.jsonl", rows, seed=seed)
             for seed, name in enumerate(("teacher", "s"))]  # fmt: skip
    script = (
        "import sys, kdprobe; "
        f"kdprobe.compare({str(files[0])!r}, {str(files[1])!r}, task={str(task)!r}, "
        f"output={str(tmp_path / 'report')!r}, resamples=100); "
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert ran.stdout == "[]\n"


def test_every_way_of_writing_predictions() -> None:
    """Guards columns in another order, probabilities as logits, and indices as names."""
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(40, 3))
    names = ["no", "maybe", "yes"]
    exp = np.exp(logits)
    probabilities = exp / exp.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(probabilities, columns=names)
    y_true = generator.integers(0, 3, size=40)
    by_name = [names[index] for index in y_true]
    hard = logits.argmax(axis=1)
    teacher = generator.normal(size=(40, 3))
    students: dict[str, Any] = {
        "logits": logits, "probabilities": probabilities, "frame": frame,
        "another order": frame[["yes", "no", "maybe"]], "indices": hard,
        "names": np.array(names)[hard], "list": [names[index] for index in hard],
    }  # fmt: skip
    results = [
        kdprobe.compare_predictions(
            gold_labels, teacher=teacher, students=students, labels=names, resamples=100
        )
        for gold_labels in (y_true, by_name)
    ]
    assert numbers(results[0]).equals(numbers(results[1]))
    expected = accuracy_score(y_true, hard)
    kappa = cohen_kappa_score(teacher.argmax(axis=1), hard)
    for name in students:
        assert results[0].get("accuracy", name).value == pytest.approx(expected)
        assert results[0].get("cohens_kappa", name).value == pytest.approx(kappa)
    for name in ("probabilities", "frame", "another order"):
        assert results[0].get("kl", name).value == pytest.approx(
            results[0].get("kl", "logits").value
        )


def test_one_column_of_probabilities_is_that_of_the_second_label() -> None:
    """Guards `predict_proba(x)[:, 1]` that is refused, or read as that of the first label."""
    second = np.array([0.1, 0.9, 0.4, 1.0])
    both = np.stack([1 - second, second], axis=1)
    y_true, teacher = [0, 1, 1, 1], np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.5, 0.5]])
    students = {"both": both, "one": second, "column": both[:, 1:]}
    result = kdprobe.compare_predictions(
        y_true, teacher=teacher, students=students, labels=LABELS, resamples=100
    )
    for metric in ("accuracy", "ece", "kl"):
        values = {result.get(metric, name).value for name in students}
        assert len(values) == 1
    assert result.get("accuracy", "one").value == 0.75
    (model,) = [model for model in result.document.models if model.name == "one"]
    assert "one number a row was read as the probability of good" in model.notes
    three: dict[str, Any] = {
        "students": {"s": second},
        "labels": ["a", "b", "c"],
        "teacher": y_true,
    }
    with pytest.raises(ConfigError, match=r"`s`: row 1 is 0\.1, expected 0 to 2"):
        kdprobe.compare_predictions(y_true, **three)


def test_regressions_seeds_and_missing_gold() -> None:
    """Guards numbers taken for classes, runs for examples, and a missing label for a class."""
    scores = [0.5, 1.25, 3.0, 4.75]
    result = kdprobe.compare_predictions(
        scores, teacher=scores, students={"s": [0.5, 1.0, 3.5, 4.5]}, resamples=100
    )
    assert result.document.task.kind == "regression"
    seeds = [np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 0.0], [2.0, 0.0]])]
    result = kdprobe.compare_predictions(
        [0, 1], teacher=seeds, students={"s": seeds[0]}, resamples=100
    )
    assert [model.runs for model in result.document.models] == [2, 1]
    assert result.get("accuracy", "teacher").value == pytest.approx(0.75)
    result = kdprobe.compare_predictions(
        [0, None, 1, 1], teacher=[0, 0, 1, 1], students={"s": [0, 1, 1, 0]}, resamples=100
    )
    assert result.get("accuracy", "s").n == 3
    assert result.get("agreement", "s").n == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"students": {}}, "`students`: none is named, expected at least one"),
        ({"students": {"teacher": [0, 1]}}, "`students`: one is called 'teacher', expected other "
                                            "names"),
        ({"students": {"s": [0, 1, 1]}}, "`s`: an array of shape (3,), expected a row for each of "
                                         "2"),
        ({"students": {"s": [0, 7]}}, "`s`: row 2 is 7, expected 0 to 1, or one of no, yes"),
        ({"students": {"s": np.zeros((2, 3))}}, "`s`: 3 columns, expected 2, one a label"),
        ({"students": {"s": pd.DataFrame({"no": [1, 0], "si": [0, 1]})}},
         "`s`: columns no, si, expected no, yes"),
        ({"texts": ["a"]}, "`texts`: 1 rows, expected 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(given: dict[str, Any], message: str) -> None:
    """Guards a traceback of numpy, and arrays that are quietly broadcast."""
    usual = {"teacher": [0, 1], "students": {"s": [0, 0]}, "labels": ["no", "yes"]}
    with pytest.raises(ConfigError) as caught:
        kdprobe.compare_predictions([0, 1], **{**usual, **given})
    assert str(caught.value) == message


_LOGITS = np.array([[2.0, 0.0], [0.0, 2.0]])
_NAMED = "name each, like {'small': …}"
_NO_ARRAY = "expected an array, a list or a frame with rows of equal length"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"students": [_LOGITS.tolist()]}, "`students`: [[[2.0, 0.0], [0.0, 2.0]]], expected a "
                                           f"mapping from names to arrays; {_NAMED}"),
        ({"students": pd.DataFrame({"s": [0, 1]})},
         f"`students`: a DataFrame, expected a mapping from names to arrays; {_NAMED}"),
        ({"students": {1: [0, 1]}}, "`students`: the name 1, expected a name in text"),
        ({"students": {"": [0, 1]}}, "`students`: the name '', expected a name in text"),
        ({"students": {"s": None}}, f"`s`: None, {_NO_ARRAY}"),
        ({"students": {"s": "s.tsv"}}, f"`s`: 's.tsv', {_NO_ARRAY}"),
        ({"students": {"s": [[0, 1], [1]]}}, f"`s`: [[0, 1], [1]], {_NO_ARRAY}"),
        ({"students": {"s": np.zeros((2, 2, 2))}},
         "`s`: an array of shape (2, 2, 2), expected [n] or [n, c]"),
        ({"students": {"s": _LOGITS + 1j}}, "`s`: values of type complex128, expected numbers"),
        ({"students": {"s": np.ma.masked_greater(_LOGITS, 1)}},
         "`s`: masked values, expected a value in each place"),
        ({"students": {"s": _LOGITS * 8e307}}, "`s`: 1.6e+308, expected numbers up to 1e+300"),
        ({"students": {"s": pd.DataFrame(index=range(2))}},
         "`s`: no columns, expected a column a label, each once"),
        ({"students": {"s": pd.DataFrame(_LOGITS, columns=["no", "no"])}},
         "`s`: the columns no, no, expected a column a label, each once"),
        ({"teacher": 3}, f"`teacher`: 3, {_NO_ARRAY}"),
        ({"teacher": [0, float("inf")], "labels": None},
         "`teacher`: row 2 is inf, expected 0 to 1, or one of 0, 1"),
        ({"y_true": 1}, f"`y_true`: 1, {_NO_ARRAY}"),
        ({"y_true": [[0], [1]]}, "`y_true`: an array of shape (2, 1), expected [n]"),
        ({"y_true": [b"no", b"yes"], "labels": None},
         "`y_true`: row 1 is b'no', expected 0 to 1, or one of 0, 1"),
        ({"y_true": [0, 10**30], "labels": None},
         f"`y_true`: the class index {10**30}, expected less than 10000; name the classes with "
         "`labels`"),
        ({"y_true": [], "teacher": np.zeros((0, 2))},
         "`y_true`: holds no examples, expected at least one"),
        ({"y_true": [0.5, 0.7], "labels": None, "teacher": _LOGITS},
         "`teacher`: 2 columns, expected one number a row"),
        ({"labels": "ab"}, "`labels`: is 'ab', expected the names of two classes or more, each "
                           "once"),
        ({"labels": ["a", "a"]}, "`labels`: is ['a', 'a'], expected the names of two classes or "
                                 "more, each once"),
        ({"labels": 2}, "`labels`: is 2, expected the names of two classes or more, each once"),
        ({"texts": "ab"}, f"`texts`: 'ab', {_NO_ARRAY}"),
        ({"texts": ["a", None]}, "`texts`: row 2 has none, expected a text in every row"),
        ({"slices": ["x"]},
         f"`slices`: ['x'], expected a mapping from names to arrays; {_NAMED}"),
        ({"slices": {"x": None}}, f"`x`: None, {_NO_ARRAY}"),
    ],
)  # fmt: skip
def test_what_is_no_array_is_said(given: dict[str, Any], message: str) -> None:
    """Guards tracebacks, masks that are dropped, and a class list as long as the largest id."""
    usual = {
        "y_true": [0, 1], "teacher": [0, 1], "students": {"s": [0, 0]}, "labels": ["no", "yes"],
    }  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        kdprobe.compare_predictions(**{**usual, **given})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kdprobe.compare_predictions(
            [0, 1], teacher=[0, 1], students={"s": [0, 0]}, analyses={"seed": 1}),  # type: ignore[arg-type]
         "compare_predictions() takes analyses as AnalysisOptions, not dict"),
        (lambda: kdprobe.compare("t", "s", runtime=kdprobe.TrainingSettings()),  # type: ignore[arg-type]
         "compare() takes runtime as InferenceRuntime, not TrainingSettings"),
        (lambda: kdprobe.compare("t", "s", task="cola", data={"limit": 3}),  # type: ignore[arg-type]
         "compare() takes data as EvaluationDataOptions, not dict"),
        (lambda: kdprobe.compare("t", "s", probing="all"),  # type: ignore[arg-type]
         "compare() takes the options of 'probes' as ProbingRequest, not str"),
        (lambda: kdprobe.compare(None, "s"),  # type: ignore[arg-type]
         "`teacher` takes a path, a loaded model with its tokenizer, a pipeline, a function of "
         "texts, or Predictions, not NoneType; arrays are for compare_predictions()"),
        (lambda: kdprobe.distill("t", output="o", training=kdprobe.AnalysisOptions()),  # type: ignore[arg-type]
         "distill() takes training as TrainingSettings, not AnalysisOptions"),
    ],
)  # fmt: skip
def test_an_object_of_another_kind_is_refused(call: Any, message: str) -> None:
    """Guards options of another model that are ignored without a word, and AttributeErrors."""
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message


def test_rows_without_an_answer_are_refused_or_dropped_for_all_models() -> None:
    """Guards a student scored on other examples than its teacher, and a share nobody is told.

    By hand: of four answers of the teacher two are right, of six of the student five; on the four
    that both answered the student has three.
    """
    gold = ["yes", "no", "yes", "no", "yes", "no"]
    teacher: list[Any] = ["yes", None, "no", "yes", "I cannot", "no"]
    given: dict[str, Any] = {"teacher": teacher, "resamples": 100, "labels": ["no", "yes"]}
    student = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.2, 0.8], [0.9, 0.1]])
    with pytest.raises(ConfigError, match="`teacher`: row 5 is 'I cannot', expected 0 to 1"):
        kdprobe.compare_predictions(gold, students={"s": student}, **given)
    with pytest.raises(MisalignedError) as caught:
        kdprobe.compare_predictions(
            gold, students={"s": student}, **{**given, "teacher": [*teacher[:4], "no", "no"]}
        )
    assert str(caught.value) == (
        "teacher (arrays in memory): no answer to 1 of 6 examples (1 empty), the first is id "
        "'example-2', expected one for every example of arrays examples; `missing=drop` leaves "
        "them out for all models"
    )
    result = kdprobe.compare_predictions(gold, students={"s": student}, missing="drop", **given)
    assert result.document.task.n == 4
    assert result.get("accuracy", "teacher").value == 0.5
    assert result.get("accuracy", "s").value == 0.75
    (notice,) = [one for one in result.document.warnings if one.code == "unanswered"]
    assert notice.severity == "alarm"
    assert "teacher did not answer 2 (1 empty, 1 no label ('I cannot' 1))" in notice.message
    holes = student.copy()
    holes[0] = np.nan
    both = kdprobe.compare_predictions(
        gold, students={"s": pd.DataFrame(holes, columns=["no", "yes"])}, missing="drop", **given
    )
    assert both.document.task.n == 3
    holes[1, 0] = np.nan
    with pytest.raises(UsageError, match="example-2"):
        kdprobe.compare_predictions(gold, students={"s": holes}, missing="drop", **given)
    with pytest.raises(ConfigError, match="`missing`: is 'maybe', expected 'refuse' or 'drop'"):
        kdprobe.compare_predictions(gold, students={"s": student}, missing="maybe", **given)
    with pytest.raises(ConfigError, match="`s`: holds no answer"):
        kdprobe.compare_predictions(gold, students={"s": [None] * 6}, missing="drop", **given)


def test_the_margin_decides_what_is_the_same_and_stands_on_the_page() -> None:
    """Guards a margin that is read and not used, and a page that says another one."""
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 2, 400)
    teacher, student = gold.copy(), gold.copy()
    teacher[:40], student[36:76] = 1 - gold[:40], 1 - gold[36:76]
    words, pages = {}, {}
    for margin in (0.02, 0.1):
        result = kdprobe.compare_predictions(
            gold, teacher=teacher, students={"s": student}, resamples=200, margin=margin
        )
        (row,) = result.headline.rows
        assert row.state is not None
        words[margin], pages[margin] = row.state.word, result.html()
        assert result.document.request.options.get("margin", 0.02) == margin
    assert words == {0.02: "cannot be told", 0.1: "same"}
    assert "same: ±0.1;" in pages[0.1]
    assert "keeps the teacher&#39;s accuracy, within ±0.1" in pages[0.1].replace("’", "&#39;")
