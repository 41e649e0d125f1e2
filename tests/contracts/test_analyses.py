"""What every analysis must hold, whoever wrote it, over studies of every kind.

A file added to the folder is tested on arrival: the names are listed, not written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.attributed import attributed_study
from tests.analysis.studies import STUDIES as PLAIN
from tests.analysis.studies import permuted

STUDIES = {**PLAIN, "attributions": attributed_study}

# Everything that reads arrays only; analyses of hidden states, attributions and the like are
# refused by `unmet` when a study has none, which is part of the contract.
CASES = [(name, study) for name in ANALYSES.names() for study in STUDIES]
each_case = pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{a}-{s}" for a, s in CASES])


@lru_cache(maxsize=64)
def built(kind: str) -> Study:
    return STUDIES[kind]()


def results_before(name: str, study: Study, done: dict[str, AnalysisResult]) -> None:
    """Run what an analysis asks to come first, as a comparison would."""
    for earlier in ANALYSES.load(name).after:
        results_before(earlier, study, done)
        analysis = ANALYSES.load(earlier)
        if earlier not in done and analysis.unmet(study) is None:
            done[earlier] = analysis.run(study, analysis.options(), done)


def analysed(name: str, study: Study) -> AnalysisResult | None:
    """The result with default options, or None when the study cannot be analysed."""
    analysis = ANALYSES.load(name)
    if analysis.unmet(study) is not None:
        return None
    done: dict[str, AnalysisResult] = {}
    results_before(name, study, done)
    return analysis.run(study, analysis.options(), done)


@lru_cache(maxsize=512)
def once(name: str, kind: str) -> AnalysisResult | None:
    return analysed(name, built(kind))


def coordinates(found: Estimate) -> tuple[str, ...]:
    return (
        found.metric,
        found.model_a,
        found.model_b,
        found.subset,
        found.layer,
        found.pooling,
        found.method,
    )


def points(result: AnalysisResult) -> Mapping[tuple[str, ...], Estimate]:
    return {coordinates(found): found for found in result.estimates}


@pytest.mark.parametrize("name", ANALYSES.names())
def test_it_answers_the_protocol(name: str):
    """Guards against a file whose key, name and options do not fit together."""
    analysis = ANALYSES.load(name)
    assert analysis.name == name
    assert analysis.version >= 1
    assert analysis.title
    assert set(analysis.after) <= set(ANALYSES.names())
    options: Any = analysis.options()
    assert options.model_config["frozen"]
    assert options.model_config["extra"] == "forbid"


@each_case
def test_what_cannot_be_analysed_is_refused_in_words(name: str, kind: str):
    """Guards against a crash, or an empty reason, where a study lacks what an analysis needs."""
    reason = ANALYSES.load(name).unmet(built(kind))
    if reason is not None:
        assert len(reason.split()) >= 4
        assert not reason.endswith(".")
    else:
        assert once(name, kind) is not None


@each_case
def test_the_same_study_gives_the_same_result(name: str, kind: str):
    """Guards against unseeded draws, iteration over sets, and results that remember earlier calls.

    The study is built anew, so that nothing is kept by identity.
    """
    again = analysed(name, STUDIES[kind]())
    first = once(name, kind)
    if first is None or again is None:
        assert first is again
    else:
        assert again.model_dump_json() == first.model_dump_json()


@each_case
def test_the_arrays_are_left_as_they_were(name: str, kind: str):
    """Guards against an analysis that sorts or normalises in place and moves a later one."""
    study = STUDIES[kind]()
    arrays: list[NDArray[Any]] = [run.values for model in study.models for run in model.runs]
    if study.split.labels is not None:
        arrays.append(study.split.labels)
    if study.has(MinimalPairs):
        arrays += list(study.get(MinimalPairs).margins.values())
    before = [array.copy() for array in arrays]
    analysed(name, study)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@each_case
def test_the_order_of_examples_moves_no_point_value(name: str, kind: str):
    """Guards against numbers that depend on row order; intervals may move by their resampling."""
    result = once(name, kind)
    if result is None:
        return
    other = analysed(name, permuted(built(kind)))
    assert other is not None
    before, after = points(result), points(other)
    # Numbers without hits and misses are tested by their own resamples, which follow the rows.
    loose = 0.05 if built(kind).split.task.kind == "regression" else 1e-9
    assert set(before) == set(after)
    for key, found in before.items():
        twin = after[key]
        assert found.undefined == twin.undefined, key
        assert found.n == twin.n, key
        if found.value is not None:
            assert twin.value == pytest.approx(found.value, rel=1e-6, abs=1e-9), key
        if found.p_value is not None:
            assert twin.p_value == pytest.approx(found.p_value, rel=1e-6, abs=loose), key


@each_case
def test_a_result_survives_json(name: str, kind: str):
    """Guards against NaN, numpy scalars and tuples that come back as something else."""
    result = once(name, kind)
    if result is not None:
        assert AnalysisResult.model_validate_json(result.model_dump_json()) == result
        assert AnalysisResult.model_validate(result.model_dump()) == result


@each_case
def test_every_number_is_explained_bounded_and_unique(name: str, kind: str):
    """Guards against doubled rows, numbers or ends outside their stated range, and missing n."""
    result = once(name, kind)
    if result is None:
        return
    metrics = {metric.name: metric for metric in result.metrics}
    keys = [coordinates(found) for found in result.estimates]
    assert len(keys) == len(set(keys))
    for found in result.estimates:
        metric = metrics[found.metric]
        assert len(metric.definition.split()) >= 4, found.metric
        if found.value is None:
            assert len(found.undefined.split()) >= 3, found.metric
            continue
        assert found.n is not None, coordinates(found)
        for end in (found.value, found.low, found.high):
            if end is not None and metric.minimum is not None:
                assert end >= metric.minimum - 1e-9, coordinates(found)
            if end is not None and metric.maximum is not None:
                assert end <= metric.maximum + 1e-9, coordinates(found)
        if found.low is not None:
            assert found.interval, coordinates(found)


@each_case
def test_the_options_that_ran_are_written_down(name: str, kind: str):
    """Guards against a result that does not say how it was made."""
    result = once(name, kind)
    if result is not None:
        analysis = ANALYSES.load(name)
        assert result.name == name
        assert result.version == analysis.version
        assert result.options == analysis.options().model_dump(mode="json")
        assert result.caption


@each_case
def test_a_gate_can_name_every_number(name: str, kind: str):
    """Guards a gate refused as misspelt whose number would have been there after the run."""
    result = once(name, kind)
    if result is not None:
        assert {metric.name for metric in result.metrics} <= set(ANALYSES.load(name).defines)
