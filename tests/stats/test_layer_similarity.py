"""CKA and the Procrustes distance against their definitions, written out with n x n matrices."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import draw_resamples, interval
from kdprobe.stats.layer_permutation import permutation_p
from kdprobe.stats.layer_similarity import (
    Blocks,
    PairSimilarity,
    in_groups,
    resampled,
    similarity,
    vectors_of,
)

quick = settings(max_examples=40, deadline=None)


def blocks(rows: Floats, size: int = 7) -> Blocks:
    """The rows in blocks, anew at each call."""
    return lambda: (rows[at : at + size] for at in range(0, len(rows), size))


def alike(x: Floats, y: Floats, *, biased: bool = False, size: int = 7) -> PairSimilarity:
    """Both numbers of two sets of vectors that vary."""
    one, other = (vectors_of(blocks(rows, size), biased=biased) for rows in (x, y))
    numbers = similarity(one, other, biased=biased)
    assert numbers is not None
    return numbers


def naive_hsic(k: Floats, l: Floats) -> float:  # noqa: E741
    """Song et al. 2012, eq. 5, as it is printed."""
    n, ones = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
    sums = (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    inner = np.trace(k @ l) + sums - 2 / (n - 2) * (ones @ k @ l @ ones)
    return float(inner) / (n * (n - 3))


def naive_cka(x: Floats, y: Floats) -> float:
    k, l = x @ x.T, y @ y.T  # noqa: E741
    return naive_hsic(k, l) / np.sqrt(naive_hsic(k, k) * naive_hsic(l, l))


def naive_biased(x: Floats, y: Floats) -> float:
    """Kornblith et al. 2019: tr(KHLH) with the centring matrix H."""
    centring = np.eye(len(x)) - 1 / len(x)
    k, l = (centring @ rows @ rows.T @ centring for rows in (x, y))  # noqa: E741
    return float(np.sum(k * l) / np.sqrt(np.sum(k * k) * np.sum(l * l)))


def naive_procrustes(x: Floats, y: Floats) -> float:
    """The squared distance after scipy's best rotation, the narrower side filled up with zeros."""
    width = max(x.shape[1], y.shape[1])
    sides = []
    for rows in (x, y):
        centred = rows - rows.mean(axis=0)
        filled = np.pad(centred, ((0, 0), (0, width - rows.shape[1])))
        sides.append(filled / np.linalg.norm(filled))
    turn, _ = orthogonal_procrustes(*sides)
    return float(np.linalg.norm(sides[0] @ turn - sides[1]) ** 2)


def related(n: int, widths: tuple[int, int], *, seed: int = 0, noise: float = 1.0) -> list[Floats]:
    """Two sets of vectors that share what three hidden numbers say, far from the origin."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shared = generator.normal(size=(n, 3))
    return [
        shared @ generator.normal(size=(3, width)) + noise * generator.normal(size=(n, width)) + 9
        for width in widths
    ]


@pytest.mark.parametrize("widths", [(4, 4), (7, 3), (3, 40), (50, 60)])
@pytest.mark.parametrize("n", [5, 8, 31])
def test_the_numbers_are_those_of_the_definitions(n: int, widths: tuple[int, int]):
    """Guards a term of the d x d form that is lost, whatever the widths, blocks and origin."""
    x, y = related(n, widths)
    numbers = alike(x, y)
    assert numbers.cka == pytest.approx(naive_cka(x, y), abs=1e-9)
    assert alike(x, y, biased=True).cka == pytest.approx(naive_biased(x, y), abs=1e-9)
    assert numbers.procrustes == pytest.approx(naive_procrustes(x, y), abs=1e-9)
    assert alike(x, y, size=n).cka == pytest.approx(numbers.cka, abs=1e-12)


@pytest.mark.parametrize("biased", [False, True])
def test_the_influence_is_what_leaving_out_each_sentence_gives(biased: bool):
    """Guards intervals made of an influence that is not the jackknife's."""
    x, y = related(20, (6, 9))
    definition = naive_biased if biased else naive_cka
    without = np.array(
        [definition(np.delete(x, row, axis=0), np.delete(y, row, axis=0)) for row in range(20)]
    )
    expected = np.sqrt(19 / 20) * (without.mean() - without)
    np.testing.assert_allclose(alike(x, y, biased=biased).cka_influence, expected, atol=1e-9)


def test_the_influence_on_the_distance_is_its_derivative():
    """Guards a best rotation that is differentiated as if it moved with each sentence."""
    x, y = related(40, (5, 4))
    numbers, step = alike(x, y), 1e-5
    for row in (0, 17, 39):
        weights = np.ones(40)
        weights[row] += step
        moved = _weighted_alignment(x, y, weights) - _weighted_alignment(x, y, np.ones(40))
        assert numbers.procrustes_influence[row] == pytest.approx(moved / step, rel=1e-3, abs=1e-7)
    assert numbers.procrustes_influence.sum() == pytest.approx(0, abs=1e-9)


def _weighted_alignment(x: Floats, y: Floats, weights: Floats) -> float:
    x, y = (rows - weights @ rows / weights.sum() for rows in (x, y))
    cross = np.linalg.svd((x * weights[:, None]).T @ y, compute_uv=False).sum()
    sizes = [float(weights @ (rows**2).sum(axis=1)) for rows in (x, y)]
    return float(cross / np.sqrt(sizes[0] * sizes[1]))


@quick
@given(
    seed=st.integers(0, 2**31), width=st.integers(1, 8), n=st.integers(6, 40),
    scale=st.floats(1e-3, 1e3), biased=st.booleans(),
)  # fmt: skip
def test_turning_scaling_and_moving_change_nothing(
    seed: int, width: int, n: int, scale: float, biased: bool
):
    """Guards a similarity of axes instead of one of vectors: CKA(X, aXQ + b) is 1."""
    generator = np.random.Generator(np.random.PCG64(seed))
    x = generator.normal(size=(n, width))
    turn, _ = np.linalg.qr(generator.normal(size=(width, width)))
    turned = scale * (x @ turn + generator.normal(size=width))
    same = alike(x, turned, biased=biased)
    assert same.cka == pytest.approx(1.0, abs=1e-6)
    assert same.procrustes == pytest.approx(0.0, abs=1e-6)
    y = generator.normal(size=(n, 5)) + x[:, :1]
    one, other = alike(x, y, biased=biased), alike(turned, y, biased=biased)
    assert one.cka == pytest.approx(other.cka, abs=1e-6)
    assert one.procrustes == pytest.approx(other.procrustes, abs=1e-6)


@quick
@given(
    seed=st.integers(0, 2**31), n=st.integers(5, 30), widths=st.tuples(*[st.integers(1, 12)] * 2)
)
def test_the_numbers_are_symmetric_and_in_their_range(seed: int, n: int, widths: tuple[int, int]):
    """Guards values beyond 1 from few sentences, and a side that is treated unlike the other."""
    generator = np.random.Generator(np.random.PCG64(seed))
    x, y = (generator.normal(size=(n, width)) for width in widths)
    one, other = alike(x, y), alike(y, x)
    assert -1 <= one.cka <= 1
    assert 0 <= one.procrustes <= 2
    assert one.cka == pytest.approx(other.cka, abs=1e-9)
    assert one.procrustes == pytest.approx(other.procrustes, abs=1e-9)


def test_unrelated_vectors_as_wide_as_there_are_sentences():
    """The published fault of plain CKA: near 1/2 here for nothing in common; debiased it is 0."""
    generator = np.random.Generator(np.random.PCG64(0))
    pairs = [[generator.normal(size=(60, 60)) for _ in range(2)] for _ in range(60)]
    debiased = np.array([alike(x, y).cka for x, y in pairs])
    biased = np.array([alike(x, y, biased=True).cka for x, y in pairs])
    assert abs(debiased.mean()) < 4 * debiased.std() / np.sqrt(60)
    assert debiased.std() == pytest.approx(np.sqrt(2 / (60 * 57)), rel=0.3)
    assert biased.mean() > 0.45


def test_intervals_cover_the_value_of_many_sentences():
    """Guards an interval that is too narrow or off: 95 % of 200 samples, give or take."""
    truth = alike(*related(40_000, (6, 8), seed=0, noise=2.0), size=4000)
    counts = draw_resamples(0, 100, 400).counts.astype(np.float64)
    generator = np.random.Generator(np.random.PCG64(0))
    x, y = related(40_000, (6, 8), seed=0, noise=2.0)
    covered = 0
    for _ in range(200):
        rows = generator.choice(len(x), size=100, replace=False)
        numbers = alike(x[rows], y[rows], size=100)
        bounds = interval(resampled(numbers.cka, numbers.cka_influence, counts))
        assert bounds is not None
        covered += bounds[0] <= truth.cka <= bounds[1]
    assert 180 <= covered <= 199


def test_vectors_and_themselves_are_alike_to_the_last_bit():
    """Guards a CKA above 1, or a distance below 0, that rounding makes and a report refuses."""
    for seed in range(60):
        rows = np.random.default_rng(seed).normal(size=(9, 3))
        numbers = alike(rows, rows)
        assert numbers.cka <= 1.0
        assert 0.0 <= numbers.procrustes < 1e-12


def test_draws_stay_in_range_and_begin_with_the_value():
    """Guards an interval beyond 1, and NaN for a student that is the teacher."""
    counts = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    draws = resampled(0.999, np.array([0.5, -0.5]), counts)
    assert draws[0] == 0.999
    assert np.abs(draws).max() <= 1.0
    assert resampled(1.0, np.array([1e-17, -1e-17]), counts).tolist() == [1.0] * 3


def test_groups_keep_the_sum_and_the_variance():
    """Guards intervals of 10,000 sentences that shrink or grow because they are resampled so."""
    generator = np.random.Generator(np.random.PCG64(0))
    influence = generator.normal(size=(2, 10_000))
    grouped = in_groups(influence, 1000)
    assert grouped.shape == (2, 1000)
    np.testing.assert_allclose(grouped.sum(axis=1), influence.sum(axis=1))
    np.testing.assert_allclose((grouped**2).sum(axis=1), 10_000, rtol=0.1)


def test_vectors_that_do_not_vary_have_no_similarity():
    """Guards 0 / 0, and the rounding of 16-bit floats taken for a layer: [CLS] before block 1."""
    generator = np.random.Generator(np.random.PCG64(0))
    rows = generator.normal(size=(30, 6))
    constant = np.tile(rows[:1], (30, 1))
    rounding = (constant * (1 + 2e-4 * generator.normal(size=(30, 6)))).astype(np.float16)
    varied = vectors_of(blocks(rows))
    for flat in (constant, rounding.astype(np.float64), np.zeros((30, 6))):
        held = vectors_of(blocks(flat))
        assert held.flat
        assert similarity(varied, held) is None
    assert np.isnan(
        permutation_p([rows], [constant], draws=9, generator=np.random.default_rng(0))
    ).all()


def test_one_sentence_that_alone_varies_has_no_similarity():
    """Guards a division by zero of the jackknife: without that sentence nothing varies."""
    lone = np.zeros((12, 3))
    lone[4] = 1.0
    rows = np.random.Generator(np.random.PCG64(0)).normal(size=(12, 3))
    assert similarity(vectors_of(blocks(lone)), vectors_of(blocks(rows))) is None


def test_too_few_rows_are_refused():
    """Guards the estimator's division by n - 3."""
    with pytest.raises(ValueError, match="4 rows, at least 5"):
        vectors_of(blocks(np.eye(4)))


def test_shuffled_rows_have_the_moments_of_the_definition():
    """Guards a permutation of one side of a kernel only: mean 0, variance 2 / (n (n - 3))."""
    x, y = related(30, (4, 6))
    generator = np.random.Generator(np.random.PCG64(0))
    drawn = np.array([naive_cka(x, y[generator.permutation(30)]) for _ in range(3000)])
    assert abs(drawn.mean()) < 4 * drawn.std() / np.sqrt(3000)
    assert drawn.var() == pytest.approx(2 / (30 * 27), rel=0.15)


def test_the_permutation_test_finds_what_is_shared_and_nothing_else():
    """Guards p-values of a shuffling that keeps the rows, or not uniform without a link."""
    x, y = related(40, (5, 7))
    generator = np.random.Generator(np.random.PCG64(0))
    ((related_p,),) = permutation_p([x], [y], draws=199, generator=generator)
    assert related_p == 1 / 200
    unrelated = [generator.normal(size=(25, 3)) for _ in range(60)]
    p = permutation_p(unrelated[:30], unrelated[30:], draws=199, generator=generator)
    assert p.shape == (30, 30)
    assert 0.02 < (p <= 0.05).mean() < 0.08
    assert 0.45 < p.mean() < 0.55


def test_the_p_value_is_that_of_a_plain_shuffling():
    """Guards an order that is applied to rows and columns of a kernel in two ways."""
    x, y = related(12, (3, 4), noise=8.0)
    ((p,),) = permutation_p([x], [y], draws=99, generator=np.random.Generator(np.random.PCG64(5)))
    generator, observed = np.random.Generator(np.random.PCG64(5)), naive_cka(x, y)
    drawn = [naive_cka(x, y[generator.permutation(12)]) for _ in range(99)]
    assert p == (1 + sum(value >= observed - 1e-6 for value in drawn)) / 100
    assert 0.02 < p < 0.98


def test_memory_is_that_of_widths_not_of_sentences():
    """Guards an n x n matrix, or vectors that are kept: 2,000 to 32,000 sentences."""

    def read(n: int, seed: int) -> Callable[[], Iterator[Floats]]:
        def rows() -> Iterator[Floats]:
            generator = np.random.Generator(np.random.PCG64(seed))
            for _ in range(n // 250):
                yield generator.normal(size=(250, 64))

        return rows

    peaks = []
    for n in (2000, 8000, 32_000):
        tracemalloc.start()
        numbers = similarity(vectors_of(read(n, 0)), vectors_of(read(n, 1)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert numbers is not None
        assert abs(numbers.cka) < 6 / n
    vectors = 8 * 64 * (32_000 - 2000)
    assert peaks[2] - peaks[0] < vectors / 3  # a few numbers a sentence
    assert peaks[1] - peaks[0] < vectors / 12
