"""The limits of all orders of deletions of a text too long for every coalition, estimated.

Does: search both ways with a beam, many texts in common batches. Does not: bound what it misses:
a limit found is attained by an order, but a better order may be outside of the beam.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.extract.coalitions import ValueFunction, fill
from kdprobe.stats.arrays import Bools, Floats


class _Beam:
    """The best sets of words left, by the sum of v on the way to them.

    `sign` is 1 for the least sum (the greatest AOPC), -1 for the greatest.
    """

    def __init__(self, n: int, sign: float) -> None:
        self.sign = sign
        self.left: Bools = np.ones((1, n), dtype=np.bool_)
        self.sums: Floats = np.zeros(1)

    def grown(self) -> tuple[Bools, Floats]:
        """Return the sets of one word less, each once, with the best sum before them."""
        rows, words = np.nonzero(self.left)
        masks = self.left[rows]
        masks[np.arange(len(words)), words] = False
        unique, members = np.unique(masks, axis=0, return_inverse=True)
        best = np.full(len(unique), np.inf)
        np.minimum.at(best, members.reshape(-1), self.sign * self.sums[rows])
        return unique, self.sign * best

    def keep(self, masks: Bools, sums: Floats, width: int) -> None:
        """Take the best; ties go by the set, so that no order of batches matters."""
        order = np.argsort(self.sign * sums, kind="stable")[:width]
        self.left, self.sums = masks[order], sums[order]


def beam_limits(games: Sequence[tuple[ValueFunction, int]], width: int) -> list[Floats]:
    """Estimate the least and the greatest AOPC of any order of deletions, for each text.

    Definition: see `stats.deletion_orders`; at every size the `width` best sets of words left are
    kept (Edin et al. 2024 keep orders; orders that leave the same words differ in nothing that
    comes, so only the better is kept). A width of every set gives the exact limits.

    Args:
        games: v(S) of each text, and the explained class.
        width: how many sets are kept; about `width` n^2 questions a text.

    Returns:
        float64 `[2]` each.
    """
    beams = [[_Beam(game.n, sign) for sign in (-1.0, 1.0)] for game, _ in games]
    for step in range(max((game.n for game, _ in games), default=0)):
        grown = [
            [beam.grown() for beam in pair] if step < game.n else []
            for (game, _), pair in zip(games, beams, strict=True)
        ]
        fill([(game, masks) for (game, _), each in zip(games, grown, strict=True)
              for masks, _ in each])  # fmt: skip
        for (game, target), pair, each in zip(games, beams, grown, strict=True):
            for beam, (masks, sums) in zip(pair, each, strict=False):
                beam.keep(masks, sums + game.values(masks, target, "probability"), width)
    limits: list[Floats] = []
    for (game, target), pair in zip(games, beams, strict=True):
        whole = game.values(np.ones((1, game.n), dtype=np.bool_), target, "probability")[0]
        limits.append(np.array([whole - beam.sums[0] / game.n for beam in pair]))
    return limits
