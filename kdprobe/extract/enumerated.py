"""v of every coalition of a short text, where a method has asked the model for all of them anyway.

Does: keep, as probabilities of the explained class, what LIME's limit and exact Shapley values are
made of, so that orders of deletions can be measured and bounded without another question. Does not:
ask about a text whose coalitions no method enumerates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.extract.coalitions import every_coalition, fill
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.extract.settings import ExplanationSettings

EVERY_COALITION = "every coalition"
MOST_WORDS = 12
"""Words of the longest text whose values are kept: 4,096 numbers."""


def enumerated_sizes(setting: ExplanationSettings) -> list[int]:
    """Return the numbers of words of the texts whose values are kept."""
    return [n for n in range(1, MOST_WORDS + 1) if _is_enumerated(setting, n)]


def _is_enumerated(setting: ExplanationSettings, n: int) -> bool:
    """Return whether a method of a setting asks about every coalition of n words."""
    return any(
        getattr(METHODS.load(name), "enumerates", _never)(n, options)
        for name, options in setting.methods.items()
    )


def _never(n: int, options: object) -> bool:
    return False


def enumerated(
    inputs: Sequence[ExplanationInput], setting: ExplanationSettings
) -> list[Attribution]:
    """Return v of every coalition in the place of scores, float64 `[2**n]`; else none.

    The request is that of the methods that enumerate, so its answers are known already.
    """
    asked = [one for one in inputs if _is_enumerated(setting, one.game.n)]
    if not asked or len(asked[0].game.reader.columns) == 1:
        return [Attribution(np.empty(0)) for _ in inputs]
    fill([(one.game, every_coalition(one.game.n)) for one in asked])
    kept = {id(one) for one in asked if one.game.n <= MOST_WORDS}
    return [
        Attribution(one.game.values(every_coalition(one.game.n), one.target, "probability"))
        if id(one) in kept
        else Attribution(np.empty(0))
        for one in inputs
    ]
