"""How many draws a text needs, and how far its scores agree with themselves.

Does: say when sampling noise is small against the spread of a text's scores, and measure the
agreement of its scores with those of another seed from the halves of its own draws. Does not: draw,
or ask a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.rank_agreement import spearman, spearman_brown

NOISE = 0.05
"""The share of the variance of a text's scores that may be noise when its drawing stops."""
SPLITS = 20
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


def agreement_with_itself(draws: int, seed: int, scored: Callable[[Ints], Floats]) -> float:
    """Return the rank correlation of scores with those of another seed, from one set of draws.

    Definition: Spearman's correlation between the scores of two halves of the draws, the mean of
    `SPLITS` random splits, stepped up to all draws by Spearman and Brown. NaN for fewer than four
    draws, and where the scores of a half are all equal.

    Args:
        draws: how many.
        seed: of the splits.
        scored: gives the scores of the draws with these places, `[n]`.
    """
    if draws < 4:
        return float("nan")
    generator = derive_generator(seed, "halves")
    correlations = []
    for _ in range(SPLITS):
        order = generator.permutation(draws)
        half = draws // 2
        correlations.append(spearman(scored(order[:half]), scored(order[half:])))
    return spearman_brown(float(np.mean(correlations)))
