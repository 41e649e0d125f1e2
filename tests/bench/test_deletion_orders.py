"""Limits of all orders of deletions: a programme over sets against every order, at nine words."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import Limits, order_limits
from tests.bench.rows import BenchRows

pytestmark = pytest.mark.bench
WORDS, LONGEST = 9, 12


def of_every_order(values: Floats) -> Limits:
    """Walk through all n! orders, each set of words looked up, as published code does.

    (Edin et al. 2024 look up sorted keys of text, compiled; here sets are numbers, which are
    cheaper to look up than keys are to write.)
    """
    known = dict(enumerate(values.tolist()))
    n, whole = WORDS, len(values) - 1
    low, high = np.inf, -np.inf
    for order in permutations(range(n)):
        left, total = whole, 0.0
        for word in order:
            left ^= 1 << word
            total += known[left]
        low, high = min(low, total), max(high, total)
    return Limits(known[whole] - high / n, known[whole] - low / n)


def of_an_array_of_orders(values: Floats) -> Limits:
    """The same with all orders in one array: what numpy makes of it at its best."""
    orders = np.array(list(permutations(range(WORDS))))
    left = len(values) - 1 - np.cumsum(1 << orders, axis=1)
    areas = values[-1] - values[left].mean(axis=1)
    return Limits(float(areas.min()), float(areas.max()))


def seconds(of: Callable[[Floats], Limits], values: Floats, times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        of(values)
    return (time.process_time() - started) / times


def test_nine_words_against_all_orders(capsys: pytest.CaptureFixture[str], bench_row: BenchRows):
    """Guards limits that are fast and other ones: all 362,880 orders must agree."""
    values = np.random.default_rng(9).random(2**WORDS)
    ours = order_limits(values)
    for reference in (of_every_order, of_an_array_of_orders):
        assert ours == pytest.approx(reference(values), abs=1e-12)
    programme = seconds(order_limits, values, 200)
    orders, array = (seconds(of, values, 1) for of in (of_every_order, of_an_array_of_orders))
    longest = seconds(order_limits, np.random.default_rng(1).random(2**LONGEST), 20)
    with capsys.disabled():
        print(
            f"\nlimits of all orders of {WORDS} words: {1e3 * programme:.2f} ms; every order "
            f"{orders:.2f} s, {orders / programme:,.0f} times as long; in one array {array:.2f} s, "
            f"{array / programme:,.0f} times; {LONGEST} words: {1e3 * longest:.1f} ms"
        )
    bench_row(
        "AOPC limits, 9 words, to every order", orders / programme, agreement="1e-12", must=1000
    )
    assert orders / programme > 1000
