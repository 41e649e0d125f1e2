"""What may be said of a student's score beside its teacher's, in three words.

Does: tell *same*, *worse* or *better*, and *cannot be told* apart by the paired interval of the
difference. Does not: compute a difference or an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from pydantic import JsonValue

from kdprobe.results.schema import Estimate

MARGIN = 0.02
"""A score that differs by no more is called the same, where nobody chose another margin."""
SAME, WORSE, BETTER, UNTOLD = STATES = ("same", "worse", "better", "cannot be told")
_POWER = 0.84  # the normal quantile of 80 %
_ROUNDING = 1e-9  # 4 of 200 examples are .02, whatever their difference was computed as


def margin_of(options: Mapping[str, JsonValue]) -> float:
    """Return the margin that the options of a document's request name, or the usual one.

    >>> margin_of({"margin": 0.01}), margin_of({})
    (0.01, 0.02)
    """
    margin = options.get("margin")
    return float(margin) if isinstance(margin, int | float) else MARGIN


@dataclass(frozen=True)
class State:
    """What a paired interval allows to say.

    Args:
        word: one of `STATES`.
        smallest: the smallest difference that this sample could show; None where no interval says.
        margin: what is called the same.
    """

    word: str
    smallest: float | None = None
    margin: float = MARGIN


def state_of(difference: Estimate | None, *, margin: float = MARGIN) -> State | None:
    """Return what may be said of a difference, student minus teacher; higher is better.

    Definition: *same* when the interval lies within ±margin (Schuirmann 1987), else *worse* or
    *better* when it lies below or above 0, else *cannot be told*. The smallest difference that the
    sample could show is (z of the level + .84) standard errors, the standard error being the
    interval's half width over z: that a two-sided test finds 8 times in 10. An interval of no
    width (no resample ever differed) is widened by 3/n to either side, the rule of three: that n
    examples agree does not say that all do.

    Returns:
        None where there is no difference or it is undefined.

    >>> gap = Estimate(metric="d", model_a="t", model_b="s", value=-0.05, low=-0.11, high=0.01)
    >>> state_of(gap).word, round(state_of(gap).smallest, 3)
    ('cannot be told', 0.086)
    >>> state_of(gap.model_copy(update={"high": -0.01})).word
    'worse'
    >>> state_of(gap.model_copy(update={"value": 0.0, "low": -0.01, "high": 0.01})).word
    'same'
    """
    if difference is None or difference.value is None:
        return None
    low, high = difference.low, difference.high
    if low is not None and low == high:
        room = 3 / difference.n if difference.n else None
        low, high = (None, None) if room is None else (low - room, low + room)
    if low is None or high is None:
        return State(UNTOLD, margin=margin)
    level = NormalDist().inv_cdf((1 + difference.level) / 2)
    smallest = (level + _POWER) / level * (high - low) / 2
    if max(-low, high) <= margin + _ROUNDING:
        word = SAME
    elif low > 0 or high < 0:
        word = BETTER if low > 0 else WORSE
    else:
        word = UNTOLD
    return State(word, smallest, margin)
