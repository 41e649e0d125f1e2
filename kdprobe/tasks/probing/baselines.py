"""What is known of a probing set without any model: guesses and the control task.

Does: accuracy of the most frequent class and of word endings, and control labels that depend on one
word only. Does not: train probes on features.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from kdprobe.seeds import derive_seed
from kdprobe.tasks.probing.sets import ProbingPart, ProbingSet

_SEEN = 5


def majority_accuracy(probing_set: ProbingSet) -> float:
    """Return the test accuracy of always saying the most frequent training class."""
    common = int(np.bincount(probing_set.train.labels).argmax())
    return float((probing_set.test.labels == common).mean())


def endings_accuracy(probing_set: ProbingSet) -> float:
    """Return the test accuracy of naive Bayes over word endings.

    Definition: the set of the last three letters of every word, add-one smoothed class
    frequencies of the training part; the strongest string guesser that sees no whole word longer
    than its ending.
    """
    endings: dict[str, int] = {}
    rows = [_endings(sentence) for sentence in probing_set.train.sentences]
    for row in rows:
        for ending in row:
            endings.setdefault(ending, len(endings))
    counts = np.ones((len(endings), len(probing_set.labels)))
    for row, label in zip(rows, probing_set.train.labels.tolist(), strict=True):
        for ending in row:
            counts[endings[ending], label] += 1
    sizes = np.bincount(probing_set.train.labels, minlength=len(probing_set.labels)).astype(float)
    table = np.log(counts / (sizes + 2))
    prior = np.log(sizes / sizes.sum())
    right = 0
    for sentence, label in zip(
        probing_set.test.sentences, probing_set.test.labels.tolist(), strict=True
    ):
        known = [endings[ending] for ending in _endings(sentence) if ending in endings]
        right += int(np.argmax(prior + table[known].sum(axis=0)) == label)
    return right / len(probing_set.test)


def _endings(sentence: str) -> list[str]:
    return sorted({word.lower()[-3:] for word in sentence.split()})


def control_set(probing_set: ProbingSet, *, seed: int) -> ProbingSet:
    """Return the control task of a probing set (Hewitt and Liang 2019), adapted to sentences.

    Definition: a sentence's key word is its rarest word among those that stand in at least five
    training sentences (ties: the first in the alphabet; none: the empty word); every key word gets
    a random class, drawn once with the training part's class proportions. The labels can be learned
    by remembering words and by nothing else.
    """
    counts = Counter(
        word for sentence in probing_set.train.sentences for word in {*sentence.lower().split()}
    )
    shares = np.cumsum(np.bincount(probing_set.train.labels, minlength=len(probing_set.labels)))
    drawn: dict[str, int] = {}

    def label(sentence: str) -> int:
        known = [word for word in {*sentence.lower().split()} if counts[word] >= _SEEN]
        key = min(known, key=lambda word: (counts[word], word)) if known else ""
        if key not in drawn:
            at = derive_seed(seed, "control task", probing_set.name, key) % int(shares[-1])
            drawn[key] = int(np.searchsorted(shares, at, side="right"))
        return drawn[key]

    def part(held: ProbingPart) -> ProbingPart:
        labels: NDArray[np.int64] = np.array(
            [label(sentence) for sentence in held.sentences], dtype=np.int64
        )
        return ProbingPart(held.sentences, labels)

    train, dev, test = map(part, probing_set.parts)
    return ProbingSet(
        f"{probing_set.name} control", probing_set.labels, train, dev, test, probing_set.origin
    )
