"""Which of several things nobody beats in two respects at once: the Pareto front.

Does: compare points by cost and gain. Does not: know what costs or gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Point(NamedTuple):
    """What a model costs and what it gives."""

    name: str
    cost: float
    gain: float


def non_dominated(points: Sequence[Point], *, cost_falls: bool = True) -> tuple[str, ...]:
    """Return the points that no other beats: the Pareto front, from the least gain to the most.

    Definition: a point is beaten by one that is at least as good in both respects and better in
    one (Pareto dominance); equal points do not beat each other.

    Args:
        points: more gain is better.
        cost_falls: whether less cost is better (parameters) or more (sentences a second).

    >>> non_dominated([Point("a", 1, 0.5), Point("b", 2, 0.4), Point("c", 3, 0.6)])
    ('a', 'c')
    """
    sign = 1.0 if cost_falls else -1.0

    def beats(one: Point, other: Point) -> bool:
        cheaper, dearer = sign * one.cost, sign * other.cost
        as_good = cheaper <= dearer and one.gain >= other.gain
        return as_good and (cheaper < dearer or one.gain > other.gain)

    front = [point for point in points if not any(beats(other, point) for other in points)]
    return tuple(point.name for point in sorted(front, key=lambda point: (point.gain, point.name)))
