"""Alarms: they fire on what is broken and stay silent on honest weak models."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from kdprobe.analysis.protocol import NoOptions
from kdprobe.analysis.sanity_checks import ANALYSIS
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.observations.train_texts import TrainTexts
from kdprobe.results.schema import Notice
from kdprobe.stats.alignment import relation, renamings
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.kappa import confusion, independent_kappa, kappa_of, reachable_kappa
from kdprobe.tasks.task import text_hash
from tests.analysis.studies import (
    STUDIES,
    classification,
    constant_regression,
    constant_student,
    hard_labels,
    identical_models,
    ids_of,
    labels_of_two,
    many_classes,
    one_class,
    perfect_models,
    regression,
    small_studies,
    split_of,
    study_of,
    unlabelled,
    with_minimal_pairs,
)


def notices(study: Study) -> dict[str, Notice]:
    result = ANALYSIS.run(study, NoOptions(), {})
    return {notice.code: notice for notice in result.warnings}


def simulated(
    n: int,
    *,
    skills: Sequence[float],
    share: float = 0.69,
    shuffled: bool = False,
    seed: int,
    hard: bool = False,
) -> Study:
    """Calibrated models of a binary task: normal evidence of a strength, and its log-odds."""
    generator = np.random.default_rng(seed)
    study = classification(n, students=len(skills) - 1)
    gold = (generator.random(n) < share).astype(np.int64)
    models = []
    for model, skill in zip(study.models, skills, strict=True):
        evidence = skill * (2 * gold - 1) + generator.normal(size=n)
        odds = 2 * skill * evidence + np.log(share / (1 - share))
        if shuffled and model.role == "student":
            odds = generator.permutation(odds)
        values: Floats = np.stack([np.zeros(n), odds], axis=1)
        if hard:
            values = (odds > 0).astype(float)[:, None]
        run = Predictions(model.name, ids_of(n), values, "labels" if hard else "logits")
        models.append(Population(model.name, model.role, (run,)))
    return Study(split_of(study.split.task, gold, n), tuple(models), resamples=20)


SIMULATED = 30


def fired(n: int, share: float, skills: Sequence[float], *, shuffled: bool = False) -> Counter[str]:
    """How many of 30 simulated studies raise each notice."""
    studies = (
        simulated(n, share=share, skills=skills, shuffled=shuffled, seed=seed)
        for seed in range(SIMULATED)
    )
    return Counter(code for study in studies for code in notices(study))


@pytest.mark.parametrize("n", [277, 1043])
@pytest.mark.parametrize("share", [0.5, 0.69])
def test_shuffled_rows_fire(n: int, share: float):
    """A shuffled list of predictions must not pass for a student that disagrees."""
    assert fired(n, share, (1.2, 1.0), shuffled=True)["misaligned_gold"] > 0.85 * SIMULATED


@pytest.mark.parametrize("n", [60, 277, 1043])
@pytest.mark.parametrize("share", [0.5, 0.69])
@pytest.mark.parametrize("skill", [0.05, 0.2, 0.4, 1.0])
def test_honest_students_stay_silent(n: int, share: float, skill: float):
    """A weak student, just above the most frequent label or below it, is not misaligned."""
    found = fired(n, share, (1.2, skill))
    assert not {"misaligned_gold", "misaligned_models", "label_permutation"} & set(found)


def test_shuffled_rows_without_gold_labels_fire():
    """Without gold labels only the two models' own confidences tell that they should agree."""
    loud = [
        notices(unlabelled(simulated(1043, skills=(1.6, 1.5), shuffled=True, seed=seed)))
        for seed in range(20)
    ]
    assert sum("misaligned_models" in found for found in loud) > 16
    quiet = [
        notices(unlabelled(simulated(1043, skills=(1.6, skill), seed=seed)))
        for seed in range(10)
        for skill in (0.1, 0.5, 1.5)
    ]
    assert not any("misaligned_models" in found for found in quiet)


def test_labels_alone_make_a_warning():
    """Without confidences an empty-headed student looks like shuffled rows: no alarm, a warning."""
    found = [
        notices(simulated(1043, skills=(1.2, 1.0), shuffled=True, seed=seed, hard=True))
        for seed in range(20)
    ]
    raised = [each["misaligned_gold"] for each in found if "misaligned_gold" in each]
    assert len(raised) > 16
    assert {notice.severity for notice in raised} == {"warning"}
    assert raised[0].models == ("student-1",)
    assert "were" not in raised[0].message
    assert "was its file sorted, cut or shuffled?" in raised[0].message


def test_two_good_models_that_avoid_each_other_fire():
    """The rule of thumb: kappa near 0 although both beat the most frequent label."""
    n = 400
    gold = np.array([0, 1] * (n // 2))
    a, b = gold.copy(), gold.copy()
    a[:100], b[100:200] = 1 - gold[:100], 1 - gold[100:200]
    found = notices(study_of(gold.tolist(), a.tolist(), b.tolist()))
    assert kappa_of(confusion(a, b, 2)) == 0.0
    assert found["misaligned_models"].severity == "alarm"
    assert found["misaligned_models"].message.startswith("t and s1 agree no more than chance")


def test_swapped_labels_fire_loudly():
    """A checkpoint with its labels the other way round must not be reported as a bad student."""
    study = classification(200, students=1)
    values = study.models[1].first.values[:, ::-1]
    swapped = Predictions("student-1", study.split.ids, values)
    study = replace(study, models=(study.teacher, Population("student-1", "student", (swapped,))))
    notice = notices(study)["label_permutation"]
    assert notice.severity == "alarm"
    assert "reading its 'bad' as 'good', 'good' as 'bad'" in notice.message
    assert notice.models == ("student-1",)


def test_a_cycle_among_57_labels_is_found():
    """Sorting label names moves a block of them: pairwise swaps alone would not explain it."""
    generator = np.random.default_rng(0)
    gold = np.arange(57).repeat(20)
    said = np.where(generator.random(len(gold)) < 0.9, gold, generator.integers(0, 57, len(gold)))
    assert renamings(gold, said, 57) == []
    moved = np.arange(57)
    moved[[3, 10, 40]] = [10, 40, 3]
    (cycle,) = renamings(gold, moved[said], 57)
    assert dict(zip(cycle.predicted, cycle.meant, strict=True)) == {10: 3, 40: 10, 3: 40}
    assert cycle.gained > 45
    assert cycle.spoiled == 0


def test_a_biased_model_is_not_a_permuted_one():
    """Saying the rare label almost always loses hits to a renaming, but knows the labels."""
    gold = np.array([0] * 300 + [1] * 700)
    said = np.zeros(1000, dtype=np.int64)
    said[900:] = 1
    assert renamings(gold, said, 2) == []
    assert renamings(gold, np.zeros(1000, dtype=np.int64), 2) == []


@settings(max_examples=60, deadline=None)
@given(labels_of_two(max_n=12))
def test_few_examples_never_look_permuted(columns: tuple[Ints, Ints, Ints, int]):
    """On a dozen examples nothing beyond noise can be said about label names."""
    gold, a, _, classes = columns
    if len(gold) < 10:
        assert renamings(gold, a, classes) == []


@settings(max_examples=60, deadline=None)
@given(labels_of_two())
def test_kappa_against_scikit_learn(columns: tuple[Ints, Ints, Ints, int]):
    """A kappa that is off would move every threshold; it may not pass what it can reach."""
    _, a, b, classes = columns
    table = confusion(a, b, classes)
    found = kappa_of(table)
    if found is None:
        assert min(len(set(a.tolist())), len(set(b.tolist()))) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(a, b))
        assert found <= reachable_kappa(table) + 1e-12


def test_independent_kappa_by_hand():
    """The baseline: both right on 3 of 4 in each of two equal classes gives kappa 1/4."""
    gold = np.array([0] * 4 + [1] * 4)
    said = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    assert independent_kappa(gold, said, said, 2) == pytest.approx(0.25)


def test_relation_is_matthews_and_pearson():
    """Thresholds of 1/sqrt(n) hold for a correlation only."""
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 2, (2, 50))
    assert relation(np.eye(2)[a], np.eye(2)[b]) == pytest.approx(matthews_corrcoef(a, b))
    x, y = generator.normal(size=(2, 50, 1))
    assert relation(x, y) == pytest.approx(np.corrcoef(x[:, 0], y[:, 0])[0, 1])
    assert relation(np.zeros((5, 1)), y[:5]) is None


def test_constant_models_fire():
    """A model that says one thing has no kappa; the page must say why."""
    found = notices(constant_student())["constant_predictor"]
    assert found.severity == "alarm"
    assert found.message.startswith("student-1 answers 'good' to all 60 examples")
    assert notices(constant_regression())["constant_predictor"].message.startswith(
        "student-1 answers 2.5 to all 40 examples"
    )


def test_worse_than_the_most_frequent_label():
    """Accuracy .6 reads well until one knows that 90 % are one label."""
    gold = [0] * 90 + [1] * 10
    poor = [1] * 40 + [0] * 50 + [1] * 10
    found = notices(study_of(gold, gold, poor))["below_majority"]
    assert found.models == ("s1",)
    assert found.message == ("s1 is right on 60.0%; always saying 'bad' would be right on 90.0%.")
    almost = [1, 1, *[0] * 88, *[1] * 2, *[0] * 8]
    assert "below_majority" not in notices(study_of(gold, gold, almost))


def test_perfect_and_identical_models():
    """A perfect score and a student equal to its teacher are too good to pass in silence."""
    found = notices(perfect_models())
    assert "was it trained on them" in found["perfect_score"].message
    assert found["identical_models"].severity == "warning"
    assert "are these the same model?" in notices(identical_models())["identical_models"].message
    assert "identical_models" not in notices(classification(60))


def test_the_same_model_in_logits_and_log_probabilities():
    """A predictions file of a model is that model."""
    study = classification(60, students=1)
    run = Predictions(
        "student-1",
        study.split.ids,
        study.teacher.first.log_probabilities,
        "log-probabilities",
    )
    study = replace(study, models=(study.teacher, Population("student-1", "student", (run,))))
    assert "identical_models" in notices(study)


def test_equal_labels_are_a_note_only():
    """Two models that say the same labels may differ in everything else."""
    study = hard_labels()
    run = Predictions("student-1", study.split.ids, study.teacher.first.values, "labels")
    study = replace(study, models=(study.teacher, Population("student-1", "student", (run,))))
    assert notices(study)["identical_models"].severity == "note"


def test_one_seed_given_twice():
    """Copies of a run would make the spread over seeds too small."""
    study = classification(60, students=1)
    twice = Population("teacher", "teacher", study.teacher.runs * 2)
    found = notices(replace(study, models=(twice, study.models[1])))["identical_runs"]
    assert "give the same outputs (1 pairs of runs)" in found.message


def test_texts_of_the_training_split():
    """Scores on remembered texts are not skill."""
    study = classification(60)
    seen = frozenset(text_hash(text) for text in study.split.texts[:6])
    found = notices(study.with_observations(TrainTexts(seen)))["train_overlap"]
    assert found.message.startswith("6 of 60 texts (10.0%) also stand in the training split")
    unseen = study.with_observations(TrainTexts(frozenset({text_hash("something else")})))
    assert "train_overlap" not in notices(unseen)


def test_texts_that_stand_twice():
    """A text with two gold labels puts a ceiling on every model."""
    study = classification(40)
    gold = np.asarray(study.split.labels).copy()
    texts = list(study.split.texts)
    texts[1] = texts[0]
    gold[1] = 1 - gold[0]
    torn = replace(study, split=replace(study.split, texts=tuple(texts), labels=gold))
    assert "(e0, e1)" in notices(torn)["conflicting_duplicates"].message
    gold[1] = gold[0]
    equal = replace(study, split=replace(study.split, texts=tuple(texts), labels=gold))
    assert notices(equal)["duplicate_texts"].severity == "note"
    assert not {"duplicate_texts", "conflicting_duplicates"} & set(notices(study))


def test_scores_upside_down():
    """A regression student with a reversed scale must not pass for a weak one."""
    study = regression()
    run = study.models[1].first
    turned = Predictions("student-1", run.ids, 5.0 - run.values, "scores")
    study = replace(study, models=(study.teacher, Population("student-1", "student", (turned,))))
    assert "is its scale upside down?" in notices(study)["reversed_scale"].message


def test_shuffled_scores_fire():
    """Rows of a regression can be shuffled too."""
    study = regression(400)
    order = np.random.default_rng(3).permutation(400)
    run = study.models[1].first
    mixed = Predictions("student-1", run.ids, run.values[order], "scores")
    study = replace(study, models=(study.teacher, Population("student-1", "student", (mixed,))))
    assert notices(study)["misaligned_gold"].models == ("student-1",)


def test_small_and_single_class_splits():
    """What cannot be said must be said."""
    assert "few_examples" in notices(study_of([1], [1], [0]))
    found = notices(one_class())
    assert "All 40 gold labels are 'good'" in found["single_class"].message
    assert "below_majority" not in found


@pytest.mark.parametrize("name", STUDIES)
def test_every_check_has_an_outcome(name: str):
    """A check that silently does not run looks like one that found nothing."""
    study = STUDIES[name]()
    assert ANALYSIS.skip_reason(study) is None
    result = ANALYSIS.run(study, NoOptions(), {})
    (table,) = result.tables
    outcomes = [row[2] for row in table.rows]
    assert set(outcomes) <= {"fine", "not checked", "alarm", "warning", "note"}
    told = [row for row in outcomes if row not in ("fine", "not checked")]
    assert len(told) == len(result.warnings)
    severities = [["alarm", "warning", "note"].index(n.severity) for n in result.warnings]
    assert severities == sorted(severities)


@settings(max_examples=30, deadline=None)
@given(small_studies())
def test_honest_smallness_raises_no_alignment_alarm(study: Study):
    """On two dozen examples shuffled rows and chance look alike: say nothing."""
    assert "misaligned_gold" not in notices(study)


def test_ordinary_studies_raise_nothing():
    """An alarm that is always on is read by nobody."""
    for study in (classification(300), many_classes(), with_minimal_pairs(), regression(300)):
        assert notices(study) == {}
