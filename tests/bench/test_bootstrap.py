"""The bootstrap as matrix products against a plain loop over resamples."""

import time

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from kdprobe.analysis.agreement import ANALYSIS
from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.protocol import NoOptions
from kdprobe.stats.bootstrap import draw_resamples
from kdprobe.stats.classification import counts_of, mcc
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.rank_correlations import spearman_draws
from tests.analysis.studies import classification
from tests.bench.rows import BenchRows

N, DRAWS, LOOPED = 10_000, 2_000, 40


@pytest.mark.bench
def test_draws_of_mcc_kappa_and_spearman_beat_a_loop(
    capsys: pytest.CaptureFixture[str], bench_row: BenchRows
):
    """Guards against a vectorised path that is slower than, or differs from, the plain one.

    The loop (scikit-learn and scipy on resampled arrays) runs over 40 resamples and its time is
    scaled to 2,000; the values of those 40 must be equal.
    """
    study = classification(N, students=1, resamples=DRAWS)
    resamples = draw_resamples(study.seed, N, DRAWS)
    gold = np.asarray(study.split.labels)
    a, b = (model.first for model in study.models)
    start = time.perf_counter()
    ours = (
        mcc(counts_of(resamples, gold, a.predicted, classes=2)),
        Pairing(resamples, a.predicted, b.predicted, 2).kappa().draws,
        spearman_draws(resamples, a.confidence, b.confidence),
    )
    vectorised = time.perf_counter() - start
    left, right = a.confidence, b.confidence
    start = time.perf_counter()
    looped = []
    for row in range(1, LOOPED + 1):
        drawn = np.repeat(np.arange(N), resamples.counts[row].astype(int))
        looped.append(
            (
                matthews_corrcoef(gold[drawn], a.predicted[drawn]),
                cohen_kappa_score(a.predicted[drawn], b.predicted[drawn]),
                scipy.stats.spearmanr(left[drawn], right[drawn]).statistic,
            )
        )
    loop = (time.perf_counter() - start) * DRAWS / LOOPED
    for place, draws in enumerate(ours):
        expected = [values[place] for values in looped]
        assert draws[1 : LOOPED + 1] == pytest.approx(expected, abs=1e-9)
    with capsys.disabled():
        print(
            f"\nbootstrap of MCC, kappa and Spearman, {N:,} examples, {DRAWS:,} resamples: "
            f"{vectorised:.2f} s, loop {loop:.1f} s (scaled from {LOOPED}), "
            f"{loop / vectorised:.1f} times faster"
        )
    bench_row(
        "bootstrap of MCC, kappa and Spearman, to a loop", loop / vectorised, agreement="1e-9"
    )
    assert loop > 2 * vectorised


@pytest.mark.bench
def test_a_whole_agreement_analysis_takes_seconds(
    capsys: pytest.CaptureFixture[str], bench_row: BenchRows
):
    """Guards against a quadratic step: three models, 10,000 examples, 2,000 resamples."""
    study = classification(N, students=2, resamples=DRAWS)
    resamples_of(study)
    start = time.perf_counter()
    ANALYSIS.run(study, NoOptions(), {})
    spent = time.perf_counter() - start
    with capsys.disabled():
        print(f"\nagreement of 3 models on {N:,} examples, {DRAWS:,} resamples: {spent:.1f} s")
    bench_row(f"agreement of 3 models, {N:,} examples", spent, unit="s", agreement="–")
    assert spent < 120
