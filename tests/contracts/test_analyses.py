"""What every analysis must hold, whoever wrote it, over studies of every kind.

A file added to the folder is tested on arrival: the names are listed, not written here. Each must
be met by at least one study, so an analysis of new evidence brings a study that has it. A pair of
an analysis and a study is either analysed, and then held to the whole contract, or refused, and
then held to the words of its reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.observations.attention import AttentionSimilarities
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.causal_use import CausalUse
from kdprobe.observations.controls import Controls
from kdprobe.observations.efficiency import Efficiency
from kdprobe.observations.layer_similarity import LayerSimilarities
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.attended import attended
from tests.analysis.attributed import attributed_study
from tests.analysis.erased import erased
from tests.analysis.layered import layered
from tests.analysis.probed import probed
from tests.analysis.studies import STUDIES as PLAIN
from tests.analysis.studies import (
    binary,
    clustered,
    permuted,
    regression,
    several_seeds,
    with_minimal_pairs,
)
from tests.analysis.timed import timed


def maps_alone() -> Study:
    """A study of which attribution maps were compared, and no word explained."""
    return attributed_study().without(Attributions)


def with_control() -> Study:
    """A study of which one student had no teacher."""
    return binary().with_observations(Controls((("student-1", "student-2"),)))


def everything() -> Study:
    """All evidence: probes, layers, heads, erasures, costs, word scores, maps and pairs."""
    pairs = with_minimal_pairs(60).get(MinimalPairs)
    return timed(erased(attended(layered(probed(attributed_study().with_observations(pairs))))))


STUDIES: Mapping[str, Callable[[], Study]] = {
    **PLAIN,
    "attributions": attributed_study,
    "attribution maps": maps_alone,
    "probes": lambda: probed(binary()),
    "probes, several seeds": lambda: probed(several_seeds(60), seeds=3),
    "probes of a regression": lambda: probed(regression(60)),
    "layers": lambda: layered(binary()),
    "layers, several seeds": lambda: layered(several_seeds(60), runs=3),
    "layers of a regression, biased": lambda: layered(regression(60), biased=True),
    "attention": lambda: attended(binary()),
    "attention, several seeds": lambda: attended(several_seeds(60), runs=3),
    "attention of a regression": lambda: attended(regression(60)),
    "erasures": lambda: erased(probed(binary())),
    "erasures, several seeds": lambda: erased(several_seeds(60), unread="student-1"),
    "erasures of a regression": lambda: erased(regression(60)),
    "costs": lambda: timed(binary()),
    "costs, one model a file": lambda: timed(several_seeds(60), untimed="student-1"),
    "costs of a regression": lambda: timed(regression(60)),
    "everything": everything,
    "everything in clusters": lambda: clustered(everything()),
    "a control": with_control,
}

# What a reason for refusing a study may name: only what that study is or lacks.
LACKS: Mapping[str, Callable[[Study], bool]] = {
    "regression": lambda study: study.split.task.kind == "regression",
    "gold": lambda study: study.split.labels is None,
    "no student": lambda study: not study.students,
    "one student": lambda study: len(study.students) == 1,
    "one model|only one": lambda study: len(study.models) == 1,
    "one run": lambda study: all(len(model.runs) == 1 for model in study.models),
    "no probabilities": lambda study: not any(model.has_probabilities for model in study.models),
    "one slice": lambda study: study.n == 1,
    "no minimal pairs": lambda study: not study.has(MinimalPairs),
    "fewer than 40 examples": lambda study: study.n < 40,
    "no layer was probed": lambda study: not study.has(ProbeFits),
    "attention was not compared": lambda study: not study.has(AttentionSimilarities),
    "layers were not compared": lambda study: not study.has(LayerSimilarities),
    "words were not explained": lambda study: not study.has(Attributions),
    "no property was erased": lambda study: not study.has(CausalUse),
    "maps were not asked for": lambda study: not study.has(MapGaps),
    "costs were not measured": lambda study: not study.has(Efficiency),
    "not several labels at once": lambda study: study.split.task.sets is None,
    "no column says": lambda study: study.split.clusters is None,
}


@lru_cache(maxsize=64)
def built(kind: str) -> Study:
    return STUDIES[kind]()


def _cases() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """All pairs of analysis and study: those that are analysed, and those that are refused."""
    analysed_pairs: list[tuple[str, str]] = []
    refused_pairs: list[tuple[str, str]] = []
    for name in ANALYSES.names():
        analysis = ANALYSES.load(name)
        for kind in STUDIES:
            pairs = analysed_pairs if analysis.skip_reason(built(kind)) is None else refused_pairs
            pairs.append((name, kind))
    return analysed_pairs, refused_pairs


MET, REFUSED = _cases()


def _each(cases: list[tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "kind"), cases, ids=[f"{a}-{s}" for a, s in cases])


def results_before(name: str, study: Study, done: dict[str, AnalysisResult]) -> None:
    """Run what an analysis asks to come first, as a comparison would."""
    for earlier in ANALYSES.load(name).after:
        results_before(earlier, study, done)
        analysis = ANALYSES.load(earlier)
        if earlier not in done and analysis.skip_reason(study) is None:
            done[earlier] = analysis.run(study, analysis.options(), done)


def analysed(name: str, study: Study) -> AnalysisResult:
    """The result with default options."""
    analysis = ANALYSES.load(name)
    done: dict[str, AnalysisResult] = {}
    results_before(name, study, done)
    return analysis.run(study, analysis.options(), done)


@lru_cache(maxsize=512)
def once(name: str, kind: str) -> AnalysisResult:
    return analysed(name, built(kind))


def arrays_of(part: object) -> Iterator[NDArray[Any]]:
    """Every array of a study, whatever kinds of evidence it holds."""
    if isinstance(part, np.ndarray):
        yield part
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            yield from arrays_of(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from arrays_of(value)
    elif isinstance(part, tuple):
        for value in part:
            yield from arrays_of(value)


def coordinates(number: Estimate) -> tuple[str, ...]:
    return (
        number.metric,
        number.model_a,
        number.model_b,
        number.subset,
        number.layer,
        number.pooling,
        number.method,
    )


def points(result: AnalysisResult) -> Mapping[tuple[str, ...], Estimate]:
    return {coordinates(number): number for number in result.estimates}


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


@pytest.mark.parametrize("name", ANALYSES.names())
def test_it_is_met_by_a_study(name: str):
    """Guards against an analysis that no study of the suite has the evidence for: it never runs."""
    assert [kind for met, kind in MET if met == name], f"add a study with what {name} needs"


@_each(REFUSED)
def test_what_cannot_be_analysed_is_refused_in_words(name: str, kind: str):
    """Guards against a crash, an empty reason, or one that names what the study does not lack."""
    reason = ANALYSES.load(name).skip_reason(built(kind))
    assert reason is not None
    assert len(reason.split()) >= 4
    assert reason[0].islower()
    assert not reason.endswith(".")
    named = [words for words in LACKS if any(each in reason for each in words.split("|"))]
    assert named, f"{reason!r} names nothing of {', '.join(LACKS)}; add what it is about to LACKS"
    assert [words for words in named if LACKS[words](built(kind))], reason


@_each(MET)
def test_the_same_study_gives_the_same_result(name: str, kind: str):
    """Guards against unseeded draws, iteration over sets, and results that remember earlier calls.

    The study is built anew, so that nothing is kept by identity.
    """
    again = analysed(name, STUDIES[kind]())
    assert again.model_dump_json() == once(name, kind).model_dump_json()


@_each(MET)
def test_the_arrays_are_left_as_they_were(name: str, kind: str):
    """Guards against an analysis that sorts or normalises in place and moves a later one."""
    study = STUDIES[kind]()
    arrays = list(arrays_of(study))
    assert len(arrays) >= len(study.models)
    before = [array.copy() for array in arrays]
    analysed(name, study)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@_each(MET)
def test_the_order_of_examples_moves_nothing(name: str, kind: str):
    """Guards against numbers and tables that depend on row order; intervals follow the resamples.

    The rows of a table are the same, whatever their order: of equals the first in the file leads.
    """
    result, other = once(name, kind), analysed(name, permuted(built(kind)))
    before, after = points(result), points(other)
    # Numbers without hits and misses are tested by their own resamples, which follow the rows.
    loose = 0.05 if built(kind).split.task.kind == "regression" else 1e-9
    # So are the p-values of differences between students, but for agreement of single runs.
    loose = 0.25 if name == "student_differences" else loose
    assert set(before) == set(after)
    for key, number in before.items():
        twin = after[key]
        assert number.undefined == twin.undefined, key
        assert number.n == twin.n, key
        if number.value is not None:
            assert twin.value == pytest.approx(number.value, rel=1e-6, abs=1e-9), key
        if number.p_value is not None:
            assert twin.p_value == pytest.approx(number.p_value, rel=1e-6, abs=loose), key
    assert [table.name for table in other.tables] == [table.name for table in result.tables]
    assert [len(t.rows) for t in other.tables] == [len(t.rows) for t in result.tables]
    assert [one.code for one in other.warnings] == [one.code for one in result.warnings]


@_each(MET)
def test_a_result_survives_json(name: str, kind: str):
    """Guards against NaN, numpy scalars and tuples that come back as something else."""
    result = once(name, kind)
    assert AnalysisResult.model_validate_json(result.model_dump_json()) == result
    assert AnalysisResult.model_validate(result.model_dump()) == result


@_each(MET)
def test_p_values_in_tables_are_written_as_everywhere(name: str, kind: str):
    """Guards p-values that a page writes as `1.0e−03` in one table and as `.001` in another."""
    columns = [column for table in once(name, kind).tables for column in table.columns]
    ends = ("p", "q", "midp", "p_value", "q_value", "use_q", "loss_q")
    assert {c.name: c.kind for c in columns if c.name in ends} == {
        c.name: "p" for c in columns if c.name in ends or c.kind == "p"
    }


@_each(MET)
def test_every_number_is_explained_bounded_and_unique(name: str, kind: str):
    """Guards against doubled rows, numbers or ends outside their stated range, and missing n.

    An analysis without a number says what it looked at, in a table or a note.
    """
    result = once(name, kind)
    assert result.estimates or result.tables or result.notes
    metrics = {metric.name: metric for metric in result.metrics}
    keys = [coordinates(number) for number in result.estimates]
    assert len(keys) == len(set(keys))
    for number in result.estimates:
        metric = metrics[number.metric]
        assert len(metric.definition.split()) >= 4, number.metric
        if number.value is None:
            assert len(number.undefined.split()) >= 3, number.metric
            continue
        assert number.n is not None, coordinates(number)
        for end in (number.value, number.low, number.high):
            if end is not None and metric.minimum is not None:
                assert end >= metric.minimum - 1e-9, coordinates(number)
            if end is not None and metric.maximum is not None:
                assert end <= metric.maximum + 1e-9, coordinates(number)
        if number.low is not None:
            assert number.interval, coordinates(number)


@_each(MET)
def test_what_ran_is_written_down_and_a_gate_can_name_it(name: str, kind: str):
    """Guards a result that does not say how it was made, and a gate refused as misspelt."""
    result, analysis = once(name, kind), ANALYSES.load(name)
    assert result.name == name
    assert result.version == analysis.version
    assert result.options == analysis.options().model_dump(mode="json")
    assert result.caption
    assert {metric.name for metric in result.metrics} <= set(analysis.defines)
