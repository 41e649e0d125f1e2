"""How alike heads attend, and where each looks: rows of attention as distributions over tokens.

Does: renormalise attention among words, the Jensen-Shannon divergence of heads, their one-to-one
matching, entropy, distance and sinks. Does not: know a model or its tokens' names.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats, Ints

Maps = NDArray[np.float32]
STATISTICS = (
    "entropy", "distance", "to_first", "to_separators", "to_itself", "to_previous", "to_next",
)  # fmt: skip
_TINY = np.float32(1e-30)
_CHUNK = 2**16
"""Numbers of one product: what a processor keeps near."""


def among_words(maps: Maps, words: Bools) -> Maps:
    """Keep the attention from words to words, each row divided by its sum.

    Args:
        maps: float32 `[..., tokens, tokens]`.
        words: which tokens are of words, `[tokens]`.

    Returns:
        float32 `[..., words, words]`; a row that gives words nothing is spread evenly.

    >>> maps = np.array([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [1.0, 0.0, 0.0]], dtype=np.float32)
    >>> among_words(maps, np.array([False, True, True])).round(2).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    kept = maps[..., words, :][..., words]
    sums = kept.sum(axis=-1, keepdims=True)
    even: Maps = np.full_like(kept, 1.0 / max(kept.shape[-1], 1))
    np.divide(kept, sums, out=even, where=sums > 0)
    return even


def entropies(rows: Maps) -> Maps:
    """Return the entropy of each row, nats, the last axis summed away.

    >>> entropies(np.array([[0.5, 0.5], [1.0, 0.0]], dtype=np.float32)).round(4)
    array([0.6931, 0.    ], dtype=float32)
    """
    values: Maps = np.float32(0) - np.einsum("...i,...i->...", rows, np.log(rows + _TINY))
    return values


def head_divergence(left: Maps, right: Maps) -> Floats:
    """Return the Jensen-Shannon divergence of every head with every head, sentence by sentence.

    Definition: the mean over rows of H((p + q) / 2) - (H(p) + H(q)) / 2, nats, in 0..ln 2
    (Lin 1991).

    Args:
        left: `[heads, n, rows, columns]`, the last axis sums to 1.
        right: `[other heads, n, rows, columns]`.

    Returns:
        float64 `[heads, other heads, n]`.

    >>> one = np.array([[[[1.0, 0.0]]]], dtype=np.float32)
    >>> head_divergence(one, one[..., ::-1]).round(4).tolist()
    [[[0.6931]]]
    """
    n, rows, columns = left.shape[1:]
    result = np.empty((len(left), len(right), n))
    own, other = entropies(left), entropies(right)
    step = max(1, _CHUNK // (len(right) * rows * columns))
    for start in range(0, n, step):
        part = slice(start, start + step)
        for head, maps in enumerate(left[:, part]):
            mixed = (right[:, part] + maps) * np.float32(0.5)
            apart = entropies(mixed) - (own[head, part] + other[:, part]) * np.float32(0.5)
            result[head, :, part] = apart.mean(axis=-1, dtype=np.float64)
    return np.clip(result, 0.0, np.log(2.0))


def matched_heads(divergence: Floats) -> tuple[Ints, Ints]:
    """Match heads one to one so that the sum of their divergences is least (Kuhn 1955).

    Args:
        divergence: `[heads, other heads]`; of the larger side some stay without a match.

    >>> [side.tolist() for side in matched_heads(np.array([[0.1, 0.2], [0.1, 0.4]]))]
    [[0, 1], [1, 0]]
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(divergence)
    return rows.astype(np.int64), columns.astype(np.int64)


def head_statistics(maps: Maps, words: Bools, shown: Maps) -> Floats:
    """Return where each head looks in each sentence: `STATISTICS`, `[7, heads, n]`.

    Definition: means over rows of the entropy in nats; of the distance between a token and those it
    reads, in tokens, |i - j| weighted by attention; and over words of the attention to the first
    token of the text, to all special tokens but it, to the word itself, and to the token before and
    after it.

    Args:
        maps: `[heads, n, tokens, tokens]`, with special tokens.
        words: which tokens are of words, `[tokens]`.
        shown: `maps`, or what `among_words` keeps of them: the entropy and the distance are its.

    >>> maps = np.eye(2, dtype=np.float32)[None, None]
    >>> head_statistics(maps, np.array([True, True]), maps).ravel().tolist()
    [0.0, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0]
    """
    places = np.arange(shown.shape[-1])
    apart = np.abs(places[:, None] - places[None, :]).astype(np.float32)
    separators = ~words
    separators[:1] = False
    of_words = maps[..., words, :].astype(np.float64)
    at = np.flatnonzero(words)
    return np.stack(
        [
            entropies(shown).mean(axis=-1, dtype=np.float64),
            (shown * apart).sum(axis=-1).mean(axis=-1, dtype=np.float64),
            of_words[..., 0].mean(axis=-1),
            of_words[..., separators].sum(axis=-1).mean(axis=-1),
            *(_to_neighbour(maps, at, step) for step in (0, -1, 1)),
        ]
    )


def _to_neighbour(maps: Maps, places: Ints, step: int) -> Floats:
    """Average the attention of words to the token so many places on; beyond the text it is 0."""
    kept = places[(places + step >= 0) & (places + step < maps.shape[-1])]
    total: Floats = maps[..., kept, kept + step].sum(axis=-1, dtype=np.float64)
    return total / len(places)
