"""Which rows of tokens share a batch.

Does: group rows by length, longest first, under bounds of rows and of tokens. Does not: pad or run
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ENOUGH_ROWS = 32
"""Rows from which on a batch gains nothing by taking shorter ones along, padded."""

ENOUGH_TOKENS = 1024
"""Tokens from which on it gains nothing either: padding of long texts is the dearest, as attention
and its mask grow with the square of the length."""

PIECE_TOKENS = 4096
"""Tokens of the batches that one process runs before it says what they gave."""


class BatchGroup(NamedTuple):
    """Neighbouring batches, and the number of tokens in them, padding counted."""

    batches: list[NDArray[np.int64]]
    tokens: int


def grouped_batches(
    batches: Iterable[NDArray[np.int64]], lengths: NDArray[np.int64], *, rows: int = 2**40
) -> Iterator[BatchGroup]:
    """Yield neighbouring batches of at most `PIECE_TOKENS` tokens and `rows` rows, or one of more.

    Who runs a group decides no bit: batches stay what they are.

    >>> lengths = np.array([4000, 90, 90, 4096])
    >>> batches = [np.array([3]), np.array([0]), np.array([1, 2])]
    >>> [tokens for _, tokens in grouped_batches(batches, lengths)]
    [4096, 4000, 180]
    """
    group: list[NDArray[np.int64]] = []
    held, count = 0, 0
    for batch in batches:
        size = len(batch) * int(lengths[batch].max())
        if group and (held + size > PIECE_TOKENS or count + len(batch) > rows):
            yield BatchGroup(group, held)
            group, held, count = [], 0, 0
        group.append(batch)
        held, count = held + size, count + len(batch)
    if group:
        yield BatchGroup(group, held)


def bounded_batches(
    lengths: NDArray[np.int64], *, most_tokens: int, most_rows: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each batch, longest first.

    Definition: rows sorted by length; a batch of rows holds at most `most_rows` of them and
    `most_tokens` tokens, padding counted (one row whatever its length), none shorter than seven
    eighths of its longest, and from `ENOUGH_ROWS` or `ENOUGH_TOKENS` on none shorter at all.

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
        stop = start + max(1, equal, min(fits, ENOUGH_ROWS, ENOUGH_TOKENS // longest))
        yield order[start:stop]
        start = stop


def near_equal_batches(
    lengths: NDArray[np.int64], *, batch_size: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each batch, longest first, so that padding stays below an eighth.

    Definition: rows sorted by length; a batch ends when it holds `batch_size` rows or when the next
    row is shorter than seven eighths of its longest. The longest come first, so that a machine too
    small for them says so at once.

    >>> [rows.tolist() for rows in near_equal_batches(np.array([4, 16, 15, 4]), batch_size=8)]
    [[1, 2], [0, 3]]
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        stop = start + 1
        while (
            stop < min(len(order), start + batch_size) and 8 * lengths[order[stop]] >= 7 * longest
        ):
            stop += 1
        yield order[start:stop]
        start = stop


def equal_length_batches(
    lengths: NDArray[np.int64], *, tokens: int, rows: int
) -> Iterator[NDArray[np.int64]]:
    """Yield batches of rows of exactly one length, longest first.

    Args:
        lengths: tokens of each row, int64 `[n]`.
        tokens: the most tokens of a batch; one row stands alone however long it is.
        rows: the most rows of a batch.

    >>> [b.tolist() for b in equal_length_batches(np.array([3, 5, 3, 3]), tokens=6, rows=9)]
    [[1], [0, 2], [3]]
    """
    order = np.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    start = 0
    while start < len(order):
        same = int(np.searchsorted(-ordered, -ordered[start], side="right"))
        most = min(rows, max(tokens // max(1, int(ordered[start])), 1))
        stop = min(same, start + most)
        yield order[start:stop]
        start = stop
