"""Several labels at once as one class: sets, their probabilities, and what comes of them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logsumexp

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.analysis.slicing import SliceOptions, slices_of
from kdprobe.config.kinds import LabelSets
from kdprobe.observations.label_sets import (
    LabelOutputs,
    as_given,
    label_sets,
    labels_of,
    log_joint,
    observed,
    probabilities_of,
)
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.tasks.task import NO_LABEL, Split, Task
from tests.analysis.studies import ids_of, permuted, quick, several_labels, split_of

TASK = Task("t", 1, "multilabel", ("a", "b"), "f1_micro")


def study_of(gold: list[list[int]], *outputs: list[list[float]]) -> Study:
    models = tuple(
        Population(f"m{place}", "student" if place else "teacher",
                   (Predictions(f"m{place}", ids_of(len(gold)), np.array(each), "label logits"),))
        for place, each in enumerate(outputs)
    )  # fmt: skip
    return observed(split_of(TASK, np.array(gold), len(gold)), models, resamples=50)


def test_sets_by_hand() -> None:
    """Guards the numbering: an empty set is a set, and -1 is no gold label."""
    study = study_of([[0, 0], [1, 1], [-1, -1]], [[-1, -1], [2, -2], [0, 1e-9]])
    assert study.split.task.labels == ("(none)", "a", "b", "a + b")
    assert study.split.task.kind == "classification"
    assert study.split.labels is not None
    assert study.split.labels.tolist() == [0, 3, NO_LABEL]
    assert study.teacher.first.predicted.tolist() == [0, 1, 2]
    s = expit
    assert study.teacher.first.confidence[1] == pytest.approx(s(2) * (1 - s(-2)))
    given_back = as_given(study)
    assert given_back.task == TASK
    assert np.array_equal(given_back.labels, [[0, 0], [1, 1], [-1, -1]])


numbers = arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(2, 9)), elements=st.floats(-30, 30)
)


@quick
@given(values=numbers)
def test_the_most_probable_set_is_the_predicted_one(values) -> None:
    """Guards a rest that is answered, ties that rounding makes, and sums that are not 1."""
    n, count = values.shape
    names = tuple(f"l{place}" for place in range(count))
    task = Task("t", 1, "multilabel", names, "f1_micro")
    run = Predictions("m", ids_of(n), values, "label logits")
    study = observed(split_of(task, None, n), (Population("m", "teacher", (run,)),))
    sets, first = study.split.task.sets, study.teacher.first
    assert sets is not None
    assert sets.rest == (count > 6)
    predicted = [set(sets.members[code]) for code in first.predicted.tolist()]
    assert predicted == [set(np.flatnonzero(row > 0).tolist()) for row in values]
    np.testing.assert_allclose(logsumexp(first.log_probabilities, axis=1), 0, atol=1e-9)
    likelier = np.maximum(expit(values), expit(-values)).prod(axis=1)
    np.testing.assert_allclose(first.confidence, likelier, rtol=1e-6)
    each = probabilities_of(study, study.teacher)
    np.testing.assert_allclose(each, expit(values), atol=1e-12)


def test_the_rest_holds_what_is_not_listed() -> None:
    """Guards a rest of 0, or of everything: two labels of one half, one set listed."""
    sets = LabelSets(("a", "b"), ((0, 1),), rest=True)
    assert np.exp(log_joint(np.zeros((1, 2)), sets)).tolist() == [[0.25, 0.75]]
    assert label_sets(Task("t", 1, "multilabel", tuple("abcdefg"), "f1_micro"),
                      [np.eye(7, dtype=np.int64)]).names[-1] == "(any other set)"  # fmt: skip


def test_rows_follow_the_examples() -> None:
    """Guards outputs of labels that stay where they were while the examples are reordered."""
    study = permuted(several_labels(30))
    outputs = labels_of(study)
    assert outputs.ids == study.split.ids
    sets = study.split.task.sets
    assert sets is not None
    assert np.array_equal(sets.matrix[study.split.labels], outputs.gold)
    part = study.get(LabelOutputs).only(study.split.ids[3:5])
    assert np.array_equal(part.runs["teacher"][0].values, outputs.runs["teacher"][0].values[3:5])


def test_slices_are_of_labels_not_of_sets() -> None:
    """Guards slices of each set: an example with two labels is in the slice of both."""
    study = study_of([[1, 1], [1, 0], [0, 0], [-1, -1]], [[1, 1], [1, 1], [1, 1], [1, 1]])
    masks = {part.subset: part.mask.tolist() for part in slices_of(study, SliceOptions())}
    assert masks["label: a"] == [True, True, False, False]
    assert masks["label: b"] == [True, False, False, False]
    assert not any("+" in name for name in masks)


def test_an_unlabelled_study_is_that_of_the_others_left_out() -> None:
    """Guards numbers that count an example without gold labels as one without labels."""
    whole = several_labels(40)
    gold = labels_of(whole).gold
    assert gold is not None
    holes = gold.copy()
    holes[::4] = NO_LABEL
    outputs = labels_of(whole)
    models = tuple(dataclasses.replace(m, runs=outputs.runs[m.name]) for m in whole.models)
    split = Split(outputs.task, "dev", whole.split.ids, whole.split.texts, labels=holes)
    study = observed(split, models, resamples=100)
    rows = np.flatnonzero(np.arange(40) % 4)
    kept = tuple(
        dataclasses.replace(
            m, runs=tuple(dataclasses.replace(r, ids=tuple(split.ids[i] for i in rows),
                                              values=r.values[rows]) for r in m.runs)
        )
        for m in models
    )  # fmt: skip
    alone = observed(split.take(rows), kept, resamples=100)
    for name in ("task_scores", "per_label"):
        analysis = ANALYSES.load(name)
        one, other = (
            analysis.run(each, analysis.options(), {})
            for each in (study.with_gold() if name == "task_scores" else study, alone)
        )
        theirs = {(e.metric, e.model_a, e.model_b, e.subset): e for e in other.estimates}
        for number in one.estimates:
            if number.metric in ("f1_micro", "average_precision", "label_calibration_error"):
                twin = theirs[number.metric, number.model_a, number.model_b, number.subset]
                assert (number.value, number.low, number.n) == (twin.value, twin.low, twin.n)
