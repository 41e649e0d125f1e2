"""Probing gaps, retention and depth, checked by hand on hits whose shares are known."""

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis.probing import ANALYSIS
from kdprobe.analysis.protocol import NoOptions
from kdprobe.analysis.student_gaps import ANALYSIS as STUDENT_GAPS
from kdprobe.observations.probes import ProbeFits, Unread
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.probed import N, fit, probed, probes_of
from tests.analysis.studies import classification, unlabelled


def run(study) -> AnalysisResult:
    return ANALYSIS.run(study, NoOptions(), {})


def found(result: AnalysisResult, metric: str, model: str, other: str = "", layer: str = ""):
    hits: list[Estimate] = [
        made
        for made in result.estimates
        if (made.metric, made.model_a, made.model_b, made.layer) == (metric, model, other, layer)
    ]
    assert len(hits) == 1
    return hits[0]


def test_accuracies_gaps_and_retention_by_hand():
    """Guards against a gap of other layers than those named, and a floor that is not the random."""
    study = probed(classification(40, students=1))
    name = study.students[0].name
    result = run(study)
    assert found(result, "accuracy", "teacher", layer="1").value == pytest.approx(0.9)
    assert found(result, "random_accuracy", "teacher", layer="1").value == pytest.approx(0.6)
    gap = found(result, "gap", "teacher", name, "best")
    assert gap.value == pytest.approx(0.15)
    assert gap.low is not None
    assert gap.low > 0.08
    assert gap.p_value is not None
    assert gap.p_value < 1e-6
    assert gap.q_value is not None
    # (0.75 - 0.6) / (0.9 - 0.6)
    assert found(result, "retention", "teacher", name, "best").value == pytest.approx(0.5)
    # weights above one half: 0.1, 0.4, 0.3 at depths 0, 0.5, 1
    assert found(result, "centre_of_gravity", "teacher").value == pytest.approx(0.5 / 0.8)
    assert found(result, "selectivity", "teacher", layer="1").value == pytest.approx(0.45)
    below = found(result, "accuracy", name, layer="head")
    assert below.value is None
    assert below.undefined == "below the majority class (0.450 against 0.500)"
    assert found(result, "majority", "majority class").value == 0.5


def test_layers_are_matched_at_relative_depth():
    """Guards against layer 1 of a one-layer student set against layer 1 of a two-layer teacher."""
    study = classification(40, students=1)
    name = study.students[0].name
    short = fit(name, (0.5, 0.8), layers=("0", "1"))
    study = study.with_observations(probes_of(fit("teacher", (0.6, 0.7, 0.9, 0.7)), short))
    result = run(study)
    layers = [e.layer for e in result.estimates if e.metric == "gap"]
    assert layers == ["best", "0:0", "2:1"]
    assert found(result, "gap", "teacher", name, "2:1").value == pytest.approx(0.1)
    numbers = [e for e in result.estimates if e.metric == "gap_by_number"]
    assert [e.layer for e in numbers] == ["1:1"]  # 0:0 is the same depth, too
    assert numbers[0].value == pytest.approx(0.7 - 0.8)
    assert numbers[0].q_value == numbers[0].p_value  # a family of one
    assert result.matrices[0].columns == ("0:0", "2:1")
    retention = found(result, "retention", "teacher", name, "best")
    assert retention.undefined == "no encoder with random weights was probed"


def test_a_denominator_within_noise_is_said_so():
    """Guards against a retention of 400 % of nothing."""
    study = classification(40, students=1)
    name = study.students[0].name
    fits = (
        fit("teacher", (0.5, 0.6, 0.6, 0.5)),
        fit("teacher", (0.5, 0.6, 0.6, 0.5), weights="random"),
        fit(name, (0.5, 0.4, 0.4, 0.4)),
    )
    result = run(study.with_observations(probes_of(*fits)))
    retention = found(result, "retention", "teacher", name, "best")
    assert retention.value is None
    assert "is not beyond random weights by more than noise" in retention.undefined
    depth = found(result, "centre_of_gravity", name)
    assert depth.undefined == "no layer is above the majority class"


def test_a_pooling_that_a_model_has_not_is_said_so():
    """Guards against a crash, a chart of nothing, or a gap of other poolings, for a BiLSTM."""
    study = classification(40, students=1)
    name = study.students[0].name
    both = ("mean", "cls")
    teacher = replace(fit("teacher", (0.6, 0.9, 0.8, 0.7)), poolings=("mean", "mean", "cls", ""))
    student = fit(name, (0.6, 0.7, 0.6), layers=("0", "1", "head"))
    reason = "no token of a BiLSTM reads the whole sentence"
    probes = replace(
        probes_of(teacher, student), poolings=both, unread=(Unread(name, "cls", reason),)
    )
    result = run(study.with_observations(probes))
    told = {
        (e.metric, e.layer): e.undefined
        for e in result.estimates
        if e.pooling == "cls" and e.model_b == name
    }
    assert told["gap", "best"] == f"{name}: {reason}"
    assert told["centre_of_gravity_shift", ""] == f"{name}: {reason}"
    assert [m.name for m in result.matrices] == ["gaps-1-mean"]
    assert {row[2] for row in result.tables[0].rows if row[1] == name} == {"mean"}
    assert any(reason in notice.message for notice in result.warnings)


def test_a_student_without_layers_leaves_the_others_in():
    """Guards against one predictions file that takes probing from every other model."""
    study = probed(classification(40, students=2))
    gone = study.students[1].name
    fits = tuple(f for f in study.get(ProbeFits).fits if f.model != gone)
    probes = replace(
        study.get(ProbeFits), fits=fits, unread=(Unread(gone, "", "no layers can be read"),)
    )
    result = run(study.with_observations(probes))
    assert {e.model_b for e in result.estimates if e.metric == "gap"} == {study.students[0].name}
    messages = [notice.message for notice in result.warnings]
    assert f"{gone} is not probed: no layers can be read." in messages


def test_code_lengths_and_baselines_reach_the_page():
    """Guards against bits of another task's size, and students without their random baseline."""
    study = probed(classification(40, students=1))
    name = study.students[0].name
    bits = np.array([400.0, 100.0, 200.0, 800.0])
    fits = [replace(f, bits=bits) for f in study.get(ProbeFits).fits]
    result = run(study.with_observations(replace(study.get(ProbeFits), fits=tuple(fits))))
    assert found(result, "mdl_bits", "teacher", layer="1").value == 100.0
    # 400 training sentences of two classes: 400 bits without a probe
    assert found(result, "mdl_compression", name, layer="1").value == 4.0
    assert found(result, "mdl_compression", name, layer="head").value == 0.5
    assert found(result, "random_mdl_compression", name, layer="1").value == 4.0
    names = [series.name for series in result.curves[0].series]
    assert names == [
        "teacher", name, "teacher: random weights", f"{name}: random weights", "word endings"
    ]  # fmt: skip
    assert [column.name for column in result.tables[0].columns][-3:] == [
        "compression", "n", "remark"
    ]  # fmt: skip
    assert result.tables[0].rows[0][9] == 4.0


def test_models_of_one_shape_share_their_random_baseline():
    """Guards against two lines that hide each other."""
    study = probed(classification(40, students=2))
    names = [series.name for series in run(study).curves[0].series]
    one, two = (s.name for s in study.students)
    assert names[3:] == [
        "teacher: random weights", f"{one}, {two}: random weights", "word endings"
    ]  # fmt: skip


def test_a_score_below_the_majority_class_is_not_printed():
    """Guards against an accuracy, or a loss, where the probe found nothing."""
    study = classification(40, students=1)
    name = study.students[0].name
    low = fit("teacher", (0.45, 0.48, 0.44, 0.4)), fit(name, (0.3, 0.4, 0.2, 0.3))
    study = unlabelled(study.with_observations(probes_of(*low)))
    result = run(study)
    values = [row[4:8] for row in result.tables[0].rows]
    assert values == [(None, None, None, None)] * 2
    assert result.tables[0].rows[0][-1] == "below the majority class; head below the majority class"
    assert "layer 1 (below the majority class)" in result.curves[0].series[0].labels
    assert not STUDENT_GAPS.run(study, STUDENT_GAPS.options(), {"probing": result}).gaps


def test_several_probe_seeds_are_averaged():
    """Guards against the first seed shown as if it were all."""
    study = probed(classification(40, students=1), seeds=3)
    result = run(study)
    assert found(result, "accuracy", "teacher", layer="1").value == pytest.approx(0.9)
    assert found(result, "gap", "teacher", study.students[0].name, "best").p_value is not None


def test_the_heat_map_knows_which_gaps_are_beyond_noise():
    """Guards against a task of few sentences that leads the map with a gap that is noise."""
    study = probed(classification(40, students=1))
    shown = run(study).matrices[0]
    gaps = {e.layer: e for e in run(study).estimates if e.metric == "gap" and e.layer != "best"}
    assert shown.columns == ("0:0", "1:1", "2:2", "head:head")
    for column, value, sure in zip(shown.columns, shown.values[0], shown.sure[0], strict=True):
        gap = gaps[column]
        assert gap.value is not None
        assert gap.low is not None
        assert value == -gap.value
        assert sure == -max(gap.low, 0.0)
    assert shown.sure[0][1] is not None
    assert shown.sure[0][1] < 0


def test_the_interval_of_a_gap_takes_the_seeds_in():
    """Guards against three starts whose spread is averaged away: gaps would look sure."""
    study = classification(40, students=1)
    name = study.students[0].name
    teacher = fit("teacher", (0.8, 0.8, 0.8, 0.8), seeds=3)
    hits = np.zeros((3, 4, N), dtype=bool)
    for seed, share in enumerate((0.55, 0.7, 0.85)):
        hits[seed, :, : round(share * N)] = True
    spread = replace(fit(name, (0.7,) * 4, seeds=3), hits=hits)
    equal = fit(name, (0.7,) * 4, seeds=3)
    wide, narrow = (
        found(run(study.with_observations(probes_of(teacher, student))), "gap", "teacher", name,
              "best")
        for student in (spread, equal)
    )  # fmt: skip
    assert wide.value == pytest.approx(0.1)
    assert narrow.value == pytest.approx(0.1)
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < 0 < narrow.low
    assert wide.p_value is not None
    assert narrow.p_value is not None
    assert wide.p_value > 0.05 > narrow.p_value


def test_seeds_of_one_checkpoint_are_no_further_checkpoints():
    """Guards against nine probes of three checkpoints taken for nine models."""
    study = classification(40, students=1)
    name = study.students[0].name
    runs = [0.6, 0.7, 0.8]
    students = [fit(name, (share,) * 4, seeds=3, run=at) for at, share in enumerate(runs)]
    teacher = fit("teacher", (0.8,) * 4)
    several = run(study.with_observations(probes_of(teacher, *students)))
    single = [fit(name, (share,) * 4, run=at) for at, share in enumerate(runs)]
    one = run(study.with_observations(probes_of(teacher, *single)))
    gaps = [found(made, "gap", "teacher", name, "best") for made in (several, one)]
    told = [(gap.value, gap.low, gap.high, gap.p_value) for gap in gaps]
    assert told[0] == pytest.approx(told[1])  # equal seeds add nothing
    assert gaps[0].low is not None
    assert gaps[0].low < 0.02  # three runs of .6, .7, .8: about .1 may be nothing


def test_few_seeds_are_told_only_where_they_matter():
    """Guards against a warning of one start where the probe is convex or three were fitted."""
    study = probed(classification(40, students=1))
    told = []
    for seeds, few in ((1, True), (2, True), (3, False)):
        asked = study.with_observations(replace(study.get(ProbeFits), seeds=seeds, few_seeds=few))
        told.append([w.message for w in run(asked).warnings if w.code == "probing-few-seeds"])
    end = (
        "gaps below one or two points may be their doing (`probing.probe_seeds=3` averages three)."
    )
    assert told == [
        [f"These probes start from one seed: {end}"],
        [f"These probes start from 2 seeds: {end}"],
        [],
    ]


def test_losses_take_up_probing_and_the_page_gets_its_charts():
    """Guards against a probing loss that never reaches what was lost."""
    study = unlabelled(probed(classification(40, students=2)))
    result = run(study)
    assert len(result.curves) == 1
    assert len(result.matrices) == 2
    assert result.tables[0].name == "best_layers"
    assert any(notice.code == "probing-small" for notice in result.warnings)
    assert STUDENT_GAPS.skip_reason(study) is None
    gaps = STUDENT_GAPS.run(study, STUDENT_GAPS.options(), {"probing": result}).gaps
    assert [gap.subset for gap in gaps] == ["probing past_present"] * 2
    assert gaps[0].teacher_value == pytest.approx(0.9)


def test_without_probes_the_reason_names_the_option():
    """Guards against a section that is missing without a word."""
    assert ANALYSIS.skip_reason(classification(10)) == (
        "no layer was probed, as it takes minutes; `probing.tasks=all` adds it"
    )
