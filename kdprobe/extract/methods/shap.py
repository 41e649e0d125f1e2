"""Shapley values of words: exact for short texts, antithetic permutations for long ones.

Does: phi_i = sum over S of |S|!(n-|S|-1)!/n! (v(S + i) - v(S)); when asked, by a regression on few
coalitions, or the Owen values of a tree of words by `shap`'s partition explainer. Does not: use the
Owen values that `shap` gives texts by default: those are of a tree of one tokenizer's tokens, so
that two models play different games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Literal

import numpy as np
from pydantic import Field

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output, every_coalition, fill
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.extract.methods._draws import (
    FEWEST,
    agreement_with_itself,
    looks,
    settled,
)
from kdprobe.extract.methods._regression import few_coalitions, regress
from kdprobe.models.handle import Capability
from kdprobe.models.texts_reader import TextsReader
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats


class ShapOptions(Options):
    """`exact_words`: texts of up to so many words are enumerated; `permutations`: pairs drawn else.

    A pair is a random order of the words and its reverse, 2n coalitions; fewer pairs are drawn, but
    two, where n words would otherwise ask for more than `most_coalitions`: 32 pairs of 510 words
    are 32,640 passes of half a thousand tokens. Standard errors say what that costs. Drawing stops
    earlier where the mean squared standard error falls to the share `noise` of the variance of a
    text's scores; 0: never.

    `evaluations`: above 0, no text is asked more than so many coalitions (but 2n + 2); where there
    are more, values come from a regression on the most telling ones (see `_regression`). `values`:
    `owen` are `shap`'s partition values of a balanced tree of words, the same tree for every model.
    """

    exact_words: int = Field(default=12, ge=1, le=16)
    permutations: int = Field(default=32, ge=2, le=100_000)
    most_coalitions: int = Field(default=4096, ge=1, le=1_000_000)
    evaluations: int = Field(default=0, ge=0, le=1_000_000)
    noise: float = Field(default=0.0, ge=0, lt=1)
    values: Literal["shapley", "owen"] = "shapley"


def shapley(values: Floats) -> Floats:
    """Return the Shapley values of a game.

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
    """Return the coalitions met when words join in this order, bool `[n + 1, n]`."""
    masks = np.zeros((len(order) + 1, len(order)), dtype=np.bool_)
    for place, word in enumerate(order):
        masks[place + 1 :, word] = True
    return masks


def _gains(one: ExplanationInput, drawn: Sequence[Sequence[int]], output: Output) -> Floats:
    """Return what each word gives when words join in an order, the mean of every pair of orders."""
    masks = np.vstack([prefixes(order) for order in drawn])
    values = one.game.values(masks, one.target, output).reshape(len(drawn), -1)
    gains = np.empty((len(drawn), one.game.n))
    np.put_along_axis(gains, np.array(drawn), np.diff(values, axis=1), axis=1)
    pairs: Floats = gains.reshape(-1, 2, one.game.n).mean(axis=1)
    return pairs


def _sampled(one: ExplanationInput, options: ShapOptions, output: Output) -> Attribution:
    """Average the gains over orders until the scores are settled, or all orders.

    The standard error is that of the pairs' averages.
    """
    drawn = _orders(one, options)
    most = len(drawn) // 2
    gains = np.empty((0, one.game.n))
    for count in looks(most, FEWEST, noise=options.noise):
        more = _gains(one, drawn[2 * len(gains) : 2 * count], output)
        gains = np.vstack([gains, more])
        scores, errors = gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(count)
        if settled(scores, errors, options.noise):
            break
    influences = (gains - scores) / np.sqrt(count * (count - 1))
    itself = agreement_with_itself(scores, influences, one.seed)
    return Attribution(scores, sampled=True, errors=errors, itself=itself, drawn=count / most)


def balanced_tree(n: int) -> Floats:
    """Halve the words again and again; rows of (left, right, height, words), children first.

    Definition: the tree of scipy's linkage format, words 0..n-1 and then one number per row.

    >>> balanced_tree(3)[:, :2].astype(int).tolist()
    [[0, 1], [3, 2]]
    """
    rows: list[tuple[int, int, int, int]] = []

    def join(first: int, last: int) -> tuple[int, int]:
        if last - first == 1:
            return first, 0
        middle = (first + last + 1) // 2
        (left, low), (right, high) = join(first, middle), join(middle, last)
        height = 1 + max(low, high)
        rows.append((left, right, height, last - first))
        return n + len(rows) - 1, height

    join(0, n)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def owen(one: ExplanationInput, output: Output) -> Floats:
    """Return the Owen values of a text's words, float64 `[n]`, by `shap`'s partition explainer."""
    n = one.game.n
    if n == 1:
        return shapley(one.game.values(every_coalition(1), one.target, output))
    import shap as package

    masker = package.maskers.Partition(np.zeros((1, n)), clustering=balanced_tree(n))

    def v(rows: Floats) -> Floats:
        return one.game.values(rows > 0.5, one.target, output)

    explainer = package.PartitionExplainer(v, masker)
    # Below its cap on evaluations shap breaks no ties at random.
    explanation = explainer(np.ones((1, n)), max_evals=2 * n * n + 2, silent=True)
    values: Floats = np.asarray(explanation.values[0], dtype=np.float64)
    return values


def _orders(one: ExplanationInput, options: ShapOptions) -> list[list[int]]:
    """Draw as many pairs of orders as a text's length allows."""
    n = one.game.n
    return orders(n, _pairs(n, options), one.seed)


def _pairs(n: int, options: ShapOptions) -> int:
    return max(2, min(options.permutations, options.most_coalitions // (2 * n)))


def _wanted(one: ExplanationInput, options: ShapOptions) -> Bools:
    """Return the coalitions to ask of a text."""
    n = one.game.n
    if _is_exact(n, options):
        return every_coalition(n)
    if options.evaluations:
        return few_coalitions(n, options.evaluations, one.seed)[0]
    return np.vstack([prefixes(order) for order in _orders(one, options)])


def _is_exact(n: int, options: ShapOptions) -> bool:
    if options.evaluations:
        return n < 63 and 2**n <= options.evaluations
    return n <= options.exact_words


def _scored(one: ExplanationInput, options: ShapOptions, output: Output) -> Attribution:
    """Score a text whose coalitions are known."""
    n = one.game.n
    if _is_exact(n, options):
        return Attribution(shapley(one.game.values(every_coalition(n), one.target, output)))
    if options.evaluations:
        masks, weights = few_coalitions(n, options.evaluations, one.seed)
        values = one.game.values(masks, one.target, output)
        return Attribution(regress(masks, weights, values), sampled=True)
    return _sampled(one, options, output)


@dataclass(frozen=True)
class Shap:
    """Shapley values (Lundberg and Lee 2017) of the words of a text."""

    name: str = "shap"
    version: int = 3
    needs: frozenset[Capability] = frozenset({"logits"})
    options: type[ShapOptions] = ShapOptions

    def enumerates(self, n: int, options: ShapOptions) -> bool:
        """Return whether a text of n words is explained by all its coalitions."""
        return options.values == "shapley" and _is_exact(n, options)

    def passes(self, n: int, options: ShapOptions) -> float:
        """Return how many passes of a whole text of n words are sampled, about."""
        if options.values == "owen":
            return float(n * n)
        if options.evaluations:
            return max(options.evaluations, 2 * n + 2) / 2
        return float(n * _pairs(n, options))

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: TextsReader,
        options: ShapOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts; their coalitions are asked in common batches.

        Of texts that may stop drawing in batches of their own, see `lime`.
        """
        if options.values == "owen":
            return [Attribution(owen(one, output)) for one in sentences]
        fill([
            (one.game, _wanted(one, options)) for one in sentences
            if not options.noise or options.evaluations or _is_exact(one.game.n, options)
        ])  # fmt: skip
        return [_scored(one, options, output) for one in sentences]


METHOD = Shap()
