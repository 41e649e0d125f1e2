"""Counts by group that are kept: the same for whoever asks, and never more than fits."""

import numpy as np
import pytest

from kdprobe.analysis.agreement import ANALYSIS
from kdprobe.stats import kept_counts, resamples
from kdprobe.stats.bootstrap import draw_resamples
from kdprobe.stats.kappa import Pairing, attainable, many_raters
from tests.analysis.studies import many_classes


def test_what_is_kept_is_not_what_was_given():
    """Guards against one who asks and adds to the counts of the next (as all raters are added)."""
    sample, groups = draw_resamples(0, 30, 20), np.arange(30) % 4
    first = sample.by_group(groups, 4)
    expected = first.copy()
    first += 1
    again = sample.by_group(groups, 4)
    again += 1
    assert (sample.by_group(groups, 4) == expected).all()


def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch):
    """Guards against labels of many models that fill the memory one by one."""
    kept = kept_counts.KeptCounts(np.ones((2, 3), dtype=np.float32))
    monkeypatch.setattr(kept_counts, "_REMEMBERED", 100)
    for number in range(9):
        kept.remember((number, b"", b""), np.ones((2, 10)))  # 40 bytes in 16 bits
    assert [key[0] for key in kept.groups] == [7, 8]
    assert kept.known((0, b"", b"")) is None
    monkeypatch.setattr(kept_counts, "_MOST", 1)
    kept.remember((9, b"", b""), np.full((2, 1), 70_000.0))
    assert list(kept.groups) == [(9, b"", b"")]
    known = kept.known((9, b"", b""))
    assert known is not None
    assert known.tolist() == [[70_000.0], [70_000.0]]


def test_blocks_of_resamples_move_no_bit(monkeypatch: pytest.MonkeyPatch):
    """Guards against a range of kappa, or counts of many labels, that depend on how much is held.

    The counts are those of each resample, written out.
    """
    generator = np.random.Generator(np.random.PCG64(0))
    n, classes = 400, 120
    gold, a, b = generator.integers(0, classes, (3, n))
    a[::2], b[::3] = gold[::2], gold[::3]
    sample = draw_resamples(3, n, 50)
    whole = attainable(Pairing(sample, a, b, classes), gold)
    counted = sample.by_group(a, classes)
    for row, counts in enumerate(sample.counts):
        assert (counted[row] == np.bincount(a, counts, minlength=classes)).all()
    monkeypatch.setattr(resamples, "_BLOCK", 4_000)
    apart = draw_resamples.__wrapped__(3, n, 50)  # another matrix, which keeps nothing yet
    assert len(apart.blocks(n)) > 2
    assert (apart.by_group(a, classes) == counted).all()
    for one, other in zip(whole, attainable(Pairing(apart, a, b, classes), gold), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_confusions_of_many_labels_are_whole():
    """Guards against cells that are lost where a matrix is given by those that are not 0."""
    study = many_classes()
    (matrix, *_) = ANALYSIS.run(study, ANALYSIS.options(), {}).matrices
    values = np.array(matrix.values)
    teacher, student = (model.first.predicted for model in study.models[:2])
    assert values.shape == (57, 57)
    assert values.sum() == study.n
    for one, other in ((0, 0), (3, 5), (56, 56)):
        assert values[one, other] == ((teacher == one) & (student == other)).sum()
    assert values.sum(axis=1).tolist() == np.bincount(teacher, minlength=57).tolist()


def test_all_raters_are_counted():
    """Guards against labels of the first rater alone: kappa of three by its definition."""
    raters = [np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([0, 0, 1, 0])]
    sample = draw_resamples(0, 4, 3)
    fleiss = many_raters(sample, raters, classes=2).fleiss
    shares = np.array([6, 6]) / 12
    assert fleiss.chance[0] == pytest.approx((shares**2).sum())
    assert fleiss.draws[0] == pytest.approx((8 / 12 - 0.5) / 0.5)
