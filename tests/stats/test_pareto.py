"""Fronts by hand and against the definition."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.stats.pareto import Point, non_dominated


def test_fronts_by_hand() -> None:
    """Guards the direction of each axis: fewer parameters win, more sentences a second win."""
    points = [
        Point("small", 1, 0.5), Point("twin", 1, 0.5), Point("worse", 2, 0.45),
        Point("large", 3, 0.7), Point("waste", 4, 0.7),
    ]  # fmt: skip
    assert non_dominated(points) == ("small", "twin", "large")
    assert non_dominated(points, cost_falls=False) == ("waste",)
    assert non_dominated([]) == ()


coordinates = st.integers(0, 4)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), max_size=8), st.booleans())
def test_fronts_against_the_definition(places: list[tuple[int, int]], falls: bool) -> None:
    """Guards members that are beaten, and others that nobody beats, beside a second method.

    The reference walks the points from the cheapest on and keeps what beats all gains so far.
    """
    points = [Point(str(i), cost, gain) for i, (cost, gain) in enumerate(places)]
    expected: set[str] = set()
    best = -1.0
    for cost in sorted({p.cost for p in points}, reverse=not falls):
        top = max(p.gain for p in points if p.cost == cost)
        if top > best:
            expected |= {p.name for p in points if p.cost == cost and p.gain == top}
            best = top
    assert set(non_dominated(points, cost_falls=falls)) == expected
