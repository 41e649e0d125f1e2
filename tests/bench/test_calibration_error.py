"""Coverage of the calibration error's interval, beside that of the ECE's percentile bootstrap."""

from __future__ import annotations

import os

import numpy as np
import pytest

from kdprobe.stats.bootstrap import draw_resamples, interval
from kdprobe.stats.calibration import ece_draws, equal_width
from kdprobe.stats.calibration_error import debiased_square, filled_bins, square_quantiles
from tests.bench.rows import BenchRows

STUDIES = int(os.environ.get("KDPROBE_STUDIES", "150"))
BINS = 15


def population(n: int, error: float, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Confidences from .5 to 1, most of them high, and hits that are rarer by `error`."""
    sure = 0.5 + 0.5 * generator.beta(4.0, 1.5, size=n)
    return sure, (generator.random(n) < sure - error).astype(np.float64)


@pytest.mark.bench
def test_coverage_of_the_calibration_error(
    capsys: pytest.CaptureFixture[str], bench_row: BenchRows
):
    """Guards an interval that misses the truth at any size, above all where there is no error."""
    held: list[float] = []
    lines = [f"\n{STUDIES} studies each\nn       truth  ECE, percentiles  calibration error"]
    for n in (200, 1_000, 10_000):
        resamples = draw_resamples(0, n, 200)
        for error in (0.0, 0.02, 0.1):
            generator = np.random.Generator(np.random.PCG64(n))
            plain = covered = 0
            for _ in range(STUDIES):
                sure, hits = population(n, error, generator)
                members = equal_width(sure, BINS)
                if n < 10_000:  # what it misses there needs no repetition at 10,000
                    draws = ece_draws(resamples, hits - sure, members, bins=BINS)
                    ends = interval(draws)
                    plain += ends is not None and ends[0] <= error <= ends[1]
                bins = filled_bins(sure, hits, members)
                assert np.isfinite(debiased_square(bins))
                low, high = square_quantiles(
                    bins, np.array([0.025, 0.975]), simulations=1000, generator=generator
                )
                covered += low <= error**2 <= high
            shown = f"{plain / STUDIES:.3f}" if n < 10_000 else "–"
            lines.append(f"{n:<7,} {error:<6} {shown:<17} {covered / STUDIES:.3f}")
            held.append(covered / STUDIES)
            assert 0.9 <= covered / STUDIES <= 1.0
    bench_row(
        "calibration error, interval", held, unit="coverage", agreement="nominal .95", must=0.9
    )
    with capsys.disabled():
        print("\n".join(lines))
