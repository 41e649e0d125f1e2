"""Predictions of several labels at once: files, arrays, functions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

import kdprobe
from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.models.predictions.array_outputs import read_outputs
from kdprobe.models.predictions.table import read_predictions
from kdprobe.models.text_function import TextFunction
from kdprobe.tasks.task import Split, Task

TASK = Task("t", 1, "multilabel", ("a", "b"), "f1_micro")
P = np.array([[0.9, 0.8], [0.2, 0.1], [0.6, 0.4]])


def file_of(place: Path, **columns: list[object]) -> Path:
    pd.DataFrame({"text": ["x", "y", "z"], **columns}).to_csv(place, index=False)
    return place


def named(place: Path, columns: dict[str, list[Any]]) -> Path:
    return file_of(place, **columns)


def test_probabilities_are_independent(tmp_path: Path):
    """Rows that sum to 1.7 are no fault, and nothing is divided by their sum."""
    place = named(tmp_path / "a.csv", {"prob:b": P[:, 1].tolist(), "prob:a": P[:, 0].tolist()})
    read = read_predictions(place, TASK)
    assert read.scale == "label logits"
    np.testing.assert_allclose(read.values, logit(P))
    listed = named(tmp_path / "b.csv", {"probabilities": [str(row) for row in P.tolist()]})
    np.testing.assert_allclose(read_predictions(listed, TASK).values, logit(P))
    percent = named(tmp_path / "c.csv", {"prob:a": ["90%", "20%", "60%"],
                                         "prob:b": ["80%", "10%", "40%"]})  # fmt: skip
    np.testing.assert_allclose(read_predictions(percent, TASK).values, logit(P))


def test_logits_and_sets(tmp_path: Path):
    """Guards logits taken for probabilities, and an empty set taken for no answer."""
    place = named(tmp_path / "a.csv", {"logit:a": [2, -1, 0], "logit:b": [1, -3, 0]})
    read = read_predictions(place, TASK)
    assert (read.scale, read.values.tolist()) == ("label logits", [[2, 1], [-1, -3], [0, 0]])
    hard = read_predictions(named(tmp_path / "b.csv", {"prediction": ["a|b", "[]", "A"]}), TASK)
    assert (hard.scale, hard.values.tolist()) == ("label sets", [[1, 1], [0, 0], [1, 0]])
    mapped = named(tmp_path / "c.csv", {"prediction": ["Alpha|b", "", "Alpha|unsure"]})
    read = read_predictions(mapped, TASK, {"Alpha": "a"})
    assert read.values[0].tolist() == [1, 1]
    assert {row: lack.answer for row, lack in read.lacking.items()} == {1: "", 2: "Alpha|unsure"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"prob:a": [0.5, 1.2, 0.1], "prob:b": [0, 0, 0]}, "numbers from 0 to 1, one of each"),
        ({"logprobs": ['{"a": -0.1}'] * 3}, "ask the model about each label"),
        ({"prob:a": [0.5, 0.2, 0.1]}, "one for each label of t: prob:a, prob:b"),
        (
            {"prob:a": [0.9, 0.2, 0.1], "prob:b": [0.9, 0.2, 0.1], "prediction": ["a", "[]", "[]"]},
            "column prediction and the outputs differ on 'b'",
        ),
    ],
)
def test_refused(tmp_path: Path, columns: dict[str, list[Any]], message: str):
    """What cannot be read is refused in one message with the way out."""
    with pytest.raises(CheckpointError) as caught:
        read_predictions(named(tmp_path / "a.csv", columns), TASK)
    assert message in str(caught.value)


def test_arrays():
    """What an array holds is told by its numbers: log-odds, probabilities or sets."""
    for values, scale in ((P, "label logits"), (P * 3 - 1, "label logits"),
                          (P > 0.5, "label sets"), ((P > 0.5).astype(float), "label sets"),
                          ([["a", "b"], [], ["a"]], "label sets")):  # fmt: skip
        read = read_outputs(values, TASK, 3, "`m`")
        assert read.scale == scale
    np.testing.assert_allclose(read_outputs(P, TASK, 3, "`m`").values, logit(P))
    with pytest.raises(ConfigError, match="2 probabilities from 0 to 1, one of each label"):
        read_outputs(P * 3 - 1, TASK, 3, "`m`", logits=False)
    with pytest.raises(ConfigError, match="holds 'c'"):
        read_outputs([["a"], ["c"], []], TASK, 3, "`m`")


def test_a_function():
    """A function of texts gives independent probabilities; 0 and 1 exactly stay probabilities."""
    model = TextFunction(lambda texts: [[1.0, 0.0] for _ in texts], name="f", task=TASK)
    split = Split(TASK, "dev", ("1",), ("x",))
    outputs = model.outputs(split, batch_size=4, advance=lambda done: None)
    assert outputs.scale == "label logits"
    assert outputs.values[0, 0] > 20
    assert not model.alarms
    hard = TextFunction(lambda texts: [["a"] for _ in texts], name="g", task=TASK)
    assert hard.outputs(split, batch_size=4, advance=lambda done: None).scale == "label sets"


GOLD = [["a", "b"], [], ["b"]]


@pytest.mark.parametrize(
    "gold",
    [GOLD, np.array([[1, 1], [0, 0], [0, 1]]), pd.DataFrame({"a": [1, 0, 0], "b": [1, 0, 1]})],
    ids=["names", "array", "frame"],
)
def test_compare_predictions(gold: Any):
    """By hand: of 3 gold and 3 predicted decisions 2 are the same; one of 3 sets is right."""
    result = kdprobe.compare_predictions(
        gold, teacher=P, students={"sets": [["a", "b"], ["a"], ["a"]]}, labels=["a", "b"],
        resamples=100,
    )  # fmt: skip
    scores = {name: result.get(name, "teacher").value for name in ("f1_micro", "subset_accuracy")}
    assert scores == {"f1_micro": pytest.approx(4 / 6), "subset_accuracy": pytest.approx(2 / 3)}
    assert result.get("agreement", "sets").value == pytest.approx(2 / 3)
    document = result.document
    assert (document.task.kind, document.task.labels) == ("multilabel", ("a", "b"))
    assert document.task.label_counts == {"a": 1, "b": 2}
    assert document.examples[2].predictions[0].probabilities == (0.6, 0.4)
    assert document.task.answers[document.examples[0].label or 0] == "a + b"
