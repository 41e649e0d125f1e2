"""How many draws a text needs, and how far its scores agree with themselves.

Does: say when sampling noise is small against the spread of a text's scores, and simulate the
agreement of its scores with those of another seed from the errors of its own draws. Does not: ask a
model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.rank_agreement import spearman

NOISE = 0.05
"""The share of the variance of a text's scores that may be noise when its drawing stops."""
SIMULATED = 50
FEWEST = 8
"""Draws before their errors are trusted."""
_PARTS = 8


def looks(most: int, least: int, *, noise: float) -> Iterator[int]:
    """Yield the numbers of draws after which is asked whether they are enough; the last is all.

    Definition: eighths of the most, from the first that is at least two eighths and `least`; all of
    them at once where no noise is allowed.

    >>> list(looks(1000, 60, noise=0.05)), list(looks(1000, 60, noise=0.0))
    ([250, 375, 500, 625, 750, 875, 1000], [1000])
    """
    if noise > 0:
        for part in range(2, _PARTS):
            count = most * part // _PARTS
            if count >= least:
                yield count
    yield most


def settled(scores: Floats, errors: Floats, noise: float) -> bool:
    """Return whether the standard errors are small against the spread of the scores.

    Definition: the mean squared standard error is at most `noise` times the variance (n - 1) of the
    scores. Of scores with independent errors the share 1 - noise of the variance is then signal:
    their expected correlation with those of endless draws is at least sqrt(1 - noise), with those
    of another seed 1 - noise (Spearman 1904).

    Args:
        scores: float64 `[n]`.
        errors: their standard errors, `[n]`.
        noise: 0..1.

    >>> settled(np.array([0.0, 1.0, 2.0]), np.array([0.2, 0.2, 0.2]), 0.05)
    True
    >>> settled(np.array([0.0, 1.0, 2.0]), np.array([0.3, 0.2, 0.2]), 0.05)
    False
    """
    return len(scores) > 1 and bool((errors**2).mean() <= noise * scores.var(ddof=1))


def agreement_with_itself(scores: Floats, influences: Floats, seed: int) -> float:
    """Return the rank correlation of scores expected with those of another seed, from one draw.

    Definition: Spearman's correlation of two simulated seeds, the mean of `SIMULATED` pairs. Both
    begin with the scores drawn together to the share of their variance that is not noise; each adds
    its own sum of influences times standard normal numbers, which has the errors of the draw and
    their correlations (Wu 1986). NaN for fewer than `FEWEST` draws and for fewer than two words, or
    words without any difference.

    On 60 sentences of CoLA above 12 words it differed from the agreement of two seeds by .005
    (-.001 to .011, LIME) and -.005 (-.012 to .003, SHAP): see docs/numbers.md.

    Args:
        scores: float64 `[n]`.
        influences: float64 `[draws, n]`: what each draw adds to the error; the squares sum up to
            the squared standard errors.
        seed: of the simulation.
    """
    variance = scores.var(ddof=1) if len(scores) > 1 else 0.0
    if len(influences) < FEWEST or not variance > 0:
        return float("nan")
    signal = np.sqrt(max(0.0, 1.0 - (influences**2).sum(axis=0).mean() / variance))
    generator = derive_generator(seed, "another seed")
    error = generator.normal(size=(SIMULATED, 2, len(influences))) @ influences
    pairs = scores.mean() + signal * (scores - scores.mean()) + error
    return float(np.nanmean([spearman(one, other) for one, other in pairs]))
