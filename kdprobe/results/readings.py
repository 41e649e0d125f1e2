"""How to read the pictures of the first screen's columns.

Does: give each picture a sentence. Does not: draw one.
"""

from __future__ import annotations

from kdprobe.results.headline import Headline
from kdprobe.results.screen import Screen

_READING = {
    "state": "Same: the interval of the difference lies within ±{margin:g}; worse or better: it "
    "excludes 0; cannot be told: neither; beside it the smallest difference that the sample could "
    "show 8 times in 10.",
    "score": "Grey under the score: the teacher's interval.",
    "agreement": "Lines beside the agreement: what chance gives, and the ceiling (two seeds of one "
    "model, else 1).",
    "kappa": "Grey under kappa: what is attainable with these mistakes.",
    "attribution": "Same reasons: 0 is what a model with random weights reaches, 1 the explainer's "
    "own ceiling.",
}
"""How to read the picture of a column."""


def readings(shown: Screen, head: Headline, *keys: str) -> list[str]:
    """Return how to read the pictures of the columns that are shown; of these alone, if any."""
    return [
        _READING[column.key].format(margin=head.margin)
        for column in shown.columns
        if column.key in (keys or _READING) and column.key in _READING
    ]
