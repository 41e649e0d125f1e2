"""Task files: what is refused before any data are looked at."""

from typing import Any

import pytest

from kdprobe.config.base import parse
from kdprobe.config.task import TaskFile
from kdprobe.errors import ConfigError


def valid(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": "mine",
        "labels": ["no", "yes"],
        "primary_score": "mcc",
        "text": "sentence",
        "local": [
            {"folders": ["Mine"], "splits": {"train": {"file": "t.tsv"}, "dev": {"file": "d.tsv"}}}
        ],
    }
    return {**data, **changes}


def regression(**changes: Any) -> dict[str, Any]:
    return valid(kind="regression", labels=[], primary_score="pearson", **changes)


def test_task_gives_the_definition():
    """The task that analyses see must carry each fact of the file, labels in order."""
    file = parse(
        TaskFile,
        valid(text_pair="other", positive="no", acceptable="yes", citation="C", version=3),
        "f",
    )
    task = file.task()
    assert (task.name, task.version, task.kind) == ("mine", 3, "classification")
    assert (task.labels, task.outputs, task.has_pairs) == (("no", "yes"), 2, True)
    assert (task.primary_score, task.positive, task.acceptable) == ("mcc", "no", "yes")
    assert task.citation == "C"
    assert parse(TaskFile, regression(score_range=[0, 5]), "f").task().score_range == (0.0, 5.0)
    assert parse(TaskFile, regression(), "f").task().outputs == 1


def test_split_names_join_layouts_and_hub():
    """A split that only the hub has must be offered too, each name once."""
    file = parse(
        TaskFile,
        valid(hub={"dataset": "a/b", "splits": {"dev": "validation", "test": "test"}}),
        "f",
    )
    assert file.split_names == ("train", "dev", "test")


def test_resolved_takes_what_a_source_leaves_open_from_the_head():
    """A hub that renames one column must keep the others."""
    file = parse(
        TaskFile,
        valid(
            text_pair=["q", "a"],
            hub={"dataset": "a/b", "text": "premise", "splits": {"dev": "validation"}},
        ),
        "f",
    )
    assert file.hub is not None
    columns = file.resolved(file.hub)
    assert (columns.text, columns.text_pair, columns.label) == ("premise", ("q", "a"), "label")


def test_is_generated_only_without_files_and_hub():
    """A task with files must not be taken for the embedded one."""
    grammar = {"reader": "grammar", "splits": {"dev": {"size": 10}}}
    assert parse(TaskFile, valid(local=[grammar]), "f").is_generated
    assert not parse(TaskFile, valid(), "f").is_generated


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (valid(labels=["no", "no"]), "f: labels is ['no', 'no']; a label stands twice"),
        (valid(labels=["no"]), "f: a classification needs two labels or more"),
        (
            {**regression(), "labels": ["a", "b"]},
            "f: a regression has no labels",
        ),
        (valid(primary_score="pearson"), "f: 'pearson' is no score of a classification"),
        (
            {**regression(), "primary_score": "mcc"},
            "f: 'mcc' is no score of a regression",
        ),
        (
            valid(score_range=[0, 1]),
            "f: score_range is for a regression, the smallest score first",
        ),
        (
            regression(score_range=[5, 0]),
            "f: score_range is for a regression, the smallest score first",
        ),
        (valid(positive="maybe"), "f: positive is 'maybe', which is none of the labels"),
        (valid(acceptable="maybe"), "f: acceptable is 'maybe', which is none of the labels"),
        (
            valid(local=[]),
            "f: neither a [[local]] layout nor a [hub] says where the data are",
        ),
        (valid(compare_split="test"), "f: compare_split is 'test', which is no split"),
        (
            valid(local=[{"splits": {"dev": {}}}]),
            "f: local.0: split 'dev' needs a file and no size",
        ),
        (
            valid(local=[{"splits": {"dev": {"file": "a.tsv", "size": 3}}}]),
            "f: local.0: split 'dev' needs a file and no size",
        ),
        (
            valid(local=[{"reader": "grammar", "splits": {"dev": {"file": "a.tsv"}}}]),
            "f: local.0: split 'dev' of the grammar needs a size and no file",
        ),
        (
            valid(local=[{"splits": {"dev": {"file": "a.tsv", "value": "dev"}}}]),
            "f: local.0: split 'dev' has a value, but there is no split_column",
        ),
        (
            valid(local=[{"splits": {"dev": {"fil": "a.tsv"}}}]),
            "f: unknown key 'local.0.splits.dev.fil', expected one of file, size, header, "
            "labelled, value, share; did you mean 'file'?",
        ),
        (
            valid(primary_score="acuracy"),
            "f: primary_score is 'acuracy'; Input should be 'accuracy', 'mcc', 'f1', 'pearson', "
            "'spearman', 'f1_micro', 'f1_macro', 'f1_samples' or 'subset_accuracy'",
        ),
    ],
)
def test_faults_are_told(data, message):
    """A task file that contradicts itself must be refused before hours are spent on it."""
    with pytest.raises(ConfigError) as caught:
        parse(TaskFile, data, "f")
    assert str(caught.value) == message
