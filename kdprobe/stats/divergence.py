"""How far apart two models' probabilities are on each example.

Does: log-softmax; KL divergence, Jensen-Shannon divergence and total variation from
log-probabilities; probability loyalty. Does not: average; the caller decides over what.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats, blocks_of


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of the probabilities, float64 `[n, c]`, each row shifted by its top.

    >>> np.exp(log_softmax(np.array([[1000.0, 1000.0]])))
    array([[0.5, 0.5]])
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalised: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def kl_divergence(log_p: Floats, log_q: Floats) -> Floats:
    """Return KL(p || q) of each example in nats, float64 `[n]`, >= 0.

    Definition: sum_c p_c (log p_c - log q_c) (Kullback and Leibler 1951); a sum that rounding makes
    slightly negative is 0.

    >>> kl_divergence(np.log([[0.75, 0.25]]), np.log([[0.5, 0.5]])).round(4)
    array([0.1308])
    """
    nats: Floats = np.maximum((np.exp(log_p) * (log_p - log_q)).sum(axis=1), 0.0)
    return nats


def probability_loyalty(jensen_shannon: Floats) -> Floats:
    """Return 1 less the Jensen-Shannon distance of each example, float64 `[n]`.

    Definition (Xu et al. 2021): 1 - sqrt(JS), JS in nats as in the implementation that its authors
    name (`scipy.spatial.distance.jensenshannon`): 1 where both say the same, 1 - sqrt(ln 2), which
    is .167, where they rule each other out.

    >>> probability_loyalty(np.array([0.0, 0.25, np.log(2.0)])).round(3)
    array([1.   , 0.5  , 0.167])
    """
    loyalty: Floats = 1.0 - np.sqrt(jensen_shannon)
    return loyalty


class Fidelity(NamedTuple):
    """Distances of two distributions on each example, float64 `[n]` each.

    `kl` and `jensen_shannon` in nats (>= 0; the latter at most ln 2), `total_variation` in 0..1.
    """

    kl: Floats
    jensen_shannon: Floats
    total_variation: Floats


def fidelity(log_p: Floats, log_q: Floats) -> Fidelity:
    """Compare two models' probabilities at temperature 1.

    Definition: KL(p || q); Jensen-Shannon = (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2;
    total variation = sum_c |p_c - q_c| / 2. Sums that rounding pushes out of range are clipped.

    Args:
        log_p: log-probabilities of the first (the teacher), float64 `[n, c]`.
        log_q: those of the second.

    >>> [part.round(4).item() for part in fidelity(np.log([[0.5, 0.5]]), np.log([[0.75, 0.25]]))]
    [0.1438, 0.0338, 0.25]
    """
    each = [_fidelity(log_p[rows], log_q[rows]) for rows in blocks_of(log_p)]
    return Fidelity(*map(np.concatenate, zip(*each, strict=True)))


def _fidelity(log_p: Floats, log_q: Floats) -> Fidelity:
    p, q = np.exp(log_p), np.exp(log_q)
    log_m = np.logaddexp(log_p, log_q) - np.log(2.0)
    shared = 0.5 * (p * (log_p - log_m)).sum(axis=1) + 0.5 * (q * (log_q - log_m)).sum(axis=1)
    shared[(log_p == log_q).all(axis=1)] = 0.0  # a root makes 1e-8 of what rounding leaves
    return Fidelity(
        kl_divergence(log_p, log_q),
        np.clip(shared, 0.0, np.log(2.0)),
        np.clip(0.5 * np.abs(p - q).sum(axis=1), 0.0, 1.0),
    )
