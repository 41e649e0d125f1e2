"""Functions of texts as models: what they give is checked each time, and not kept unasked."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from kdprobe.cache import Cache
from kdprobe.errors import UsageError
from kdprobe.models.stored_outputs import stored_outputs
from kdprobe.models.text_function import TextFunction
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task

TASK = Task("t", 1, "classification", ("no", "maybe", "yes"), "accuracy")
PAIRS = Task("p", 1, "classification", ("no", "yes"), "accuracy", True)
SCORES = Task("s", 1, "regression", (), "pearson")
TEXTS = ("a", "bb", "a", "cccc", "dd e")


def split_of(task: Task = TASK) -> Split:
    pairs = tuple(text * 2 for text in TEXTS) if task.has_pairs else None
    return Split(task, "dev", tuple("12345"), TEXTS, pairs)


def ask(function: Callable[..., Any], task: Task = TASK, *, batch_size: int = 2) -> TextFunction:
    model = TextFunction(function, name="f", task=task)
    model.outputs(split_of(task), batch_size=batch_size, advance=lambda done: None)
    return model


def by_length(texts: list[str]) -> np.ndarray:
    """Three probabilities that depend on the text's length: 1/(n+1), 0, n/(n+1)."""
    n = np.array([len(text) for text in texts], dtype=np.float64)
    return np.stack([1 / (n + 1), 0 * n, n / (n + 1)], axis=1)


@pytest.mark.parametrize(
    "form",
    [
        by_length,
        lambda texts: by_length(texts).tolist(),
        lambda texts: torch.from_numpy(by_length(texts)).float(),
        lambda texts: pd.DataFrame(by_length(texts), columns=["no", "maybe", "yes"])[
            ["yes", "no", "maybe"]
        ],
    ],
    ids=["array", "lists", "tensor", "frame"],
)
def test_probabilities_are_read_in_every_form(form: Callable[..., Any]) -> None:
    """Guards columns in another order, and rows of one batch given to the texts of another."""
    model = TextFunction(form, name="f", task=TASK)
    given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
    assert given.scale == "log-probabilities"
    np.testing.assert_allclose(np.exp(given.values), by_length(list(TEXTS)), atol=1e-7)
    assert not given.truncated.any()
    assert model.alarms == ()


def named(labels: Any, *, frame: bool = False) -> Callable[..., Any]:
    """`by_length` with its columns turned round, under names of its own."""

    def function(texts: list[str]) -> Any:
        values = by_length(texts)[:, ::-1]
        return pd.DataFrame(values, columns=labels) if frame else values

    function.labels = labels  # type: ignore[attr-defined]
    return function


@pytest.mark.parametrize("frame", [False, True])
def test_labels_of_its_own_are_matched_by_name(frame: bool) -> None:
    """Guards columns that are read in the task's order though the function names another."""
    model = TextFunction(named(["YES", "maybe", "no"], frame=frame), name="f", task=TASK)
    given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
    np.testing.assert_allclose(np.exp(given.values), by_length(list(TEXTS)), atol=1e-7)
    assert model.notes[0] == "its outputs are in the order YES, maybe, no and were matched by name"
    function = named(["2", "1", "0"], frame=frame)
    mapping = {"2": "yes", "1": "maybe", "0": "no"}
    model = TextFunction(function, name="f", task=TASK, label_map=mapping)
    given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
    np.testing.assert_allclose(np.exp(given.values), by_length(list(TEXTS)), atol=1e-7)
    assert model.notes[0].startswith("its labels were read as the command says: 2 as yes")


def test_labels_of_its_own_that_it_gives_are_the_task_s() -> None:
    """Guards an index of the function's own order taken for one of the task's.

    A turn by one place tells an order from its inverse.
    """

    def by_index(texts: list[str]) -> list[int]:
        return [len(text) % 3 for text in texts]

    by_index.labels = ["yes", "no", "maybe"]  # type: ignore[attr-defined]
    model = TextFunction(by_index, name="f", task=TASK)
    given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
    assert given.scale == "labels"
    labels = [TASK.labels[int(row)] for row in given.values[:, 0]]
    assert labels == ["no", "maybe", "no", "no", "no"]


@pytest.mark.parametrize("classes", [["maybe", "no", "yes"], [0, 1, 2]])
def test_the_classes_of_scikit_learn_are_its_labels(classes: list[Any]) -> None:
    """Guards classes in alphabetical order read in the order of the task.

    Numbers from 0 on are indices of the task's labels.
    """
    pipeline = make_pipeline(CountVectorizer(analyzer="char"), LogisticRegression())
    pipeline.fit(list("abc") * 4, [classes[place] for place in (0, 1, 2)] * 4)
    model = TextFunction(pipeline.predict_proba, name="f", task=TASK)
    given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
    own = list(pipeline.predict_proba(list(TEXTS)).T)
    columns = own if classes[0] == 0 else [own[classes.index(label)] for label in TASK.labels]
    np.testing.assert_allclose(np.exp(given.values), np.stack(columns, axis=1), atol=1e-7)
    assert model.labels == (TASK.labels if classes[0] == 0 else tuple(classes))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b", "c"], "f: its labels are a, b, c, expected the names no, maybe, yes in any "
         "order; was it trained for another task?"),
        (["no", "yes"], "`f`: its labels are no, yes, expected 3, as t has"),
        (["no", "no", "yes"], "`f`: its labels are ['no', 'no', 'yes'], expected a list of the "
         "names of its columns, each once"),
        ("abc", "`f`: its labels are 'abc', expected a list of the names of its columns, each "
         "once"),
    ],
)  # fmt: skip
def test_wrong_labels_are_one_message(labels: Any, message: str) -> None:
    """Guards names that are matched by position when they do not match."""
    with pytest.raises(UsageError) as caught:
        TextFunction(named(labels), name="f", task=TASK)
    assert str(caught.value).startswith(message)


def test_pairs_are_tuples_of_two_texts() -> None:
    """Guards a second text that is dropped, or glued to the first."""
    calls: list[object] = []

    def function(pairs: list[tuple[str, str]]) -> np.ndarray:
        calls.extend(pairs)
        return np.array([[0.5, 0.5] if len(b) == 2 * len(a) else [1.0, 0.0] for a, b in pairs])

    model = ask(function, PAIRS)
    assert calls[:5] == [(text, text * 2) for text in TEXTS]
    assert model.notes == (
        "its answers were not kept for another run: nothing says when they change (an attribute "
        "cache_key; on the command line ?version=TEXT)",
    )


def test_labels_and_scores_are_told_apart() -> None:
    """Guards labels read as scores, and margins made of what has no probabilities."""
    for give in (lambda texts: ["yes"] * len(texts), lambda texts: [2] * len(texts)):
        model = TextFunction(give, name="f", task=TASK)
        assert model.capabilities == {"logits", "texts"}
        given = model.outputs(split_of(), batch_size=2, advance=lambda done: None)
        assert (given.scale, given.values.tolist()) == ("labels", [[2.0]] * 5)
        assert model.capabilities == {"texts"}
        assert "labels and no probabilities" in model.lacks["logits"]
    number = TextFunction(lambda texts: [len(text) / 2 for text in texts], name="f", task=SCORES)
    given = number.outputs(split_of(SCORES), batch_size=2, advance=lambda done: None)
    assert (given.scale, given.values[:, 0].tolist()) == ("scores", [0.5, 1.0, 0.5, 2.0, 2.0])


def fails(texts: list[str]) -> None:
    raise LookupError("no such text")


W = "`f`, of 2 texts from 'a' on: "


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (fails, "f: the function fails failed for 2 texts, the first is 'a' (LookupError: no such "
         "text), expected outputs of a list of texts"),
        (lambda texts: None, W + "None, expected an array, a list or a frame with rows of equal "
         "length"),
        (lambda texts: [[1.0, 0.0, 0.0]], W + "an array of shape (1, 3), expected a row for each "
         "of 2"),
        (lambda texts: [[0.5, 0.5]] * len(texts), W + "2 columns, expected 3, one a label"),
        (lambda texts: [[0.5, 0.5, 0.5]] * len(texts), W + "row 1 (of 'a') is [0.5, 0.5, 0.5], "
         "expected 3 probabilities, which sum to 1"),
        (lambda texts: [[2.0, -1.0, 0.0]] * len(texts), W + "row 1 (of 'a') is [2.0, -1.0, 0.0], "
         "expected 3 probabilities, which sum to 1"),
        (lambda texts: [[float("nan")] * 3] * len(texts), W + "row 1 (of 'a') is [nan, nan, nan], "
         "expected 3 probabilities, which sum to 1"),
        (lambda texts: [["a", "b", "c"]] * len(texts), W + "text among its numbers, expected "
         "numbers"),
        (lambda texts: ["perhaps"] * len(texts), W + "row 1 (of 'a') is 'perhaps', "
         "expected 0 to 2, or one of no, maybe, yes"),
        (lambda texts: [1, None], W + "row 2 (of 'bb') is missing, expected a label"),
        (lambda texts: pd.DataFrame({"a": [1.0] * len(texts)}), W + "columns a, expected no, "
         "maybe, yes"),
        (lambda texts: by_length(texts) if "a" in texts[:1] else [0] * len(texts),
         "`f`, of 1 texts from 'dd e' on: gives labels, expected log-probabilities, as it gave "
         "before"),
    ],
)  # fmt: skip
def test_each_wrong_output_is_one_message(function: Callable[..., Any], message: str) -> None:
    """Guards outputs that are cut, padded or normalised into something that looks right."""
    with pytest.raises(UsageError) as caught:
        ask(function)
    assert str(caught.value) == message


def test_scores_that_are_not_finite_are_refused() -> None:
    """Guards a NaN that becomes a number of the report."""
    with pytest.raises(UsageError, match=r"row 2 \(of 'cccc'\) is not finite"):
        ask(lambda texts: [math.inf if len(text) == 4 else 0.0 for text in texts], SCORES)


def test_what_is_not_the_same_twice_is_an_alarm() -> None:
    """Guards numbers of one run taken for those of the model."""
    generator = np.random.default_rng(0)
    model = ask(lambda texts: generator.dirichlet([1, 1, 1], size=len(texts)))
    assert model.alarms[0].startswith("its output for 'a' is not the same twice: two calls differ")
    beside = ask(lambda texts: by_length([max(texts, key=len)] * len(texts)))
    assert beside.alarms  # its output for a text is one of the longest beside it


def test_outputs_are_kept_by_a_cache_key_alone(tmp_path: Path) -> None:
    """Guards a function that was changed and is answered for by what it gave yesterday."""
    cache, calls = Cache(tmp_path), [0]

    def function(texts: list[str]) -> np.ndarray:
        calls[0] += len(texts)
        return by_length(texts)

    def stored(name: str = "f") -> np.ndarray:
        model = TextFunction(function, name=name, task=TASK)
        given = stored_outputs(model, split_of(), cache=cache, progress=Silent())
        assert given.scale == "log-probabilities"
        return given.values

    first = stored()
    assert calls == [4 + 2]  # equal texts once, and two of them a second time
    stored()
    assert calls == [12]
    assert not list(tmp_path.rglob("*.npz"))
    function.cache_key = "one"  # type: ignore[attr-defined]
    stored()
    assert stored().tobytes() == first.tobytes()
    assert calls == [18]
    function.cache_key = "two"  # type: ignore[attr-defined]
    stored()
    assert calls == [24]
    function.cache_key = 3  # type: ignore[attr-defined]
    with pytest.raises(UsageError) as caught:
        stored()
    assert str(caught.value) == (
        "`f`: its cache_key is 3, expected a text, another one whenever its outputs are others"
    )
