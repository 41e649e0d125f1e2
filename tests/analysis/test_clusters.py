"""Clusters inside the analyses: p-values, bounds, subsets, and the design effect by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis.agreement import ANALYSIS as AGREEMENT
from kdprobe.analysis.clusters import result_by_cluster
from kdprobe.analysis.design_effect import ANALYSIS as EFFECT
from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.paired_tests import ANALYSIS as TESTS
from kdprobe.analysis.protocol import NoOptions
from kdprobe.analysis.slices import ANALYSIS as SLICES
from kdprobe.analysis.slicing import SliceOptions
from kdprobe.analysis.student_gaps.gaps import paired_p
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.tasks.task import NO_LABEL
from tests.analysis.studies import binary, clustered, regression, study_of


def number(result: AnalysisResult, metric: str, a: str, b: str = "", **more: str) -> Estimate:
    return next(
        each
        for each in result.estimates
        if (each.metric, each.model_a, each.model_b) == (metric, a, b)
        and all(getattr(each, key) == value for key, value in more.items())
    )


def whole_clusters(clusters: int = 30, size: int = 5, *, resamples: int = 2000) -> Study:
    """A student that differs from its teacher on whole clusters or not at all."""
    teacher = [1] * clusters * size
    student = [int(row % 3 > 0) for row in range(clusters) for _ in range(size)]
    return clustered(study_of(teacher, teacher, student, resamples=resamples), size)


def test_a_design_effect_is_the_size_of_clusters_without_variety():
    """Guards Kish's 1 + (m - 1) rho: at rho = 1 a cluster of 5 tells as much as one example."""
    result = EFFECT.run(whole_clusters(), NoOptions(), {})
    found = number(result, "design_effect", "t", "s1", method="agreement")
    assert found.value == pytest.approx(5.0, rel=0.15)  # two variances of 2,000 resamples: 4.5 %
    assert number(result, "design_effect", "t", method="accuracy").undefined == (
        "accuracy is the same in every resample of single examples"
    )


def test_a_design_effect_of_independent_answers_is_near_one():
    """Guards an effect that clusters have by being clusters, whatever is in them."""
    study = clustered(binary(400, resamples=2000), 4)
    result = EFFECT.run(study, NoOptions(), {})
    values = [each.value for each in result.estimates if each.value is not None]
    assert len(values) > 5
    assert np.mean(values) == pytest.approx(1.0, abs=0.2)


def test_clusters_keep_with_their_examples():
    """Guards clusters of other rows in the labelled part, and resamples that fit no example."""
    study = clustered(binary(40), 4)
    labels = np.array(study.split.labels)
    labels[[0, 1, 2, 3, 4, 9]] = NO_LABEL
    known = replace(study, split=replace(study.split, labels=labels)).with_gold()
    assert known.split.clusters is not None
    assert known.split.clusters.tolist() == [row // 4 for row in range(40) if labels[row] >= 0]
    counts = resamples_of(known).counts
    assert (counts[:, 0] == counts[:, 2]).all()  # rows 5, 6, 7 of cluster 1
    assert known.clusters_in() == 9
    assert known.clusters_in(np.arange(known.n) < 4) == 2


def test_every_p_value_is_one_of_clusters():
    """Guards a test that takes 10 discordant clusters for 50 discordant examples."""
    study = whole_clusters()
    alone = replace(study, split=replace(study.split, clusters=None))
    for metric in ("mcnemar", "mcnemar_midp", "stuart_maxwell"):
        ours, naive = (number(TESTS.run(each, NoOptions(), {}), metric, "t", "s1").p_value
                       for each in (study, alone))  # fmt: skip
        assert ours is not None
        assert naive is not None
        assert naive < 1e-6 < 1e-4 < ours, metric
    exact = number(TESTS.run(study, NoOptions(), {}), "mcnemar", "t", "s1")
    assert exact.p_value == pytest.approx(2 / 2**10)  # ten clusters, all against the student
    detectable = "minimum_detectable_difference"
    wide, narrow = (number(TESTS.run(each, NoOptions(), {}), detectable, "t", "s1").value
                    for each in (study, alone))  # fmt: skip
    assert wide == pytest.approx(np.sqrt(5) * narrow)
    gap = number(SLICES.run(study, SliceOptions(), {}), "gap", "t", "s1", subset="label: good")
    assert gap.p_value == pytest.approx(2 / 2**10)


def test_several_models_are_tested_by_clusters():
    """Guards Cochran's Q and Wilcoxon's test of examples, which neither widen nor say so."""
    study = clustered(binary(120), 4)
    many = TESTS.run(study, NoOptions(), {})
    assert number(many, "cochran_q", "all models").p_value is not None
    assert "clusters" in many.notes[1]
    scores = clustered(regression(60), 3)
    tests = TESTS.run(scores, NoOptions(), {})
    found = number(tests, "absolute_error_difference", "teacher", "student-1").p_value
    assert found is not None
    assert 0 < found < 1


def test_a_paired_t_test_of_clusters_by_hand():
    """Guards degrees of freedom of examples: two clusters have one."""
    teacher, student = np.array([[1.0, 1, 0, 0]]), np.array([[0.0, 0, 0, 1]])
    # Differences 1 1 | 0 -1, mean 1/4, sums less the mean 3/2, -3/2: variance 2 * 4.5 / 16.
    t = 0.25 / np.sqrt(2 * 4.5 / 16)
    from scipy.stats import t as student_t

    expected = 2 * student_t.sf(t, 1)
    clusters = np.array([0, 0, 1, 1])
    assert paired_p(teacher, student, clusters) == pytest.approx(expected)
    assert paired_p(teacher, student, np.zeros(4, dtype=np.int64)) is None


def test_large_sample_intervals_are_left_out():
    """Guards the normal interval of kappa, whose error is that of independent examples."""
    result = AGREEMENT.run(clustered(binary(80)), NoOptions(), {})
    kappa = number(result, "cohens_kappa", "teacher", "student-1", method="asymptotic")
    assert (kappa.low, kappa.note) == (
        None, "no interval: the large-sample error is that of independent examples",
    )  # fmt: skip


def test_bounds_of_what_was_never_seen_count_clusters():
    """Guards 3/n where n dependent examples never disagree, of all and of a part."""
    gold = [row % 2 for row in range(60)]
    study = clustered(study_of(gold, gold, gold), 6)
    raw = AGREEMENT.run(study, NoOptions(), {})
    result = result_by_cluster(raw, study)
    agreement = number(result, "agreement", "t", "s1")
    assert agreement.low == pytest.approx(1 - 3 / 10)
    assert agreement.interval == "rule of three over clusters"
    kappa = number(result, "cohens_kappa", "t", "s1", method="")
    assert kappa.low == pytest.approx((1 - 0.3 - 0.5) / 0.5)
    # An agreement on 12 of the examples lies in two clusters or more: 3/2 is beyond a share.
    part = agreement.model_copy(update={"n": 12, "low": 0.75, "interval": "rule of three"})
    widened = result_by_cluster(raw.model_copy(update={"estimates": (part,)}), study)
    assert widened.estimates[0].low == 0.0
    untouched = result_by_cluster(raw, study, reads=(ProbeFits,))
    assert untouched is raw
