"""A difference of two models seen from the other. Does not compute one."""

from __future__ import annotations

from kdprobe.results.schema import Estimate

DIFFERENCES = "student_differences"
"""The analysis whose numbers are of two students, each of one minus that of the other."""


def turned(difference: Estimate) -> Estimate:
    """Return the difference of b and a from that of a and b: the same with the other sign.

    >>> gap = Estimate(metric="agreement", model_a="a", model_b="b", value=0.2, low=0.1, high=0.4)
    >>> back = turned(gap)
    >>> back.model_a, back.value, back.low, back.high
    ('b', -0.2, -0.4, -0.1)
    """
    value, low, high = (
        None if end is None else 0.0 - end
        for end in (difference.value, difference.high, difference.low)
    )
    names = {"model_a": difference.model_b, "model_b": difference.model_a}
    return difference.model_copy(update={**names, "value": value, "low": low, "high": high})
