"""The hand-computable model says what is worked on paper."""

from __future__ import annotations

import numpy as np

from kdprobe.models.toy import BagOfWords
from kdprobe.tasks.task import Split, Task

PAIRS = Task("p", 1, "classification", ("no", "yes"), "accuracy", True)
NUMBER = Task("n", 1, "regression", (), "pearson")


def test_words_of_both_texts_count_and_long_texts_are_cut():
    """Guards against tests that lean on a toy which is itself wrong."""
    toy = BagOfWords("toy", PAIRS.labels, {"a": (1.0, 0.0), "b": (0.0, 3.0)}, (0.5, 0.0), 3)
    split = Split(PAIRS, "dev", ("1", "2"), ("A a", "b"), ("b b", "x"))
    counted: list[int] = []
    said = toy.outputs(split, batch_size=1, advance=counted.append)
    assert said.values.tolist() == [[2.5, 3.0], [0.5, 3.0]]  # the second b is the fourth word
    assert said.truncated.tolist() == [True, False]
    assert (counted, toy.calls, toy.parameters) == ([1, 1], [("1", "2")], 6)


def test_a_regression_and_the_fingerprint():
    """Guards against two different toys that share what the cache keeps of one."""
    toy = BagOfWords("toy", (), {"a": (2.0,)})
    said = toy.outputs(
        Split(NUMBER, "dev", ("1",), ("a a",)), batch_size=9, advance=lambda done: None
    )
    assert (said.scale, said.values.tolist()) == ("scores", [[4.0]])
    assert toy.fingerprint == BagOfWords("other", (), {"a": (2.0,)}).fingerprint
    assert toy.fingerprint != BagOfWords("toy", (), {"a": (2.5,)}).fingerprint
    assert np.isfinite(said.values).all()
