"""What each method's order of words is worth for one model, beside the limits of all orders.

Does: measure, where the value of every coalition is known, the order of each method's scores and of
its reverse. Does not: ask a model, or compare models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kdprobe.extract.attributions import RANDOM, Explained, ranked_words
from kdprobe.extract.enumerated import EVERY_COALITION
from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import aopc, order_limits, random_aopc


class MeasuredOrders(NamedTuple):
    """AOPC of one model's texts; see `Attributions.orders` and `order_limits`."""

    limits: Floats
    orders: Mapping[str, Floats]


def measured_orders(explained: Explained, methods: tuple[str, ...]) -> MeasuredOrders | None:
    """Measure the orders of all methods on the texts whose coalitions are known.

    Args:
        explained: what was asked of the model.
        methods: whose rankings are measured.

    Returns:
        None where no method asks about every coalition.
    """
    if EVERY_COALITION not in explained:
        return None
    known = [one.scored.scores for one in explained[EVERY_COALITION]]
    shape = (len(known), 2)
    limits = np.full(shape, np.nan)
    orders = {name: np.full(shape, np.nan) for name in (*methods, RANDOM)}
    for row, values in enumerate(known):
        if not len(values):
            continue
        limits[row] = order_limits(values)
        orders[RANDOM][row] = random_aopc(values)
        for name in methods:
            scores = explained[name][row].scored.scores
            if len(scores):
                order = ranked_words(scores).tolist()
                orders[name][row] = aopc(values, order), aopc(values, order[::-1])
    return MeasuredOrders(limits, orders)
