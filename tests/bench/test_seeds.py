"""Coverage of intervals over examples and seeds, from drawing runs and from Student's t."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.stats.bootstrap import draw_resamples, draw_run_weights, interval, mean_over_runs
from tests.bench.rows import BenchRows

N, STUDIES, DRAWS, SHARE = 300, 1000, 1000, 0.8


def hits(generator: np.random.Generator, runs: int, spread: float) -> np.ndarray:
    """Right answers `[n, runs]`: half of the variance of an example is shared by all runs."""
    skill = SHARE + spread * generator.normal(size=runs)
    hard = generator.random((N, 1)) < 0.5
    shared = generator.random((N, 1)) < skill
    return np.where(hard, shared, generator.random((N, runs)) < skill)


def covers(draws: np.ndarray) -> bool:
    ends = interval(draws)
    return ends is not None and ends[0] <= SHARE <= ends[1]


@pytest.mark.bench
def test_coverage_of_few_seeds(capsys: pytest.CaptureFixture[str], bench_row: BenchRows):
    """Guards intervals of three seeds that never leave them."""
    sample = draw_resamples(0, N, DRAWS)
    lines = [
        f"\naccuracy {SHARE} of {N} examples, {STUDIES:,} studies"
        "\nseeds  spread of seeds  runs drawn  Student's t  mean width"
    ]
    held: list[float] = []
    for spread in (0.0, 0.01, 0.05):
        for runs in (2, 3, 5, 10):
            generator = np.random.Generator(np.random.PCG64(runs))
            drawn = covered = 0
            width = 0.0
            for study in range(STUDIES):
                values = sample.sums(hits(generator, runs, spread)).T / N
                whole = np.ones((DRAWS + 1, runs))
                whole[1:] = generator.multinomial(runs, [1 / runs] * runs, size=DRAWS)
                drawn += covers((values * whole.T).sum(axis=0) / runs)
                ours = mean_over_runs(values, draw_run_weights(study, "s", runs, DRAWS))
                covered += covers(ours)
                ends = interval(ours)
                width += ends[1] - ends[0] if ends else 0.0
            lines.append(
                f"{runs:<6} {spread:<16} {drawn / STUDIES:<11.3f} {covered / STUDIES:<12.3f} "
                f"{width / STUDIES:.3f}"
            )
            held.append(covered / STUDIES)
            assert covered / STUDIES > 0.925
    bench_row("accuracy over seeds", held, unit="coverage", agreement="nominal .95", must=0.925)
    with capsys.disabled():
        print("\n".join(lines))
