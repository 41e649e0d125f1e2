"""Minimal pairs: hits, gaps and correlations by phenomenon, and a bootstrap that stays cheap."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from statsmodels.stats.contingency_tables import mcnemar

from kdprobe.analysis.minimal_pairs import ANALYSIS, MinimalPairAnalysisOptions
from kdprobe.analysis.minimal_pairs.judgements import (
    PairGroup,
    judgements,
    ranked_draws,
    spearman_tables,
)
from kdprobe.errors import MisalignedError
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.arrays import Floats
from tests.analysis.studies import binary, classification, with_minimal_pairs


def judged(
    phenomena: Sequence[str], *margins: Sequence[float], resamples: int = 200, fields: str = ""
) -> Study:
    study = classification(20, students=len(margins) - 1, resamples=resamples)
    m = len(phenomena)
    pairs = MinimalPairs(
        ids=tuple(f"p{row}" for row in range(m)),
        phenomena=tuple(phenomena),
        fields=(fields,) * m,
        good=("good",) * m,
        bad=("bad",) * m,
        acceptable=1,
        margins={
            model.name: np.array([row], dtype=np.float64)
            for model, row in zip(study.models, margins, strict=True)
        },
        origin="by hand",
    )
    return study.with_observations(pairs)


def analysed(study: Study) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, MinimalPairAnalysisOptions(), {})


def at(result: AnalysisResult, metric: str, a: str, b: str = "", subset: str = "all") -> Estimate:
    return next(
        e
        for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset) == (metric, a, b, subset)
    )


def test_by_hand():
    """A tie counted as a hit would reward a model that answers the same to everything."""
    result = analysed(judged("aabb", [1, 1, 1, -1], [1, 0, -1, -1]))
    assert at(result, "accuracy", "teacher").value == 0.75
    assert at(result, "accuracy", "student-1").value == 0.375
    assert at(result, "accuracy", "student-1", subset="a").value == 0.75
    assert at(result, "gap", "teacher", "student-1", "b").value == 0.5
    assert at(result, "gap", "teacher", "student-1", "a").n == 2
    assert "student-1 ties on 1 of 4 pairs." in result.notes


def test_fields_and_totals_count_every_pair_once():
    """An average of phenomena of different sizes is not the share of pairs."""
    result = analysed(judged("abbb", [-1, 1, 1, 1], [-1, 1, 1, -1], fields="syntax"))
    assert at(result, "accuracy", "teacher").value == 0.75
    assert at(result, "accuracy", "student-1", subset="field: syntax").value == 0.5


def test_p_values_against_statsmodels():
    """The two discordant counts must not be swapped or taken from all pairs."""
    study = with_minimal_pairs(pairs=300)
    result = analysed(study)
    names = np.array(study.get(MinimalPairs).phenomena)
    t, s = (study.get(MinimalPairs).margins[m.name][0] > 0 for m in study.models[:2])
    for name in set(names):
        inside = names == name
        only_t, only_s = int((t & ~s & inside).sum()), int((s & ~t & inside).sum())
        expected = mcnemar([[0, only_t], [only_s, 0]], exact=only_t + only_s < 25).pvalue
        found = at(result, "gap", "teacher", "student-1", str(name))
        assert found.p_value == pytest.approx(expected)
        assert found.q_value is not None
        assert found.q_value >= expected - 1e-12


def test_multinomial_shortcut_against_a_plain_bootstrap():
    """Drawing counts of judgement patterns must be the same as drawing pairs."""
    generator = np.random.default_rng(3)
    base = generator.normal(0.5, 1, size=200)
    other = base + generator.normal(-0.3, 0.7, size=200)
    found = at(
        analysed(judged("a" * 200, base.tolist(), other.tolist(), resamples=3000)),
        "gap",
        "teacher",
        "student-1",
        "a",
    )
    difference = judgements(base) - judgements(other)
    drawn = difference[generator.integers(0, 200, size=(3000, 200))].mean(axis=1)
    assert found.value == pytest.approx(difference.mean())
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)


def test_margins_against_scipy():
    """The correlation must be of margins, teacher with student, on the phenomenon's pairs only."""
    study = with_minimal_pairs()
    result = analysed(study)
    inside = np.array(study.get(MinimalPairs).phenomena) == "islands"
    t, s = (study.get(MinimalPairs).margins[m.name][0] for m in study.models[:2])
    found = at(result, "margin_spearman", "teacher", "student-1", "islands")
    assert found.value == pytest.approx(spearmanr(t[inside], s[inside]).statistic)
    everywhere = at(result, "margin_spearman", "teacher", "student-1")
    assert everywhere.value == pytest.approx(spearmanr(t, s).statistic)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=12), st.integers(0, 3))
def test_a_student_equal_to_the_teacher_loses_nothing(margins: list[float], names: int):
    """Equal judgements must give no gap and p = 1, whatever the phenomena."""
    phenomena = ["abc"[row % (names or 1)] for row in range(len(margins))]
    for made in analysed(judged(phenomena, margins, margins)).estimates:
        if made.metric == "gap":
            assert made.value == 0.0
            assert made.p_value == 1.0
            assert made.low is not None
            assert made.low < 0


def test_a_phenomenon_more_changes_no_other_number():
    """One generator for all phenomena would move every interval when one is added."""
    few = analysed(judged("aaaa", [1, 1, -1, 1], [1, -1, -1, 1]))
    more = analysed(judged("aaaabb", [1, 1, -1, 1, 1, 1], [1, -1, -1, 1, 1, -1]))
    for metric in ("accuracy", "gap"):
        b = "student-1" if metric == "gap" else ""
        one, other = (at(result, metric, "teacher", b, "a") for result in (few, more))
        assert (one.value, one.low, one.high) == (other.value, other.low, other.high)


def test_constant_margins_are_undefined():
    """A correlation with a constant is a reason, not 0."""
    made = at(
        analysed(judged("aaa", [1, 1, 1], [1, 2, 3])), "margin_spearman", "teacher", "student-1"
    )
    assert made.value is None
    assert "the same on all pairs" in made.undefined


def test_models_that_were_not_asked_are_named():
    """A predictions file cannot judge pairs; its absence must be said."""
    study = with_minimal_pairs()
    pairs = study.get(MinimalPairs)
    assert pairs is not None
    left = {name: rows for name, rows in pairs.margins.items() if name != "student-1"}
    result = analysed(study.with_observations(replace(pairs, margins=left)))
    assert at(result, "accuracy", "student-1").undefined == (
        "the minimal pairs were not put to student-1"
    )
    assert "No minimal pairs were put to student-1." in result.notes
    assert not [e for e in result.estimates if e.model_b == "student-1"]
    teacherless = {name: rows for name, rows in pairs.margins.items() if name != "teacher"}
    result = analysed(study.with_observations(replace(pairs, margins=teacherless)))
    assert {e.metric for e in result.estimates} == {"accuracy"}


def test_margins_of_the_wrong_shape_are_refused():
    """Runs and pairs mixed up must not broadcast into plausible numbers."""
    study = with_minimal_pairs(pairs=6)
    pairs = study.get(MinimalPairs)
    assert pairs is not None
    wrong = {**pairs.margins, "teacher": np.zeros((6, 1))}
    with pytest.raises(MisalignedError) as caught:
        ANALYSIS.run(
            study.with_observations(replace(pairs, margins=wrong)), MinimalPairAnalysisOptions(), {}
        )
    assert str(caught.value) == (
        "minimal pairs of teacher: margins of shape (6, 1), expected (1, 6) (runs × pairs)"
    )


def test_several_runs_are_averaged():
    """Scoring the first run only would hide the other seeds."""
    study = with_minimal_pairs(runs=2)
    found = at(analysed(study), "accuracy", "teacher")
    expected = judgements(study.get(MinimalPairs).margins["teacher"]).mean()
    assert found.value == pytest.approx(expected)


def test_many_pairs_stay_small():
    """Resamples of all pairs at once would not fit into memory on BLiMP."""
    study = classification(20, resamples=2000)
    part = PairGroup("all", {("", ""): np.arange(30_000)})
    draws = ranked_draws(study, part)
    margins: Floats = np.random.default_rng(0).normal(size=(2, 30_000))
    (values,) = spearman_tables(study, part, [(margins[0], margins[1])])
    assert draws == 200
    assert values.shape == (201,)
    assert values[0] == pytest.approx(spearmanr(margins[0], margins[1]).statistic)
    assert np.std(values[1:]) == pytest.approx(1 / np.sqrt(30_000), rel=0.25)


def test_lost_pairs_are_shown():
    """The table must hold pairs the teacher gets right and the student wrong, and no others."""
    result = analysed(judged("a" * 12, [1.0] * 12, [-1.0] * 10 + [1.0] * 2))
    (table,) = (table for table in result.tables if table.name == "lost_pairs")
    assert len(table.rows) == 3
    for row in table.rows:
        assert isinstance(row[4], float)
        assert isinstance(row[5], float)
        assert row[4] > 0 > row[5]


def test_reasons():
    """A study without pairs must say so."""
    assert "there are no minimal pairs" in (ANALYSIS.skip_reason(binary()) or "")
    study = with_minimal_pairs()
    nobody = study.with_observations(replace(study.get(MinimalPairs), margins={}))
    assert ANALYSIS.skip_reason(nobody) == "the minimal pairs were put to none of the models"
