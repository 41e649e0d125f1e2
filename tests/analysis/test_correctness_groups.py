"""Groups: eight examples by hand, a partition for any labels, seeded samples."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from kdprobe.analysis.correctness_groups import (
    ALL,
    ANALYSIS,
    GROUPS,
    NONE,
    SOME,
    STUDENTS,
    TEACHER,
    CorrectnessGroupsOptions,
    groups_of,
)
from kdprobe.analysis.gold import gold_of
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis import studies

# e0 all right, e1 and e2 one student right, e3 and e4 only the teacher, e5 and e6 only students
# (one, both), e7 nobody.
GOLD = [1] * 8
TEACHER_SAYS = [1, 1, 1, 1, 1, 0, 0, 0]
FIRST = [1, 1, 0, 0, 0, 1, 1, 0]
SECOND = [1, 0, 1, 0, 0, 0, 1, 0]
BY_HAND = {ALL: [0], SOME: [1, 2], TEACHER: [3, 4], STUDENTS: [5, 6], NONE: [7]}


def groups(study: Study, options: CorrectnessGroupsOptions | None = None) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, options or CorrectnessGroupsOptions(), {})


def found(result: AnalysisResult, metric: str, group: str) -> Estimate:
    return next(e for e in result.estimates if (e.metric, e.subset) == (metric, group))


def test_eight_examples_by_hand():
    """An example that one of two students gets right counted as lost, or as kept by all."""
    study = studies.study_of(GOLD, TEACHER_SAYS, FIRST, SECOND)
    result = groups(study)
    overview, samples = result.tables
    for group, rows in BY_HAND.items():
        share = found(result, "share", group)
        assert share.value == pytest.approx(len(rows) / 8)
        assert (share.model_a, share.model_b, share.n) == ("t", "", 8)
        line = next(row for row in overview.rows if row[0] == group)
        assert line[2:6] == (len(rows), share.value, share.low, share.high)
        shown = [row[1] for row in samples.rows if row[0] == group]
        assert shown == [f"e{row}" for row in rows]
    assert [row[0] for row in overview.rows] == list(GROUPS)


def test_samples_say_what_every_model_says():
    """Cells of one example beside the id of another."""
    study = studies.many_classes(200)
    names = study.split.task.labels
    samples = groups(study, CorrectnessGroupsOptions(sample=3)).tables[1]
    assert [column.label for column in samples.columns[:4]] == [
        "group",
        "example",
        "gold label",
        "teacher predicts",
    ]
    assert samples.columns[1].kind == "example"
    for row in samples.rows:
        place = study.split.ids.index(str(row[1]))
        assert row[2] == names[gold_of(study)[place]]
        for at, model in enumerate(study.models):
            assert row[3 + 2 * at] == names[model.first.predicted[place]]
            assert row[4 + 2 * at] == pytest.approx(model.first.confidence[place])


def test_confidence_of_the_teacher_in_each_bucket():
    """The students' confidence, or that over all examples."""
    study = studies.binary(200)
    result = groups(study)
    for group, mask in groups_of(study).items():
        estimate = found(result, "mean_teacher_confidence", group)
        assert estimate.value == pytest.approx(study.teacher.first.confidence[mask].mean())
        assert estimate.n == mask.sum()


@settings(max_examples=40, deadline=None)
@given(studies.small_studies())
def test_every_example_is_in_one_bucket(study):
    """Examples counted twice or not at all: shares that do not add up to 1."""
    masks = np.stack(list(groups_of(study).values()))
    assert (masks.sum(axis=0) == 1).all()
    result = groups(study)
    shares = [found(result, "share", group).value or 0.0 for group in GROUPS]
    assert sum(shares) == pytest.approx(1.0)
    accuracy = (study.teacher.first.predicted == gold_of(study)).mean()
    assert sum(shares[:3]) == pytest.approx(accuracy)


def test_one_student_cannot_be_some_students():
    """A group that is empty by definition shown as a finding of 0."""
    result = groups(studies.identical_models())
    for metric in ("share", "mean_teacher_confidence"):
        assert found(result, metric, SOME).undefined == (
            "with a single student this group cannot hold anything"
        )
    lost = found(result, "share", TEACHER)
    assert lost.value == 0.0
    assert lost.interval == "rule of three"
    assert found(result, "mean_teacher_confidence", TEACHER).undefined == (
        "no example falls into this group"
    )


def test_hard_labels_count_but_have_no_confidence():
    """Groups refused for models of which only labels are known, which is all they need."""
    result = groups(studies.hard_labels())
    assert found(result, "share", ALL).value is not None
    assert found(result, "mean_teacher_confidence", ALL).undefined == (
        "only predicted labels are known of this model, no probabilities"
    )
    assert {row[4] for row in result.tables[1].rows} == {None}


def test_samples_are_seeded_and_do_not_depend_on_the_order_of_the_file():
    """Other examples at every run, or after shuffling the data."""
    study = studies.binary(200)
    options = CorrectnessGroupsOptions(sample=4)
    first = groups(study, options).tables[1]
    assert groups(study, options).tables[1] == first
    assert groups(studies.permuted(study), options).tables[1] == first
    other = groups(replace(study, seed=1), options).tables[1]
    assert other != first
    per_bucket = [row[0] for row in first.rows]
    assert max(per_bucket.count(group) for group in GROUPS) == 4
    assert groups(study, CorrectnessGroupsOptions(sample=0)).tables[1].rows == ()


def test_several_seeds_say_which_run_is_shown():
    """Groups of one seed passed off as those of all."""
    assert groups(studies.several_seeds(40)).notes == (
        "The groups show the first run of teacher, student-1, student-2; the example browser "
        "does too.",
    )
    assert groups(studies.binary(40)).notes == ()


def test_skip_reason():
    """A crash instead of a reason."""
    assert ANALYSIS.skip_reason(studies.teacher_alone()) == (
        "the groups tell teacher and students apart, and there is no student"
    )
    assert ANALYSIS.skip_reason(studies.unlabelled(studies.binary(20))) == (
        "the split has no gold labels, so no prediction is known to be right or wrong"
    )
    assert ANALYSIS.skip_reason(studies.regression(20)) == (
        "a regression predicts numbers, which are more or less close, not right or wrong"
    )


def test_options_are_checked():
    """A negative sample size cut off from the end of the list."""
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        CorrectnessGroupsOptions(sample=-1)
