"""A model small enough to be worked by hand.

Does: add up a number for each word and class; everything it says can be checked on paper. Does not:
stand for a real model in any report; it is there for tests, doctests and for learning the protocol.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.observations.predictions import scale_of
from kdprobe.tasks.task import Split


@dataclass
class BagOfWords:
    """A linear model of word counts: logits = bias + the sum of the weights of the words.

    Definition: words are what stands between blanks, in lower case, both texts of a pair together;
    a word without a weight counts nothing; words beyond `max_words` are not read.

    Args:
        name: the name people gave it.
        labels: label names in the model's order, which is taken to be the task's.
        weights: word -> one number per class.
        bias: one number per class; empty: zeros.
        max_words: the most words it reads.

    `calls` holds the ids of every call, so that a test can see what was asked twice.

    >>> from kdprobe.tasks.task import Split, Task
    >>> task = Task("t", 1, "classification", ("bad", "good"), "accuracy")
    >>> split = Split(task, "dev", ("1", "2"), ("a fine fine day", "awful"))
    >>> model = BagOfWords("toy", task.labels, {"fine": (0.0, 1.0), "awful": (2.0, -1.0)})
    >>> model.outputs(split, batch_size=8, advance=lambda done: None).values.tolist()
    [[0.0, 2.0], [2.0, -1.0]]
    """

    name: str
    labels: tuple[str, ...]
    weights: Mapping[str, tuple[float, ...]]
    bias: tuple[float, ...] = ()
    max_words: int = 1000
    calls: list[tuple[str, ...]] = field(default_factory=list)

    folder: str = "toy"
    architecture: str = "BagOfWords"
    source: Literal["transformers"] = "transformers"
    repeats: bool = True
    capabilities: frozenset[Capability] = frozenset({"logits", "texts"})
    lacks: Mapping[Capability, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    reading: str = "float64"
    disk_bytes: int | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over labels, weights, bias and the most words read."""
        parts = [self.labels, sorted(self.weights.items()), self.bias, self.max_words]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return (len(self.weights) + 1) * max(len(self.labels), 1)

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Add up the weights of every example's words; a regression has one output."""
        self.calls.append(split.ids)
        classes = split.task.outputs
        values = np.zeros((len(split), classes))
        truncated = np.zeros(len(split), dtype=np.bool_)
        for start in range(0, len(split), batch_size):
            rows = range(start, min(len(split), start + batch_size))
            for row in rows:
                pair = "" if split.pairs is None else split.pairs[row]
                words = f"{split.texts[row]} {pair}".lower().split()
                truncated[row] = len(words) > self.max_words
                values[row] = self.bias or (0.0,) * classes
                for word in words[: self.max_words]:
                    values[row] += self.weights.get(word, (0.0,) * classes)
            advance(len(rows))
        return Outputs(values, scale_of(split.task), truncated)
