"""Probing sets of a task's own labels: by hand, and what cannot be probed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from kdprobe.config.kinds import PRIMARY_SCORES, TaskKind
from kdprobe.errors import UsageError
from kdprobe.tasks.probing.gold_sets import gold_sets
from kdprobe.tasks.probing.sets import ProbingPart
from kdprobe.tasks.task import NO_LABEL, Split, Task

NAMES = ("joy", "<b>&anger")


def split(
    kind: TaskKind, name: str, labels: Sequence[Any] | None, *, names: tuple[str, ...] = NAMES,
    texts: Sequence[str] = (), **more: Any,
) -> Split:  # fmt: skip
    task = Task("moods", 1, kind, names, PRIMARY_SCORES[kind][0])
    count = len(texts) or len(labels or ())
    ids = tuple(map(str, range(count)))
    written = tuple(texts) or tuple(f"{name} {row}" for row in range(count))
    held = None if labels is None else np.array(labels)
    return Split(task, name, ids, written, labels=held, **more)


def rows(part: ProbingPart, labels: tuple[str, ...]) -> dict[str, str]:
    return {text: labels[label] for text, label in zip(part.sentences, part.labels, strict=True)}


def test_labels_by_hand():
    """Guards a label read from its neighbour's column, and rows without gold that count as `no`."""
    none = [NO_LABEL, NO_LABEL]
    learnt = [[1, 0], [0, 1], [1, 1], none, [0, 0], [1, 0]]
    made = gold_sets(
        split("multilabel", "train", learnt), split("multilabel", "dev", [[0, 1], none, [1, 0]])
    )
    assert [task.name for task, _ in made.sets] == ["gold: joy", "gold: <b>&anger"]
    assert not made.left_out
    for place, (_, one) in enumerate(made.sets):
        assert one.labels == ("no", "yes")
        known = {row: sets for row, sets in enumerate(learnt) if sets is not none}
        expected = {f"train {row}": ("no", "yes")[sets[place]] for row, sets in known.items()}
        assert rows(one.train, one.labels) | rows(one.dev, one.labels) == expected
        assert (len(one.train), len(one.dev)) == (4, 1)
        assert rows(one.test, one.labels) == (
            {"dev 0": "no", "dev 2": "yes"} if not place else {"dev 0": "yes", "dev 2": "no"}
        )


def test_classes_keep_their_shares_and_a_text_of_both_splits_is_the_tests():
    """Guards a rare class that falls to dev alone, and probes tested on what they learnt."""
    labels = [0] * 80 + [1] * 19 + [2]
    names = ("a", "b", "c")
    texts = [f"train {row}" for row in range(99)] + ["train c"]
    train = split("classification", "train", labels, names=names, texts=texts)
    dev = split("classification", "dev", [0, 1], names=names, texts=["train 3", "else"])
    ((task, one),) = gold_sets(train, dev, seed=1).sets
    assert (task.name, one.labels) == ("gold", names)
    assert np.bincount(one.train.labels).tolist() == [64, 15, 1]  # of 79, 19 and 1: 80 of 99
    assert np.bincount(one.dev.labels).tolist() == [15, 4]
    assert "train 3" not in {*one.train.sentences, *one.dev.sentences}
    again, other = (gold_sets(train, dev, seed=seed).sets[0][1] for seed in (1, 2))
    assert again.fingerprint == one.fingerprint != other.fingerprint


def test_a_label_that_cannot_be_probed_is_left_out_with_its_reason():
    """Guards one constant label that costs the others, or a probe of one class that is right."""
    train = split("multilabel", "train", [[row % 2, 0] for row in range(10)])
    made = gold_sets(train, split("multilabel", "dev", [[0, 1], [1, 0]]))
    assert [task.name for task, _ in made.sets] == ["gold: joy"]
    assert made.left_out == {"gold: <b>&anger": "the training part has one class only, 'no'"}
    constant = split("multilabel", "train", [[0, 0]] * 10)
    with pytest.raises(UsageError, match="probing task gold: joy: the training part has one class"):
        gold_sets(constant, split("multilabel", "dev", [[0, 1]]))
    few = split("multilabel", "train", [[0, 1], [1, 0]])
    with pytest.raises(UsageError, match="gold: joy: no sentence of part 'va'"):
        gold_sets(few, split("multilabel", "dev", [[0, 1]]))


CLASSES = split("classification", "train", [0, 1] * 5)


@pytest.mark.parametrize(
    ("train", "compared", "message"),
    [
        (None, split("regression", "dev", [0.5, 1.0], names=()),
         "the gold labels of moods are numbers, no classes, expected a classification"),
        (CLASSES, split("classification", "dev", [0, 1], pairs=("x", "y")),
         "the examples of moods are pairs of texts, expected single texts"),
        (None, split("classification", "dev", [0, 1]),
         "moods has no training split at hand beside dev, expected a split called train"),
        (CLASSES, split("classification", "dev", None, texts=["x", "y"]),
         "dev of moods has no gold labels"),
        (split("classification", "train", None, texts=["x"]), CLASSES,
         "train of moods has no gold labels"),
    ],
)  # fmt: skip
def test_what_has_no_labels_to_probe_for_is_refused(
    train: Split | None, compared: Split, message: str
):
    """Guards scores probed as if each were a class, and half of a pair that is read alone."""
    with pytest.raises(UsageError, match=r"^`probing.tasks=gold`: " + message):
        gold_sets(train, compared)


def test_dependent_examples_are_said_to_be_taken_as_independent():
    """Guards intervals over rows of one document that look as narrow as those of others."""
    dev = split("classification", "dev", [0, 1], clusters=np.array([0, 0]), clustered_by="text")
    assert (
        gold_sets(CLASSES, dev)
        .sets[0][1]
        .origin.endswith("each of them as if it were independent)")
    )
