"""Who is nearer to the teacher: the paired difference against comparing two intervals by eye.

Draws a teacher and two students whose agreement with it differs by a known share, and counts how
often each way of reading says that they differ.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import pytest

from kdprobe.analysis.student_differences.pairs import differences
from kdprobe.analysis.student_differences.relations import BY_NAME
from kdprobe.observations.study import Study
from kdprobe.stats.bootstrap import interval
from tests.analysis.studies import study_of
from tests.bench.rows import BenchRows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

RUNS, RESAMPLES, AGREEMENT, SHARED = 300, 400, 0.8, 0.7
SIZES, TRUTHS = (250, 1000, 2000), (0.0, 0.02, 0.04, 0.08)


class Says(NamedTuple):
    """Shares of the runs in which each way of reading says that the two students differ."""

    by_eye: float
    paired_interval: float
    mcnemar: float


def drawn(n: int, truth: float, generator: np.random.Generator) -> Study:
    """Two students who find the same examples hard: one draw serves both on 7 of 10 examples."""
    teacher = generator.integers(0, 2, n)
    own, other = generator.random(n), generator.random(n)
    luck = np.where(generator.random(n) < SHARED, own, other)
    near = np.where(own < AGREEMENT + truth, teacher, 1 - teacher)
    far = np.where(luck < AGREEMENT, teacher, 1 - teacher)
    labels = (teacher, near, far)
    return study_of(None, *(each.tolist() for each in labels), resamples=RESAMPLES)


def readings(n: int, truth: float) -> Says:
    """Read RUNS draws in the three ways."""
    generator = np.random.default_rng([n, round(1000 * truth)])
    relation, counts = BY_NAME["agreement"], np.zeros(3)
    for _ in range(RUNS):
        study = drawn(n, truth, generator)
        near, far = (interval(each.draws) for each in relation.draws(study))  # type: ignore[arg-type]
        (one,) = differences(study, relation)
        number = one.estimate
        assert near is not None
        assert far is not None
        assert number.low is not None
        assert number.high is not None
        assert number.p_value is not None
        apart = near[0] > far[1] or far[0] > near[1]
        counts += (apart, not number.low <= 0 <= number.high, number.p_value < 0.05)
    return Says(*(counts / RUNS).tolist())


def test_power_of_the_paired_difference(bench_row: BenchRows) -> None:
    """Guards the point of the analysis: it sees what two overlapping intervals hide."""
    started = time.perf_counter()
    table = {(n, truth): readings(n, truth) for n in SIZES for truth in TRUTHS}
    print(f"\n{'n':>6} {'difference':>11} {'by eye':>8} {'paired interval':>16} {'McNemar':>8}")
    for (n, truth), says in table.items():
        print(
            f"{n:>6} {truth:>11.2f} {says.by_eye:>8.3f} {says.paired_interval:>16.3f} "
            f"{says.mcnemar:>8.3f}"
        )
    print(f"{RUNS} runs each, {time.perf_counter() - started:.0f} s")
    for n in SIZES:
        bench_row(
            f"a student as good as another, {n:,} examples, not said to differ",
            1.0 - table[n, 0.0].mcnemar, unit="coverage", agreement="nominal .95", must=0.92,
        )  # fmt: skip
        assert table[n, 0.0].mcnemar <= 0.08  # exact: at most .05, here of 300 runs
        assert table[n, 0.0].paired_interval <= 0.09
    assert all(says.mcnemar >= says.by_eye for says in table.values())
    assert table[1000, 0.04].mcnemar > 2 * table[1000, 0.04].by_eye
