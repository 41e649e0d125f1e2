"""Least-squares concept erasure, and random subspaces of the same size to hold it against.

Does: the closed-form affine eraser of Belrose et al. (2023, LEACE) from the moments of vectors and
labels, and erasers of random subspaces that take as much variance. Does not: know a model or a
text.

Definition: with covariance S, W = S^(-1/2), cross-covariance C of vectors and one-hot labels, and
U an orthonormal base of the columns of W C, the eraser is r(x) = x - S^(1/2) U U' W (x - mean).
Of all affine maps after which no linear classifier does better than a constant, it moves the
vectors least in squares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

from kdprobe.stats.arrays import Floats

_NO_VARIANCE = 1e-12
"""Of the mean square: what rounding to float32 makes vary is a thousand times less."""
_NO_DIRECTION = 1e-9
"""Of the largest singular value: the last of k one-hot columns, which sum to 1."""
_STEPS, _STEEPEST, _CLOSE = 100, 64.0, 1e-10


class Moments(NamedTuple):
    """Moments of vectors and their labels.

    Args:
        n: how many independent vectors they are of.
        mean: float64 `[d]`.
        covariance: float64 `[d, d]`, divided by n.
        cross: of vectors and one-hot labels, float64 `[d, k]`, divided by n.
    """

    n: int
    mean: Floats
    covariance: Floats
    cross: Floats


class Eraser(NamedTuple):
    """An affine map x - left right (x - centre).

    Args:
        left: float64 `[d, r]`.
        right: float64 `[r, d]`; `right @ left` is the identity.
        centre: float64 `[d]`, which stays where it is.
    """

    left: Floats
    right: Floats
    centre: Floats

    @property
    def rank(self) -> int:
        """The dimensions that it takes."""
        return int(self.left.shape[1])

    def removed(self, covariance: Floats) -> float:
        """Return the variance that it takes from vectors, summed over dimensions.

        Definition: the mean squared length of the change, where `centre` is their mean.

        >>> eraser = Eraser(np.array([[1.0], [0.0]]), np.array([[1.0, 0.0]]), np.zeros(2))
        >>> eraser.removed(np.diag([4.0, 9.0]))
        4.0
        """
        return float(np.sum((self.left.T @ self.left) * (self.right @ covariance @ self.right.T)))

    def __call__(self, vectors: Floats) -> Floats:
        """Erase from vectors `[…, d]`."""
        erased: Floats = vectors - (vectors - self.centre) @ self.right.T @ self.left.T
        return erased


class Spectrum(NamedTuple):
    """A covariance by its eigenvectors, those of rounding left out.

    Args:
        values: eigenvalues, shrunk, `[m]`: what vectors are whitened by.
        vectors: eigenvectors, `[d, m]`.
        centre: the mean, `[d]`.
        variances: of the vectors along each, as it was sampled, `[m]`.
    """

    values: Floats
    vectors: Floats
    centre: Floats
    variances: Floats

    def eraser(self, directions: Floats) -> Eraser:
        """Return the eraser of orthonormal directions `[m, r]` among the whitened vectors."""
        root = np.sqrt(self.values)[:, None]
        left, right = self.vectors @ (root * directions), self.vectors @ (directions / root)
        return Eraser(left, right.T, self.centre)

    def removed(self, directions: Floats) -> float:
        """Return `Eraser.removed` of these directions, for the vectors this is of."""
        values, ratios = self.values[:, None], (self.variances / self.values)[:, None]
        longer, wider = directions.T @ (values * directions), directions.T @ (ratios * directions)
        return float(np.sum(longer * wider))


def shrinkage(values: Floats, n: int) -> float:
    """Return how far a sample covariance is to be drawn towards a multiple of the identity, 0..1.

    Definition: (t^2 / n) / (sum of squares - t^2 / d) of its d eigenvalues with sum t, at most 1
    (Bodnar, Gupta and Parolya 2014, with that target): 0 for n without end, 1 where the eigenvalues
    do not differ by more than sampling makes them.

    >>> shrinkage(np.array([1.0, 3.0]), 16), shrinkage(np.array([2.0, 2.0]), 16)
    (0.5, 1.0)
    """
    total = values.sum()
    spread = float((values**2).sum() - total**2 / len(values))
    noise = float(total**2 / n)
    return 1.0 if spread <= noise else noise / spread


def spectrum(moments: Moments, *, shrunk: bool = True) -> Spectrum:
    """Decompose a covariance; vectors that are all alike have no direction.

    Args:
        moments: of the vectors.
        shrunk: draw it towards a multiple of the identity, by `shrinkage`.
    """
    values, vectors = np.linalg.eigh((moments.covariance + moments.covariance.T) / 2)
    values = np.maximum(values, 0.0)
    if values.sum() <= _NO_VARIANCE * float(moments.mean @ moments.mean):
        return Spectrum(values[:0], vectors[:, :0], moments.mean, values[:0])
    share = shrinkage(values, moments.n) if shrunk else 0.0
    drawn = (1 - share) * values + share * values.mean()
    rounding = _NO_VARIANCE * (values.sum() + float(moments.mean @ moments.mean)) / len(values)
    kept = drawn > max(rounding, drawn[-1] * len(drawn) * np.finfo(np.float64).eps)
    return Spectrum(drawn[kept], vectors[:, kept], moments.mean, values[kept])


def leace(whole: Spectrum, cross: Floats) -> Eraser:
    """Return the eraser of labels.

    Args:
        whole: the covariance of the vectors.
        cross: their cross-covariance with one-hot labels, `[d, k]`.

    Returns:
        Of rank k - 1 at most; 0 where the labels have no cross-covariance with the vectors.

    >>> x = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 3.0], [2.0, 3.0]])
    >>> z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> centred = x - x.mean(0)
    >>> moments = Moments(4, x.mean(0), centred.T @ centred / 4, centred.T @ (z - z.mean(0)) / 4)
    >>> leace(spectrum(moments), moments.cross)(x).round(9)
    array([[1., 1.],
           [1., 1.],
           [1., 3.],
           [1., 3.]])
    """
    if not len(whole.values):
        return whole.eraser(np.zeros((0, 0)))
    whitened = (whole.vectors.T @ cross) / np.sqrt(whole.values)[:, None]
    directions, sizes, _ = np.linalg.svd(whitened, full_matrices=False)
    return whole.eraser(directions[:, sizes > _NO_DIRECTION * sizes[0]])


def random_eraser(
    whole: Spectrum, rank: int, removed: float, generator: np.random.Generator
) -> Eraser:
    """Return the eraser of a random subspace that takes a given variance.

    Definition: Gaussian directions among the whitened vectors, their coordinates along the
    eigenvectors multiplied by a power of the eigenvalues. The power is the one that gives the
    variance. Without shrinkage that grows with it, its derivative being the sum over eigenvectors
    i, j of P_ij^2 (a_i - a_j) (log a_i - log a_j) with P the projection on the subspace; with it,
    from the smallest variance that any subspace takes to the largest.

    Args:
        whole: the covariance of the vectors.
        rank: of the subspace; at most the number of directions is taken.
        removed: the variance; the nearest that a subspace of this rank has.
        generator: what the directions are drawn from.
    """
    values = whole.values
    # Drawn in the space of the vectors: eigenvectors of like values are any of many.
    gauss = generator.standard_normal((len(whole.centre), rank))[:, : len(values)]
    drawn = whole.vectors.T @ gauss
    if not drawn.size:
        return whole.eraser(drawn)
    logs = np.log(values)
    low, high = -_STEEPEST, _STEEPEST
    for _ in range(_STEPS):
        power = (low + high) / 2
        weights = np.exp(power * logs - (power * logs).max())
        directions = _span(weights[:, None] * drawn)
        taken = whole.removed(directions)
        if abs(taken - removed) <= _CLOSE * removed:
            break
        low, high = (power, high) if taken < removed else (low, power)
    return whole.eraser(directions)


def _span(graded: Floats) -> Floats:
    """Return an orthonormal base of columns whose rows may differ by any power of ten.

    Householder's reflections keep the small rows where the large ones come first and the columns
    are pivoted (Cox and Higham 1998); in another order rounding of the large drowns them, and what
    is left of the last columns is any subspace.
    """
    order = np.argsort(-np.abs(graded).max(axis=1), kind="stable")
    base = np.empty_like(graded)
    base[order] = qr(graded[order], mode="economic", pivoting=True)[0]
    return base
