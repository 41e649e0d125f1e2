"""What it does to one explained text that a model is run in bfloat16 or float16.

Does: say how far its output and its word scores lie from the same model's in float32. Does not: run
a model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kdprobe.attribution.result import TextAttribution
from kdprobe.results.numbers import show_number
from kdprobe.stats.rank_agreement import comparable, spearman


def with_effect(rounded: TextAttribution, full: TextAttribution, kind: str) -> TextAttribution:
    """Return an explained text with what rounding did to it.

    Args:
        rounded: the text as the rounded model explains it.
        full: the same in float32.
        kind: what it is run in.

    >>> from kdprobe.attribution.result import MethodScores
    >>> words, scores = ("a", "b", "c"), ((0.1, 0.2, 0.3), (0.1, 0.3, 0.2))
    >>> one, other = (
    ...     TextAttribution("s", words, (0, 0, 0), 3, "yes", share,
    ...                     (MethodScores("lime", each, None, False),))
    ...     for share, each in zip((0.5, 0.75), scores)
    ... )
    >>> with_effect(one, other, "bfloat16").rounding
    'bfloat16 beside float32: the probability lies 0.250 away; rank correlation of word scores: \
lime 0.500'
    """
    what = "probability" if rounded.explained else "score"
    moved = show_number(abs(rounded.probability - full.probability))
    effect = f"{kind} beside float32: the {what} lies {moved} away"
    shown = []
    for one, other in zip(rounded.methods, full.methods, strict=True):
        arrays = [np.array(each.scores, dtype=np.float64) for each in (one, other)]
        both = comparable(*arrays)
        if both is not None and np.isfinite(value := spearman(*both)):
            shown.append(f"{one.method} {value:.3f}")
    if shown:
        effect += f"; rank correlation of word scores: {', '.join(shown)}"
    return replace(rounded, rounding=effect)
