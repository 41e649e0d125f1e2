"""What a model answered in words and tokens: labels, what a person says they mean, or no answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import UsageError
from kdprobe.models.label_sources import answers_in
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.models.predictions.task import task_of_predictions
from kdprobe.models.predictions.token_probabilities import token_probabilities
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split, Task

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
SPLIT = Split(TASK, "dev", ("a", "b", "c"), ("the dog", "he ran", "a film"))
TEXTS = SPLIT.texts


Rows = list[dict[str, object]]


def lines(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    place = folder / "p.jsonl"
    place.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return place


def answered(folder: Path, cells: list[object], **more: object) -> PredictionsFile:
    rows = [{"text": text, "prediction": cell} for text, cell in zip(TEXTS, cells, strict=True)]
    return PredictionsFile(lines(folder, rows), name="m", task=TASK, **more)  # type: ignore[arg-type]


def predicted(handle: PredictionsFile, split: Split = SPLIT) -> list[int]:
    said = handle.outputs(split, batch_size=1, advance=lambda done: None)
    return [int(row[0]) for row in said.values]


def test_answers_mean_what_a_person_says(tmp_path: Path) -> None:
    """Guards `Positive.` guessed to be positive, and a map that is read for columns alone."""
    cells: list[object] = ["Bad.", " good ", "GOOD"]
    said = {"Bad.": "bad"}
    handle = answered(tmp_path, cells, label_map=said)
    assert predicted(handle) == [0, 1, 1]
    assert handle.notes[0] == "its answers were read as the command says: 'Bad.' as bad (1)"
    with pytest.raises(UsageError) as caught:
        predicted(answered(tmp_path, cells))
    place = tmp_path / "p.jsonl"
    assert str(caught.value) == (
        f"m ({place}): no answer to 1 of 3 examples (1 no label ('Bad.' 1)), the first is "
        f"'the dog' ({place}:1), expected one for every example of t dev; `label_map` says which "
        "label an answer means (Bad.=LABEL); `missing=drop` leaves them out for all models"
    )


@pytest.mark.parametrize("empty", [None, "", "  ", float("nan")])
def test_an_empty_answer_is_counted_and_never_a_class(empty: object, tmp_path: Path) -> None:
    """Guards class 0 for what is missing."""
    handle = answered(tmp_path, ["bad", empty, "I cannot say."])
    lacking = handle.unanswered(SPLIT)
    assert lacking.mask.tolist() == [False, True, True]
    assert lacking.reasons == "1 empty, 1 no label ('I cannot say.' 1)"
    kept = SPLIT.take([0])
    assert predicted(handle, kept) == [0]


def test_empty_numbers_and_rows_that_are_not_there(tmp_path: Path) -> None:
    """Guards one missing number of two taken for a missing answer, and a row joined to another."""
    rows: list[dict[str, object]] = [
        {"text": "the dog", "prob:bad": 0.25, "prob:good": 0.75},
        {"text": "a film", "prob:bad": None, "prob:good": None},
    ]
    handle = PredictionsFile(lines(tmp_path, rows), name="m", task=TASK)
    assert handle.unanswered(SPLIT).reasons == "1 without a row, 1 empty"
    rows[1]["prob:good"] = 0.5
    with pytest.raises(UsageError, match="no outputs, expected numbers between commas"):
        PredictionsFile(lines(tmp_path, rows), name="m", task=TASK)
    lists: Rows = [{"text": "the dog", "logits": [1, 2]}, {"text": "he ran", "logits": []}]
    handle = PredictionsFile(lines(tmp_path, lists), name="m", task=TASK)
    assert handle.unanswered(SPLIT).mask.tolist() == [False, True, True]


def test_of_equal_texts_the_one_with_an_answer_stands(tmp_path: Path) -> None:
    """Guards a text that was asked twice and is left out for its first try."""
    rows = [("the dog", None), ("the dog", "good"), ("he ran", "bad"), ("a film", "bad")]
    held = [{"text": text, "prediction": cell} for text, cell in rows]
    handle = PredictionsFile(lines(tmp_path, held), name="m", task=TASK)
    assert predicted(handle) == [1, 0, 0]


def tokens(*cells: object, label_map: dict[str, str] | None = None, **columns: object):
    table = ColumnTable(
        "p.jsonl", {"logprobs": tuple(map(json.dumps, cells))}, tuple(range(1, len(cells) + 1))
    )
    return token_probabilities(table, TASK, label_map)


def test_log_probabilities_by_hand() -> None:
    """Guards a rest that is spread over the labels, and tokens of one label of which one counts.

    " bad" and "bad" have 1/8 + 1/8, "good" 1/2, and "The" 1/16; 3/16 are not listed. The labels
    have 3/4, so bad is 1/3 and good 2/3.
    """
    said = tokens({" bad": math.log(1 / 8), "bad": math.log(1 / 8), "good": math.log(1 / 2),
                   "The": math.log(1 / 16)})  # fmt: skip
    np.testing.assert_allclose(np.exp(said.values), [[1 / 3, 2 / 3]], rtol=1e-12)
    assert said.notes == (
        "its probabilities are those of its answers' tokens (logprobs): the labels have 75.0% of "
        "all probability on average and 75.0% at least; the rest ('The' 6.2%, 18.8% of tokens that "
        "are not listed) was left out and each row divided by what its labels have",
    )


def test_a_label_that_is_not_listed_is_bounded() -> None:
    """Guards a zero without a word. "bad" has at most 1/8, the least listed: 1/8 of 1/8 + 3/4."""
    said = tokens({"good": math.log(3 / 4), "fine": math.log(1 / 8)})
    assert said.values[0, 0] == math.log(1e-12)
    assert said.notes[1] == (
        "in 1 of 1 rows a label is not among the tokens listed: it was given 1e-12, and has at "
        "most 0.14"
    )


def test_the_answer_is_the_most_probable_token() -> None:
    """Guards a refusal read as the label that happens to be among its tokens."""
    refusal = {"I": math.log(0.9), "good": math.log(0.05)}
    said = tokens({"good": -0.1}, refusal, {"Good": -0.1, "bad": -3.0})
    assert {row: lack.answer for row, lack in said.lacking.items()} == {1: "I", 2: "Good"}
    assert np.isnan(said.values[1]).all()
    mapped = tokens({"Good": -0.1, "bad": -3.0}, label_map={"Good": "good"})
    assert mapped.lacking == {}
    assert mapped.values[0].argmax() == 1


@pytest.mark.parametrize(
    "form",
    [
        [{"token": "good", "logprob": -0.5}, {"token": "bad", "logprob": -2, "bytes": [98]}],
        {"content": [{"token": "good", "logprob": -0.5, "top_logprobs": [
            {"token": "good", "logprob": -0.5}, {"token": "bad", "logprob": -2}]}]},
        {"tokens": ["good"], "top_logprobs": [{"good": -0.5, "bad": -2}, {".": 0.0}]},
    ],
    ids=["list", "chat", "completion"],
)  # fmt: skip
def test_forms_that_interfaces_give(form: object) -> None:
    """Guards a form that every user would have to rewrite by hand."""
    np.testing.assert_array_equal(tokens(form).values, tokens({"good": -0.5, "bad": -2}).values)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ([0.1, 0.9], "p.jsonl:1: logprobs is [0.1, 0.9], expected an object of tokens and their"),
        ({}, "p.jsonl:1: logprobs is {}, expected an object"),
        ({"good": 0.9}, "p.jsonl:1: logprobs gives 'good' 0.9, expected logarithms of probabilit"),
        ({"good": "-1"}, "p.jsonl:1: logprobs gives 'good' '-1', expected logarithms"),
        ({"good": -0.1, "bad": -0.1}, "p.jsonl:1: the probabilities of logprobs sum to 1.80967, "
         "expected those of one token: above 0, and 1 at most"),
        ({"good": -math.inf}, "p.jsonl:1: the probabilities of logprobs sum to 0, expected"),
    ],
)  # fmt: skip
def test_what_is_no_log_probability_is_refused(cell: object, message: str) -> None:
    """Guards probabilities read as their logarithms."""
    with pytest.raises(UsageError) as caught:
        tokens(cell)
    assert str(caught.value).startswith(message)


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4))
def test_shares_are_those_of_the_labels_alone(weights: list[float]) -> None:
    """Guards a result that depends on what else was listed: only the labels' ratio counts."""
    total = sum(weights)
    shares = [weight / total for weight in weights]
    names = ("bad", "good", "x", "y")
    said = tokens({name: math.log(share) for name, share in zip(names, shares, strict=True)})
    if said.lacking:
        assert max(shares) in shares[2:]
        return
    expected = shares[0] / (shares[0] + shares[1])
    assert math.isclose(np.exp(said.values[0, 0]), expected, rel_tol=1e-9)


def test_a_map_may_speak_of_any_token(tmp_path: Path) -> None:
    """Guards a map refused as a slip because one row of the file cannot be read."""
    rows = [{"text": "a", "prediction": "Bad.", "logprobs": {"Good": -0.1}},
            {"text": "b", "prediction": "I cannot", "logprobs": {"I": 3}}]  # fmt: skip
    assert answers_in(str(lines(tmp_path, rows))) == {"Bad.", "I cannot", "Good"}
    assert answers_in("out/teacher") == set()


def test_a_file_of_log_probabilities_is_a_model(tmp_path: Path) -> None:
    """Guards a prediction that contradicts its own tokens, and a refusal with tokens."""
    held = [{"bad": -0.1, "good": -3.0}, {"good": -0.2}, {"good": -0.2}]
    rows: list[dict[str, object]] = [
        {"text": text, "logprobs": cell} for text, cell in zip(TEXTS, held, strict=True)
    ]
    handle = PredictionsFile(lines(tmp_path, rows), name="m", task=TASK)
    said = handle.outputs(SPLIT, batch_size=1, advance=lambda done: None)
    assert (said.scale, said.values.argmax(axis=1).tolist()) == ("log-probabilities", [0, 1, 1])
    told = [
        {**row, "prediction": word} for row, word in zip(rows, ("bad", "good", "No"), strict=True)
    ]
    handle = PredictionsFile(lines(tmp_path, told), name="m", task=TASK)
    assert handle.unanswered(SPLIT).reasons == "1 no label ('No' 1)"
    told[2]["prediction"] = "bad"
    with pytest.raises(UsageError, match="column prediction says 'bad' and the outputs"):
        PredictionsFile(lines(tmp_path, told), name="m", task=TASK)


def test_classes_of_a_file_whose_answers_are_not_all_labels(tmp_path: Path) -> None:
    """Guards a refusal that becomes a class of the task without a word."""
    rows: list[dict[str, object]] = [
        {"text": "a", "label": "no", "prediction": "no"},
        {"text": "b", "label": "yes", "prediction": "Yes!"},
        {"text": "c", "label": "yes", "prediction": "I cannot"},
    ]
    place = lines(tmp_path, rows)
    told = task_of_predictions(place)
    assert told.labels == ("I cannot", "Yes!", "no", "yes")
    assert told.notes[1].startswith(
        "predicted and never gold, and read as classes: 'I cannot', 'Yes!' ("
    )
    dropped = task_of_predictions(place, missing="drop", label_map={"Yes!": "yes"})
    assert dropped.labels == ("no", "yes")
    for row in rows:
        del row["label"]
    with pytest.raises(UsageError) as caught:
        task_of_predictions(lines(tmp_path, rows), missing="drop")
    assert str(caught.value) == (
        f"{place}: answers that are no label may be dropped, and no gold labels say which are, "
        "expected the classes; name them with `labels=A,B,C`"
    )
