"""Coverage of naive and clustered intervals, and false alarms of both tests of McNemar."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.stats.bootstrap import draw_resamples, interval
from kdprobe.stats.clustered_tests import mcnemar_of
from tests.bench.rows import BenchRows

CLUSTERS, SIZE, SHARE, STUDIES, DRAWS = 60, 5, 0.8, 2000, 1000
PASSAGE = np.repeat(np.arange(CLUSTERS), SIZE)


def hits(generator: np.random.Generator, correlation: float) -> np.ndarray:
    """Right answers `[n, studies]`: each cluster has its own share (beta-binomial)."""
    shares = np.full((CLUSTERS, STUDIES), SHARE)
    if correlation:
        spread = (1 - correlation) / correlation
        shares = generator.beta(SHARE * spread, (1 - SHARE) * spread, size=shares.shape)
    return generator.random((CLUSTERS * SIZE, STUDIES)) < np.repeat(shares, SIZE, axis=0)


@pytest.mark.bench
def test_coverage_of_naive_and_clustered_intervals(
    capsys: pytest.CaptureFixture[str], bench_row: BenchRows
):
    """Guards a cluster bootstrap that does not cover, and a test that cries wolf."""
    n = CLUSTERS * SIZE
    naive = draw_resamples(0, n, DRAWS)
    clustered = draw_resamples(0, n, DRAWS, tuple(PASSAGE.tolist()))
    lines = [
        f"\nagreement {SHARE} of {n} examples in {CLUSTERS} clusters of {SIZE}, {STUDIES:,} studies"
        "\nintra-cluster  design   coverage of 95 %    McNemar at 5 %: false alarms"
        "\ncorrelation    effect   naive  clustered    naive  clustered"
    ]
    for correlation in (0.0, 0.2, 0.5):
        generator = np.random.Generator(np.random.PCG64(1))
        one, other = hits(generator, correlation), hits(generator, correlation)
        covered, effect = {}, {}
        for name, sample in (("naive", naive), ("clustered", clustered)):
            drawn = sample.sums(one) / sample.totals[:, None]
            ends = [interval(column) for column in drawn.T]
            covered[name] = np.mean([end is not None and end[0] <= SHARE <= end[1] for end in ends])
            effect[name] = drawn[1:].var(axis=0).mean()
        alarms = {
            name: np.mean(
                [mcnemar_of(a, b, of) < 0.05 for a, b in zip(one.T, other.T, strict=True)]
            )
            for name, of in (("naive", None), ("clustered", PASSAGE))
        }
        lines.append(
            f"{correlation:<14} {effect['clustered'] / effect['naive']:<8.2f} "
            f"{covered['naive']:.3f}  {covered['clustered']:.3f}        "
            f"{alarms['naive']:.3f}  {alarms['clustered']:.3f}"
        )
        bench_row(
            f"agreement in clusters, correlation {correlation}",
            float(covered["clustered"]),
            unit="coverage",
            agreement="nominal .95",
            must=0.925,
        )
        assert covered["clustered"] > 0.925
        assert alarms["clustered"] < 0.065
        assert effect["clustered"] / effect["naive"] == pytest.approx(
            1 + (SIZE - 1) * correlation, rel=0.1
        )
        if correlation:
            assert covered["naive"] < 0.9
            assert alarms["naive"] > 0.08
    with capsys.disabled():
        print("\n".join(lines))
