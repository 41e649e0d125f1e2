"""Clusters of examples: from columns, from texts, and in the task files that name some."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.clusters import cluster_notices, split_clusters
from kdprobe.tasks.open import open_task, task_names
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import NO_LABEL, Split, Task

TASK = Task("t", 1, "classification", ("no", "yes"), "accuracy")


def split_of(texts: str, **more: object) -> Split:
    """Examples whose texts are these letters, with a column `group`."""
    ids = tuple(map(str, range(len(texts))))
    given: dict[str, object] = {"columns": {"group": tuple(texts.upper())}, **more}
    return Split(TASK, "dev", ids, tuple(texts), **given)  # type: ignore[arg-type]


def test_a_column_or_the_texts_make_clusters_and_taking_rows_keeps_them():
    """Guards clusters that are numbered anew, so that rows taken out of one join another."""
    for column in ("group", "question"):
        split = split_clusters(split_of("abac"), column, text="question")
        assert split.clusters is not None
        assert split.clusters.tolist() == [0, 1, 0, 2]
        assert split.clustered_by == column
        part = split.take([3, 0, 2])
        assert part.clusters is not None
        assert part.clusters.tolist() == [2, 0, 0]


def test_a_column_that_is_not_there_or_empty():
    """Guards clusters that are silently left out for examples that no table was read for."""
    with pytest.raises(TaskError, match="`cluster=colour`: t dev has no such column, expected one"):
        split_clusters(split_of("ab"), "colour")
    hole = split_of("ab", columns={"group": ("x", " ")})
    with pytest.raises(TaskError, match="example '1': column 'group' is empty"):
        split_clusters(hole, "group")


def test_what_the_reader_is_told():
    """Guards one cluster among the labelled examples, of which there is no interval."""
    assert cluster_notices(split_of("ab")) == ()
    (note,) = cluster_notices(split_clusters(split_of("abab"), "group"))
    assert note.message.startswith("The 4 examples are 2 clusters of equal 'group' (`cluster`)")
    assert "too narrow" in note.message
    assert note.severity == "warning"
    many = split_of("".join(chr(65 + row // 2) for row in range(80)))
    (note,) = cluster_notices(split_clusters(many, "group"))
    assert (note.severity, "too narrow" in note.message) == ("note", False)
    (note,) = cluster_notices(split_clusters(split_of("abc"), "group"))
    assert note.severity == "warning"
    assert "a cluster of equal 'group' of its own" in note.message
    with pytest.raises(TaskError, match="all examples are in one cluster, and of one there is no"):
        cluster_notices(split_clusters(split_of("aa"), "group"))
    labels = np.array([0, 1, NO_LABEL, NO_LABEL])
    with pytest.raises(TaskError, match="all examples with a gold label are in one cluster"):
        cluster_notices(split_clusters(split_of("aabb", labels=labels), "group"))


def test_the_gold_labels_are_no_clusters():
    """Guards intervals over resamples that hold one class alone: `--cluster label`."""
    gold = split_clusters(split_of("bbaa", labels=np.array([1, 1, 0, 0])), "group")
    with pytest.raises(TaskError, match="`cluster=group`: its clusters are the gold labels"):
        cluster_notices(gold)
    mixed = split_clusters(split_of("bbaa", labels=np.array([1, 0, 0, 0])), "group")
    assert len(cluster_notices(mixed)) == 1
    finer = split_clusters(split_of("bcaa", labels=np.array([1, 1, 0, 0])), "group")
    assert len(cluster_notices(finer)) == 1


def test_shipped_tasks_name_a_column_that_every_file_of_theirs_has():
    """Guards a task file whose cluster column only one of its layouts has: its other data fail."""
    named = {}
    for name in task_names():
        task_file = open_task(name)
        for source in (*task_file.local, *filter(None, [task_file.hub])):
            columns = task_file.resolved(source)
            if columns.cluster:
                named[name] = columns.cluster
                assert columns.cluster == columns.text, name
    assert set(named) == {"mnli", "multirc"}


def test_generated_examples_are_clustered_by_their_columns():
    """Guards an option that is taken and does nothing where no table is read."""
    split = load_split(open_task("grammar"), "dev", generate=60)
    clustered = split_clusters(split, "phenomenon")
    assert clustered.clusters is not None
    assert len(set(clustered.clusters.tolist())) == len(set(split.columns["phenomenon"]))
