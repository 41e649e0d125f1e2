"""The thesis's lists: five examples by hand, sorted references, seeds and reasons."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kdprobe.analysis.exemplary_cases import ANALYSIS, ExemplaryCasesOptions
from kdprobe.analysis.gold import gold_of
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Table
from kdprobe.stats.arrays import Floats
from tests.analysis import studies

EXTREMES = "most and least confident hits and mistakes"
ALONE = "only one student right"
APART = "one student confident, another not"
UNSURE = "teacher confident, all students not"


def left_out(what: str, why: str) -> str:
    return f"The list “{what}” was skipped: {why}."


def lists(study: Study, top: int = 10) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, ExemplaryCasesOptions(top=top), {})


def table(result: AnalysisResult, name: str) -> Table:
    return next(item for item in result.tables if item.name == name)


def ids(shown: Table, *heading: str) -> list[str]:
    """The example ids under a heading, in order."""
    place = [column.name for column in shown.columns].index("example")
    return [str(row[place]) for row in shown.rows if row[: len(heading)] == heading]


def of_class_one(gold: list[int], *models: list[float]) -> Study:
    """Build binary models, called t, s1 and so on, from their probabilities of class 1."""
    shapes = studies.study_of(gold, *([0] * len(gold) for _ in models))

    def run(model: Population, p: Floats) -> Predictions:
        values = np.log(np.stack([1 - p, p], axis=1))
        return Predictions(model.name, model.first.ids, values, "log-probabilities")

    return replace(
        shapes,
        models=tuple(
            replace(model, runs=(run(model, np.array(p)),))
            for model, p in zip(shapes.models, models, strict=True)
        ),
    )


BY_HAND = of_class_one(
    [1, 1, 1, 0, 0],
    [0.99, 0.60, 0.80, 0.70, 0.05],  # right on e0 e1 e2 e4
    [0.90, 0.30, 0.45, 0.20, 0.40],  # right on e0 e3 e4
    [0.55, 0.70, 0.35, 0.90, 0.45],  # right on e0 e1 e4
)


def test_p1_by_hand():
    """Least confident taken for most, mistakes for hits, or class 1 for the predicted class."""
    shown = table(lists(BY_HAND, top=2), "P1:t")
    assert ids(shown, "most confident hits") == ["e0", "e4"]
    assert ids(shown, "least confident hits") == ["e1", "e2"]
    assert ids(shown, "most confident mistakes") == ["e3"]
    assert ids(shown, "least confident mistakes") == ["e3"]
    row = shown.rows[1]
    assert row[:5] == ("most confident hits", 4, "e4", "bad", "bad")
    assert row[5] == pytest.approx(0.95)


def test_p4_by_hand():
    """Examples that the teacher gets wrong too, or that both students get right."""
    shown = table(lists(BY_HAND), "P4")
    assert ids(shown, "s2") == ["e1"]
    assert ids(shown, "s1") == []  # e3 is s1's alone, but the teacher is wrong


def test_p4_means_exactly_one_of_three_students():
    """With three students an example of two counted as that of one."""
    study = studies.study_of([1, 1, 1], [1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 1])
    shown = table(lists(study), "P4")
    assert [ids(shown, name) for name in ("s1", "s2", "s3")] == [["e0"], [], ["e2"]]


def test_p5_by_hand():
    """Absolute differences, so that both directions show the same list."""
    shown = table(lists(BY_HAND), "P5")
    # Confidences s1 .90 .70 .55 .80 .60, s2 .55 .70 .65 .90 .55.
    assert ids(shown, "s1", "s2") == ["e0", "e4"]
    assert ids(shown, "s2", "s1") == ["e2", "e3"]


def test_p7_by_hand():
    """Examples that one student gets right."""
    shown = table(lists(BY_HAND), "P7")
    assert ids(shown) == ["e2"]
    assert shown.rows[0][0] == 1


def test_p8_by_hand():
    """Ranked by one student instead of the average, or a confident student let in."""
    # Gaps e0 .09 .44, e1 -.10 -.10, e2 .25 .15, e3 -.10 -.20, e4 .35 .40.
    assert ids(table(lists(BY_HAND), "P8")) == ["e4", "e0", "e2"]


def test_ranked_lists_are_those_of_a_sort():
    """Numbers that stand beside the wrong example in a task of 57 classes."""
    study = studies.many_classes()
    result = lists(study, top=7)
    gold, names = gold_of(study), np.array(study.split.ids)
    for model in study.models:
        sure, right = model.first.confidence, model.first.predicted == gold
        shown = table(result, f"P1:{model.name}")
        order = np.argsort(sure)
        assert ids(shown, "most confident mistakes") == list(
            names[order[::-1]][~right[order[::-1]]][:7]
        )
        assert ids(shown, "least confident hits") == list(names[order][right[order]][:7])
    teacher, *students = (model.first.confidence for model in study.models)
    gap = teacher - np.mean(students, axis=0)
    below = (teacher > np.max(students, axis=0)).nonzero()[0]
    expected = names[below[np.argsort(-gap[below])]][:7]
    assert ids(table(result, "P8")) == list(expected)
    first, second = students
    assert ids(table(result, "P5"), "student-2", "student-1") == list(
        names[np.argsort(first - second)][:7]
    )


def test_random_lists_are_seeded_and_do_not_depend_on_the_order_of_the_file():
    """Other examples at every run, or after shuffling the data."""
    study = studies.binary(300)
    first = lists(study, top=3)
    assert lists(study, top=3) == first
    assert lists(studies.permuted(study), top=3) == first
    moved = lists(replace(study, seed=1), top=3)
    assert ids(table(moved, "P7")) != ids(table(first, "P7"))
    assert table(moved, "P8") == table(first, "P8")  # ranked, nothing random


def test_ties_go_by_id():
    """Equal confidences ordered by the rounding of their last bit, which differs by machine."""
    study = studies.study_of([0, 1, 0, 1], [0, 1, 0, 1])
    assert ids(table(lists(study, top=2), "P1:t"), "most confident hits") == ["e0", "e1"]
    assert ids(table(lists(study, top=2), "P1:t"), "least confident hits") == ["e0", "e1"]


def test_an_empty_list_says_so():
    """A heading without rows that looks like a fault of the page."""
    shown = table(lists(studies.perfect_models()), "P7")
    assert shown.rows == ()
    assert shown.caption.endswith("No example qualifies.")


def test_hard_labels_keep_the_lists_that_need_no_confidence():
    """Confidences of 1 made up for models of which only labels are known."""
    result = lists(studies.hard_labels())
    assert [item.name for item in result.tables] == ["P4", "P7"]
    assert result.notes == (
        left_out(EXTREMES, "no confidences are known"),
        left_out(APART, "the confidences of fewer than two students are known"),
        left_out(UNSURE, "the confidences of teacher, student-1, student-2 are not known"),
    )
    shown = table(result, "P7")
    place = [column.name for column in shown.columns].index("confidence_0")
    assert {row[place] for row in shown.rows} == {None}
    mixed = lists(studies.mixed_scales())
    assert [item.name for item in mixed.tables] == ["P1:teacher", "P1:student-1", "P4", "P7"]
    assert "Of student-2 no confidences are known, so no most confident." in mixed.notes


def test_unlabelled_examples_keep_the_lists_that_need_no_gold():
    """Missing gold labels read as a class."""
    result = lists(studies.unlabelled(studies.binary(60)))
    assert [item.name for item in result.tables] == ["P5", "P8"]
    gold = [column.name for column in result.tables[0].columns].index("label")
    assert {row[gold] for row in result.tables[0].rows} == {None}
    assert result.notes[0] == (
        left_out(
            EXTREMES, "the split has no gold labels, so no prediction is known to be right or wrong"
        )
    )


def test_one_student_and_no_student():
    """Lists that compare students made of a single one."""
    one = lists(studies.identical_models())
    assert one.notes == (
        left_out(ALONE, "it compares students, and there is only one"),
        left_out(APART, "it compares students, and there is only one"),
    )
    alone = lists(studies.teacher_alone())
    assert [item.name for item in alone.tables] == ["P1:teacher"]
    assert alone.notes[0] == left_out(ALONE, "there is no student")


def test_skip_reason():
    """A section without a single list."""
    assert ANALYSIS.skip_reason(studies.regression(20)) == (
        "a regression predicts numbers, which are more or less close, not right or wrong"
    )
    reason = ANALYSIS.skip_reason(studies.unlabelled(studies.hard_labels(20)))
    assert reason is not None
    assert reason.startswith(f"{EXTREMES}: the split has no gold labels")
    assert reason.endswith(
        f"{UNSURE}: the confidences of teacher, student-1, student-2 are not known"
    )


def test_several_seeds_say_which_run_is_shown():
    """Lists of one seed passed off as those of all."""
    assert lists(studies.several_seeds(40)).notes == (
        "The lists show the first run of teacher, student-1, student-2; the example browser does "
        "too.",
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 5), st.integers(1, 12))
def test_lists_hold_what_their_headings_say(seed, n, classes, top):
    """More than was asked for, an example twice, or one that does not belong."""
    study = studies.classification(n, classes=classes, students=3, seed=seed, resamples=1)
    gold = gold_of(study)
    right = {model.name: model.first.predicted == gold for model in study.models}
    students = [student.name for student in study.students]
    result = lists(study, top=top)
    for name in students:
        for example in ids(table(result, "P4"), name):
            place = study.split.ids.index(example)
            assert right["teacher"][place]
            assert [other for other in students if right[other][place]] == [name]
    lost = ids(table(result, "P7"))
    assert len(lost) == len(set(lost)) <= top
    for example in lost:
        place = study.split.ids.index(example)
        assert right["teacher"][place]
        assert not any(right[name][place] for name in students)
    every = right["teacher"] & ~np.any([right[name] for name in students], axis=0)
    assert len(lost) == min(top, every.sum())


def test_options_are_checked():
    """A list of no length."""
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ExemplaryCasesOptions(top=0)
