"""Splits: what is refused, and what stays the same."""

from typing import Any

import numpy as np
import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.task import NO_LABEL, Split, Task, text_hash

TASK = Task(name="t", version=1, kind="classification", labels=("a", "b"), primary_score="mcc")
SCORES = Task(name="s", version=1, kind="regression", labels=(), primary_score="pearson")
LABEL_2 = "t dev: the label of '2'"
RANGE = "expected 0 to 1 (a, b), or -1 for none"


def split(**changes: Any) -> Split:
    parts: dict[str, Any] = {
        "task": TASK,
        "name": "dev",
        "ids": ("1", "2", "3"),
        "texts": ("x", "y", "z"),
        "labels": np.array([0, 1, 1]),
        "columns": {"c": ("p", "q", "r")},
        **changes,
    }
    return Split(**parts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": ("x",)}, "t dev: 1 texts for 3 ids, expected one for each"),
        ({"pairs": ("x",)}, "t dev: 1 second texts for 3 ids, expected one for each"),
        ({"labels": np.array([0])}, "t dev: 1 labels for 3 ids, expected one for each"),
        ({"columns": {"c": ("p",)}}, "t dev: 1 column c for 3 ids, expected one for each"),
        ({"ids": ("1", "2", "1")}, "t dev: an id stands twice, expected unique ids"),
        ({"texts": ("x", " ", "z")}, "t dev: the text of '2' is empty, expected text"),
        ({"labels": np.array([0, 2, 1])}, f"{LABEL_2} is 2, {RANGE}"),
        ({"labels": np.array([0, -2, -1])}, f"{LABEL_2} is -2, {RANGE}"),
        (
            {"task": SCORES, "labels": np.array([0.0, np.inf, np.nan])},
            "s dev: the score of '2' is not finite",
        ),
    ],
)
def test_split_refuses(changes, message):
    """A split whose parts disagree would shift labels against texts."""
    with pytest.raises(TaskError) as caught:
        split(**changes)
    assert str(caught.value) == message


def test_split_names_few_of_many_labels():
    """A message about a 57-label task must stay readable."""
    many = Task(
        name="m", version=1, kind="classification", labels=tuple("abcdefg"), primary_score="mcc"
    )
    with pytest.raises(TaskError, match=r"expected 0 to 6 \(a, b, c, d, e, …\), or -1"):
        split(task=many, labels=np.array([7, 0, 0]))


@pytest.mark.parametrize(
    ("task", "labels"),
    [(TASK, np.array([1, NO_LABEL, 0])), (SCORES, np.array([2.5, np.nan, 0.0]))],
)
def test_missing_gold_is_told_apart_from_every_label(task: Task, labels: Any):
    """A missing label counted as the last class (index -1) would be scored as a mistake."""
    made = split(task=task, labels=labels)
    assert made.has_gold.tolist() == [True, False, True]
    assert made.gold_rows.tolist() == [0, 2]
    assert made.missing_gold == "1 of 3 examples has no gold label"
    taken = made.take(made.gold_rows)
    assert taken.has_gold.all()
    assert taken.missing_gold == ""
    assert made.take([1]).gold_rows.tolist() == []
    with pytest.raises(ValueError, match="read-only"):
        made.has_gold[0] = False


def test_how_missing_gold_was_written_is_kept():
    """A notice that cannot say what the file wrote sends the reader to search it."""
    made = split(labels=np.array([NO_LABEL, 1, NO_LABEL]), missing_as=("-", ""), notes=("A note.",))
    told = "2 of 3 examples have no gold label (written '-' or as an empty field)"
    assert made.missing_gold == told
    assert made.take([0, 1]).missing_gold.startswith("1 of 2 examples has no gold label (written")
    assert made.take([0]).notes == ("A note.",)


def test_without_any_label_nothing_has_gold():
    """A split of unlabelled texts must not look like one whose labels are all right."""
    made = split(labels=None)
    assert not made.has_gold.any()
    assert made.gold_rows.tolist() == []
    assert made.missing_gold == "none of the 3 examples has a gold label"


def test_missing_gold_changes_the_fingerprint():
    """A cache keyed by it must not serve the scores of another set of gold labels."""
    assert split(labels=np.array([0, NO_LABEL, 1])).fingerprint != split().fingerprint
    again = split(labels=np.array([0, NO_LABEL, 1]), missing_as=("-",))
    assert again.fingerprint == split(labels=np.array([0, NO_LABEL, 1])).fingerprint


def test_split_is_frozen_and_copies_its_labels():
    """An analysis that wrote into the labels would change every later one."""
    given = np.array([0, 1, 1])
    made = split(labels=given)
    given[0] = 1
    assert made.labels is not None
    assert made.labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        made.labels[0] = 1
    with pytest.raises(TypeError):
        made.columns["d"] = ()  # type: ignore[index]


def test_take_keeps_rows_together():
    """A sample must carry each row's own label, pair and columns."""
    taken = split(pairs=("u", "v", "w")).take([2, 0])
    assert (taken.ids, taken.texts, taken.pairs) == (("3", "1"), ("z", "x"), ("w", "u"))
    assert taken.labels is not None
    assert taken.labels.tolist() == [1, 0]
    assert taken.columns == {"c": ("r", "p")}
    assert len(taken) == 2


def test_fingerprint_follows_ids_texts_and_labels_only():
    """A cache keyed by it must not serve the logits of other examples."""
    first = split().fingerprint
    assert split(columns={}, origin="elsewhere").fingerprint == first
    assert split(texts=("x", "y", "Z")).fingerprint != first
    assert split(labels=np.array([0, 1, 0])).fingerprint != first
    assert split(labels=None).fingerprint != first
    assert split(ids=("1", "2", "4")).fingerprint != first
    assert split(pairs=("", "", "")).fingerprint == first


def test_outputs_count_classes_or_one():
    """A regression head has one output."""
    assert (TASK.outputs, SCORES.outputs) == (2, 1)


def test_text_hash_tells_pairs_apart():
    """Moving a word from the first text to the second makes another example."""
    assert text_hash("a b", "c") != text_hash("a", "b c")
    assert text_hash("a") != text_hash("a", "")
    assert len(text_hash("a")) == 16
