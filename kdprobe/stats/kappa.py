"""Chance-corrected agreement of two or many models, in every resample.

Does: kappa, PABAK, AC1, the range kappa can reach and the kappa of independent mistakes from the
counts of (gold, a, b); Fleiss' kappa and Krippendorff's alpha over all models. Does not: make
estimates; a value that does not exist is NaN and the caller says why.

Our own code rather than statsmodels': its `cohens_kappa` and `fleiss_kappa` take one table at a
time, not thousands of resamples at once, and its standard error is NaN for raters who always agree
(the root of a variance that rounds below 0).

Every coefficient here is (p_o - p_e) / (1 - p_e): a share of equal labels, corrected by what
chance would give. They differ in what they call chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints, ratio
from kdprobe.stats.bootstrap import Resamples


class Corrected(NamedTuple):
    """A chance-corrected coefficient: its draws and the chance agreement p_e, `[B + 1]` each."""

    draws: Floats
    chance: Floats


def corrected(observed: Floats, chance: Floats, undefined: Bools) -> Corrected:
    """Correct agreement by chance, NaN where undefined; clipped to -1..1 against rounding."""
    draws = np.clip(ratio(observed - chance, 1.0 - chance), -1.0, 1.0)
    return Corrected(np.where(undefined, np.nan, draws), chance)


@dataclass(frozen=True)
class Pairing:
    """Two runs' predictions as counts in every resample.

    Args:
        resamples: how often each example counts.
        a: class indices of the first run, `[n]`.
        b: class indices of the second run, `[n]`.
        classes: the number of classes.
    """

    resamples: Resamples
    a: Ints
    b: Ints
    classes: int

    @cached_property
    def total(self) -> Floats:
        """The examples of each resample."""
        return self.resamples.totals

    def _shares(self) -> tuple[Floats, Floats]:
        """How often each of the two gives each label, `[B + 1, c]`: not kept, as c may be large."""
        left, right = (self.resamples.by_group(each, self.classes) for each in (self.a, self.b))
        return left, right

    @cached_property
    def observed(self) -> Floats:
        """The share of equal labels, 0..1."""
        return self.resamples.mean(self.a == self.b)

    @cached_property
    def _by_label(self) -> tuple[Floats, Bools]:
        left, right = self._shares()
        constant = (left.max(axis=1) == self.total) | (right.max(axis=1) == self.total)
        return ratio((left * right).sum(axis=1), self.total**2), constant

    @property
    def chance(self) -> Floats:
        """Cohen's chance agreement: sum_c r_c s_c, from each one's own label shares."""
        return self._by_label[0]

    @property
    def constant(self) -> Bools:
        """Whether one of the two gives only one label; kappa is then 0 by construction."""
        return self._by_label[1]

    def kappa(self) -> Corrected:
        """Return Cohen's kappa (Cohen 1960).

        >>> sample = Resamples(np.ones((1, 4), dtype=np.float32))
        >>> Pairing(sample, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2).kappa().draws
        array([0.5])
        """
        return corrected(self.observed, self.chance, self.constant)

    def pabak(self) -> Corrected:
        """Prevalence- and bias-adjusted kappa: p_e = 1/c (Byrt, Bishop and Carlin 1993)."""
        flat = np.full_like(self.observed, 1.0 / self.classes)
        return corrected(self.observed, flat, np.zeros(len(flat), dtype=bool))

    def ac1(self) -> Corrected:
        """Gwet's AC1: p_e = sum_c q_c (1 - q_c) / (c - 1), q_c the mean share (Gwet 2008)."""
        left, right = self._shares()
        mean = ratio(left + right, 2.0 * self.total[:, None])
        chance = (mean * (1.0 - mean)).sum(axis=1) / (self.classes - 1)
        return corrected(self.observed, chance, np.zeros(len(chance), dtype=bool))


class Attainable(NamedTuple):
    """Kappas that two models with these confusion rows could have, `[B + 1]` each."""

    low: Floats
    high: Floats
    independent: Floats


def attainable(pairing: Pairing, gold: Ints) -> Attainable:
    """Return the range of kappa when each model's own confusion table is held fixed.

    Definition: fixed tables fix p_e, so kappa moves with the number of equal labels alone. Within
    gold class c of n_c examples, A_ck and B_ck given as label k, at most sum_k min(A_ck, B_ck) can
    coincide, and at least max(0, max_k (A_ck + B_ck - n_c)) must (an assignment without equal
    labels exists exactly when no label is given too often, by Hall's theorem). For two classes
    this is the nested and the disjoint placement of errors. Independent: mistakes independent
    given the gold label, sum_c,k A_ck B_ck / n_c equal labels expected.
    """
    classes, sample = pairing.classes, pairing.resamples
    cell_a, cell_b = gold * classes + pairing.a, gold * classes + pairing.b
    cells = np.union1d(cell_a, cell_b)  # sorted, so that cells of a gold class are neighbours
    truths, starts = np.unique(cells // classes, return_index=True)
    places = [np.searchsorted(cells, cell) for cell in (cell_a, cell_b)]
    equal: list[tuple[Floats, Floats, Floats]] = []
    for rows in sample.blocks(len(cells)):
        part = sample.drawn(rows)
        of_a, of_b = (part.by_group(place, len(cells)) for place in places)
        size = part.by_group(gold, classes)[:, truths]
        most = np.minimum(of_a, of_b).sum(axis=1)
        forced = np.maximum.reduceat(of_a + of_b, starts, axis=1) - size
        least = np.maximum(forced, 0.0).sum(axis=1)
        matched = np.add.reduceat(of_a * of_b, starts, axis=1)
        equal.append((least, most, np.nansum(ratio(matched, size), axis=1)))

    def kappa(equal: Floats) -> Floats:
        return corrected(ratio(equal, pairing.total), pairing.chance, pairing.constant).draws

    return Attainable(*(kappa(np.concatenate(each)) for each in zip(*equal, strict=True)))


class ManyRaters(NamedTuple):
    """Agreement of all models at once: the share of equal pairs, and two coefficients."""

    observed: Floats
    fleiss: Corrected
    krippendorff: Corrected


def many_raters(resamples: Resamples, raters: Sequence[Ints], *, classes: int) -> ManyRaters:
    """Return Fleiss' kappa and Krippendorff's nominal alpha over m models.

    Definition: p_o is the mean over examples of the share of equal pairs among the m labels.
    Fleiss: p_e = sum_c q_c^2 with q_c the share of label c among all n m labels (Fleiss 1971).
    Krippendorff: p_e = sum_c n_c (n_c - 1) / (n m (n m - 1)), the same without replacement
    (Krippendorff 2011). NaN when only one label is ever given.
    """
    models = len(raters)
    pairs = sum(
        (raters[i] == raters[j]).astype(np.float64) for i in range(models) for j in range(i)
    )
    observed = resamples.mean(np.asarray(pairs) / (models * (models - 1) / 2))
    given = resamples.by_group(raters[0], classes)
    for rater in raters[1:]:
        given += resamples.by_group(rater, classes)
    labels = resamples.totals * models
    single = given.max(axis=1) == labels
    fleiss = ratio((given**2).sum(axis=1), labels**2)
    without = ratio((given * (given - 1.0)).sum(axis=1), labels * (labels - 1.0))
    return ManyRaters(
        observed,
        corrected(observed, fleiss, single),
        corrected(observed, without, single),
    )


def confusion(a: Ints, b: Ints, classes: int) -> Ints:
    """Count how often the first says c and the second d, int64 `[classes, classes]`."""
    return np.bincount(a * classes + b, minlength=classes * classes).reshape(classes, classes)


def _kappa(table: Floats) -> float | None:
    total = table.sum()
    rows, columns = table.sum(axis=1) / total, table.sum(axis=0) / total
    if rows.max() == 1.0 or columns.max() == 1.0:
        return None
    chance = float(rows @ columns)
    return (float(np.trace(table) / total) - chance) / (1.0 - chance)


def kappa_of(table: Ints) -> float | None:
    """Return Cohen's kappa of a table of counts, or None when one side is constant.

    >>> kappa_of(np.array([[2, 0], [1, 1]]))
    0.5
    """
    return _kappa(table.astype(np.float64))


def reachable_kappa(table: Ints) -> float:
    """Return the largest kappa two sides with these label counts can reach, 0 if one is constant.

    >>> reachable_kappa(np.array([[2, 0], [0, 2]]))
    1.0
    """
    shares = table / table.sum()
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ columns)
    if rows.max() == 1.0 or columns.max() == 1.0:
        return 0.0
    return (float(np.minimum(rows, columns).sum()) - chance) / (1.0 - chance)


def independent_kappa(gold: Ints, a: Ints, b: Ints, classes: int) -> float | None:
    """Return the kappa of two models whose errors are independent given the gold label.

    Definition: Cohen's kappa of the table `sum_c pi_c A[c, .] B[c, .]`, A and B the shares of
    predictions given gold label c, pi_c the share of that label.
    """
    of_a = confusion(gold, a, classes).astype(np.float64)
    of_b = confusion(gold, b, classes).astype(np.float64)
    sizes = np.maximum(of_a.sum(axis=1, keepdims=True), 1.0)
    return _kappa((of_a / sizes).T @ of_b)


def _shares(table: Ints) -> tuple[int, Floats, Floats, Floats] | None:
    """Return the examples, their shares and each rater's; None where a rater gives one label."""
    n = int(table.sum())
    # Compared as counts: shares of one label alone may add up to a little less than 1.
    if n == 0 or table.sum(axis=1).max() == n or table.sum(axis=0).max() == n:
        return None
    share: Floats = table / n
    return n, share, share.sum(axis=1), share.sum(axis=0)


def asymptotic_error(table: Ints) -> float | None:
    """Return the large-sample standard error of Cohen's kappa, or None when kappa is undefined.

    Definition: Fleiss, Cohen and Everitt 1969, for kappa not assumed to be 0.

    Args:
        table: counts `[c, c]`, first rater down, second across.

    >>> round(asymptotic_error(np.array([[20, 5], [10, 15]])), 4)
    0.127
    """
    shares = _shares(table)
    if shares is None:
        return None
    n, share, left, right = shares
    chance = float(left @ right)
    kappa = (float(np.trace(share)) - chance) / (1.0 - chance)
    equal = np.diag(share) * (1.0 - (left + right) * (1.0 - kappa)) ** 2
    unequal = share * (right[:, None] + left[None, :]) ** 2
    np.fill_diagonal(unequal, 0.0)
    top = float(equal.sum() + (1.0 - kappa) ** 2 * unequal.sum())
    top -= (kappa - chance * (1.0 - kappa)) ** 2
    return float(np.sqrt(max(0.0, top) / n) / (1.0 - chance))


def chance_error(table: Ints) -> float | None:
    """Return the standard error that kappa has when the two raters are independent, or None.

    Definition: the root of (p_e + p_e^2 - sum_i p_i. p_.i (p_i. + p_.i)) / (n (1 - p_e)^2), of
    Fleiss, Cohen and Everitt 1969 for kappa of 0. None when kappa is undefined, or
    a rater gives one label only, whom chance alone makes agree.

    Args:
        table: counts `[c, c]`, first rater down, second across.

    >>> round(chance_error(np.array([[20, 5], [10, 15]])), 4)
    0.1386
    """
    shares = _shares(table)
    if shares is None:
        return None
    n, _, left, right = shares
    chance = float(left @ right)
    top = chance + chance**2 - float((left * right * (left + right)).sum())
    return float(np.sqrt(max(0.0, top) / n) / (1.0 - chance))
