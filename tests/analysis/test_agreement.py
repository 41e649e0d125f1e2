"""Agreement against statsmodels, scipy, brute force and by hand."""

from itertools import permutations

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
from hypothesis import given
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

from kdprobe.analysis.agreement import ANALYSIS
from kdprobe.analysis.protocol import NoOptions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.divergence import fidelity, log_softmax, probability_loyalty
from kdprobe.stats.kappa import Pairing, attainable
from tests.analysis.studies import (
    binary,
    classification,
    constant_student,
    hard_labels,
    labels_of_two,
    many_classes,
    mixed_scales,
    perfect_models,
    quick,
    regression,
    several_seeds,
    study_of,
    teacher_alone,
    unlabelled,
)

CONSTANT = "a model predicts only one label; kappa would be 0 whatever the other model says"


def analysed(study: Study) -> AnalysisResult:
    return ANALYSIS.run(study, NoOptions(), {})


def found(result: AnalysisResult, metric: str, a: str, b: str = "", **more: str) -> Estimate:
    subset, method = more.get("subset", "all"), more.get("method", "")
    wanted = (metric, a, b, subset, method)
    return next(
        e
        for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset, e.method) == wanted
    )


def test_coefficients_by_hand():
    """Guards against marginals changed over and chance of the wrong coefficient.

    a = 0011, b = 0111: p_o = 3/4; kappa: p_e = .5*.25 + .5*.75 = .5, so .5; PABAK .5; AC1: mean
    shares 3/8 and 5/8, p_e = 2 * 15/64 = 15/32, (24/32 - 15/32) / (17/32) = 9/17; Fleiss:
    p_e = (9 + 25)/64 = 34/64, (48 - 34)/30 = 7/15; Krippendorff: p_e = (3*2 + 5*4)/56 = 26/56,
    (42 - 26)/30 = 8/15.
    """
    result = analysed(study_of([0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]))
    expected = {"agreement": 0.75, "churn": 0.25, "cohens_kappa": 0.5, "pabak": 0.5}
    for name, value in {**expected, "gwet_ac1": 9 / 17}.items():
        assert found(result, name, "t", "s1").value == pytest.approx(value), name
    assert found(result, "fleiss_kappa", "all models").value == pytest.approx(7 / 15)
    assert found(result, "krippendorff_alpha", "all models").value == pytest.approx(8 / 15)


def test_kappa_its_error_and_fleiss_equal_statsmodels():
    """Guards against a variance under kappa = 0, which is too small for models that agree."""
    for study in (binary(200), classification(200, classes=4), many_classes(resamples=20)):
        result = analysed(study)
        a, b, c = (model.first.predicted for model in study.models)
        table = np.zeros((study.classes, study.classes), dtype=int)
        np.add.at(table, (a, b), 1)
        reference = cohens_kappa(table)
        exact = found(result, "cohens_kappa", "teacher", "student-1")
        assert exact.value == pytest.approx(reference.kappa)
        normal = found(result, "cohens_kappa", "teacher", "student-1", method="asymptotic")
        assert normal.low == pytest.approx(reference.kappa_low)
        assert normal.high == pytest.approx(reference.kappa_upp)
        counts = aggregate_raters(np.c_[a, b, c])[0]
        fleiss = found(result, "fleiss_kappa", "all models").value
        assert fleiss == pytest.approx(fleiss_kappa(counts, method="fleiss"))


def test_the_bootstrap_interval_agrees_with_the_large_sample_one():
    """Guards against one of the two being of another quantity."""
    result = analysed(classification(1500, students=1, resamples=1000))
    ours = found(result, "cohens_kappa", "teacher", "student-1")
    normal = found(result, "cohens_kappa", "teacher", "student-1", method="asymptotic")
    assert ours.low == pytest.approx(normal.low, abs=0.01)
    assert ours.high == pytest.approx(normal.high, abs=0.01)


def brute_force(gold: np.ndarray, a: np.ndarray, b: np.ndarray) -> list[float]:
    """Kappa of every rearrangement of b within the gold classes."""
    values: list[float] = []

    def walk(rest: list[int], placed: np.ndarray) -> None:
        if not rest:
            values.append(float((placed == a).mean()))
            return
        rows = np.flatnonzero(gold == rest[0])
        for order in set(permutations(b[rows].tolist())):
            nxt = placed.copy()
            nxt[rows] = order
            walk(rest[1:], nxt)

    walk(sorted(set(gold.tolist())), b.copy())
    return values


@quick
@given(labels_of_two(max_n=7, max_classes=4))
def test_the_attainable_range_equals_brute_force_for_any_number_of_classes(case):
    """Guards against bounds that hold for two labels only.

    Every rearrangement of one model's predictions within each gold class keeps both confusion
    tables; the range of kappa over all of them, and their mean as the independent value.
    """
    gold, a, b, classes = case
    sample = Resamples(np.ones((1, len(gold)), dtype=np.float32))
    ours = attainable(Pairing(sample, a, b, classes), gold)
    if len(set(a.tolist())) == 1 or len(set(b.tolist())) == 1:
        assert np.isnan(ours.low[0])
        return
    chance = sum(float((a == c).mean() * (b == c).mean()) for c in range(classes))
    shares = brute_force(gold, a, b)
    assert ours.low[0] == pytest.approx((min(shares) - chance) / (1 - chance), abs=1e-12)
    assert ours.high[0] == pytest.approx((max(shares) - chance) / (1 - chance), abs=1e-12)
    expected = sum(
        float((a[gold == c] == k).sum() * (b[gold == c] == k).mean())
        for c in set(gold.tolist())
        for k in range(classes)
    ) / len(gold)
    independent = (expected - chance) / (1 - chance)
    assert ours.independent[0] == pytest.approx(independent, abs=1e-12)


@quick
@given(labels_of_two(max_n=25, max_classes=2))
def test_two_classes_follow_the_formula_of_nested_and_disjoint_errors(case):
    """Guards against a general bound that is not the binary one."""
    gold, a, b, _ = case
    result = analysed(study_of(gold.tolist(), a.tolist(), b.tolist(), resamples=5))
    low = found(result, "kappa_attainable_low", "t", "s1")
    high = found(result, "kappa_attainable_high", "t", "s1")
    if low.value is None:
        assert low.undefined == CONSTANT
        return
    assert high.value is not None
    n, nested, apart = len(gold), 0, 0
    for label in (0, 1):
        inside = gold == label
        e1, e2 = int((a != gold)[inside].sum()), int((b != gold)[inside].sum())
        nested += abs(e1 - e2)
        apart += min(e1 + e2, 2 * int(inside.sum()) - e1 - e2)
    p1, p2 = int(a.sum()), int(b.sum())
    bottom = p1 * (n - p2) + (n - p1) * p2
    assert low.value == pytest.approx(1 - n * apart / bottom)
    assert high.value == pytest.approx(1 - n * nested / bottom)
    kappa = found(result, "cohens_kappa", "t", "s1").value
    assert kappa is not None
    assert low.value - 1e-12 <= kappa <= high.value + 1e-12


def test_the_place_of_kappa_is_between_independence_and_the_best():
    """Guards against a place measured from 0 instead of from independent mistakes."""
    result = analysed(binary(300))
    names = ("cohens_kappa", "kappa_independent", "kappa_attainable_high", "kappa_normalised")
    kappa, free, top, place = (found(result, name, "teacher", "student-1").value for name in names)
    assert kappa is not None
    assert free is not None
    assert top is not None
    assert place == pytest.approx((kappa - free) / (top - free))
    consistency = found(result, "error_consistency", "teacher", "student-1").value
    study = binary(300)
    hits = [m.first.predicted == study.split.labels for m in study.models[:2]]
    assert consistency == pytest.approx(cohen_kappa_score(*hits))


def test_distances_equal_scipy():
    """Guards against base 2, the other direction, and rounded probabilities."""
    study = binary(150)
    result = analysed(study)
    p, q = (np.exp(model.first.log_probabilities) for model in study.models[:2])
    kl = scipy.special.rel_entr(p, q).sum(axis=1)
    middle = (p + q) / 2
    js = (scipy.special.rel_entr(p, middle) + scipy.special.rel_entr(q, middle)).sum(axis=1) / 2
    expected = {
        "kl": kl.mean(),
        "kl_median": np.median(kl),
        "kl_p95": np.quantile(kl, 0.95),
        "jensen_shannon": js.mean(),
        "total_variation": np.abs(p - q).sum(axis=1).mean() / 2,
        "kl_p99": np.quantile(kl, 0.99),
        "kl_max": kl.max(),
        # the call that the authors of probability loyalty name; it takes natural logarithms
        "probability_loyalty": np.mean(1 - scipy.spatial.distance.jensenshannon(p, q, axis=1)),
    }
    for name, value in expected.items():
        assert found(result, name, "teacher", "student-1").value == pytest.approx(value), name


def test_loyalty_and_the_tail_of_kl_by_hand():
    """Guards base 2, the distance of the means, and a tail of the wrong side.

    Logits 2 and 0 are p = e^2 / (1 + e^2) = .8808; three students' labels of four are the
    teacher's. Where they differ KL is 2 (2 p - 1) = 1.5232 and JS, of (p, 1 - p) and the same
    turned round with a mean of one half each, ln 2 - H(p) = .6931 - .3653 = .3278; its root is
    .5725. So the loyalty is 1 - .5725 / 4 = .8569, the largest KL 1.5232, and the 99th percentile,
    at place 2.97 of 0 to 3, .97 of that: 1.4775.
    """
    result = analysed(study_of([0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]))
    expected = {"probability_loyalty": 0.8569, "kl_max": 1.5232, "kl_p99": 1.4775}
    for name, value in expected.items():
        assert found(result, name, "t", "s1").value == pytest.approx(value, abs=5e-5), name


def valued(result: AnalysisResult, metric: str, a: str = "t", b: str = "s1") -> float:
    value = found(result, metric, a, b).value
    assert value is not None
    return value


def test_the_same_probabilities_are_wholly_loyal():
    """Guards .99999999 for a model beside itself: the root of what rounding leaves of JS."""
    logits = np.random.default_rng(0).normal(scale=4.0, size=(500, 7))
    same = fidelity(log_softmax(logits), log_softmax(logits))
    assert (probability_loyalty(same.jensen_shannon) == 1.0).all()
    assert not same.kl.any()


def test_the_tail_of_kl_claims_no_interval_that_it_cannot_have():
    """Guards an upper end that is the sample's own largest value, whatever lies beyond."""
    pair = ("teacher", "student-1")
    few = found(analysed(binary(380)), "kl_p99", *pair)
    assert (few.low, few.note) == (None, "no interval: it takes 381 examples")
    result = analysed(binary(381))
    many, largest = (found(result, name, *pair) for name in ("kl_p99", "kl_max"))
    assert many.low is not None
    assert many.high is not None
    assert many.low < valued(result, "kl_p99", *pair) < many.high <= valued(result, "kl_max", *pair)
    assert largest.low is None
    assert largest.note == "no interval: no resample holds a larger value than the sample"


@quick
@given(labels_of_two(max_n=25, max_classes=4))
def test_loyalty_and_the_tail_keep_their_bounds(case):
    """Guards the order of the numbers of KL, and loyalty outside .167 and 1."""
    gold, a, b, classes = case
    names = tuple(f"label-{number}" for number in range(classes))
    study = study_of(gold.tolist(), a.tolist(), b.tolist(), labels=names, resamples=20)
    result = analysed(study)
    middle, p95, p99, top = (
        valued(result, f"kl_{name}") for name in ("median", "p95", "p99", "max")
    )
    assert 0 <= middle <= p95 <= p99 <= top
    loyalty = valued(result, "probability_loyalty")
    assert 1 - np.sqrt(np.log(2)) <= loyalty <= 1
    assert (loyalty == 1) == bool((a == b).all())
    # the root is concave: the mean of roots is at most the root of the mean
    assert loyalty >= 1 - np.sqrt(valued(result, "jensen_shannon")) - 1e-12


def test_hard_labels_have_no_distances_but_everything_else():
    """Guards against probabilities invented from labels; the model without any is named."""
    result = analysed(mixed_scales())
    known = found(result, "kl", "teacher", "student-1")
    unknown = found(result, "kl", "teacher", "student-2")
    assert known.value is not None
    assert unknown.undefined == (
        "only the predicted labels of student-2 are known, no probabilities"
    )
    assert found(analysed(hard_labels()), "cohens_kappa", "teacher", "student-1").value is not None


def test_perfect_agreement_has_an_interval_by_the_rule_of_three():
    """Guards against certainty from 40 examples: agreement >= 1 - 3/40 at p_e = 1/2."""
    result = analysed(perfect_models(40))
    kappa = found(result, "cohens_kappa", "t", "s1")
    assert (kappa.value, kappa.high) == (1.0, 1.0)
    assert kappa.low == pytest.approx((1 - 3 / 40 - 0.5) / 0.5)
    assert kappa.interval == "rule of three on the agreement"
    place = found(result, "kappa_normalised", "t", "s1")
    assert place.undefined == (
        "mistakes independent of each other already coincide as often as they can, so there is "
        "no range to have a place in"
    )
    never = found(result, "error_consistency", "t", "s1")
    assert never.undefined == "a model is right on every example, or wrong on every one"


def test_a_constant_rater_makes_kappa_undefined_and_leaves_agreement():
    """Guards against kappa 0 told of a model that never varies."""
    result = analysed(constant_student())
    assert found(result, "cohens_kappa", "teacher", "student-1").undefined == CONSTANT
    assert found(result, "kappa_normalised", "teacher", "student-1").undefined == CONSTANT
    assert found(result, "agreement", "teacher", "student-1").value is not None
    assert found(result, "pabak", "teacher", "student-1").value is not None
    alike = analysed(study_of([0, 1], [1, 1], [1, 1]))
    assert found(alike, "fleiss_kappa", "all models").undefined == (
        "all models give one and the same label everywhere"
    )


def test_without_gold_labels_the_range_is_undefined_and_kappa_is_not():
    """Guards against refusing agreement where no label is needed."""
    result = analysed(unlabelled(binary()))
    reason = "the split has no gold labels, so mistakes are not known"
    assert found(result, "kappa_attainable_low", "teacher", "student-1").undefined == reason
    assert found(result, "cohens_kappa", "teacher", "student-1").value is not None


def test_the_ceiling_is_agreement_between_seeds():
    """Guards against a run compared with itself, which agrees always."""
    study = several_seeds(runs=3)
    result = analysed(study)
    runs = [run.predicted for run in study.teacher.runs]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([(runs[i] == runs[j]).mean() for i, j in pairs])
    own = found(result, "agreement", "teacher", "teacher", subset="between seeds")
    assert own.value == pytest.approx(expected)
    assert own.interval == "paired bootstrap over examples, percentile; the runs are held fixed"
    kappas = [cohen_kappa_score(runs[i], runs[j]) for i, j in pairs]
    kappa = found(result, "cohens_kappa", "teacher", "teacher", subset="between seeds")
    assert kappa.value == pytest.approx(np.mean(kappas))
    across = found(result, "agreement", "teacher", "student-1").value
    assert across is not None
    share = found(result, "agreement_of_ceiling", "teacher", "student-1")
    assert share.value == pytest.approx(across / expected)
    assert share.note == "ceiling: teacher"
    assert "agreement_of_ceiling" not in {e.metric for e in analysed(binary()).estimates}


def test_the_confusion_table_counts_every_example_once():
    """Guards against teacher and student changed over."""
    result = analysed(study_of([0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 1]))
    table = result.matrices[0]
    assert (table.row_title, table.column_title) == ("t", "s1")
    assert table.values == ((1.0, 1.0), (0.0, 2.0))


def test_what_cannot_agree_is_refused_in_words():
    """Guards against kappa of a regression's rounded scores."""
    assert ANALYSIS.skip_reason(regression()) == (
        "a regression predicts numbers, which do not agree or disagree as labels do"
    )
    assert ANALYSIS.skip_reason(teacher_alone()) == (
        "there is one model only, so there is no pair to compare"
    )
