"""LEACE from moments: its guarantee, its formula written out, and subspaces of the same size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.linalg import null_space, sqrtm
from sklearn.linear_model import LogisticRegression

from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.erasure import (
    Moments,
    Spectrum,
    _span,
    leace,
    random_eraser,
    shrinkage,
    spectrum,
)
from tests.analysis.studies import quick


def drawn(seed: int, n: int, d: int, classes: int) -> tuple[Floats, Ints]:
    """Correlated vectors off the origin, whose classes lie apart along some directions."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    mixing = generator.normal(size=(d, d))
    means = generator.normal(size=(classes, d))
    vectors = generator.normal(size=(n, d)) @ mixing + 3.0 * means[labels] + 5.0
    return vectors, labels.astype(np.int64)


def moments_of(vectors: Floats, labels: Ints) -> Moments:
    hot = np.eye(int(labels.max()) + 1)[labels]
    centred, n = vectors - vectors.mean(axis=0), len(vectors)
    cross = centred.T @ (hot - hot.mean(axis=0)) / n
    return Moments(n, vectors.mean(axis=0), centred.T @ centred / n, cross)


def cross_of(vectors: Floats, labels: Ints) -> Floats:
    return moments_of(vectors, labels).cross


@pytest.mark.parametrize("shrunk", [True, False])
@quick
@given(st.integers(0, 9999), st.integers(2, 4), st.integers(30, 90))
def test_after_erasure_vectors_have_no_covariance_with_labels(
    shrunk: bool, seed: int, classes: int, n: int
) -> None:
    """Guards the guarantee itself, with a covariance that is shrunk, too, and twice over."""
    vectors, labels = drawn(seed, n, 8, classes)
    moments = moments_of(vectors, labels)
    eraser = leace(spectrum(moments, shrunk=shrunk), moments.cross)
    once = eraser(vectors)
    assert eraser.rank == classes - 1
    assert np.abs(cross_of(once, labels)).max() < 1e-8
    np.testing.assert_allclose(once.mean(axis=0), vectors.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(eraser(once), once, atol=1e-7)
    np.testing.assert_allclose(eraser.right @ eraser.left, np.eye(eraser.rank), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_linear_probe_is_at_chance(seed: int) -> None:
    """Guards the meaning of the guarantee: what a fitted classifier reads, before and after."""
    vectors, labels = drawn(seed, 300, 10, 3)
    moments = moments_of(vectors, labels)
    after = leace(spectrum(moments), moments.cross)(vectors)

    def read(features: Floats) -> float:
        return float(
            LogisticRegression(max_iter=2000).fit(features, labels).score(features, labels)
        )

    assert read(vectors) > 0.9
    assert read(after) <= 0.36  # all three classes are equally frequent


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_formula_of_the_paper(seed: int) -> None:
    """Holds it against theorem 4.3 of Belrose et al. 2023, with matrices instead of factors."""
    vectors, labels = drawn(seed, 60, 6, 3)
    moments = moments_of(vectors, labels)
    root = np.real(sqrtm(moments.covariance))
    whitening = np.linalg.pinv(root)
    whitened = whitening @ moments.cross
    onto = whitened @ np.linalg.pinv(whitened)
    projection = np.linalg.pinv(whitening) @ onto @ whitening
    expected = vectors - (vectors - vectors.mean(axis=0)) @ projection.T
    eraser = leace(spectrum(moments, shrunk=False), moments.cross)
    np.testing.assert_allclose(eraser(vectors), expected, atol=1e-7)
    taken = ((vectors - expected) ** 2).sum(axis=1).mean()
    assert eraser.removed(moments.covariance) == pytest.approx(taken, rel=1e-9)


@quick
@given(st.integers(0, 9999))
def test_no_other_map_that_erases_moves_the_vectors_less(seed: int) -> None:
    """Guards the optimum, against oblique projections along the same directions."""
    vectors, labels = drawn(seed, 80, 5, 2)
    moments = moments_of(vectors, labels)
    least = leace(spectrum(moments, shrunk=False), moments.cross).removed(moments.covariance)
    along = moments.cross[:, :1]
    generator = np.random.default_rng(seed)
    others = along / (along.T @ along) + null_space(along.T) @ generator.normal(size=(4, 8))
    for across in others.T:
        change = ((vectors - vectors.mean(axis=0)) @ across)[:, None] * along.T
        assert np.abs(cross_of(vectors - change, labels)).max() < 1e-8
        assert (change**2).sum(axis=1).mean() >= least - 1e-9


@pytest.mark.parametrize("shrunk", [True, False])
@quick
@given(st.integers(0, 9999), st.integers(1, 3), st.floats(0.02, 0.98))
@example(1, 3, 0.875)
@example(17, 3, 0.95)
def test_a_random_subspace_takes_the_variance_that_is_asked_for(
    shrunk: bool, seed: int, rank: int, share: float
) -> None:
    """Guards a control of another size, which would be no control, and one that is not random."""
    vectors, labels = drawn(seed, 60, 8, 2)
    moments = moments_of(vectors, labels)
    whole = spectrum(moments, shrunk=shrunk)
    low, high = whole.variances[:rank].sum(), whole.variances[-rank:].sum()
    wanted = float(low + share * (high - low))
    pair = [random_eraser(whole, rank, wanted, np.random.default_rng(s)) for s in (seed, seed + 1)]
    for one in pair:
        assert one.rank == rank
        assert one.removed(moments.covariance) == pytest.approx(wanted, rel=1e-6)
        change = vectors - one(vectors)
        assert (change**2).sum(axis=1).mean() == pytest.approx(wanted, rel=1e-6)
        np.testing.assert_allclose(one(one(vectors)), one(vectors), atol=1e-5)
    assert not np.allclose(pair[0].left, pair[1].left)
    again = random_eraser(whole, rank, wanted, np.random.default_rng(seed))
    np.testing.assert_array_equal(again.left, pair[0].left)


def test_rows_of_any_size_span_what_they_span() -> None:
    """Guards the search's far ends, where rounding of the large rows left any subspace.

    By hand: weights fall by 1e-20 a row, so the columns span the two first unit vectors, up to what
    the third adds. Of a variance near the largest, the search ends there.
    """
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        graded = np.array([[1.0, 2.0], [3e-20, 5e-20], [7e-40, 1e-40]])[order]
        base = _span(graded)
        np.testing.assert_allclose(base.T @ base, np.eye(2), atol=1e-12)
        onto = base @ base.T
        np.testing.assert_allclose(onto, np.diag([1.0, 1.0, 0.0])[order][:, order], atol=1e-12)


def test_a_variance_out_of_reach_gets_the_nearest() -> None:
    """Guards against a search that runs off, or fails, beyond the largest eigenvalue."""
    whole = spectrum(
        Moments(99, np.zeros(3), np.diag([1.0, 4.0, 9.0]), np.zeros((3, 2))), shrunk=False
    )
    for wanted, nearest in ((50.0, 9.0), (1e-9, 1.0)):
        one = random_eraser(whole, 1, wanted, np.random.default_rng(0))
        assert one.removed(np.diag([1.0, 4.0, 9.0])) == pytest.approx(nearest, rel=1e-3)


def test_vectors_that_are_all_alike_are_left_alone() -> None:
    """Guards [CLS] of the embedding layer, one vector for all sentences, against division by 0."""
    vectors = np.tile(np.array([3.0, -2.0, 7.0]), (20, 1))
    labels = (np.arange(20) % 2).astype(np.int64)
    moments = moments_of(vectors, labels)
    whole = spectrum(moments)
    eraser = leace(whole, moments.cross)
    assert eraser.rank == 0
    np.testing.assert_array_equal(eraser(vectors), vectors)
    assert random_eraser(whole, 2, 1.0, np.random.default_rng(0)).rank == 0


def test_fewer_vectors_than_dimensions_are_enough() -> None:
    """Guards a singular covariance, as of a wide model's [CLS] in a few hundred sentences."""
    vectors, labels = drawn(1, 20, 40, 2)
    moments = moments_of(vectors, labels)
    for shrunk in (True, False):
        after = leace(spectrum(moments, shrunk=shrunk), moments.cross)(vectors)
        assert np.abs(cross_of(after, labels)).max() < 1e-8
        assert np.isfinite(after).all()


@pytest.mark.parametrize(("d", "n"), [(5, 50), (30, 40)])
def test_shrinkage_is_written_out(d: int, n: int) -> None:
    """Holds the share against Bodnar et al. 2014 with Frobenius norms and traces of matrices."""
    vectors, labels = drawn(3, n, d, 2)
    covariance = moments_of(vectors, labels).covariance
    target = np.eye(d) * np.trace(covariance) / d
    norm = np.linalg.norm(target) ** 2
    top = np.trace(covariance) ** 2 * norm / n
    bottom = np.linalg.norm(covariance) ** 2 * norm - np.trace(covariance @ target) ** 2
    expected = min(1.0, float(top / bottom))
    values = np.asarray(np.linalg.eigvalsh(covariance), dtype=np.float64)
    assert shrinkage(values, n) == pytest.approx(expected, rel=1e-9)


def test_a_covariance_is_shrunk_by_hand() -> None:
    """Guards a shrinkage that is computed and not used, or that adds variance.

    Eigenvalues 1 and 3 of 16 vectors are drawn half way to their mean, 2; their sum stays.
    """
    moments = Moments(16, np.zeros(2), np.diag([1.0, 3.0]), np.zeros((2, 2)))
    whole = spectrum(moments)
    np.testing.assert_allclose(whole.values, [1.5, 2.5])
    np.testing.assert_allclose(whole.variances, [1.0, 3.0])
    np.testing.assert_allclose(spectrum(moments, shrunk=False).values, [1.0, 3.0])


@pytest.mark.parametrize(
    ("small", "mean", "width", "kept"),
    [(1e-10, 0.0, 2, 2), (1e-10, 1e3, 2, 1), (1e-17, 0.0, 2, 1), (0.0, 0.0, 2, 1),
     (1e-13, 0.0, 200, 2), (1e-14, 0.0, 200, 1)],
)  # fmt: skip
def test_what_rounding_makes_vary_is_no_direction(
    small: float, mean: float, width: int, kept: int
) -> None:
    """Guards directions of rounding, whitened to the size of real ones.

    Rounding is that of eigenvalues (2.2e-16 of the largest, times the width: 4e-14 of 200) or of
    vectors (1e-12 of their mean square, by dimension: 5e-7 of two at a mean of 1,000).
    """
    variances, centre = np.zeros(width), np.zeros(width)
    variances[:2], centre[0] = (1.0, small), mean
    moments = Moments(10**9, centre, np.diag(variances), np.zeros((width, 2)))
    assert len(spectrum(moments, shrunk=False).values) == kept


@pytest.mark.parametrize(("share", "kept"), [(0.9, 0), (1.1, 1)])
def test_vectors_are_alike_below_a_variance(share: float, kept: int) -> None:
    """Guards vectors that differ by rounding alone, whose one direction takes all of it."""
    covariance = np.diag([share * 1e-12 * 1e6, 0.0])
    moments = Moments(10**9, np.array([1e3, 0.0]), covariance, np.zeros((2, 2)))
    assert len(spectrum(moments, shrunk=False).values) == kept


def test_random_directions_are_those_of_the_space_not_of_its_axes() -> None:
    """Guards a control that depends on which eigenvectors of equal variance a library gives."""
    base = np.linalg.qr(np.random.default_rng(5).normal(size=(6, 6)))[0]
    even = np.ones(6)
    one, other = (
        random_eraser(Spectrum(even, vectors, np.zeros(6), even), 2, 2.0, np.random.default_rng(0))
        for vectors in (np.eye(6), base)
    )
    np.testing.assert_allclose(one.left @ one.right, other.left @ other.right, atol=1e-12)
