"""Predictions files: joined by id or text, never by order; every bad row named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import UsageError
from kdprobe.models.open import open_model
from kdprobe.models.predictions.file import PredictionsFile, is_predictions_file, split_from_file
from kdprobe.observations.predictions import Predictions
from kdprobe.tasks.task import Split, Task

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
PAIRS = Task("p", 1, "classification", ("bad", "good"), "accuracy", True)
NUMBER = Task("n", 1, "regression", (), "pearson")
SPLIT = Split(
    TASK, "dev", ("a", "b", "c"), ("the dog", "he ran", "a film"), None, np.array([0, 1, 1])
)
ROWS = (("the dog", "bad", "1.5,-1"), ("he ran", "good", "-2,2"), ("a film", "good", "0.25,0.5"))
VALUES = [[1.5, -1.0], [-2.0, 2.0], [0.25, 0.5]]


def written(folder: Path, text: str, name: str = "p.tsv") -> Path:
    place = folder / name
    place.write_text(text, encoding="utf-8")
    return place


def tsv(folder: Path, header: str, *rows: str) -> Path:
    return written(folder, "\n".join([header, *rows]) + "\n")


def asked(place: Path, split: Split = SPLIT, task: Task = TASK) -> list[list[float]]:
    handle = PredictionsFile(place, name="m", task=task)
    said = handle.outputs(split, batch_size=1, advance=lambda done: None)
    values: list[list[float]] = said.values.tolist()
    return values


def refusal(place: Path, split: Split = SPLIT, task: Task = TASK) -> str:
    with pytest.raises(UsageError) as caught:
        asked(place, split, task)
    return str(caught.value)


def forms(folder: Path) -> list[Path]:
    """The same predictions in every form a file may have, rows in another order each."""
    logits = [json.loads(f"[{row[2]}]") for row in ROWS]
    comma = [f'"{text}",{label},"{numbers}"' for text, label, numbers in ROWS]
    objects = [
        json.dumps({"sentence": text, "label": label, "logits": numbers})
        for (text, label, _), numbers in zip(ROWS, logits, strict=True)
    ]
    parquet = folder / "p.parquet"
    columns = {"text": [row[0] for row in ROWS][::-1], "logits": logits[::-1]}
    pyarrow.parquet.write_table(pyarrow.table(columns), parquet)
    by_class = [f"{text}\t{row[1]}\t{row[0]}" for (text, *_), row in zip(ROWS, logits, strict=True)]
    return [
        tsv(folder, "text\tlabel\tlogits", *("\t".join(row) for row in ROWS[::-1])),
        written(folder, "\n".join(["text,label,logits", comma[1], comma[0], comma[2]]), "p.csv"),
        written(folder, "\n".join([objects[2], objects[0], objects[1]]), "p.jsonl"),
        parquet,
        written(folder, "\n".join(["text\tlogit:Good\tlogit:bad", *by_class]), "c.tsv"),
        written(folder, "id\tlogits\nc\t[0.25 0.5]\na\t[1.5 -1]\nb\t[-2, 2]\n", "ids.tsv"),
    ]


def test_every_form_gives_the_same_numbers_in_the_split_s_order(tmp_path: Path):
    """Guards against a join by row order, which gives kappa near zero and no error."""
    for place in forms(tmp_path):
        assert asked(place) == VALUES, place.name


def test_probabilities_become_log_probabilities_and_say_so(tmp_path: Path):
    """Guards against a probability of 0 making an infinite loss, or softmax taken twice."""
    place = tsv(
        tmp_path,
        "text\tprob:good\tprob:bad",
        "the dog\t0.25\t0.75",
        "he ran\t1\t0",
        "a film\t.5\t.5",
    )
    handle = PredictionsFile(place, name="m", task=TASK)
    said = handle.outputs(SPLIT, batch_size=1, advance=lambda done: None)
    assert said.scale == "log-probabilities"
    shares = np.exp(Predictions("m", SPLIT.ids, said.values, said.scale).log_probabilities)
    expected = np.array([[0.75, 0.25], [0.0, 1.0], [0.5, 0.5]])
    np.testing.assert_allclose(shares, expected, atol=1e-11)
    assert handle.notes == (
        "its probabilities were turned into log-probabilities (1 below 1e-12 were taken as 1e-12)",
    )


def test_hard_labels_and_scores(tmp_path: Path):
    """Guards against labels read as confident probabilities, or a score as a class."""
    place = tsv(tmp_path, "text\tpredicted", "a film\t1", "the dog\tgood", "he ran\tbad")
    handle = PredictionsFile(place, name="m", task=TASK)
    said = handle.outputs(SPLIT, batch_size=1, advance=lambda done: None)
    assert (said.scale, said.values.tolist()) == ("labels", [[1.0], [0.0], [1.0]])
    assert handle.notes[0].startswith("only its predicted labels are known")
    number = Split(NUMBER, "dev", ("a",), ("the dog",), None, np.array([2.5]))
    place = tsv(tmp_path, "text\tlabel\tscore", "the dog\t2.5\t3.25")
    assert asked(place, number, NUMBER) == [[3.25]]


def test_pairs_are_joined_by_both_texts(tmp_path: Path):
    """Guards against two pairs of one first text answering for each other."""
    split = Split(PAIRS, "dev", ("1", "2"), ("x", "x"), ("y", "z"))
    place = tsv(tmp_path, "text_a\ttext_b\tlogits", "x\tz\t3,4", "x\ty\t1,2")
    assert asked(place, split, PAIRS) == [[1.0, 2.0], [3.0, 4.0]]
    place = tsv(tmp_path, "text_a\tlogits", "x\t3,4")
    assert refusal(place, split, PAIRS).endswith(
        "no column text_b, expected text_a and text_b, as p is about pairs of texts"
    )


def test_texts_that_stand_twice(tmp_path: Path):
    """Guards against one of two different answers chosen by chance."""
    split = Split(TASK, "dev", ("1", "2"), ("x", "x"), None, np.array([1, 0]))
    place = tsv(tmp_path, "text\tlabel\tlogits", "x\tbad\t3,4", "x\tgood\t1,2")
    assert asked(place, split) == [[1.0, 2.0], [3.0, 4.0]]
    place = tsv(tmp_path, "text\tlogits", "x\t3,4", "x\t3,4")
    assert asked(place, split) == [[3.0, 4.0], [3.0, 4.0]]
    place = tsv(tmp_path, "text\tlogits", "x\t3,4", "x\t3,5")
    assert refusal(place, split) == (
        f"{place}:3: 'x' stands at {place}:2 too, with other outputs, expected equal outputs for "
        f"equal texts and labels, but for 0.0001; add the task's ids in a column id, so that the "
        f"rows can be told apart"
    )


@pytest.mark.parametrize(
    ("columns", "rows", "same"),
    [
        ("logits", ("3,4", "3.00000001,4"), True),
        ("logits", ("3,4", "103,104"), True),  # the same probabilities
        ("logits", ("3,4", "3.001,4"), False),
        ("probabilities", ("0.25,0.75", "0.25004,0.74996"), True),
        ("probabilities", ("0.25,0.75", "0.2502,0.7498"), False),
        ("prediction", ("good", "bad"), False),
    ],
)
def test_float_noise_of_another_batch_is_no_other_output(
    columns: str, rows: tuple[str, str], same: bool, tmp_path: Path
):
    """Guards against a refusal of every file in which a text stands twice, and a blind eye."""
    split = Split(TASK, "dev", ("1", "2"), ("x", "x"), None, np.array([1, 1]))
    place = tsv(tmp_path, f"text\t{columns}", *(f"x\t{row}" for row in rows))
    if same:
        first, second = asked(place, split)
        assert first == second
    else:
        assert "with other outputs" in refusal(place, split)


def test_scores_of_one_text_may_differ_by_rounding(tmp_path: Path):
    """Guards against an absolute tolerance for numbers of any size."""
    split = Split(NUMBER, "dev", ("1",), ("x",), None, np.array([2.5]))
    place = tsv(tmp_path, "text\tscore", "x\t2500", "x\t2500.01")
    assert asked(place, split, NUMBER) == [[2500.0]]
    place = tsv(tmp_path, "text\tscore", "x\t2500", "x\t2501")
    assert "with other outputs" in refusal(place, split, NUMBER)


def test_columns_are_matched_as_the_user_says(tmp_path: Path):
    """Guards against a `label_map` that is read for folders and passed over for files."""
    rows = ("the dog\t1\t2", "he ran\t3\t4", "a film\t5\t6")
    place = tsv(tmp_path, "text\tlogit:LABEL_0\tlogit:LABEL_1", *rows)
    assert "say which label is which with `label_map`" in refusal(place)
    said = {"LABEL_0": "good", "LABEL_1": "bad"}
    handle = PredictionsFile(place, name="m", task=TASK, label_map=said)
    values = handle.outputs(SPLIT, batch_size=1, advance=lambda done: None).values
    assert values.tolist() == [[2, 1], [4, 3], [6, 5]]
    assert handle.notes == (
        "its labels were read as the command says: LABEL_0 as good, LABEL_1 as bad",
    )


def test_gold_labels_of_a_file_may_be_missing(tmp_path: Path):
    """Guards against a missing label that counts as one that contradicts the task's."""
    rows = ("the dog\t\t1,2", "he ran\t-\t3,4", "a film\tgood\t5,6")
    assert asked(tsv(tmp_path, "text\tlabel\tlogits", *rows)) == [[1, 2], [3, 4], [5, 6]]
    holes = Split(TASK, "dev", SPLIT.ids, SPLIT.texts, None, np.array([-1, 1, -1]))
    rows = ("the dog\tgood\t1,2", "he ran\tgood\t3,4", "a film\tbad\t5,6")
    assert asked(tsv(tmp_path, "text\tlabel\tlogits", *rows), holes)[0] == [1, 2]
    number = Split(NUMBER, "dev", ("a",), ("the dog",), None, np.array([np.nan]))
    place = tsv(tmp_path, "text\tlabel\tscore", "the dog\t2.5\t3.25")
    assert asked(place, number, NUMBER) == [[3.25]]


def test_how_the_file_was_read_is_told(tmp_path: Path):
    """Guards against a separator or quotes taken for something else without a word."""
    place = written(tmp_path, "text;prob:bad;prob:good\nthe dog;0,25;0,75\n", "p.csv")
    split = SPLIT.take([0])
    handle = PredictionsFile(place, name="m", task=TASK)
    assert handle.notes[-1] == "its columns are separated by semicolons, though it ends in .csv"
    shares = np.exp(handle.outputs(split, batch_size=1, advance=lambda done: None).values)
    np.testing.assert_allclose(shares, [[0.25, 0.75]])
    nested = written(tmp_path, '{"text": ["a"], "logits": [1, 2]}\n', "p.jsonl")
    assert "p.jsonl:1: column 'text' holds lists or objects" in refusal(nested)


def test_missing_and_extra_rows(tmp_path: Path):
    """Guards against numbers over the examples that happen to be in the file."""
    place = tsv(tmp_path, "text\tlogits", "he ran\t1,2", "more\t1,2")
    assert refusal(place) == (
        f"m ({place}): no row for 2 of 3 examples, the first is 'the dog', expected one for every "
        "example of t dev; if it is of another split, say which (`split`); `missing=drop` "
        "leaves them out for all models"
    )
    place = tsv(tmp_path, "id\tlogits", "b\t1,2")
    assert "no row for 2 of 3 examples, the first is id 'a'" in refusal(place)
    place = tsv(tmp_path, "id\tlogits", "z\t1,2")
    assert refusal(place) == (
        "m: its file has no texts and none of the ids of t dev, expected ids like 'a', or a column "
        "text"
    )
    rows = ["\t".join((row[0], row[2])) for row in ROWS]
    handle = PredictionsFile(tsv(tmp_path, "text\tlogits", *rows, "more\t1,2"), name="m", task=TASK)
    for _ in range(2):
        handle.outputs(SPLIT, batch_size=1, advance=lambda done: None)
    assert handle.notes[1:] == ("1 rows of its file are no examples of dev and were left out",)


def test_ids_and_labels_that_contradict(tmp_path: Path):
    """Guards against ids that count other rows, and label indices in another order."""
    place = tsv(tmp_path, "id\ttext\tlogits", "a\the ran\t1,2", "b\tthe dog\t1,2", "c\ta film\t1,2")
    assert refusal(place) == (
        f"{place}:2: id 'a' stands for 'he ran', expected 'the dog', as in t dev; leave the id "
        f"column out to join by text, if the ids count other rows"
    )
    rows = ["\t".join((text, "good", numbers)) for text, _, numbers in ROWS]
    place = tsv(tmp_path, "text\tlabel\tlogits", *rows)
    assert refusal(place) == (
        f"{place}:2: label 'good' for 'the dog' (1 of 3 labels of m differ), expected 'bad', as in "
        f"t dev; are its label indices those of the task? Write label names instead"
    )


LISTED = "expected 2, as t has (bad, good); are these predictions for another task?"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["text\tlogits"], "p.tsv: holds no rows, expected one row for each example"),
        ([""], "p.tsv: is empty"),
        (["text\tlogits", "x\t1,2", "y"], "p.tsv:3: "),
        (["text\tlogits", "x\t1,nan"], "p.tsv:2: logits: [1.0, nan], expected finite numbers, at"),
        (["text\tlogits", "x\t1e308,-1e308"], "p.tsv:2: logits: [1e+308, -1e+308], expected fini"),
        (["text\tlogits", "x\t1,2", "y\t-inf,2"], "p.tsv:3: logits: [-inf, 2.0], expected finite"),
        (["text\tlogits", "x\t1,2,3"], f"p.tsv:2: 3 outputs, {LISTED}"),
        (["text\tlogits", "x\t1,two"], "p.tsv:2: '1,two' is no list of numbers, expected numbers"),
        (
            ["text\tlogits", "x\t"],
            "p.tsv: none of its 1 rows holds an answer, the first is empty (",
        ),
        (
            ["text\tprobabilities", "x\t.5,.5", "y\t.5,.7"],
            "p.tsv:3: probabilities [0.5, 0.7], which sum to 1.2, expected numbers from 0 to 1 "
            "that sum to 1 within 0.1; does a class lack, or were several labels allowed at once?",
        ),
        (["text\tprobabilities", "x\t-1,2"], "p.tsv:2: probabilities [-1.0, 2.0], which sum to 1,"),
        (["text\tprobabilities", "x\tnan,1"], "p.tsv:2: probabilities [nan, 1.0], which sum"),
        (["text\tlabel\tlogits", "x\tugly\t1,2"], "p.tsv:2: label 'ugly', expected one of"),
        (
            ["text\tprediction", "x\tugly"],
            "p.tsv: none of its 1 rows holds an answer, the first is 'ugly' (",
        ),
        (
            ["id\ttext\tlogits", "1\tx\t1,2", "1\ty\t1,2"],
            "p.tsv:3: id '1' stands at",
        ),
        (["id\ttext\tlogits", "\tx\t1,2"], "p.tsv:2: no id, expected one row for each example"),
        (["text\tlogits", " \t1,2"], "p.tsv:2: the text is empty, expected a text"),
        (
            ["words\tlogits", "x\t1,2"],
            "p.tsv: neither texts nor ids, only the columns words, logits",
        ),
        (
            ["text\tother", "x\t1"],
            "p.tsv: no outputs, only the columns text, other, expected logits",
        ),
        (
            ["text\tlogit:bad\tlogit:fine", "x\t1\t2"],
            "p.tsv: columns logit:bad, logit:fine, expected one for each label of t: logit:bad, "
            "logit:good; are these predictions for another task?",
        ),
        (
            ["text\tlogit:bad\tlogit:good", "x\t1\t2,3"],
            "p.tsv:2: logit:good is '2,3', expected one",
        ),
        (
            ["text\tpredicted\tlogits", "x\tgood\t2,1"],
            "p.tsv:2: column predicted says 'good' and the outputs [2.0, 1.0] say 'bad', expected "
            "outputs in the order bad, good; name one column for each label, like logit:bad",
        ),
    ],
)
def test_bad_rows_are_named(lines: list[str], message: str, tmp_path: Path):
    """Guards against a bad row that only moves a number."""
    place = written(tmp_path, "\n".join(lines) + ("\n" if lines[0] else ""))
    assert refusal(place).startswith(f"{tmp_path}/{message}")


def test_a_regression_needs_a_score(tmp_path: Path):
    """Guards against a list of logits read as a regression's number."""
    split = Split(NUMBER, "dev", ("a",), ("x",))
    place = tsv(tmp_path, "text\tother", "x\t1")
    assert refusal(place, split, NUMBER).endswith("expected a column score, as n asks for a number")
    place = tsv(tmp_path, "text\tscore", "x\tinf")
    assert f"{place}:2: column score: [inf], expected finite numbers" in refusal(
        place, split, NUMBER
    )


def test_examples_of_a_file_and_of_its_shuffled_copy_are_the_same(tmp_path: Path):
    """Guards against ids that count rows, so that a shuffled student is compared askew."""
    rows = ["\t".join((*row, str(len(row[0])))) for row in ROWS]
    header = "text\tlabel\tlogits\tlength"
    one = tsv(tmp_path, header, *rows, rows[0])
    split = split_from_file(one, TASK)
    two = written(tmp_path, "\n".join([header, rows[0], *rows[::-1]]) + "\n", "q.tsv")
    other = split_from_file(two, TASK)
    assert sorted(split.ids) == sorted(other.ids)
    assert split.labels is not None
    assert split.labels.tolist() == [0, 1, 1, 0]
    assert dict(split.columns) == {"length": ("7", "6", "6", "7")}
    assert asked(two, split) == asked(one, split) == [*VALUES, VALUES[0]]
    place = tsv(tmp_path, "id\tlogits", "a\t1,2")
    with pytest.raises(UsageError) as caught:
        split_from_file(place, TASK)
    assert str(caught.value) == (
        f"{place}: no texts, and the data of t were not found, expected a column text; say where "
        f"the data are with `data_dir`"
    )


@given(order=st.permutations(range(6)))
def test_any_order_of_rows_gives_the_same_numbers(order, tmp_path_factory: pytest.TempPathFactory):
    """Guards against the famous trap: kappa near 0 from a shuffled list."""
    folder = tmp_path_factory.mktemp("shuffled")
    split = Split(TASK, "dev", tuple("abcdef"), tuple(f"text {i}" for i in range(6)))
    place = tsv(folder, "text\tlogits", *(f"text {i}\t{i},{-i}" for i in order))
    assert asked(place, split) == [[float(i), float(-i)] for i in range(6)]


def test_the_handle_tells_what_it_is_and_opens_by_name(tmp_path: Path):
    """Guards against a full path in a report, or a file taken for a hub model."""
    place = tsv(tmp_path, "text\tlogits", *("\t".join((row[0], row[2])) for row in ROWS))
    handle = open_model(str(place), name="m", task=TASK)
    assert (handle.name, handle.folder, handle.source) == ("m", "p.tsv", "predictions file")
    assert (handle.labels, handle.parameters, handle.architecture) == (TASK.labels, None, "")
    assert handle.capabilities == frozenset()
    assert handle.notes == ("the numbers of its column logits were taken in the order bad, good",)
    before = handle.fingerprint
    place.write_text(place.read_text().replace("1.5", "1.25"))
    assert open_model(str(place), name="m", task=TASK).fingerprint != before
    with pytest.raises(UsageError) as caught:
        open_model(str(tmp_path / "no.tsv"), name="m", task=TASK)
    assert str(caught.value) == (
        f"{tmp_path / 'no.tsv'}: no such file, expected a predictions file or a model folder"
    )
    (tmp_path / "odd.csv").mkdir()
    assert not is_predictions_file(str(tmp_path / "odd.csv"))
