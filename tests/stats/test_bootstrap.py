"""The paired bootstrap against plain loops over explicitly resampled arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.observations.predictions import Predictions
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import (
    Resamples,
    draw_resamples,
    draw_run_weights,
    interval,
    mean_over_runs,
)
from tests.analysis.studies import binary, classification, quick, several_seeds, study_of


def small_resamples(n: int, draws: int = 20, seed: int = 3) -> Resamples:
    return draw_resamples(seed, n, draws)


def expanded(resamples: Resamples, row: int) -> np.ndarray:
    """The row numbers of the examples of one resample, each as often as it was drawn."""
    return np.repeat(np.arange(resamples.n), resamples.counts[row].astype(int))


def test_the_sample_itself_stands_first_and_every_resample_holds_n_examples():
    """Guards against point values that come from a resample, or resamples of another size."""
    resamples = small_resamples(17)
    assert (resamples.counts[0] == 1).all()
    assert (resamples.counts.sum(axis=1) == 17).all()
    assert len({row.tobytes() for row in resamples.counts}) > 15


def test_the_same_seed_gives_the_same_resamples_on_every_machine():
    """Guards against a generator whose stream moves between versions: published intervals would."""
    counts = small_resamples(8, draws=2, seed=1).counts
    assert counts[1:].astype(int).tolist() == [[1, 1, 1, 0, 0, 1, 1, 3], [1, 3, 0, 1, 2, 1, 0, 0]]


def test_one_matrix_serves_all_analyses_of_a_run():
    """Guards against unpaired differences: two analyses that resample apart."""
    study = binary()
    assert resamples_of(study) is resamples_of(binary())
    assert not resamples_of(study).counts.flags.writeable


@quick
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 1000))
def test_sums_means_and_groups_equal_a_loop_over_resampled_arrays(n: int, size: int, seed: int):
    """Guards against a matrix product that counts other examples than were drawn."""
    generator = np.random.Generator(np.random.PCG64(seed))
    resamples = small_resamples(n, draws=5, seed=seed)
    values, groups = generator.normal(size=n), generator.integers(0, size, size=n)
    for row in range(6):
        drawn = expanded(resamples, row)
        assert resamples.sums(values)[row] == pytest.approx(values[drawn].sum())
        assert resamples.sums(values > 0)[row] == (values[drawn] > 0).sum()
        assert resamples.mean(values)[row] == pytest.approx(values[drawn].mean())
        counted = np.bincount(groups[drawn], minlength=size).tolist()
        assert resamples.by_group(groups, size)[row].tolist() == counted


@quick
@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.25, 0.5, 0.95, 1.0]),
)
def test_quantiles_equal_numpy_on_resampled_arrays(values: list[int], share: float):
    """Guards against an off-by-one in the running counts, which ties would hide from the eye."""
    column = np.array(values, dtype=np.float64)
    resamples = small_resamples(len(column), draws=6)
    found = resamples.quantile(column, share)
    for row in range(7):
        expected = np.quantile(column[expanded(resamples, row)], share)
        assert found[row] == pytest.approx(expected, abs=1e-12)


def test_a_subset_has_its_own_size_in_every_resample():
    """Guards against dividing a subset's sum by the size of the whole sample."""
    resamples = Resamples(np.array([[1, 1, 1], [3, 0, 0], [0, 2, 1]], dtype=np.float32))
    inside = resamples.within(np.array([True, True, False]))
    assert inside.totals.tolist() == [2, 3, 2]
    assert inside.mean(np.array([1.0, 5.0])).tolist() == [3.0, 1.0, 5.0]


def test_nothing_drawn_is_undefined_and_not_zero():
    """Guards against 0/0 becoming a number or a warning."""
    nothing = Resamples(np.ones((2, 3), dtype=np.float32)).within(np.zeros(3, dtype=bool))
    assert np.isnan(nothing.mean(np.zeros(0))).all()
    assert np.isnan(nothing.quantile(np.zeros(0), 0.5)).all()
    assert nothing.by_group(np.zeros(0, dtype=np.int64), 2).tolist() == [[0, 0], [0, 0]]


def test_two_levels_resample_runs_and_the_point_value_is_their_plain_mean():
    """Guards against intervals that ignore training noise when there are several seeds."""
    several = several_seeds(200, runs=4)
    gold = several.split.labels

    def accuracy(run: Predictions) -> Floats:
        return resamples_of(several).mean(run.predicted == gold)

    draws = draws_of(several, several.teacher, accuracy)
    runs = [float((run.predicted == gold).mean()) for run in several.teacher.runs]
    assert draws[0] == pytest.approx(np.mean(runs))
    held = np.mean([accuracy(run) for run in several.teacher.runs], axis=0)
    assert draws[1:].std() > held[1:].std()


def test_the_mean_of_equal_shares_is_that_share_to_the_last_bit():
    """Guards against 0.999… over nine pairs of runs, which would miss the rule of three."""
    several = several_seeds(30, runs=3)
    ones = np.ones(several.resamples + 1)
    draws = pair_draws_of(several, several.models[0], several.models[1], lambda a, b: ones)
    assert draws[0] == 1.0
    assert draws == pytest.approx(ones)


def test_weights_of_runs_give_the_t_interval_of_their_mean():
    """Guards intervals of three seeds that never leave them; scipy's t interval is the measure."""
    values = np.array([0.7, 0.76, 0.85])
    weights = draw_run_weights(3, "s", 3, 40_000)
    assert weights.sum(axis=1) == pytest.approx(np.full(40_001, 3.0))
    draws = mean_over_runs(np.tile(values[:, None], 40_001), weights)
    bounds = interval(draws)
    assert draws[0] == values.mean()
    expected = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    assert bounds == pytest.approx(expected, abs=0.005)
    assert (draw_run_weights(3, "s", 1, 50) == 1).all()


def test_an_undefined_run_makes_the_mean_undefined():
    """Guards a mean over the runs in which a number exists, told as that of all."""
    several = several_seeds(20, runs=2)
    bad = several.teacher.runs[1]
    size = several.resamples + 1

    def statistic(run: Predictions) -> Floats:
        return np.full(size, np.nan if run is bad else 1.0)

    assert np.isnan(draws_of(several, several.teacher, statistic)).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Guards against an interval of the wrong level: 95 % of 95 % intervals hold the truth."""
    covered = 0
    for seed in range(120):
        generator = np.random.Generator(np.random.PCG64(seed))
        hits = generator.random(150) < 0.8
        bounds = interval(draw_resamples(seed, 150, 200).mean(hits))
        covered += bounds is not None and bounds[0] <= 0.8 <= bounds[1]
    assert 105 <= covered <= 120


def test_an_interval_needs_nine_in_ten_resamples():
    """Guards against an interval over the lucky few resamples in which a number existed."""
    draws = np.array([1.0] + [0.5] * 8 + [np.nan] * 2)
    assert interval(draws) is None
    made = estimate(EstimateKey("m", "a"), draws, n=5, undefined="")
    assert (made.low, made.high) == (None, None)
    assert made.note == "no interval: undefined in more than 1 of 10 resamples"


def test_a_perfect_share_gets_the_rule_of_three():
    """Guards against an interval of no width that claims certainty."""
    full = estimate(EstimateKey("accuracy", "a"), np.ones(11), n=60, undefined="", share=True)
    none = estimate(EstimateKey("churn", "a"), np.zeros(11), n=60, undefined="", share=True)
    assert (full.low, full.high, full.interval) == (0.95, 1.0, "rule of three")
    assert (none.low, none.high) == (0.0, 0.05)
    tiny = estimate(EstimateKey("accuracy", "a"), np.ones(11), n=2, undefined="", share=True)
    assert (tiny.low, tiny.high) == (0.0, 1.0)


def test_an_interval_of_no_width_says_so():
    """Guards against a reader who takes [0, 0] for certainty."""
    made = estimate(EstimateKey("difference", "a"), np.zeros(11), n=60, undefined="")
    assert made.note == (
        "the value is the same in every resample: the interval understates the uncertainty"
    )


def test_an_undefined_value_carries_its_reason():
    """Guards against NaN in the document, or a reason lost on the way."""
    made = estimate(EstimateKey("mcc", "a"), np.full(5, np.nan), n=4, undefined="one label only")
    assert (made.value, made.undefined) == (None, "one label only")
    assert undefined_estimate(EstimateKey("mcc", "a"), "why", n=3).undefined == "why"


def test_renaming_the_runs_owner_changes_its_generator_only():
    """Guards against two models whose seeds are resampled in step by accident."""
    study = several_seeds(40, runs=5)
    gold = study.split.labels
    sample = resamples_of(study)
    draws = [
        draws_of(study, model, lambda run: sample.mean(run.predicted == gold))
        for model in study.models
    ]
    assert abs(np.corrcoef(draws[0][1:], draws[1][1:])[0, 1]) < 0.9


def test_identical_columns_have_a_difference_of_exactly_zero_everywhere():
    """Guards against unpaired resampling: the same predictions must never seem to differ."""
    study = study_of([0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0])
    sample = resamples_of(study)
    a, b = (
        draws_of(study, model, lambda run: sample.mean(run.predicted == study.split.labels))
        for model in study.models
    )
    assert (a == b).all()


def test_more_examples_give_narrower_intervals():
    """Guards against an interval that does not shrink as 1 / sqrt(n)."""
    widths = []
    for n in (100, 400):
        study = classification(n, seed=2)
        sample = resamples_of(study)
        hits = study.teacher.first.predicted == study.split.labels
        bounds = interval(sample.mean(hits))
        assert bounds is not None
        widths.append(bounds[1] - bounds[0])
    assert widths[1] < 0.75 * widths[0]
