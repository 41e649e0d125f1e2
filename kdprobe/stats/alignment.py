"""Whether two columns of outputs can belong to the same rows and the same label names.

Does: chance-corrected agreement and its reach, a correlation of outputs, and the search for a
permutation of labels that explains a bad score. Does not: word warnings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.hypothesis_tests import mcnemar_p
from kdprobe.stats.kappa import confusion, kappa_of


def relation(a: Floats, b: Floats) -> float | None:
    """Return the correlation of two tables of outputs, or None when one is constant.

    Definition: sum of products of the columns' deviations from their means, over the root of the
    product of their sums of squares; for one column it is Pearson's correlation, for 0/1 columns of
    two classes the Matthews correlation. Between unrelated rows it is about 1/sqrt(n) from 0.

    >>> relation(np.array([[-1.0], [1.0]] * 2), np.array([[5.0], [9.0]] * 2))
    1.0
    """
    if (a == a[0]).all() or (b == b[0]).all():
        return None
    left, right = a - a.mean(axis=0), b - b.mean(axis=0)
    return float((left * right).sum() / np.sqrt((left**2).sum()) / np.sqrt((right**2).sum()))


@dataclass(frozen=True)
class Renaming:
    """A cycle of labels that would raise a model's score if its labels were renamed.

    Args:
        predicted: the labels as the model says them.
        meant: the gold labels they go with, in the same order.
        gained: examples that would become right.
        spoiled: examples that would become wrong.
    """

    predicted: tuple[int, ...]
    meant: tuple[int, ...]
    gained: int
    spoiled: int


def _cycles(target: Ints) -> list[list[int]]:
    """Split a permutation into its cycles of two and more labels."""
    visited: set[int] = set()
    cycles = []
    for start in range(len(target)):
        cycle, at = [], start
        while at not in visited:
            visited.add(at)
            cycle.append(at)
            at = int(target[at])
        if len(cycle) > 1:
            cycles.append(cycle)
    return cycles


def renamings(gold: Ints, predicted: Ints, classes: int) -> list[Renaming]:
    """Find permuted labels: renamings under which a model would be right far more often.

    Definition: the permutation of predicted labels with the most hits (an assignment problem over
    the confusion table, so swaps and longer cycles of any number of classes), split into cycles. A
    cycle counts when McNemar's test between before and after has p < .001 / classes^2 and, among
    the examples of its gold labels, kappa rises from below to above 3 / sqrt(n): a model that says
    one label too often gains hits by renaming, but no kappa.

    >>> gold = np.array([0, 1] * 20)
    >>> renamings(gold, 1 - gold, 2)
    [Renaming(predicted=(0, 1), meant=(1, 0), gained=40, spoiled=0)]
    """
    from scipy.optimize import linear_sum_assignment

    table = confusion(gold, predicted, classes)
    # Half a hit, over all classes together, for keeping a name: ties never rename.
    bonus = np.eye(classes) / (2.0 * classes)
    meant, labels = linear_sum_assignment(table + bonus, maximize=True)
    target = np.empty(classes, dtype=np.int64)
    target[labels] = meant
    renamed = []
    for cycle in _cycles(target):
        gained = int(sum(table[target[label], label] for label in cycle))
        spoiled = int(sum(table[label, label] for label in cycle))
        inside = np.isin(gold, cycle)
        if gained <= spoiled or mcnemar_p(gained, spoiled) >= 0.001 / classes**2:
            continue
        before = kappa_of(confusion(gold[inside], predicted[inside], classes))
        after = kappa_of(confusion(gold[inside], target[predicted[inside]], classes))
        noise = 3.0 / np.sqrt(inside.sum())
        if before is not None and after is not None and before < noise < after:
            meanings = tuple(int(target[label]) for label in cycle)
            renamed.append(Renaming(tuple(cycle), meanings, gained, spoiled))
    return renamed
