"""Shapley values from few coalitions: the weighted regression whose full form gives them exactly.

Does: choose the coalitions that say most (small and large ones first, each with its complement) and
solve for the values. Does not: ask a model.
"""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats


def few_coalitions(n: int, evaluations: int, seed: int) -> tuple[Bools, Floats]:
    """Choose at most so many coalitions of n words, and weigh them.

    Definition: nothing and everything; then sizes 1 and n-1, 2 and n-2, … whole, as long as they
    fit; then coalitions of the sizes left, drawn in pairs with their complements, each at most
    once. A whole size s has the weight (n-1) / (s (n-s)) in all (Lundberg and Lee 2017, theorem 2);
    those drawn share the weight of the sizes left.

    Args:
        n: the number of words, at least 2.
        evaluations: how many; 2n + 2, the least that tells all words apart, when fewer. With 2^n
            all are there and the values are exact.
        seed: of what is drawn.

    Returns:
        bool `[m, n]` with nothing and everything first, and float64 `[m]`, 0 for these two.
    """
    evaluations = max(evaluations, 2 * n + 2)
    rows: list[tuple[int, ...]] = [(), tuple(range(n))]
    weights = [0.0, 0.0]
    size = 1
    while size <= n // 2:
        sizes = {size, n - size}
        if len(rows) + sum(comb(n, s) for s in sizes) > evaluations:
            break
        for s in sorted(sizes):
            share = _weight(n, s) / comb(n, s)
            rows += list(combinations(range(n), s))
            weights += [share] * comb(n, s)
        size += 1
    left = [s for s in range(size, n - size + 1) if 0 < s < n]
    drawn = _draw_pairs(n, left, evaluations - len(rows), seed)
    rows += drawn
    weights += [sum(_weight(n, s) for s in left) / max(1, len(drawn))] * len(drawn)
    masks: Bools = np.zeros((len(rows), n), dtype=np.bool_)
    for place, row in enumerate(rows):
        masks[place, list(row)] = True
    return masks, np.array(weights)


def _weight(n: int, size: int) -> float:
    return (n - 1) / (size * (n - size))


def _draw_pairs(n: int, sizes: list[int], room: int, seed: int) -> list[tuple[int, ...]]:
    """Draw coalitions of these sizes with their complements, no more than there is room for."""
    if not sizes or room < 2:
        return []
    generator = derive_generator(seed, "shap regression")
    shares = np.array([_weight(n, size) for size in sizes])
    drawn: dict[tuple[int, ...], None] = {}
    whole = sum(comb(n, size) for size in sizes)
    while len(drawn) + 2 <= min(room, whole):
        size = int(generator.choice(sizes, p=shares / shares.sum()))
        inside = np.sort(generator.permutation(n)[:size])
        outside = np.setdiff1d(np.arange(n), inside)
        for row in (inside, outside):
            drawn[tuple(row.tolist())] = None
    return list(drawn)


def regress(masks: Bools, weights: Floats, values: Floats) -> Floats:
    """Fit the values of words to the values of coalitions, float64 `[n]`.

    Definition: weighted least squares through nothing and everything, so that the values add up to
    the change between the two exactly.

    Args:
        masks: bool `[m, n]`, nothing and everything first.
        weights: float64 `[m]`.
        values: float64 `[m]`.
    """
    n = masks.shape[1]
    base, total = values[0], values[1] - values[0]
    inner = masks[2:].astype(np.float64)
    root = np.sqrt(weights[2:])
    # The last word's value is the total less the others'.
    design = (inner[:, :-1] - inner[:, -1:]) * root[:, None]
    wanted = (values[2:] - base - inner[:, -1] * total) * root
    solved = np.linalg.lstsq(design, wanted, rcond=None)[0]
    scores: Floats = np.empty(n)
    scores[:-1] = solved
    scores[-1] = total - solved.sum()
    return scores
