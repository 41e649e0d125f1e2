"""What each method's order of words is worth for one model, beside the limits of all orders.

Does: measure, where the value of every coalition is known, the order of each method's scores and of
its reverse. Does not: ask a model, or compare models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kdprobe.extract.attributions import Explained
from kdprobe.extract.explained_piece import RANDOM
from kdprobe.extract.orders import BEAM, EVERY_COALITION, ORDER_OF, ranked_words
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.deletion_orders import aopc, order_limits, random_aopc


class MeasuredOrders(NamedTuple):
    """AOPC of one model's texts; see `Attributions.orders` and what follows it."""

    limits: Floats
    orders: Mapping[str, Floats]
    estimated: Bools


def measured_orders(explained: Explained, methods: tuple[str, ...]) -> MeasuredOrders:
    """Measure the orders of all methods, where their limits are known or were estimated.

    Args:
        explained: what was asked of the model.
        methods: whose rankings are measured.
    """
    m = len(explained[methods[0]])
    limits = np.full((m, 2), np.nan)
    orders = {name: np.full((m, 2), np.nan) for name in (*methods, RANDOM)}
    estimated: Bools = np.zeros(m, dtype=np.bool_)
    for row, values in _numbers(explained, EVERY_COALITION):
        limits[row] = order_limits(values)
        orders[RANDOM][row] = random_aopc(values)
        for name in methods:
            scores = explained[name][row].scored.scores
            if len(scores):
                order = ranked_words(scores).tolist()
                orders[name][row] = aopc(values, order), aopc(values, order[::-1])
    for name in methods:
        for row, pair in _numbers(explained, f"{ORDER_OF}{name}"):
            orders[name][row] = pair
    for row, pair in _numbers(explained, BEAM):
        # An order that was measured may lie beyond what the beam found.
        areas = np.concatenate([pair, *(orders[name][row] for name in methods)])
        limits[row] = np.nanmin(areas), np.nanmax(areas)
        estimated[row] = True
    return MeasuredOrders(limits, orders, estimated)


def _numbers(explained: Explained, name: str) -> list[tuple[int, Floats]]:
    """Return the texts that have numbers under a name, and these."""
    entries = enumerate(explained.get(name, ()))
    return [(row, one.scored.scores) for row, one in entries if len(one.scored.scores)]
