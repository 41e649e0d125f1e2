"""Which sentences are explained: a stratified, seeded choice.

Does: keep the split's proportions of label, agreement and length. Does not: look at any score.
"""

from __future__ import annotations

import numpy as np

from kdprobe.seeds import derive_seed
from kdprobe.stats.arrays import Bools, Ints


def choose_rows(
    ids: tuple[str, ...],
    labels: Ints,
    agree: Bools,
    lengths: Ints,
    *,
    count: int,
    seed: int,
) -> list[int]:
    """Choose examples in proportion to their strata.

    Definition: strata are label x whether all models agree x third of the length; each gives its
    proportional share, rounded by the largest remainders (ties to the larger stratum); within a
    stratum the examples with the smallest seeded hash of their id are taken, so that the order of
    the examples moves nothing and a larger count keeps most of a smaller one's.

    Args:
        ids: `[n]`.
        labels: gold labels, or the teacher's where there are none, `[n]`.
        agree: whether all models predict the same, `[n]`.
        lengths: words of each example, `[n]`.
        count: how many; all when there are no more.
        seed: of the choice.

    Returns:
        Rows, ascending.
    """
    n = len(ids)
    if count >= n:
        return list(range(n))
    thirds = np.searchsorted(np.quantile(lengths, [1 / 3, 2 / 3]), lengths)
    strata: dict[tuple[int, bool, int], list[int]] = {}
    for row in range(n):
        key = (int(labels[row]), bool(agree[row]), int(thirds[row]))
        strata.setdefault(key, []).append(row)
    wanted = {key: count * len(rows) / n for key, rows in strata.items()}
    taken = {key: int(share) for key, share in wanted.items()}
    order = sorted(wanted, key=lambda key: (taken[key] - wanted[key], -len(strata[key]), key))
    for key in order[: count - sum(taken.values())]:
        taken[key] += 1
    chosen: list[int] = []
    for key, rows in strata.items():
        ranked = sorted(rows, key=lambda row: derive_seed(seed, "explained", ids[row]))
        chosen += ranked[: taken[key]]
    return sorted(chosen)
