"""Shapley values of words: exact for short texts, antithetic permutations for long ones.

Does: phi_i = sum over S of |S|!(n-|S|-1)!/n! (v(S + i) - v(S)). Does not: use the Owen values that
`shap` gives texts by default: those are of a tree of one tokenizer's tokens, so that two models
play different games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from pydantic import Field

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Game, Output, every_coalition, fill
from kdprobe.extract.method import Asked, Scored
from kdprobe.models.reader import Reader
from kdprobe.observations import Bools, Floats
from kdprobe.seeds import derive_generator


class ShapOptions(Options):
    """`exact_words`: texts of up to so many words are enumerated; `permutations`: pairs drawn else.

    A pair is a random order of the words and its reverse.
    """

    exact_words: int = Field(default=12, ge=1, le=16)
    permutations: int = Field(default=32, ge=2)


def shapley(values: Floats) -> Floats:
    """Give the Shapley values of a game.

    Definition: see the module (Shapley 1953).

    Args:
        values: float64 `[2**n]`, v of each row of `every_coalition(n)`.

    Returns:
        float64 `[n]`; sums to the last value minus the first.

    >>> shapley(np.array([0.0, 1.0, 2.0, 6.0]))
    array([2.5, 3.5])
    """
    n = int(np.log2(len(values)))
    rows = np.arange(len(values))
    sizes = every_coalition(n).sum(axis=1)
    weights = np.array(
        [factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)]
    )
    scores = np.empty(n)
    for word in range(n):
        without = rows[(rows >> word) & 1 == 0]
        gain = values[without | (1 << word)] - values[without]
        scores[word] = float((weights[sizes[without]] * gain).sum())
    return scores


def orders(n: int, pairs: int, seed: int) -> list[list[int]]:
    """Draw orders of n words, each followed by its reverse."""
    generator = derive_generator(seed, "shap")
    drawn = [generator.permutation(n).tolist() for _ in range(pairs)]
    return [order for one in drawn for order in (one, one[::-1])]


def prefixes(order: Sequence[int]) -> Bools:
    """Give the coalitions met when words join in this order, bool `[n + 1, n]`."""
    masks = np.zeros((len(order) + 1, len(order)), dtype=np.bool_)
    for place, word in enumerate(order):
        masks[place + 1 :, word] = True
    return masks


def _sampled(one: Asked, drawn: Sequence[Sequence[int]], output: Output) -> Scored:
    """Average the gains over orders; the standard error is that of the pairs' averages."""
    gains = np.empty((len(drawn), one.game.n))
    for row, order in enumerate(drawn):
        values = one.game.values(prefixes(order), one.target, output)
        gains[row, list(order)] = np.diff(values)
    pairs = gains.reshape(-1, 2, one.game.n).mean(axis=1)
    errors = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return Scored(pairs.mean(axis=0), sampled=True, errors=errors)


@dataclass(frozen=True)
class Shap:
    """Shapley values (Lundberg and Lee 2017) of the words of a text."""

    name: str = "shap"
    version: int = 1
    options: type[ShapOptions] = ShapOptions

    def explain(
        self, asked: Sequence[Asked], reader: Reader, options: ShapOptions, output: Output
    ) -> list[Scored]:
        """Explain texts; their coalitions are asked in common batches."""
        drawn = {
            row: orders(one.game.n, options.permutations, one.seed)
            for row, one in enumerate(asked)
            if one.game.n > options.exact_words
        }
        wanted: list[tuple[Game, Bools]] = []
        for row, one in enumerate(asked):
            if row in drawn:
                masks = np.vstack([prefixes(order) for order in drawn[row]])
            else:
                masks = every_coalition(one.game.n)
            wanted.append((one.game, masks))
        fill(wanted)
        found = []
        for row, one in enumerate(asked):
            if row in drawn:
                found.append(_sampled(one, drawn[row], output))
            else:
                masks = every_coalition(one.game.n)
                found.append(Scored(shapley(one.game.values(masks, one.target, output))))
        return found


METHOD = Shap()
