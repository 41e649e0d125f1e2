"""How far apart two models' probabilities are on each example.

Does: KL divergence, Jensen-Shannon divergence and total variation from log-probabilities. Does
not: average; the caller decides over what.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.observations.arrays import Floats
from kdprobe.observations.predictions import Predictions


class Fidelity(NamedTuple):
    """Distances of two distributions on each example, float64 `[n]` each.

    `kl` and `jensen_shannon` in nats (>= 0; the latter at most ln 2), `total_variation` in 0..1.
    """

    kl: Floats
    jensen_shannon: Floats
    total_variation: Floats


def fidelity(a: Predictions, b: Predictions) -> Fidelity:
    """Compare two runs' probabilities, temperature 1, from log-softmax in float64.

    Definition: KL(a || b) = sum_c p_c (log p_c - log q_c), p of a and q of b; Jensen-Shannon =
    (KL(a || m) + KL(b || m)) / 2 with m = (p + q) / 2; total variation = sum_c |p_c - q_c| / 2.
    Sums that rounding makes slightly negative are 0.

    >>> one = Predictions("a", ("x",), np.log([[0.5, 0.5]]))
    >>> other = Predictions("b", ("x",), np.log([[0.75, 0.25]]))
    >>> [part.round(4).item() for part in fidelity(one, other)]
    [0.1438, 0.0338, 0.25]
    """
    log_p, log_q = a.log_probabilities, b.log_probabilities
    p, q = np.exp(log_p), np.exp(log_q)
    log_m = np.logaddexp(log_p, log_q) - np.log(2.0)
    kl = (p * (log_p - log_q)).sum(axis=1)
    shared = 0.5 * (p * (log_p - log_m)).sum(axis=1) + 0.5 * (q * (log_q - log_m)).sum(axis=1)
    return Fidelity(
        np.maximum(kl, 0.0),
        np.clip(shared, 0.0, np.log(2.0)),
        np.clip(0.5 * np.abs(p - q).sum(axis=1), 0.0, 1.0),
    )
