"""Which kappas two classifiers of given accuracies can have at all: a calculator.

Does: give the exact range of Cohen's kappa from two accuracies and the label counts of a binary
task, the range under independent mistakes, and where a reported kappa lies. Does not: see any
predictions; when they are at hand `agreement` gives the narrower range of their own mistakes.

How: a model with E errors makes e on positives and E - e on negatives, and nothing says which e.
Given e of both models, the number of differing labels D runs from sum_c |e1c - e2c| (mistakes
nested) to sum_c min(e1c + e2c, 2 n_c - e1c - e2c) (disjoint), and with P_i predicted positives

    kappa = 1 - N D / (P_1 (N - P_2) + (N - P_1) P_2).

For one e of the first model, D is linear between breakpoints in the other's e and so is the
denominator: a quotient of linear functions is monotone, so its extremes lie at breakpoints or next
to them. Looking there alone is exact and takes milliseconds for any N.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from kdprobe.errors import ConfigError
from kdprobe.stats.kappa_splits import Setting, candidates, denominator, differing, variance

_GRID = 4_000_000  # splits looked at when a reported kappa is placed


@dataclass(frozen=True)
class KappaPlace:
    """Where a reported kappa lies.

    Args:
        kappa: the reported value.
        possible: whether it lies in the attainable range.
        verdict: one plain sentence.
        shared_most: the largest number of shared mistakes that gives this value to its last
            digit, or None when none does or there are too many splits to look at.
        deviations: how many standard deviations the number of shared mistakes lies from
            independence, for the split of mistakes that brings it nearest; negative: fewer shared
            than by chance; None like `shared_most`.
    """

    kappa: float
    possible: bool
    verdict: str
    shared_most: int | None = None
    deviations: float | None = None


@dataclass(frozen=True)
class KappaRange:
    """The kappas that two accuracies and the label counts allow.

    Args:
        low, high: the smallest and largest kappa over all splits of the mistakes, -1..1.
        independent_low, independent_high: the same if mistakes are independent given the label.
        errors_a, errors_b: the mistakes of each model, rounded to whole examples.
        positives, negatives: the label counts.
        place: where a reported kappa lies, when one was given.
    """

    low: float
    high: float
    independent_low: float
    independent_high: float
    errors_a: int
    errors_b: int
    positives: int
    negatives: int
    place: KappaPlace | None = None


def _range(setting: Setting) -> KappaRange | None:
    miss_a, miss_b = candidates(setting)
    bottom = denominator(setting, miss_a, miss_b)
    if not np.isfinite(bottom).any():
        return None
    parts = differing(setting, miss_a, miss_b)
    least, most, independent = (1.0 - setting.n * part / bottom for part in parts)
    return KappaRange(
        low=float(np.nanmin(most)),
        high=float(np.nanmax(least)),
        independent_low=float(np.nanmin(independent)),
        independent_high=float(np.nanmax(independent)),
        errors_a=setting.errors_a,
        errors_b=setting.errors_b,
        positives=setting.positives,
        negatives=setting.negatives,
    )


def attainable_from_accuracies(
    accuracy_a: float, accuracy_b: float, positives: int, negatives: int
) -> KappaRange:
    """Return the exact range of Cohen's kappa from accuracies and label counts alone.

    Definition: see the head of this module; splits in which a model gives only one label are left
    out, because kappa is undefined there.

    Args:
        accuracy_a: accuracy of the first model, 0..1; errors are rounded to whole examples.
        accuracy_b: accuracy of the second model, 0..1.
        positives: examples with the first label, >= 1.
        negatives: examples with the second label, >= 1.

    Raises:
        ConfigError: an accuracy outside 0..1, a label without examples, or accuracies that only
            models with a single label can have.

    >>> limits = attainable_from_accuracies(0.8274, 0.8207, 721, 322)
    >>> round(limits.low, 4), round(limits.high, 4)
    (-0.2135, 0.9866)
    """
    for accuracy in (accuracy_a, accuracy_b):
        if not 0.0 <= accuracy <= 1.0:
            percent = f"as a share, {accuracy / 100:g}" if 1.0 < accuracy <= 100.0 else ""
            raise ConfigError(
                "`accuracy`",
                found=f"{accuracy:g}",
                expected="a share from 0 to 1",
                remedy=f"give it {percent}" if percent else "",
            )
    for count in (positives, negatives):
        if count < 1:
            raise ConfigError(
                "`labels`",
                found=f"{count} examples of a label",
                expected="at least 1 of each",
                remedy="with one label only, kappa is undefined",
            )
    n = positives + negatives
    errors_a, errors_b = (round(n * (1.0 - accuracy)) for accuracy in (accuracy_a, accuracy_b))
    limits = _range(Setting(errors_a, errors_b, positives, negatives))
    if limits is None:
        raise ConfigError(
            "`accuracy`",
            found=f"{accuracy_a:g} and {accuracy_b:g} on {positives} and {negatives} examples",
            expected="accuracies that a model with two labels can have",
            remedy="a model of this accuracy gives one label to all examples; kappa is undefined",
        )
    return limits


def place_of(kappa: float, limits: KappaRange) -> KappaPlace:
    """Return where a reported kappa lies in the range.

    Args:
        kappa: the reported value, -1..1.
        limits: the range that the accuracies and label counts allow.

    Returns:
        A verdict; with it, for up to four million splits of the mistakes, the most shared mistakes
        that give the value to its last digit and how far from independence it is at the least.
    """
    reach = f"{limits.low:.4f} to {limits.high:.4f}"
    slack = _half_a_digit(kappa)
    if not limits.low - slack <= kappa <= limits.high + slack:
        verdict = (
            f"impossible: two such models have a kappa from {reach}; check rows, labels, numbers"
        )
        return KappaPlace(kappa, possible=False, verdict=verdict)
    shared, deviations = _shared(kappa, limits)
    if kappa < limits.independent_low:
        verdict = (
            f"possible ({reach}) but below what independent mistakes give "
            f"({limits.independent_low:.4f} to {limits.independent_high:.4f}): the models would "
            f"have to avoid each other's mistakes; rows out of order look like this"
        )
    elif kappa <= limits.independent_high:
        verdict = (
            f"possible ({reach}) and within what independent mistakes can give "
            f"({limits.independent_low:.4f} to {limits.independent_high:.4f})"
        )
    else:
        verdict = (
            f"possible ({reach}) and above what independent mistakes give (at most "
            f"{limits.independent_high:.4f}): the models share mistakes"
        )
    return KappaPlace(kappa, True, verdict, shared, deviations)


def _half_a_digit(value: float) -> float:
    """Half a unit of the last digit a number was reported with, at least 1e-9 for rounding.

    >>> _half_a_digit(-0.25)
    0.005
    """
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(1e-9, 0.5 * 10.0 ** min(0, int(exponent)))


def _shared(kappa: float, limits: KappaRange) -> tuple[int | None, float | None]:
    """The most shared mistakes, and the distance from independence nearest to 0."""
    setting = Setting(limits.errors_a, limits.errors_b, limits.positives, limits.negatives)
    first_a, last_a = setting.misses(setting.errors_a)
    first_b, last_b = setting.misses(setting.errors_b)
    if (last_a - first_a + 1) * (last_b - first_b + 1) > _GRID:
        return None, None
    miss_a = np.arange(first_a, last_a + 1, dtype=np.int64)[:, None]
    miss_b = np.arange(first_b, last_b + 1, dtype=np.int64)[None, :]
    bottom = denominator(setting, miss_a, miss_b)
    parts = differing(setting, miss_a, miss_b)
    errors = setting.errors_a + setting.errors_b
    # Mistakes are shared in whole numbers: the one nearest to the reported kappa, if it is near.
    shared = np.round((errors - (1.0 - kappa) * bottom / setting.n) / 2.0)
    differ = errors - 2.0 * shared
    near = np.abs(1.0 - setting.n * differ / bottom - kappa) <= _half_a_digit(kappa)
    feasible = near & (differ >= parts.least) & (differ <= parts.most)
    if not feasible.any():
        return None, None
    expected = (errors - parts.independent) / 2.0
    away = (shared - expected)[feasible] / np.sqrt(variance(setting, miss_a, miss_b)[feasible])
    known = away[np.isfinite(away)]
    nearest = float(known[np.argmin(np.abs(known))]) if len(known) else None
    return int(shared[feasible].max()), nearest


def kappa_range(
    accuracy: tuple[float, float], labels: tuple[int, int], kappa: float | None = None
) -> KappaRange:
    """Answer `kdprobe kappa-range`: the range, and where a reported kappa lies.

    Args:
        accuracy: the accuracies of both models, 0..1.
        labels: how many examples have each of the two labels.
        kappa: a reported value, -1..1, or None.

    Raises:
        ConfigError: a number outside its range.

    >>> kappa_range((0.8274, 0.8207), (721, 322), -0.0003).place.shared_most
    51
    """
    limits = attainable_from_accuracies(*accuracy, *labels)
    if kappa is None:
        return limits
    if not -1.0 <= kappa <= 1.0:
        raise ConfigError("`kappa`", found=f"{kappa:g}", expected="a number from -1 to 1")
    return KappaRange(**{**vars(limits), "place": place_of(kappa, limits)})
