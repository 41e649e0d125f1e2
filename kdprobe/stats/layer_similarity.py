"""How alike two sets of vectors of the same sentences are, whatever their widths and axes.

Does: linear CKA, debiased or not, the orthogonal Procrustes distance, and what each sentence adds
to either, for intervals. Vectors come in blocks of rows, read again for every
pass: what is held are d x d sums and one number a sentence. Does not: know a model or a file.

With centred vectors x_i, y_i, k_i = |x_i|^2, l_i = |y_i|^2 and C = sum_i x_i y_i', the unbiased
estimator of HSIC with linear kernels (Song et al. 2012, eq. 5) needs no n x n matrix:

    n (n - 3) HSIC = |C|^2 - n/(n-2) sum k_i l_i + sum k_i sum l_i / ((n-1)(n-2)).

(It is blind to where the origin lies, so centring moves nothing; of centred rows the sums
1'K, 1'L and 1'KL1 of the kernels without diagonals are -sum k, -sum l and sum k l.) Without the
sentence m it follows from x_m' C y_m and the sums, so that leaving out each of n sentences costs as
much as one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats, ratio

Blocks = Callable[[], Iterator[Floats]]
"""Gives the same rows in the same blocks at every call, float64 `[rows, width]`."""

FEWEST = 5
"""Sentences: the estimator takes four, and one is left out at a time."""
_FLAT = 1e-6
"""Of 16-bit floats: their rounding is 2^-11 of a value, 2.4e-7 of its square."""
_EXACT = 1e-9
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Vectors:
    """One set of vectors, with what every comparison needs of it.

    Args:
        blocks: its rows; they are not kept.
        mean: of the rows, `[width]`.
        squares: squared length of each centred row, `[n]`.
        hsic: with itself, of all rows and then without each of them, `[n + 1]`; 0 where what is
            left is rounding, as when a single row differs.
        flat: whether the rows vary no more than the rounding of 16-bit floats.
    """

    blocks: Blocks
    mean: Floats
    squares: Floats
    hsic: Floats
    flat: bool

    def rows(self) -> Iterator[Floats]:
        """Yield the centred rows in blocks."""
        for block in self.blocks():
            yield block - self.mean


class PairSimilarity(NamedTuple):
    """How alike two sets of vectors are, and what each row adds.

    Args:
        cka: linear CKA, in -1..1 (debiased) or 0..1.
        procrustes: the distance of Ding et al. 2021, in 0..2.
        cka_influence, procrustes_influence: `[n]`, each sums to 0; the sum of their squares is the
            variance of the number over samples of rows. The second is of 1 - distance / 2.
    """

    cka: float
    procrustes: float
    cka_influence: Floats
    procrustes_influence: Floats


def vectors_of(blocks: Blocks, *, biased: bool = False) -> Vectors:
    """Read a set of vectors and measure it against itself.

    Args:
        blocks: at least `FEWEST` rows.
        biased: whether HSIC keeps the bias that the plain CKA has.

    Raises:
        ValueError: too few rows.
    """
    n, total = 0, np.zeros(())
    for block in blocks():
        n, total = n + len(block), total + block.sum(axis=0)
    if n < FEWEST:
        raise ValueError(f"{n} rows, at least {FEWEST} are needed")
    mean: Floats = total / n
    bare = Vectors(blocks, mean, np.zeros(n), np.zeros(n + 1), flat=False)
    squares = np.concatenate([_squares(block) for block in bare.rows()])
    flat = is_flat(mean, float(squares.sum()), n)
    held = Vectors(blocks, mean, squares, np.zeros(n + 1), flat)
    if flat:
        return held
    scatter = _cross(held, held)
    hsic = _hsic(held, held, scatter, biased)
    hsic[hsic <= _ROUNDING * (scatter**2).sum() / n**2] = 0.0
    return Vectors(blocks, mean, squares, hsic, flat)


def similarity(x: Vectors, y: Vectors, *, biased: bool = False) -> PairSimilarity | None:
    """Compare two sets of vectors of the same sentences, which may differ in width.

    Definition: CKA = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)) with linear kernels (Kornblith et al.
    2019) and the unbiased HSIC of Song et al. 2012, as Nguyen et al. 2021 use it: 0 in expectation
    for unrelated vectors, and within -1..1 because the unbiased HSIC is an inner product of
    U-centred kernels (Szekely and Rizzo 2014). `biased`: |C|^2 / (|X'X| |Y'Y|), which for unrelated
    vectors tends to 1 as their width grows beyond n.
    Procrustes = 2 - 2 |C|_* / (|X| |Y|), |C|_* the sum of the singular values of C: the squared
    distance of X and Y, centred and of length 1, after the best rotation (Ding et al. 2021). It
    falls for any vectors when n is not many times the width.

    The influence of a row is that of the jackknife on CKA; on the Procrustes distance it is the
    derivative, with the best rotation kept.

    Args:
        x: one set.
        y: the other, made with the same `biased`.
        biased: see above.

    Returns:
        None where the vectors of a side do not vary.

    >>> rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 3.0], [4.0, 1.0]])
    >>> turned = 3 * rows @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 7
    >>> one, other = (vectors_of(lambda held=held: iter([held])) for held in (rows, turned))
    >>> alike = similarity(one, other)
    >>> round(alike.cka, 12), round(alike.procrustes, 12)
    (1.0, 0.0)
    """
    if x.flat or y.flat:
        return None
    cross = _cross(x, y)
    cka = ratio(_hsic(x, y, cross, biased), np.sqrt(x.hsic * y.hsic))
    if not np.isfinite(cka).all():  # nothing varies once a single sentence is left out
        return None
    n = len(x.squares)
    left, values, right = np.linalg.svd(cross, full_matrices=False)
    turn = left @ right
    shared = np.concatenate(
        [_products(one @ turn, other) for one, other in zip(x.rows(), y.rows(), strict=True)]
    )
    length = np.sqrt(x.squares.sum() * y.squares.sum())
    alike = min(float(values.sum() / length), 1.0)
    lengths = x.squares / x.squares.sum() + y.squares / y.squares.sum()
    return PairSimilarity(
        float(np.clip(cka[0], -1.0, 1.0)),
        2.0 - 2.0 * alike,
        np.sqrt((n - 1) / n) * (cka[1:].mean() - cka[1:]),
        shared / length - alike * lengths / 2,
    )


def is_flat(mean: Floats, spread: float, n: int) -> bool:
    """Return whether rows vary no more around their mean than 16-bit floats are rounded.

    Args:
        mean: of the rows.
        spread: the sum of squared distances to it.
        n: how many rows.

    >>> is_flat(np.array([3.0, 4.0]), 1e-5, 100), is_flat(np.array([3.0, 4.0]), 1e-2, 100)
    (True, False)
    """
    return spread <= _FLAT * (n * float(mean @ mean) + spread)


def _squares(block: Floats) -> Floats:
    return _products(block, block)


def _products(left: Floats, right: Floats) -> Floats:
    product: Floats = np.einsum("ij,ij->i", left, right)
    return product


def _cross(x: Vectors, y: Vectors) -> Floats:
    """Sum the products of all columns, `[width of x, width of y]`."""
    total = np.zeros((len(x.mean), len(y.mean)))
    for one, other in zip(x.rows(), y.rows(), strict=True):
        total += one.T @ other
    return total


def _hsic(x: Vectors, y: Vectors, cross: Floats, biased: bool) -> Floats:
    """Estimate HSIC of all rows, and without each of them: `[n + 1]`."""
    k, l, n = x.squares, y.squares, len(x.squares)  # noqa: E741
    both = k * l
    own = np.concatenate(
        [_products(one @ cross, other) for one, other in zip(x.rows(), y.rows(), strict=True)]
    )
    size = float((cross**2).sum())
    if biased:  # without a row the others are centred anew
        fewer = size - 2 * own * n / (n - 1) + both * (n / (n - 1)) ** 2
        return np.concatenate([[size / n**2], np.maximum(fewer, 0.0) / (n - 1) ** 2])
    pull = _pull(x, l) + _pull(y, k)
    whole = _unbiased(n, size - both.sum(), k.sum() * l.sum(), both.sum())
    without = _unbiased(
        n - 1,
        size - both.sum() - 2 * (own - both),
        (k.sum() - 2 * k) * (l.sum() - 2 * l),
        both.sum() - 4 * both + pull + own,
    )
    return np.concatenate([[whole], without])


def _pull(x: Vectors, weights: Floats) -> Floats:
    """Multiply each row with the weighted sum of all rows, `[n]`."""
    total, at = np.zeros(len(x.mean)), 0
    for block in x.rows():
        total, at = total + weights[at : at + len(block)] @ block, at + len(block)
    return np.concatenate([block @ total for block in x.rows()])


def _unbiased(n: int, trace: Floats, sums: Floats, joint: Floats) -> Floats:
    """Song et al. 2012, eq. 5, of tr(KL), 1'K1 1'L1 and 1'KL1 without diagonals."""
    value: Floats = (trace + sums / ((n - 1) * (n - 2)) - 2 * joint / (n - 2)) / (n * (n - 3))
    return value


def in_groups(influence: Floats, most: int) -> Floats:
    """Add up the influence of neighbouring rows, so that at most `most` numbers are left.

    Rows are a random sample, so that groups of them can be resampled as rows are.

    >>> in_groups(np.array([1.0, 2.0, -3.0, 0.5, -0.5]), 2)
    array([ 3., -3.])
    """
    if influence.shape[-1] <= most:
        return influence
    starts = np.linspace(0, influence.shape[-1], most + 1).astype(np.int64)[:-1]
    summed: Floats = np.add.reduceat(influence, starts, axis=-1)
    return summed


def resampled(value: float, influence: Floats, counts: Floats) -> Floats:
    """Draw a similarity anew from what each row adds to it, float64 `[B + 1]`, the value first.

    Definition: tanh(artanh(value) + counts @ influence / (1 - value^2)): the bootstrap of the
    linearised statistic (Efron and Tibshirani 1993, ch. 22), on a scale on which no draw leaves
    -1..1. One product for all resamples, where computing each anew would take B passes.

    Args:
        value: in -1..1.
        influence: `[rows]`, sums to 0.
        counts: how often each row is in each resample, `[B + 1, rows]`, the first all ones.

    >>> resampled(0.5, np.array([0.1, -0.1]), np.array([[1, 1], [2, 0]])).round(3)
    array([0.5  , 0.673])
    """
    room = 1.0 - value**2
    if room < _EXACT:
        return np.full(len(counts), value)
    draws: Floats = np.tanh(np.arctanh(value) + counts @ influence / room)
    draws[0] = value
    return draws
