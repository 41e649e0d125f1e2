"""Labels of plain data files: classes, scores, and what means that there is none."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.guess import guess_task_file
from kdprobe.tasks.guess_labels import show_labels
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split


def shown(*values: str | None, separator: str = "\t", **more: Any) -> Any:
    lines = tuple(range(2, len(values) + 2))
    return show_labels(ColumnTable("f", {"y": values}, lines, separator=separator), "y", **more)


def write(tmp_path: Path, name: str, labels: list[Any]) -> Path:
    """Write the labels as pandas writes them into a file of this kind."""
    path = tmp_path / name
    frame = pd.DataFrame({"text": [f"t{n}" for n in range(len(labels))], "label": labels})
    if name.endswith(".jsonl"):
        rows = [json.dumps({"text": f"t{n}", "label": label}) for n, label in enumerate(labels)]
        path.write_text("\n".join(rows), encoding="utf-8")
    elif name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t" if name.endswith(".tsv") else ",", index=False)
    return path


def whole(path: Path, **options: Any) -> Split:
    return load_split(guess_task_file(path, **options), "all")


@pytest.mark.parametrize(
    "values",
    [("-1", "0", "1"), ("-1", "1"), ("+", "-"), ("-", "0", "+"), ("A", "A-", "B+"),
     ("c#", "c++"), ("-0", "0"), ("+1", "-1"), ("NO", "YES"), ("-", "+", "A")],
)  # fmt: skip
def test_signs_are_part_of_a_class(values: tuple[str, ...]):
    """-1 and 1 folded into one class make every number of a polarity task wrong."""
    assert set(shown(*values).labels) == set(values)
    assert shown(*values).missing == ()


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        (("-", "entailment", "neutral"), ("-",)),
        (("-", "entailment", "neutral", "contradiction"), ("-",)),
        (("-1", "neg", "pos"), ("-1",)),
        (("0", "1", "nan"), ("nan",)),
        (("0.0", "1.0", "NaN", "NA"), ("NA", "NaN")),
        (("1.5", "2.25", "-", "n/a"), ("-", "n/a")),
        (("0", "1", "2", "None"), ("None",)),
    ],
)
def test_words_for_no_label_are_no_classes(values: tuple[str, ...], missing: tuple[str, ...]):
    """SNLI's `-` as a fourth class refuses every model of three."""
    read = shown(*values)
    assert read.missing == missing
    assert not set(read.labels) & set(missing)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (("-1", "0", "1"), "-1 is a class of its own; if it means that there is no label, say "
         "`labels=0,1`"),
        (("-", "1", "2"), "- is a class of its own; if it means that there is no label, write an "
         "empty field, or say `labels=1,2`"),
        (("NA", "neg", "pos"), "NA is a class of its own; if it means that there is no label, "
         "write an empty field, or say `labels=neg,pos`"),
        (("None", "Other", "Per"), "None is a class of its own; if it means that there is no "
         "label, write an empty field, or say `labels=Other,Per`"),
        (("YES", "Yes", "no", "yes"), "YES, Yes, yes differ in capitals, blanks or underscores "
         "only and are classes of their own; `labels` with one of them reads them as one"),
    ],
)  # fmt: skip
def test_what_may_be_meant_otherwise_is_said(values: tuple[str, ...], note: str):
    """A class called None is common, and so is a None that should have been empty."""
    read = shown(*values)
    assert set(read.labels) == set(values)
    assert read.notes == (note,)


def test_the_user_s_names_win(tmp_path: Path):
    """`labels` decides what a class is, its order, and reads other spellings as that class."""
    path = write(tmp_path, "a.csv", ["Yes", "yes", "YES", "no", "NA", ""])
    split = whole(path, labels=("no", "yes"))
    assert split.labels is not None
    assert split.labels.tolist() == [1, 1, 1, 0, -1, -1]
    assert (
        split.missing_gold
        == "2 of 6 examples have no gold label (written 'NA' or as an empty field)"
    )
    path = write(tmp_path, "b.csv", [-1, 0, 1, 1])
    assert whole(path, labels=("0", "1")).has_gold.tolist() == [False, True, True, True]
    kept = whole(path, labels=("1", "0", "-1")).labels
    assert kept is not None
    assert kept.tolist() == [2, 1, 0, 0]
    with pytest.raises(TaskError, match="`labels`: a, a, expected the names of two classes"):
        guess_task_file(path, labels=("a", "a"))
    path = write(tmp_path, "c.csv", ["Yes", "maybe", "no"])
    with pytest.raises(TaskError, match="label 'maybe', expected one of the 2 labels"):
        whole(path, labels=("no", "yes"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_missing_labels_in_every_format(tmp_path: Path, name: str):
    """What pandas writes for a missing value differs by format and means the same."""
    split = whole(write(tmp_path, name, ["neg", None, "pos", None]))
    assert split.task.labels == ("neg", "pos")
    assert split.labels is not None
    assert split.labels.tolist() == [0, -1, 1, -1]
    assert split.missing_gold == "2 of 4 examples have no gold label (written as an empty field)"
    # One missing value turns pandas' whole column of integers into floats: 1 becomes 1.0.
    split = whole(write(tmp_path, name, [0, float("nan"), 1, 1]))
    assert split.task.labels == ("0", "1")
    assert split.labels is not None
    assert split.labels.tolist() == [0, -1, 1, 1]


def test_nan_of_json_is_missing_and_its_word_is_a_word(tmp_path: Path):
    """json.dumps writes NaN for a missing value; read as a word it is a text and a class."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "nan", "label": "neg"}\n{"text": "b", "label": NaN}\n'
                    '{"text": "c", "label": "nan"}\n{"text": "d", "label": "pos"}\n')  # fmt: skip
    split = whole(path)
    assert split.texts == ("nan", "b", "c", "d")
    assert split.task.labels == ("nan", "neg", "pos")
    assert split.has_gold.tolist() == [True, False, True, True]
    path.write_text('{"text": "a", "label": "neg"}\n{"text": NaN, "label": "pos"}\n')
    with pytest.raises(TaskError, match=r"a\.jsonl:2: column 'text' is empty, expected text in ev"):
        whole(path)


def test_decimal_commas_are_scores_where_semicolons_separate(tmp_path: Path):
    """A spreadsheet that writes semicolons writes 2,5; as a class it would be a name."""
    path = tmp_path / "a.csv"
    path.write_text("text;label\na;2,5\nb;3\nc;\n", encoding="utf-8")
    split = whole(path)
    assert split.task.kind == "regression"
    assert split.labels is not None
    np.testing.assert_array_equal(split.labels, [2.5, 3, np.nan])
    assert shown("1,2", "1", "2").kind == "classification"


def test_one_label_or_none_leaves_the_classes_open(tmp_path: Path):
    """Which classes a model has is known to the model, not to the rows at hand."""
    file = guess_task_file(write(tmp_path, "a.csv", ["pos", "pos"]))
    assert (file.labels, file.open_labels) == (("pos",), True)
    file = guess_task_file(write(tmp_path, "b.csv", [None, None]))
    assert (file.labels, file.open_labels) == ((), True)
    assert load_split(file, "all").labels is None


def test_objects_are_no_labels(tmp_path: Path):
    """An object read as its JSON would be a class of its own; a list is a set of labels."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": {"x": 1}}\n')
    with pytest.raises(TaskError, match="column 'label' holds lists or objects"):
        guess_task_file(path)
    path.write_text('{"text": "a", "label": ["x", "y"]}\n')
    assert guess_task_file(path).kind == "multilabel"


FEATURES = {"label": {"names": ["neg", "pos", "mixed"], "_type": "ClassLabel"},
            "text": {"dtype": "string", "_type": "Value"}}  # fmt: skip


def test_class_names_of_a_parquet_file(tmp_path: Path):
    """`Dataset.to_parquet` keeps the names in the schema; indices alone fit no model by name."""
    schema = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    described = json.dumps({"info": {"features": FEATURES}}).encode()
    path = tmp_path / "a.parquet"
    pq.write_table(schema.replace_schema_metadata({b"huggingface": described}), path)
    file = guess_task_file(path)
    assert (file.labels, file.open_labels) == (("neg", "pos", "mixed"), False)
    split = load_split(file, "all")
    assert split.labels is not None
    assert split.labels.tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dataset_info.json", json.dumps({"features": FEATURES})),
        ("README.md", "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n"
         "  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': neg\n"
         "          '1': pos\n          '2': mixed\n---\n# Data\n"),
    ],
)  # fmt: skip
def test_class_names_that_stand_beside_the_file(tmp_path: Path, name: str, text: str):
    """A folder of a data set says its class names once for all its files."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    path = write(tmp_path, "a.csv", [1, 0, 0])
    assert guess_task_file(path).labels == ("neg", "pos", "mixed")
    # Labels that are no indices are not its.
    assert guess_task_file(write(tmp_path, "b.csv", [1, 7, 0])).labels == ("0", "1", "7")
    (tmp_path / name).write_text("---\n[broken", encoding="utf-8")
    assert guess_task_file(path).labels == ("0", "1")


def test_real_parquet_of_datasets(tmp_path: Path):
    """Guards against a reading of the metadata that only its own test writes."""
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    made = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    made.to_parquet(tmp_path / "a.parquet")
    assert guess_task_file(tmp_path / "a.parquet").labels == ("neg", "pos")
