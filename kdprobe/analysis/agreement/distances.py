"""How far apart the probabilities of two models are, on each example, of every pair of their runs.

Does: distances over the classes; over sets of labels that cannot all be listed the KL divergence
alone, from the labels. Does not: average.
"""

from __future__ import annotations

import numpy as np

from kdprobe.observations.label_sets import labels_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.stats.divergence import Fidelity, fidelity
from kdprobe.stats.several_labels import bernoulli_kl

UNLISTED = (
    "there are more sets of labels than can be listed; KL is that of all labels added up, and this "
    "distance is not such a sum"
)


def distances(study: Study, a: Population, b: Population) -> dict[tuple[int, int], Fidelity]:
    """Return the distances of each pair of runs, by their identities.

    Where a class stands for all sets of labels that are not listed, KL is the sum of those of the
    labels, which is that of the two distributions over all sets; the others are NaN (`UNLISTED`).
    """
    sets = study.split.task.sets
    if sets is None or not sets.rest:
        return {
            (id(one), id(other)): fidelity(one.log_probabilities, other.log_probabilities)
            for one in a.runs
            for other in b.runs
        }
    held, unknown = labels_of(study).runs, np.full(study.n, np.nan)
    return {
        (id(one), id(other)): Fidelity(
            bernoulli_kl(ours.values, theirs.values).sum(axis=1), unknown, unknown
        )
        for one, ours in zip(a.runs, held[a.name], strict=True)
        for other, theirs in zip(b.runs, held[b.name], strict=True)
    }
