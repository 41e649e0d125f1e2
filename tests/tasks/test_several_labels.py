"""Sets of labels as files, frames and data sets write them."""

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest

from kdprobe.config.base import parse
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError, TaskError
from kdprobe.tasks.at_hand import task_on_disk
from kdprobe.tasks.guess import guess_task_file
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import NO_LABEL, Split, Task, gold_text
from tests.tasks.several_labels import LABELS, tiny_rows, treebank_rows, write_task

EXPECTED = [[1, 0, 1], [0, 0, 0], [-1, -1, -1], [0, 1, 0]]
HELD: list[list[str] | None] = [["a", "c"], [], None, ["b"]]


def whole(path: Path, **named: Any) -> Any:
    return load_split(guess_task_file(path, **named), "all")


def rows_as(path: Path, cells: list[str]) -> Path:
    lines = [f'"text {row}","{cell}"' for row, cell in enumerate(cells)]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "cells",
    [
        ["a|c", "[]", "", "b"],
        ["a | c", "|", "", "b"],
        ["['a', 'c']", "[]", "", "['b']"],
        ["['a' 'c']", "[]", "", "['b']"],
        ['[""a"", ""c""]', "[]", "", '[""b""]'],
    ],
)
def test_csv(tmp_path: Path, cells: list[str]):
    """An empty set read as missing, or the other way round, moves every score in silence."""
    split = whole(rows_as(tmp_path / "a.csv", cells))
    assert (split.task.kind, split.task.labels) == ("multilabel", ("a", "b", "c"))
    assert split.task.primary_score == "f1_micro"
    assert np.array_equal(split.labels, EXPECTED)
    assert split.has_gold.tolist() == [True, True, False, True]
    assert split.missing_gold == "1 of 4 examples has no gold label (written as an empty field)"


def test_json_lines_parquet_frames_and_data_sets(tmp_path: Path):
    """The same rows in four containers must be the same task."""
    rows = [{"text": f"text {n}", "labels": held} for n, held in enumerate(HELD)]
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    frame = pd.DataFrame(rows)
    frame.to_parquet(tmp_path / "a.parquet")
    splits = [whole(lines), whole(tmp_path / "a.parquet")]
    for held in (frame, datasets.Dataset.from_list(rows)):
        with task_on_disk(held) as place:
            splits.append(whole(Path(place)))
    for split in splits:
        assert split.task.labels == ("a", "b", "c")
        assert np.array_equal(split.labels, EXPECTED)


def test_class_labels_in_lists(tmp_path: Path):
    """GoEmotions on the hub: lists of indices whose names are features; one is never used."""
    features = datasets.Features({
        "text": datasets.Value("string"),
        "labels": datasets.Sequence(datasets.ClassLabel(names=["joy", "fear", "neutral"])),
    })  # fmt: skip
    held = datasets.Dataset.from_dict(
        {"text": ["a", "b", "c"], "labels": [[0, 1], [], [1]]}, features=features
    )
    place = tmp_path / "a.parquet"
    held.to_parquet(place)
    split = whole(place)
    assert split.task.labels == ("joy", "fear", "neutral")
    assert np.array_equal(split.labels, [[1, 1, 0], [0, 0, 0], [0, 1, 0]])
    with task_on_disk(held) as table:
        other = guess_task_file(Path(table))
    assert (other.labels, other.open_labels) == (("fear", "joy"), True)  # the model completes them


def test_columns_of_0_and_1(tmp_path: Path):
    """Toxicity data: a column a label; they are labels, not slices."""
    place = tmp_path / "a.csv"
    place.write_text("text,a,b,c\nx,1,0,1\ny,0,0,0\nz,0,,0\nw,0.0,1.0,false\n", encoding="utf-8")
    file = guess_task_file(place, label="a,b,c")
    assert (file.kind, file.labels, file.open_labels) == ("multilabel", ("a", "b", "c"), False)
    assert file.extra_columns == ()
    split: Any = load_split(file, "all")
    assert np.array_equal(split.labels, EXPECTED)
    place.write_text("text,a,b\nx,1,2\n", encoding="utf-8")
    with pytest.raises(TaskError, match="column 'b' holds '2', expected 0 or 1, or a set"):
        whole(place, label="a,b")


def test_a_task_file(tmp_path: Path):
    """Order and names are the task file's; a word that is no label is refused with its line."""
    file = open_task(write_task(tmp_path, tiny_rows()))
    dev = load_split(file, "dev")
    assert (file.kind, dev.task.labels) == ("multilabel", LABELS)
    assert dev.labels is not None
    assert (len(dev), dev.labels.sum(axis=0).tolist()) == (48, [16, 24, 24])
    assert gold_text(dev.task, dev.labels[0]) in ("negation|subordinate", "[]", "negation")
    with (tmp_path / "clauses.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"text": "x", "labels": ["passive"], "split": "dev"}\n')
    with pytest.raises(TaskError) as caught:
        load_split(file, "dev")
    assert "clauses.jsonl:241: label 'passive', expected one of the 3 labels" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["a|b", "c|d", "a|b"], "classification"),  # names that hold a bar
        (["a", "b", "a"], "classification"),
        (["a|b", "b", "a"], "multilabel"),
    ],
)
def test_what_is_guessed(tmp_path: Path, cells: list[str], kind: str):
    """A classification must not become another task because a name holds a bar."""
    assert guess_task_file(rows_as(tmp_path / "a.csv", cells)).kind == kind


def test_named_labels_read_whole_values(tmp_path: Path):
    """`labels=` that names the values themselves keeps them."""
    place = rows_as(tmp_path / "a.csv", ["a|b", "b", "a"])
    assert guess_task_file(place, labels=("a", "b", "a|b")).kind == "classification"
    assert guess_task_file(place, labels=("b", "a", "c")).labels == ("b", "a", "c")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a"]}, "a multi-label task needs two labels or more"),
        ({"labels": ["a", "b|c"]}, "the label 'b|c' holds '|', which separates labels"),
        ({"primary_score": "accuracy"}, "'accuracy' is no score of a multi-label task"),
        ({"positive": "a"}, "positive is for a classification, one label an example"),
    ],
)
def test_task_files_that_contradict_themselves(changes: dict[str, object], message: str):
    """What cannot be meant is refused before anything is opened."""
    data: dict[str, object] = {
        "name": "t", "kind": "multilabel", "labels": ["a", "b"], "primary_score": "f1_micro",
        "text": "text", "compare_split": "dev",
        "local": [{"splits": {"dev": {"file": "a.jsonl"}}}],
    }  # fmt: skip
    parse(TaskFile, data, "f")
    with pytest.raises(ConfigError) as caught:
        parse(TaskFile, {**data, **changes}, "f")
    assert str(caught.value) == f"f: {message}"


def test_rows_that_are_no_sets():
    """Half a row of -1 would be counted as labels that are not there."""
    task = Task("t", 1, "multilabel", ("a", "b"), "f1_micro")
    for labels in ([[1, NO_LABEL]], [[0, 2]], [[1]]):
        with pytest.raises(TaskError):
            Split(task, "dev", ("1",), ("x",), labels=np.array(labels))


def test_the_treebank_task(real_data: Path):
    """Counts of the labels that annotators gave: a change of the reading would move them."""
    rows = list(treebank_rows(real_data / "treebank" / "ptb_sample.mrg"))
    held = [set(map(str, row["labels"])) for row in rows if isinstance(row["labels"], list)]
    counts = [sum(label in each for each in held) for label in LABELS]
    assert (len(rows), counts) == (3564, [525, 1903, 1756])
    assert sum(not each for each in held) == 852
