"""Costs and ratios of numbers written by hand, their intervals, and the fronts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.observations.efficiency import SPEED, Efficiency, ModelCost, Times
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Table
from tests.analysis.studies import binary, classification, regression, unlabelled
from tests.analysis.timed import cost, timed
from tests.contracts.test_analyses import analysed

MINE = ANALYSES.load("efficiency")


def of(study: Study, *costs: ModelCost) -> AnalysisResult:
    return MINE.run(study.with_observations(Efficiency(costs, ())), MINE.options(), {})


def number(result: AnalysisResult, metric: str, model: str, other: str = "") -> Estimate:
    (one,) = (
        each for each in result.estimates
        if (each.metric, each.model_a, each.model_b) == (metric, model, other)
    )  # fmt: skip
    return one


def steady(name: str, seconds: float, rounds: int = 100, **counts: float) -> ModelCost:
    """A model that takes the same time for every sentence, a third of it in batches."""
    times = {1: np.full(rounds, seconds), 32: np.full(5, seconds / 3), 128: np.full(5, seconds / 4)}
    return ModelCost(name, counts, {}, Times(times))


def test_units_and_ratios_by_hand() -> None:
    """Guards seconds shown as milliseconds, and ratios upside down."""
    result = of(
        classification(students=1),
        steady("teacher", 0.02, parameters=66e6, bytes=264e6, multiply_adds=9e7, model_memory=3e8),
        steady("student-1", 0.005, parameters=11e6, bytes=44e6, multiply_adds=3e7,
               model_memory=1e8),
    )  # fmt: skip
    alone = {
        "latency_p50": 20.0, "latency_p95": 20.0, "latency_p99": 20.0, "throughput": 150.0,
        "throughput_128": 200.0, "parameters": 66e6, "bytes": 264e6, "multiply_adds": 90.0,
        "model_memory": 300.0,
    }  # fmt: skip
    for metric, value in alone.items():
        assert number(result, metric, "teacher").value == pytest.approx(value), metric
    ratios = {"speedup": 4, "throughput_ratio": 4, "parameters_ratio": 6, "bytes_ratio": 6,
              "multiply_adds_ratio": 3, "memory_ratio": 3}  # fmt: skip
    for metric, value in ratios.items():
        assert number(result, metric, "teacher", "student-1").value == pytest.approx(value), metric
    assert number(result, "speedup", "teacher", "student-1").n == 100


def test_quantiles_are_numpys_and_intervals_cover() -> None:
    """Guards a median called p95, and an interval of the repetitions instead of the median.

    The bootstrap's standard error of the median of 120 normal seconds is about 1.25 s / sqrt(120).
    """
    study = replace(classification(students=1), resamples=2000)
    generator = np.random.default_rng(5)
    seconds = generator.normal(1.0, 0.1, size=120)
    model = ModelCost("teacher", {}, {}, Times({1: seconds}))
    twice = ModelCost("student-1", {}, {}, Times({1: seconds / 2, 32: np.ones(3)}))
    result = of(study, replace(model, times=Times({1: seconds, 32: np.ones(3)})), twice)
    for share in (50, 95, 99):
        made = number(result, f"latency_p{share}", "teacher")
        assert made.value == pytest.approx(1000 * np.quantile(seconds, share / 100))
    median = number(result, "latency_p50", "teacher")
    assert median.low is not None
    assert median.high is not None
    wide = (median.high - median.low) / 1000
    assert wide == pytest.approx(2 * 1.96 * 1.2533 * 0.1 / 120**0.5, rel=0.4)
    paired = number(result, "speedup", "teacher", "student-1")
    assert (paired.low, paired.value, paired.high) == pytest.approx((2, 2, 2))


def test_too_few_rounds_are_a_reason() -> None:
    """Guards a 99th percentile of 30 sentences, which is their slowest."""
    result = of(
        classification(students=1), steady("teacher", 1.0, 30), steady("student-1", 1.0, 19)
    )
    assert number(result, "latency_p95", "teacher").value == 1000.0
    assert number(result, "latency_p99", "teacher").undefined == (
        "needs 100 timed sentences or more, and there was time for 30"
    )
    assert number(result, "latency_p95", "student-1").value is None


def test_what_a_predictions_file_has_not_is_said() -> None:
    """Guards a crash, a 0, or silence beside a model that has no cost."""
    result = analysed("efficiency", timed(binary(), untimed="student-1"))
    reason = "new texts cannot be put to a predictions file"
    for metric in ("parameters", "latency_p50", "latency_p99", "throughput_128"):
        assert number(result, metric, "student-1").undefined == reason
    for metric in ("speedup", "throughput_ratio", "parameters_ratio", "memory_ratio"):
        assert number(result, metric, "teacher", "student-1").undefined == f"student-1: {reason}"
        assert number(result, metric, "teacher", "student-2").value == pytest.approx(3, rel=0.1)
    (chart,) = result.curves
    assert chart.series[0].labels == ("student-2",)
    alone = ModelCost("student-1", {"parameters": 0.0}, {SPEED: "it is broken"})
    none = of(classification(students=1), steady("teacher", 1.0, parameters=5.0), alone)
    assert number(none, "parameters_ratio", "teacher", "student-1").undefined == (
        "student-1 has none to divide by"
    )
    assert number(none, "latency_p50", "student-1").undefined == "it is broken"


def fronts(study: Study) -> dict[str, Table]:
    return {table.name: table for table in analysed("efficiency", study).tables}


def test_fronts_of_score_and_agreement() -> None:
    """Guards the teacher left out, a front of single students, and agreement of a pair of students.

    Skills fall and models get cheaper: nobody beats anybody, until one is made dear.
    """
    study = classification(400, skills=(3.0, 2.0, 1.0))
    tables = fronts(timed(study))
    assert list(tables) == [
        "front-accuracy-latency_p50", "front-accuracy-parameters", "front-agreement-latency_p50"
    ]  # fmt: skip
    for table in tables.values():
        assert [row[0] for row in table.rows] == ["teacher", "student-1", "student-2"]
        assert {row[-1] for row in table.rows} == {"on the front"}
    agreement = tables["front-agreement-latency_p50"]
    assert agreement.rows[0][4] == 1.0
    models = (cost("teacher", 1), cost("student-1", 2), cost("student-2", 0))
    dear = fronts(study.with_observations(Efficiency(models, ())))
    assert [row[-1] for row in dear["front-accuracy-parameters"].rows] == [
        "on the front", "on the front", "not on it"
    ]  # fmt: skip
    assert dear["front-accuracy-parameters"].rows[0][1] == pytest.approx(0.5)  # millions


def test_fronts_where_scores_or_agreement_are_missing() -> None:
    """Guards a front of a score that nobody has."""
    assert list(fronts(timed(unlabelled(binary(60))))) == [
        "front-agreement-latency_p50", "front-agreement-parameters"
    ]  # fmt: skip
    assert list(fronts(timed(regression(60)))) == [
        "front-pearson-latency_p50", "front-pearson-parameters"
    ]  # fmt: skip
    assert MINE.run(timed(binary()), MINE.options(), {}).tables == ()
