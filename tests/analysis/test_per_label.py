"""Labels one by one: by hand, and against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import entropy, pearsonr, spearmanr
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
)

from kdprobe.analysis.per_label import ANALYSIS
from kdprobe.analysis.protocol import ANALYSES
from kdprobe.observations.label_sets import labels_of
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult
from tests.analysis.studies import classification, several_labels


def run(study: Study, name: str = "per_label") -> AnalysisResult:
    analysis = ANALYSES.load(name)
    return analysis.run(study, analysis.options(), {})


def value(result: AnalysisResult, metric: str, *where: str) -> float | None:
    a, b, subset = where
    (number,) = [
        e for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset) == (metric, a, b, subset)
    ]  # fmt: skip
    return number.value


@pytest.mark.parametrize("labels", [3, 9])
def test_numbers_of_each_label(labels: int) -> None:
    """Guards a label's number that is another label's, and means over the wrong ones."""
    study = several_labels(80, labels=labels)
    outputs, result = labels_of(study), run(study)
    teacher, student = (outputs.runs[name][0].values for name in ("teacher", "student-1"))
    gold = outputs.gold
    assert gold is not None
    p, q = expit(teacher), expit(student)
    kappas = []
    for at, label in enumerate(outputs.task.labels):
        one = (teacher[:, at] > 0, student[:, at] > 0)
        where = ("teacher", "student-1", label)
        assert value(result, "label_agreement", *where) == pytest.approx(np.mean(one[0] == one[1]))
        kappas.append(cohen_kappa_score(*one))
        assert value(result, "label_kappa", *where) == pytest.approx(kappas[-1])
        pairs = (np.stack([1 - side[:, at], side[:, at]], -1) for side in (p, q))
        assert value(result, "label_kl", *where) == pytest.approx(entropy(*pairs, axis=1).mean())
        assert value(result, "label_pearson", *where) == pytest.approx(
            pearsonr(p[:, at], q[:, at]).statistic
        )
        assert value(result, "label_spearman", *where) == pytest.approx(
            spearmanr(p[:, at], q[:, at]).statistic
        )
        alone = ("student-1", "", label)
        assert value(result, "average_precision", *alone) == pytest.approx(
            average_precision_score(gold[:, at], q[:, at])
        )
        assert value(result, "label_brier", *alone) == pytest.approx(
            brier_score_loss(gold[:, at], q[:, at])
        )
    mean = value(result, "label_kappa", "teacher", "student-1", "all")
    assert mean == pytest.approx(np.mean(kappas))
    joint = value(result, "joint_kl", "teacher", "student-1", "all")
    assert joint == pytest.approx(
        entropy(np.stack([1 - p, p], -1), np.stack([1 - q, q], -1), axis=-1).sum(axis=1).mean()
    )
    kl = value(run(study, "agreement"), "kl", "teacher", "student-1", "all")
    assert kl == pytest.approx(joint)  # whether or not all sets can be listed


def test_scores_of_sets_and_labels() -> None:
    """Guards scores against scikit-learn's, in `task_scores`, on the study of sets."""
    study = several_labels(80)
    outputs, result = labels_of(study), run(study, "task_scores")
    guess, gold = (outputs.runs["teacher"][0].values > 0).astype(int), outputs.gold
    for metric, known in (
        ("f1_micro", f1_score(gold, guess, average="micro")),
        ("f1_macro", f1_score(gold, guess, average="macro")),
        ("f1_samples", f1_score(gold, guess, average="samples", zero_division=1.0)),
        ("subset_accuracy", np.mean((gold == guess).all(axis=1))),
        ("hamming_loss", np.mean(gold != guess)),
    ):
        assert value(result, metric, "teacher", "", "all") == pytest.approx(known), metric
    for at, label in enumerate(outputs.task.labels):
        for metric, of in (
            ("precision", precision_score), ("recall", recall_score), ("label_f1", f1_score)
        ):  # fmt: skip
            known = of(gold[:, at], guess[:, at])
            assert value(result, metric, "teacher", "", label) == pytest.approx(known)


def test_tables_are_two_by_two() -> None:
    """Guards columns that are exchanged: hits, false and missed ones of every label."""
    study = several_labels(80)
    outputs, result = labels_of(study), run(study)
    tables = {table.name: table for table in result.tables}
    guess = outputs.runs["student-2"][0].values > 0
    known = multilabel_confusion_matrix(outputs.gold, guess)
    for at, row in enumerate(tables["gold"].rows):
        cells = dict(zip((c.name for c in tables["gold"].columns), row, strict=True))
        assert [cells[f"{name}:student-2"] for name in ("hits", "false", "missed")] == [
            known[at, 1, 1], known[at, 0, 1], known[at, 1, 0]
        ]  # fmt: skip
    mine = outputs.runs["teacher"][0].values > 0
    for at, row in enumerate(tables["decisions"].rows):
        cells = dict(zip((c.name for c in tables["decisions"].columns), row, strict=True))
        a, b = mine[:, at], guess[:, at]
        counts = [(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()]
        heads = ("both", "teacher alone", "student alone", "neither")
        assert [cells[f"{head}:student-2"] for head in heads] == counts


def test_undefined_labels_are_left_out_of_the_mean_and_said() -> None:
    """Guards 0 in place of a reason: a label that nobody is predicted to have has no kappa."""
    study = several_labels(40)
    outputs = labels_of(study)
    for run_ in (outputs.runs[name][0] for name in outputs.runs):
        values = run_.values.copy()
        values[:, 2] = -5.0
        object.__setattr__(run_, "values", values)
    result = run(study)
    (number,) = [
        e for e in result.estimates
        if (e.metric, e.model_b, e.subset) == ("label_kappa", "student-1", "topic-2")
        and e.model_a == "teacher"
    ]  # fmt: skip
    assert number.value is None
    assert "kappa would be 0" in number.undefined
    (mean,) = [
        e for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset)
        == ("label_kappa", "teacher", "student-1", "all")
    ]  # fmt: skip
    assert mean.value is not None
    assert mean.note.startswith("the mean over 2 of 3 labels")


def test_one_label_an_example_is_refused() -> None:
    """Guards the analysis of single labels against tasks that have none."""
    reason = ANALYSIS.skip_reason(classification(20))
    assert reason == "examples of this task have one label or number, not several labels at once"
