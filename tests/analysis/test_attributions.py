"""Agreement and faithfulness of word scores: by hand, by scipy, by property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdprobe.analysis import attribution_agreement, faithfulness
from kdprobe.analysis.attribution_agreement.explained import attributed
from kdprobe.analysis.attribution_agreement.highlights import representative
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.rank_agreement import (
    MEASURES,
    comparable,
    kendall,
    partial_spearman,
    ranks,
    spearman,
    top_k,
)
from tests.analysis.attributed import attributed_study, two_models, with_scores
from tests.analysis.studies import binary, quick

TEXTS = ("one two three four", "five six seven eight", "nine ten eleven twelve", "alone")


def agreement(study: Study) -> AnalysisResult:
    analysis = attribution_agreement.ANALYSIS
    return analysis.run(study, analysis.options(), {})


def value(result: AnalysisResult, metric: str, student: str = "", **where: str) -> Estimate:
    wanted: Mapping[str, str] = {"subset": "all", **where}
    (found,) = (
        one
        for one in result.estimates
        if one.metric == metric
        and one.model_b == student
        and all(getattr(one, key) == wanted[key] for key in wanted)
    )
    return found


numbers = st.lists(st.integers(-4, 4), min_size=3, max_size=9)


@given(numbers, st.randoms())
@quick
def test_correlations_are_scipys(left: list[int], random):
    """Guards against ties ranked by place, which makes equal explanations disagree."""
    right = left.copy()
    random.shuffle(right)
    a, b = np.array(left, dtype=np.float64), np.array(right, dtype=np.float64)
    np.testing.assert_allclose(ranks(a), stats.rankdata(a))
    if np.ptp(a) == 0:
        assert np.isnan(spearman(a, b))
        assert np.isnan(kendall(a, b))
    else:
        assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
        assert kendall(a, b) == pytest.approx(stats.kendalltau(a, b).statistic, abs=1e-9)


@given(st.lists(st.floats(0.125, 8, width=16), min_size=3, max_size=9, unique=True))
@quick
def test_agreement_with_oneself_is_one(values: list[float]):
    """Guards against a chance correction that leaves equal explanations below 1."""
    a = np.array(values) * np.where(np.arange(len(values)) % 2, -1, 1)
    if len(set(np.abs(a))) == len(a):
        assert all(measure(a, a) == pytest.approx(1.0) for measure in MEASURES.values())


def test_top_words_of_unrelated_scores_agree_on_average_not_at_all():
    """Guards against the overlap that chance gives (3 of 8 words) passing for agreement."""
    generator = np.random.Generator(np.random.PCG64(1))
    found = [top_k(*generator.normal(size=(2, 8))) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.02)


def test_partial_correlation_forgets_what_is_given():
    """Guards against agreement that is only the length of the words."""
    generator = np.random.Generator(np.random.PCG64(2))
    given_column = generator.permutation(12).astype(np.float64)
    a = given_column + 0.01 * generator.normal(size=12)
    b = given_column + 0.01 * generator.normal(size=12)
    assert spearman(a, b) > 0.9
    assert np.isnan(partial_spearman(a, b, given_column[:, None]))  # nothing is left
    noise = generator.normal(size=12)
    kept = partial_spearman(ranks(a) + 30 * noise, ranks(b) + 30 * noise, given_column[:, None])
    assert kept > 0.9
    assert np.isnan(partial_spearman(a[:5], b[:5], given_column[:5, None]))


def test_what_cannot_be_ranked_is_left_out():
    """Guards against two words, constant scores and unread words that count as agreement."""
    assert comparable(np.array([1.0, 2.0]), np.array([1.0, 2.0])) is None
    assert comparable(np.zeros(4), np.arange(4.0)) is None
    assert comparable(np.empty(0), np.arange(4.0)) is None
    both = comparable(np.array([1.0, np.nan, 2.0, 3.0]), np.array([3.0, 1.0, 2.0, 1.0]))
    assert both is not None
    assert both[0].tolist() == [1.0, 2.0, 3.0]


def by_hand() -> Study:
    study = two_models([1, 1, 0, 1], [1, 1, 0, 1], [1, 0, 0, 1])
    teacher, student = (model.name for model in study.models)
    up, down = [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]
    swap = [2.0, 1.0, 3.0, 4.0]
    return with_scores(
        study,
        {
            (teacher, "lime", ""): [up, up, up, [1.0]],
            (teacher, "lime", "reseeded"): [up, up, swap, [1.0]],
            (student, "lime", ""): [up, down, swap, [1.0]],
            (student, "lime", "reseeded"): [up, down, swap, [1.0]],
            (student, "lime", "random weights"): [down, up, swap, [1.0]],
        },
        TEXTS,
    )


def test_agreement_ceiling_and_floor_by_hand():
    """Guards against averages over sentences that cannot be ranked, and swapped bounds."""
    study = by_hand()
    result, student = agreement(study), study.students[0].name
    rho = value(result, "spearman", student)
    assert rho.value == pytest.approx((1 - 1 + 0.8) / 3)
    assert rho.n == 3
    assert value(result, "spearman", student, subset="agree").value == pytest.approx(0.9)
    assert value(result, "spearman", student, subset="disagree").value == pytest.approx(-1.0)
    floor, ceiling = (-1 + 1 + 0.8) / 3, np.sqrt((1 + 1 + 0.8) / 3 * 1)
    assert value(result, "floor", student).value == pytest.approx(floor)
    assert value(result, "ceiling", student).value == pytest.approx(ceiling)
    # rho equals the floor here
    assert value(result, "normalised", student).value == pytest.approx(0.0)
    assert value(result, "disattenuated", student).value == pytest.approx(0.8 / 3 / ceiling)
    assert value(result, "ceiling", model_a=study.teacher.name).value == pytest.approx(2.8 / 3)


def test_a_ceiling_from_one_draw_stands_in_for_a_second_seed():
    """By hand: sampled sentences agree with themselves by .6 and .5, the exact one by 1.

    Guards against a ceiling of 1 for sampled sentences of which no second seed was drawn, against
    one for a sentence that cannot be ranked, and a note that names the wrong method.
    """
    study = by_hand()
    seen = study.get(Attributions)
    teacher, student = (model.name for model in study.models)
    scores = dict(seen.scores)
    for name in (teacher, student):
        scores[name, "lime", "reseeded"] = scores[name, "lime", ""]
    pairs = [(name, "lime") for name in (teacher, student)]
    seen = replace(
        seen, scores=scores,
        sampled=dict.fromkeys(pairs, np.array([True, True, False, True])),
        itself=dict.fromkeys(pairs, np.array([0.6, 0.5, np.nan, 0.9])),
        drawn=dict.fromkeys(pairs, np.array([0.25, 1.0, np.nan, 1.0])),
    )  # fmt: skip
    result = agreement(study.with_observations(seen))
    assert value(result, "ceiling", model_a=teacher).value == pytest.approx(0.7)
    assert value(result, "ceiling", student).value == pytest.approx(0.7)
    note = next(note for note in result.notes if note.startswith(f"lime of {teacher}"))
    assert note.endswith(
        "sampled, with 75% of the draws allowed on average (1 stopped early); their ceiling is "
        "from the errors of their own draws."
    )
    assert seen.only(seen.ids[:2]).itself[teacher, "lime"].tolist() == [0.6, 0.5]


def noisy() -> Study:
    """By hand, with ceilings of .8, .8 and 1, and a third sentence of correlation .4."""
    study = by_hand()
    seen = study.get(Attributions)
    assert seen is not None
    teacher, student = (model.name for model in study.models)
    up, swap = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 3.0, 4.0])
    first, second, _, last = seen.scores[student, "lime", ""]
    scores = {
        **seen.scores,
        (teacher, "lime", "reseeded"): (swap, swap, up, np.array([1.0])),
        (student, "lime", ""): (first, second, np.array([3.0, 1.0, 2.0, 4.0]), last),
    }
    return study.with_observations(replace(seen, scores=scores))


def test_right_for_other_reasons_by_hand():
    """Guards against sentences that a model gets wrong in the list, and a threshold turned over."""
    study = noisy()
    result, student = agreement(study), study.students[0].name
    # Both are right on the first and third; the ceiling's 5th percentile is .8.
    share = value(result, "other_reasons", student)
    assert share.value == pytest.approx(0.5)
    assert share.n == 2
    table = next(table for table in result.tables if table.name == "other_reasons")
    assert [row[2] for row in table.rows] == [study.split.ids[2]]


def test_an_explainer_without_noise_is_judged_against_zero():
    """Guards against a ceiling of 1 that makes every sentence right for other reasons."""
    study = by_hand()
    seen = study.get(Attributions)
    assert seen is not None
    teacher = study.teacher.name
    scores = dict(seen.scores)
    scores[teacher, "lime", "reseeded"] = scores[teacher, "lime", ""]
    result = agreement(study.with_observations(replace(seen, scores=scores)))
    assert value(result, "other_reasons", study.students[0].name).value == 0.0


def test_few_noisy_sentences_do_not_set_the_limit():
    """Guards against a limit of .99 by the few sampled sentences of an explainer that is exact."""
    study = by_hand()  # ceilings of 1, 1 and .8
    result, student = agreement(study), study.students[0].name
    assert value(result, "low_agreement", student).value == 0.0
    assert value(result, "other_reasons", student).value == 0.0


def test_two_runs_of_the_teacher_are_a_ceiling_of_their_own():
    """Guards against a second seed that was paid for and not shown."""
    study = by_hand()
    seen = study.get(Attributions)
    assert seen is not None
    teacher = study.teacher.name
    scores = {**seen.scores, (teacher, "lime", "second run"): seen.scores[teacher, "lime", ""]}
    result = agreement(study.with_observations(replace(seen, scores=scores)))
    found = value(result, "ceiling", model_a=teacher, subset="between seeds")
    assert found.value == pytest.approx(1.0)


def test_nothing_is_measured_where_nothing_was_asked():
    """Guards against a default comparison that crashes, or does not say what would add this."""
    for analysis in (attribution_agreement.ANALYSIS, faithfulness.ANALYSIS):
        reason = analysis.skip_reason(binary())
        assert reason is not None
        assert "attribution.methods" in reason
        empty = attributed_study()
        gone = empty.with_observations(replace(empty.get(Attributions), ids=()))
        assert analysis.skip_reason(gone) == (
            "none of the chosen examples holds a word that every model reads"
        )


def test_representative_sentences_cover_words():
    """Guards against a pick of sentences that all say the same."""
    study = by_hand()
    chosen = representative(attributed(study), 2)
    assert len(set(chosen)) == 2
    assert 3 not in chosen  # one word covers less than three


def damaged_study() -> Study:
    """The teacher finds the damaged word of the first two sentences, the student of none."""
    study = two_models([0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1])
    teacher, student = (model.name for model in study.models)
    first, second = [0.0, 5.0, 1.0, 0.0], [1.0, 1.0, -4.0, 1.0]
    study = with_scores(
        study,
        {
            (teacher, "lime", ""): [first, second, [1.0, 2.0, 3.0, 4.0], [1.0]],
            (student, "lime", ""): [first[::-1], second[::-1], [1.0, 2.0, 3.0, 4.0], [1.0]],
        },
        TEXTS,
    )
    columns = {"damaged_word": ("1", "2", "", "")}
    return replace(study, split=replace(study.split, columns=columns))


def test_the_pointing_game_by_hand():
    """Guards against a sign that is not turned where the model calls the sentence acceptable."""
    study = damaged_study()
    analysis = faithfulness.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    teacher, student = (model.name for model in study.models)
    assert value(result, "pointing", model_a=teacher).value == 1.0
    assert value(result, "pointing", model_a=teacher).n == 2
    assert value(result, "pointing", model_a=student).value == 0.0
    assert value(result, "pointing_chance", model_a=teacher).value == 0.25
    # 5 of 6 in the first, 4 of 4 in the second
    mass = value(result, "damaged_mass", model_a=teacher).value
    assert mass == pytest.approx((5 / 6 + 1) / 2)


def test_the_damaged_word_is_named_beside_the_highlights():
    """Guards against highlights of which nobody can tell whether they found the fault."""
    study = damaged_study()
    analysis = attribution_agreement.ANALYSIS
    result = analysis.run(study, analysis.options(), {})
    shown = next(table for table in result.tables if table.name == "explained_sentences")
    places = {column.name: place for place, column in enumerate(shown.columns)}
    why = {str(row[places["example"]]): str(row[places["why"]]) for row in shown.rows}
    ids = study.split.ids
    words = [TEXTS[0].split()[1], TEXTS[1].split()[2]]
    for row, word in enumerate(words):
        assert why[ids[row]].endswith(f"; damaged word: {word}")
    assert "damaged" not in why[ids[2]]


def test_faithfulness_is_measured_against_random_words():
    """Guards against a fall that any words would cause."""
    study = damaged_study()
    seen = study.get(Attributions)
    assert seen is not None
    teacher = study.teacher.name
    deletion = dict(seen.deletion)
    deletion[teacher, "lime"] = np.full((4, 2, 2), 0.5)
    deletion[teacher, "random"] = np.full((4, 2, 2), 0.2)
    analysis = faithfulness.ANALYSIS
    made = study.with_observations(replace(seen, deletion=deletion))
    result = analysis.run(made, analysis.options(), {})
    found = value(result, "comprehensiveness", model_a=teacher)
    assert found.value == pytest.approx(0.3)
    random = value(result, "random_comprehensiveness", model_a=teacher)
    assert random.value == pytest.approx(0.2)


def test_agreement_by_slice_is_that_of_its_sentences():
    """Guards against a slice of the whole split read off the explained sentences' places."""
    study = attributed_study()
    seen = study.get(Attributions)
    assert seen is not None
    assert study.split.labels is not None
    order = np.random.Generator(np.random.PCG64(4)).permutation(len(seen.ids))
    mixed = replace(
        seen,
        ids=tuple(seen.ids[i] for i in order),
        words=tuple(seen.words[i] for i in order),
        target=seen.target[order],
        scores={key: tuple(rows[i] for i in order) for key, rows in seen.scores.items()},
    )
    gold = dict(zip(study.split.ids, study.split.labels.tolist(), strict=True))
    study = study.with_observations(mixed)
    result, student = agreement(study), study.students[0].name
    for place, label in enumerate(study.split.task.labels):
        rhos = [
            stats.spearmanr(*both).statistic
            for key, t, s in zip(
                mixed.ids,
                mixed.scores[study.teacher.name, "lime", ""],
                mixed.scores[student, "lime", ""],
                strict=True,
            )
            if gold[key] == place and (both := comparable(t, s)) is not None
        ]
        found = value(result, "spearman", student, subset=f"label: {label}", method="lime")
        assert found.n == len(rhos)
        if len(rhos) >= 5:
            assert found.value == pytest.approx(np.mean(rhos))
            assert found.low is not None
        else:
            assert found.undefined == f"only {len(rhos)} of its explained sentences can be ranked"
    chart = next(curve for curve in result.curves if curve.name == "by-slice-1")
    assert chart.kind == "forest"
    rows = set(chart.series[0].labels)
    assert {"models agree", f"label: {study.split.task.labels[0]}"} <= rows
    assert any(row.startswith("genre: ") for row in rows)  # the study's own slice column


def test_a_slice_of_four_sentences_has_no_mean():
    """Guards against a mean over noise: one correlation of eight words has a deviation of .38."""
    result = agreement(by_hand())
    found = value(result, "spearman", by_hand().students[0].name, subset="label: bad")
    assert found.value is None
    assert found.undefined == "only 1 of its explained sentences can be ranked"


def test_the_distribution_holds_every_sentence_and_its_bounds():
    """Guards against a sentence at the edge of two bins counted twice, or marks of another row."""
    study = by_hand()
    result, student = agreement(study), study.students[0].name
    (chart,) = (curve for curve in result.curves if curve.kind == "spread")
    (series,) = chart.series
    assert sum(series.counts) == 3
    where = {round(x, 2): count for x, count in zip(series.x, series.counts, strict=True) if count}
    assert where == {-0.95: 1, 0.85: 1, 0.95: 1}
    for mark, metric in (("mean", "spearman"), ("floor", "floor"), ("ceiling", "ceiling")):
        assert series.marks[mark] == value(result, metric, student).value


def test_the_strongest_words_are_named_with_their_scores():
    """Guards against words of another sentence, and against a count of shared words by chance."""
    study = by_hand()
    result = agreement(study)
    table = next(table for table in result.tables if table.name == "top_words")
    texts = dict(zip(study.split.ids, study.split.texts, strict=True))
    assert {row[0] for row in table.rows} == set(study.split.ids)
    for example, model, *words, common in table.rows:
        size = len(texts[str(example)].split())
        shown = [str(word).rsplit(" ", 1) for word in words if word is not None]
        assert sorted(word for word, _ in shown) == sorted(texts[str(example)].split())
        assert [score for _, score in shown] == ["+4.00", "+3.00", "+2.00", "+1.00"][4 - size :]
        assert common == (None if model == study.teacher.name else size)


def test_low_agreement_is_the_limit_of_other_reasons():
    """Guards against a browser whose filter shows other sentences than the list."""
    study = noisy()
    result, student = agreement(study), study.students[0].name
    limit = value(result, "low_agreement", student).value
    assert limit == pytest.approx(0.8)
    (row,) = next(table for table in result.tables if table.name == "other_reasons").rows
    assert row[3] == pytest.approx(0.4)
    assert row[4] == limit


def test_deletion_curves_carry_their_bands_on_both_sides():
    """Guards against a curve of comprehensiveness under the title of sufficiency."""
    study = attributed_study()
    analysis = faithfulness.ANALYSIS
    result = analysis.run(study, analysis.options(), {"attribution_agreement": agreement(study)})
    seen = study.get(Attributions)
    assert seen is not None
    for side, name in enumerate(("deletion", "keeping")):
        curves = [curve for curve in result.curves if curve.name.startswith(name)]
        assert len(curves) == len(study.models)
        for model, curve in zip(study.models, curves, strict=True):
            assert model.name in curve.title
            series = next(series for series in curve.series if series.name == "lime")
            means = seen.deletion[model.name, "lime"][:, :, side].mean(axis=0)
            assert series.y == pytest.approx(means.tolist())
            assert all(
                low is not None and high is not None and low < y < high
                for low, y, high in zip(series.low, series.y, series.high, strict=True)
            )
    (both,) = (curve for curve in result.curves if curve.name == "both-axes")
    assert both.kind == "points"
    assert [series.labels for series in both.series] == [("lime", "shap")] * len(study.students)
    for series in both.series:
        assert series.x[0] == value(
            result, "comprehensiveness", model_a=study.teacher.name, method="lime"
        ).value  # fmt: skip


def test_own_sentences_are_read_instead_of_the_splits():
    """Guards against agreement of the split reported as that of a person's own sentences."""
    own = by_hand()
    study = attributed_study().with_observations(OwnSentences(own))
    found = agreement(study)
    assert found.estimates == agreement(own).estimates
    assert attribution_agreement.ANALYSIS.skip_reason(study.without(Attributions)) is None
    empty = OwnSentences(own.without(Attributions))
    assert attribution_agreement.ANALYSIS.skip_reason(study.with_observations(empty)) is not None
