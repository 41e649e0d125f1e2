"""Tests of the numbers of a sweep's students against plain references."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.sweeping.scores import DEFINED, closeness_of, fronts, numbers, of_each_run
from tests.analysis.studies import classification_task, ids_of, regression_task, split_of

N = 120


def classified() -> Study:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, size=N)

    def said(name: str) -> Predictions:
        return Predictions(name, ids_of(N), generator.normal(size=(N, 2)) + 1.5 * np.eye(2)[truth])

    models = (
        Population("teacher", "teacher", (said("teacher"),)),
        Population("a", "student", (said("a"), said("a"))),
        Population("b", "student", (said("b"),)),
    )
    split = split_of(classification_task(primary="mcc"), truth.astype(np.int64), N)
    return Study(split, models, resamples=100)


def test_against_scikit_learn() -> None:
    """Guards every number of the first table, and that a student's is the mean over its seeds."""
    study = classified()
    estimates_by_name = {(e.metric, e.model_b or e.model_a): e for e in numbers(study)}
    gold, teacher = study.split.labels, study.teacher.first
    runs = of_each_run(study, {"a": ["a1", "a2"], "b": ["b1"]})
    for name, said in zip(("a1", "a2"), study.students[0].runs, strict=True):
        assert runs[name]["mcc"] == pytest.approx(reference.matthews_corrcoef(gold, said.predicted))
        assert runs[name]["cohens_kappa"] == pytest.approx(
            reference.cohen_kappa_score(teacher.predicted, said.predicted)
        )
        apart = np.exp(teacher.log_probabilities) * (
            teacher.log_probabilities - said.log_probabilities
        )
        assert runs[name]["kl"] == pytest.approx(apart.sum(axis=1).mean())
    for metric in ("mcc", "agreement", "cohens_kappa", "kl"):
        mean = (runs["a1"][metric] + runs["a2"][metric]) / 2
        assert estimates_by_name[metric, "a"].value == pytest.approx(mean)
        assert estimates_by_name[metric, "b"].value == pytest.approx(runs["b1"][metric])
        assert metric in DEFINED
    assert (
        estimates_by_name["mcc", "a"].interval
        == "percentile bootstrap over examples and over the 2 seeds"
    )
    assert estimates_by_name["mcc", "b"].interval == "percentile bootstrap over examples, one seed"
    assert closeness_of(study) == "agreement"


def test_a_regression() -> None:
    """Guards tasks without labels: closeness is then Pearson's correlation with the teacher."""
    generator = np.random.default_rng(1)
    gold = generator.uniform(0, 5, size=N)
    said = {
        name: Predictions(name, ids_of(N), (gold + generator.normal(size=N))[:, None], "scores")
        for name in ("teacher", "s")
    }
    models = (
        Population("teacher", "teacher", (said["teacher"],)),
        Population("s", "student", (said["s"],)),
    )
    study = Study(split_of(regression_task(), gold, N), models, resamples=100)
    estimates_by_name = {(e.metric, e.model_b or e.model_a): e for e in numbers(study)}
    expected = np.corrcoef(said["teacher"].scores, said["s"].scores)[0, 1]
    assert closeness_of(study) == "pearson_to_teacher"
    assert estimates_by_name["pearson_to_teacher", "s"].value == pytest.approx(expected)
    assert estimates_by_name["pearson", "s"].value == pytest.approx(
        np.corrcoef(gold, said["s"].scores)[0, 1]
    )


def test_fronts_leave_out_what_is_undefined() -> None:
    """Guards a student without a score: it can neither stand on a front nor push others off."""
    study = classified()
    values: dict[tuple[str, str], float | None] = {
        ("mcc", "a"): None, ("mcc", "b"): 0.1, ("agreement", "a"): 0.9, ("agreement", "b"): 0.8,
        ("parameters", "a"): 10.0, ("parameters", "b"): 20.0,
        ("throughput", "a"): 5.0, ("throughput", "b"): 5.0,
    }  # fmt: skip
    estimates = [
        Estimate(metric=metric, model_a=model, value=value, undefined="" if value else "flat")
        for (metric, model), value in values.items()
    ]
    students = {front.name: front.students for front in fronts(study, estimates, score="mcc")}
    assert students == {
        "score-parameters": ("b",), "score-throughput": ("b",), "closeness-parameters": ("a",),
    }  # fmt: skip
