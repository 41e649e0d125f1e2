"""Causal use: numbers by hand, who uses what, what is kept unused, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import matthews_corrcoef

from kdprobe.analysis.causal_use import ANALYSIS
from kdprobe.analysis.causal_use.effects import Effect, effects_of, with_p
from kdprobe.analysis.causal_use.verdicts import KeptProperty, usage_of
from kdprobe.analysis.probing import ANALYSIS as PROBING
from kdprobe.observations.causal_use import CausalUse, ErasedLayer, ErasedProperty
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.arrays import Floats
from tests.analysis.erased import DRAWS, erased
from tests.analysis.probed import probed
from tests.analysis.studies import binary, classification_task, quick, regression, study_of


def result_of(study: Study, **done: AnalysisResult) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, ANALYSIS.options(), done)


def at(
    result: AnalysisResult, metric: str, model: str, name: str, layer: str = "0", student: str = ""
) -> Estimate:
    (one,) = (
        e
        for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset, e.layer)
        == (metric, model, student, name, layer)
    )
    return one


def logits(*shares: float) -> Floats:
    """Logits `[n, 2]` of these probabilities of class 1."""
    ones = np.array(shares)
    return np.log(np.stack([1 - ones, ones], axis=1))


def by_hand() -> Study:
    """Four examples; erasing flips the second, random subspaces flip none and move half as far."""
    study = study_of([0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 1])
    clean = logits(0.2, 0.8, 0.6, 0.4)
    layer = ErasedLayer(
        "t", 0, "p", 1, 1, 0.05, 0.05,
        logits(0.2, 0.3, 0.6, 0.4),
        np.stack([clean, clean, clean, clean, logits(0.2, 0.6, 0.6, 0.4)]),
    )  # fmt: skip
    properties = (ErasedProperty("p", ("A", "B"), 100, "toy"),)
    observation = CausalUse(study.split.ids, properties, {("t", 0): clean}, (layer,), {}, {}, 5)
    return study.with_observations(observation)


def test_a_case_worked_by_hand():
    """Guards KL the wrong way round, sums in place of means, and a control that is not averaged.

    KL of (.2, .8) from (.7, .3): .2 ln(2/7) + .8 ln(8/3) = .5341; from (.4, .6): .2 ln .5 + .8
    ln(4/3) = .0915. Over 4 examples, and 5 draws for the second.
    """
    result = result_of(by_hand())
    erasing, control = 0.53410 / 4, 0.09152 / 4 / 5
    assert at(result, "erased_change", "t", "p", "1").value == pytest.approx(erasing, abs=1e-5)
    assert at(result, "control_change", "t", "p", "1").value == pytest.approx(control, abs=1e-5)
    assert at(result, "use", "t", "p", "1").value == pytest.approx(erasing - control, abs=1e-5)
    assert at(result, "flips_beyond_control", "t", "p", "1").value == pytest.approx(0.25)
    loss = at(result, "score_loss_beyond_control", "t", "p", "1")
    assert loss.value == pytest.approx(0.25)  # accuracy 1 with each random subspace, .75 without p
    assert loss.n == 4


def test_the_score_is_the_tasks_own():
    """Holds the loss against scikit-learn: the primary score of the examples that were run."""
    study = by_hand()
    task = classification_task(primary="mcc")
    study = replace(study, split=replace(study.split, task=task))
    one = study.get(CausalUse).layers[0]
    gold = np.asarray(study.split.labels)
    scores = [
        matthews_corrcoef(gold, values.argmax(axis=1)) for values in (one.erased, *one.controls)
    ]
    loss = at(result_of(study), "score_loss_beyond_control", "t", "p", "1")
    assert loss.value == pytest.approx(np.mean(scores[1:]) - scores[0])


def test_p_is_that_of_a_t_test_beyond_the_spread_of_the_draws():
    """Guards a p-value that takes the mean of five random subspaces for the truth about them."""
    generator = np.random.default_rng(0)
    n, draws = 50, 5
    examples = generator.normal(0.3, 1.0, size=n)
    subspaces = generator.uniform(0.5, 1.5, size=draws)
    use = np.full(3, examples.mean())
    layer = ErasedLayer("t", 0, "p", 1, 1, 0.1, 0.1, np.zeros((n, 2)), np.zeros((draws, n, 2)))
    effect = Effect(
        (layer,), use + 1.0, np.ones(3), None, examples, np.array([examples.mean()]), subspaces
    )
    own = with_p({("t", "p", 1): effect})["t", "p", 1]
    parts = (subspaces.var(ddof=1) * (1 + 1 / draws), examples.var(ddof=1) / n)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (draws - 1) + parts[1] ** 2 / (n - 1))
    expected = stats.t.sf(examples.mean() / np.sqrt(sum(parts)), freedom)
    assert own.p_value == pytest.approx(expected, rel=1e-9)
    # a second property of the layer adds what it knows of how random subspaces differ
    wide = replace(effect, subspaces=subspaces * np.array([1, 1, 1, 1, 9.0]))
    both = with_p({("t", "p", 1): effect, ("t", "q", 1): wide})
    assert both["t", "p", 1].p_value > own.p_value  # type: ignore[operator]
    apart = with_p({("t", "p", 1): effect, ("t", "q", 2): wide})
    assert apart["t", "p", 1].p_value == own.p_value


@quick
@given(st.integers(0, 9999))
def test_a_property_that_is_one_more_random_subspace_is_seldom_used(seed: int):
    """Guards the false findings that an interval over examples alone would bring."""
    generator = np.random.default_rng(seed)
    p = []
    for _ in range(50):
        sizes = generator.chisquare(3, size=1 + DRAWS)
        values = np.abs(generator.normal(1.0, 0.1, size=(1 + DRAWS, 40))) * sizes[:, None]
        beyond = values[0] - values[1:].mean(axis=0)
        layer = ErasedLayer("t", 0, "p", 1, 1, 0.1, 0.1, np.zeros((2, 2)), np.zeros((5, 2, 2)))
        effect = Effect(
            (layer,), np.full(2, values[0].mean()), np.full(2, values[1:].mean()), None,
            beyond, beyond.mean(keepdims=True), values[1:].mean(axis=1),
        )  # fmt: skip
        p.append(with_p({("t", "p", 1): effect})["t", "p", 1].p_value)
    assert np.mean(np.array(p) <= 0.05) <= 0.26  # 5 % nominal, 13 of 50 by chance less than 1e-5


def test_who_uses_what_is_listed():
    """Guards the lists: the teacher uses number, nobody uses tense, no student uses anything."""
    study = erased(probed(binary()))
    probing = PROBING.run(study, PROBING.options(), {})
    result = result_of(study, probing=probing)
    lost, unused, usage, table = result.tables
    students = [student.name for student in study.students]
    assert [row[:3] for row in lost.rows] == [("subj_number", one, "0, 1") for one in students]
    # probing knows past_present alone; teacher and both students keep it, nobody uses it
    assert [row[:3] for row in unused.rows] == [
        ("past_present", "teacher", "1"), ("past_present", students[0], "1"),
        ("past_present", students[1], "2"),
    ]  # fmt: skip
    assert {row[1]: row[2] for row in usage.rows if row[0] == "subj_number"} == {
        "teacher": "used", **dict.fromkeys(students, "not used")
    }  # fmt: skip
    assert len(table.rows) == 3 * 2 * 2
    assert at(result, "use_lost", "teacher", "subj_number", "", students[0]).low > 0  # type: ignore[operator]
    heat = result.matrices[0]
    assert heat.columns == ("0", "1", "2")
    assert heat.values[0][2] is None
    assert heat.sure[0][:2] == (0.0, 0.0)
    assert min(value for value in heat.sure[1][:2] if value is not None) > 0


def test_without_probing_what_is_kept_is_not_known():
    """Guards "unused" said of what nobody looked for."""
    result = result_of(erased(binary()))
    assert [table.name for table in result.tables] == ["no_longer_used", "usage", "erased"]
    assert any("no layer was probed" in note for note in result.notes)


def test_what_is_unclear_is_neither_used_nor_unused():
    """Guards a list of the unused that holds what one more draw would have shown to be used."""

    def of(metric: str, low: float, q: float) -> Estimate:
        return Estimate(
            metric=metric, model_a="t", subset="p", layer="1", value=low + 0.1, low=low,
            high=low + 0.2, q_value=q, n=9,
        )  # fmt: skip

    loss = "score_loss_beyond_control"
    for use, lost, verdict in (
        (of("use", -0.01, 0.4), of(loss, -0.02, 0.5), "not used"),
        (of("use", 0.01, 0.4), of(loss, -0.02, 0.5), "unclear"),
        (of("use", -0.01, 0.4), of(loss, 0.02, 0.2), "unclear"),
        (of("use", -0.01, 0.4), of(loss, 0.02, 0.01), "used"),
        (of("use", 0.01, 0.04), of(loss, -0.02, 0.5), "used"),
    ):
        usage = usage_of([use, lost], "t", "p")
        assert usage.verdict == verdict
        assert usage.is_unused is (verdict == "not used")
    assert usage_of([], "t", "p").verdict == "not known"


@pytest.mark.parametrize(("low", "kept"), [(0.70, True), (0.60, False)])
def test_kept_is_more_than_random_weights_give(low: float, kept: bool):
    """Guards a property that any embedding of words gives away."""
    assert KeptProperty("1", 0.8, low, 0.65).is_kept is kept


def test_what_cannot_be_erased_is_undefined_with_the_reason():
    """Guards a hole in the table, and a student of a file that "uses nothing"."""
    study = erased(binary(), unread="student-2")
    result = result_of(study)
    file = at(result, "use", "student-2", "subj_number", "")
    assert "predictions file" in file.undefined
    assert "gives the states" in at(result, "use", "teacher", "subj_number", "2").undefined
    assert (
        "student-2" in at(result, "use_lost", "teacher", "subj_number", "", "student-2").undefined
    )
    assert not [row for row in result.tables[0].rows if row[1] == "student-2"]
    assert [one.code for one in result.warnings] == ["causal-use-unread"]


def test_a_layer_that_holds_nothing_is_undefined():
    """Guards 0 that reads as "not used" where nothing was taken away."""
    study = by_hand()
    observation = study.get(CausalUse)
    empty = replace(observation.layers[0], rank=0, share=0.0, control_share=0.0)
    study = study.with_observations(replace(observation, layers=(empty,)))
    assert "nothing was erased" in at(result_of(study), "use", "t", "p", "1").undefined


def test_a_control_of_another_size_is_a_warning():
    """Guards a comparison with subspaces that could not take as much."""
    study = by_hand()
    observation = study.get(CausalUse)
    small = replace(observation.layers[0], control_share=0.03)
    study = study.with_observations(replace(observation, layers=(small,)))
    assert [one.code for one in result_of(study).warnings] == ["causal-use-control"]


def test_a_regression_moves_by_numbers():
    """Guards KL of scores, and labels of a task that has none."""
    study = erased(regression(60), examples=60)
    result = result_of(study)
    one = study.get(CausalUse).layers[0]
    moved = np.abs(one.erased - study.get(CausalUse).clean["teacher", 0]).mean()
    assert at(result, "erased_change", "teacher", one.property).value == pytest.approx(moved)
    assert (
        "labels that flip" in at(result, "flips_beyond_control", "teacher", one.property).undefined
    )
    assert result.matrices[0].unit == "score"


def test_runs_are_averaged():
    """Guards a model of several seeds of which only the first is looked at."""
    study = by_hand()
    observation = study.get(CausalUse)
    first = observation.layers[0]
    other = replace(first, run=1, erased=observation.clean["t", 0])
    clean = {**observation.clean, ("t", 1): observation.clean["t", 0]}
    both = replace(observation, layers=(first, other), clean=clean)
    (effect,) = effects_of(study, both).values()
    (alone,) = effects_of(study, observation).values()
    assert effect.change[0] == pytest.approx(alone.change[0] / 2)
    assert len(effect.runs) == 2


def test_nothing_erased_is_a_reason():
    """Guards an empty section in every report."""
    assert "no property was erased" in (ANALYSIS.skip_reason(binary()) or "")
