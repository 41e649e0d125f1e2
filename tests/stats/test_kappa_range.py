"""The kappa calculator against brute force on small samples and against published figures."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import ConfigError
from kdprobe.stats.kappa_range import attainable_from_accuracies, kappa_range, place_of
from tests.analysis.studies import quick


def every_kappa(n1: int, n0: int, e1: int, e2: int) -> list[float]:
    """Kappa of every table two models with e1 and e2 errors can have, by counting."""
    n, found = n1 + n0, []
    for a in range(max(0, e1 - n0), min(e1, n1) + 1):
        for b in range(max(0, e2 - n0), min(e2, n1) + 1):
            p1, p2 = n1 - a + (e1 - a), n1 - b + (e2 - b)
            if p1 in (0, n) or p2 in (0, n):
                continue
            chance = (p1 * p2 + (n - p1) * (n - p2)) / n**2
            for shared_1 in range(max(0, a + b - n1), min(a, b) + 1):
                c, d = e1 - a, e2 - b
                for shared_0 in range(max(0, c + d - n0), min(c, d) + 1):
                    differ = e1 + e2 - 2 * (shared_1 + shared_0)
                    found.append(((1 - differ / n) - chance) / (1 - chance))
    return found


@quick
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 18), st.integers(0, 18))
def test_the_range_equals_brute_force(n1: int, n0: int, e1: int, e2: int):
    """Guards against a candidate that is missed: an extreme inside a piece, or at a forbidden end.

    Brute force counts every table of every split of the errors.
    """
    n = n1 + n0
    e1, e2 = min(e1, n), min(e2, n)
    kappas = every_kappa(n1, n0, e1, e2)
    if not kappas:
        with pytest.raises(ConfigError):
            attainable_from_accuracies(1 - e1 / n, 1 - e2 / n, n1, n0)
        return
    found = attainable_from_accuracies(1 - e1 / n, 1 - e2 / n, n1, n0)
    assert found.low == pytest.approx(min(kappas), abs=1e-12)
    assert found.high == pytest.approx(max(kappas), abs=1e-12)
    assert (found.errors_a, found.errors_b) == (e1, e2)
    assert found.low - 1e-12 <= found.independent_low <= found.independent_high
    assert found.independent_high <= found.high + 1e-12
    for kappa in kappas[:: max(1, len(kappas) // 5)]:
        assert place_of(kappa, found).possible


def test_every_split_of_a_real_size_is_inside_and_the_ends_are_reached():
    """Guards against breakpoints that hold for small samples only: the whole grid at N = 1,043."""
    n1, n0, e1, e2 = 721, 322, 180, 187
    n = n1 + n0
    a, b = np.arange(e1 + 1)[:, None], np.arange(e2 + 1)[None, :]
    p1, p2 = n1 + e1 - 2 * a, n1 + e2 - 2 * b
    bottom = p1 * (n - p2) + (n - p1) * p2
    nested = np.abs(a - b) + np.abs((e1 - a) - (e2 - b))
    apart = np.minimum(a + b, 2 * n1 - a - b) + np.minimum(
        e1 + e2 - a - b, 2 * n0 - e1 - e2 + a + b
    )
    found = attainable_from_accuracies(0.8274, 0.8207, n1, n0)
    assert found.low == pytest.approx((1 - n * apart / bottom).min(), abs=1e-12)
    assert found.high == pytest.approx((1 - n * nested / bottom).max(), abs=1e-12)


@pytest.mark.parametrize(
    ("accuracies", "labels", "low", "high"),
    [
        ((0.8274, 0.8207), (721, 322), -0.2135, 0.9866),
        ((0.915, 0.893), (444, 428), 0.600, 0.956),
        ((0.75, 0.70), (500, 500), -0.379, 0.900),
        ((0.86, 0.84), (279, 129), -0.076, 0.961),
    ],
)
def test_worked_examples(accuracies, labels, low: float, high: float):
    """Guards against a change of definition: CoLA-, SST-2-like, balanced, MRPC-like figures."""
    found = kappa_range(accuracies, labels)
    assert found.low == pytest.approx(low, abs=6e-4)
    assert found.high == pytest.approx(high, abs=6e-4)
    assert found.place is None


def test_a_reported_kappa_near_zero_is_placed():
    """Guards against calling a misalignment plausible.

    180 and 187 errors of 1,043 and kappa -.0003: at most 51 shared mistakes, where independence
    expects 95.0 with standard deviation 4.46: 9.87 below. Independent mistakes give .276 to .475.
    """
    found = kappa_range((0.8274, 0.8207), (721, 322), -0.0003)
    assert found.place is not None
    assert found.place.possible
    assert found.place.shared_most == 51
    assert found.place.deviations == pytest.approx((51 - 94.98206) / 4.455756, abs=1e-4)
    assert found.independent_low == pytest.approx(0.276, abs=5e-4)
    assert found.independent_high == pytest.approx(0.475, abs=5e-4)
    assert found.place.verdict == (
        "possible (-0.2135 to 0.9866) but below what independent mistakes give (0.2762 to "
        "0.4748): the models would have to avoid each other's mistakes; rows out of order look "
        "like this"
    )


def test_the_three_other_verdicts():
    """Guards against a verdict that does not follow from the numbers."""
    setting = ((0.95, 0.93), (37, 21))
    impossible = kappa_range(*setting, 0.01).place
    assert impossible is not None
    assert not impossible.possible
    assert impossible.shared_most is None
    assert impossible.verdict == (
        "impossible: two such models have a kappa from 0.7137 to 0.9647; check rows, labels, "
        "numbers"
    )
    within = kappa_range((0.8274, 0.8207), (721, 322), 0.3001).place
    above = kappa_range((0.8274, 0.8207), (721, 322), 0.7666).place
    assert within is not None
    assert above is not None
    assert within.verdict.startswith("possible (-0.2135 to 0.9866) and within what independent")
    assert above.verdict.endswith("(at most 0.4748): the models share mistakes")
    assert above.deviations is not None
    assert above.deviations > 10


def test_many_examples_take_a_moment_and_name_no_shared_mistakes():
    """Guards against a search that is quadratic in the number of errors."""
    start = time.process_time()  # not the clock: machines that test are shared
    found = kappa_range((0.75, 0.70), (100_000, 100_000), 0.4)
    assert time.process_time() - start < 10  # 2.5e9 splits; a quarter of a second alone
    assert found.low == pytest.approx(-0.3793, abs=1e-3)
    assert found.place is not None
    assert found.place.shared_most is None


@pytest.mark.parametrize(
    ("accuracy", "labels", "kappa", "message"),
    [
        (
            (82.74, 0.8),
            (7, 3),
            None,
            "`accuracy`: 82.74, expected a share from 0 to 1; give it as a share, 0.8274",
        ),
        ((-0.1, 0.8), (7, 3), None, "`accuracy`: -0.1, expected a share from 0 to 1"),
        ((float("nan"), 0.8), (7, 3), None, "`accuracy`: nan, expected a share from 0 to 1"),
        (
            (0.9, 0.8),
            (7, 0),
            None,
            "`labels`: 0 examples of a label, expected at least 1 of each; with one label only, "
            "kappa is undefined",
        ),
        (
            (0.5, 0.5),
            (1, 1),
            None,
            "`accuracy`: 0.5 and 0.5 on 1 and 1 examples, expected accuracies that a model with "
            "two labels can have; a model of this accuracy gives one label to all examples; kappa "
            "is undefined",
        ),
        ((0.9, 0.8), (7, 3), 1.5, "`kappa`: 1.5, expected a number from -1 to 1"),
        ((0.9, 0.8), (7, 3), float("nan"), "`kappa`: nan, expected a number from -1 to 1"),
    ],
)
def test_bad_input_is_told_in_one_message(accuracy, labels, kappa, message: str):
    """Guards against a range computed from percentages, or a traceback."""
    with pytest.raises(ConfigError) as caught:
        kappa_range(accuracy, labels, kappa)
    assert str(caught.value) == message
