"""Batches of bounded memory, with as little padding as pays.

Does: group rows by length. Does not: pad or run them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ENOUGH_ROWS = 32
"""Rows from which on a batch gains nothing by taking shorter ones along, padded."""


def bounded_batches(
    lengths: NDArray[np.int64], *, most_tokens: int, most_rows: int
) -> Iterator[NDArray[np.int64]]:
    """Give the rows of each batch, longest first.

    Definition: rows sorted by length; a batch of rows holds at most `most_rows` of them and
    `most_tokens` tokens, padding counted (one row whatever its length), none shorter than seven
    eighths of its longest, and from `ENOUGH_ROWS` on none shorter at all.

    >>> lengths = np.array([4, 4096, 4, 15, 16])
    >>> [rows.tolist() for rows in bounded_batches(lengths, most_tokens=4096, most_rows=9)]
    [[1], [4, 3], [0, 2]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        most = max(1, min(most_rows, most_tokens // longest))
        near = order[start : start + most]
        equal = int((lengths[near] == lengths[order[start]]).sum())
        fits = int((8 * lengths[near] >= 7 * longest).sum())
        stop = start + max(1, equal, min(fits, ENOUGH_ROWS))
        yield order[start:stop]
        start = stop
