"""Scores of several labels at once while a model trains, on the whole sample.

Does: score log-odds against gold labels and against a teacher. Does not: make intervals; `analysis`
does, on the finished model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.bootstrap import whole_sample
from kdprobe.stats.classification import f1_macro
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.several_labels import bernoulli_kl, f1_of_examples, f1_pooled, label_counts


def set_scores(gold: Ints, predicted: Ints) -> Mapping[str, Callable[[], Floats]]:
    """Return the scores that can rank models, each computed when called, `[1]`, NaN if undefined.

    Args:
        gold: 0 or 1, int64 `[n, L]`.
        predicted: likewise.

    >>> scores = set_scores(np.array([[1, 0], [1, 1]]), np.array([[1, 1], [1, 1]]))
    >>> {name: of().round(3).tolist() for name, of in scores.items()}
    {'f1_micro': [0.857], 'f1_macro': [0.833], 'f1_samples': [0.833], 'subset_accuracy': [0.5]}
    """
    sample = whole_sample(len(gold))
    counts = label_counts(sample, gold, predicted)
    return {
        "f1_micro": lambda: f1_pooled(counts),
        "f1_macro": lambda: f1_macro(counts),
        "f1_samples": lambda: sample.mean(f1_of_examples(gold, predicted)),
        "subset_accuracy": lambda: sample.mean((gold == predicted).all(axis=1)),
    }


def binary_loss(gold: Ints, logits: Floats) -> float:
    """Return the mean binary cross-entropy over examples and labels, in nats."""
    return float((np.logaddexp(0.0, logits) - gold * logits).mean())


def constant_score(name: str, gold: Ints) -> float:
    """Return the best score of one and the same set for every example.

    Tried are the most frequent set, and the k most frequent labels for every k.

    >>> constant_score("f1_micro", np.array([[1, 0], [1, 0], [0, 0]]))
    0.8
    """
    sets, counts = np.unique(gold, axis=0, return_counts=True)
    order = np.argsort(-gold.sum(axis=0), kind="stable")
    places = np.arange(gold.shape[1])
    constants = [
        sets[counts.argmax()],
        *(np.isin(places, order[:count]).astype(np.int64) for count in range(len(places) + 1)),
    ]
    reached = [set_scores(gold, np.broadcast_to(each, gold.shape))[name]()[0] for each in constants]
    known = [value for value in reached if np.isfinite(value)]
    return float(max(known, default=0.0))


def label_fidelity(teacher: Floats, student: Floats) -> Mapping[str, Floats]:
    """Return agreement and kappa of the sets, and the KL divergence of all labels together, `[1]`.

    Args:
        teacher: log-odds, float64 `[n, L]`.
        student: likewise.
    """
    sample, n = whole_sample(len(teacher)), len(teacher)
    both = np.concatenate([teacher > 0, student > 0])
    codes = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    pairing = Pairing(sample, codes[:n], codes[n:], int(codes.max()) + 1)
    return {
        "agreement": pairing.observed,
        "cohens_kappa": pairing.kappa().draws,
        "kl": sample.mean(bernoulli_kl(teacher, student).sum(axis=1)),
    }
