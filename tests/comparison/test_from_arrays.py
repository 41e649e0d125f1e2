"""`compare_predictions`: arrays and frames, against predictions files and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score

import kdprobe
from kdprobe.errors import ConfigError
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
