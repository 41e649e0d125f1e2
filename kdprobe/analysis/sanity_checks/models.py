"""Checks of each model: its label names, a constant answer, its score, its double.

Does: compare each run with the gold labels and with other runs. Does not: look at texts or rows.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from kdprobe.analysis.gold import NO_GOLD, gold_classes
from kdprobe.analysis.sanity_checks.check import Check, Severity, fine, flagged, runs_of, unchecked
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.alignment import renamings
from kdprobe.stats.clustered_tests import mcnemar_of

_LABELS = "labels go by their names"
_CONSTANT = "more than one answer"
_MAJORITY = "better than the most frequent label"
_PERFECT = "not perfect"
_COPIES = "different models"
_FEW = 10  # a perfect score on fewer examples is no surprise


def _renamed(study: Study, name: str, model: str, run: Predictions) -> Check:
    gold, names = gold_classes(study), study.split.task.labels
    if gold is None:
        return unchecked(_LABELS, NO_GOLD, models=(name,))
    cycles = renamings(gold, run.predicted, study.classes)
    if not cycles:
        detail = "no renaming of labels would raise accuracy beyond noise"
        return fine(_LABELS, detail, models=(name,))
    accuracy = float((run.predicted == gold).mean())
    gain = sum(cycle.gained - cycle.spoiled for cycle in cycles) / study.n
    renamed = "; ".join(
        ", ".join(
            f"'{names[answer]}' as '{names[meant]}'"
            for answer, meant in zip(cycle.predicted, cycle.meant, strict=True)
        )
        for cycle in cycles
    )
    return flagged(
        _LABELS,
        "label_permutation",
        "alarm",
        f"The labels of {name} are probably permuted: reading its {renamed} would raise its "
        f"accuracy from {accuracy:.1%} to {accuracy + gain:.1%}. Compare the order of its label "
        "names with the task's.",
        models=(model,),
        detail=f"accuracy {accuracy:.3f}, with renamed labels {accuracy + gain:.3f}",
    )


def check_labels(study: Study) -> list[Check]:
    """Look for permuted labels of each run; for a regression, for a reversed scale."""
    if study.split.task.kind == "regression":
        return [_reversed(study, name, model.name, run) for model, name, run in runs_of(study)]
    return [_renamed(study, name, model.name, run) for model, name, run in runs_of(study)]


def _reversed(study: Study, name: str, model: str, run: Predictions) -> Check:
    what, labels = "scores rise with the gold scores", study.split.labels
    if labels is None:
        return unchecked(what, "the split has no gold scores", models=(name,))
    gold = np.asarray(labels, dtype=np.float64)
    if np.ptp(gold) == 0 or np.ptp(run.scores) == 0:
        return unchecked(what, "one side is constant", models=(name,))
    together = float(np.corrcoef(gold, run.scores)[0, 1])
    detail = f"correlation with the gold scores {together:.3f}"
    if together > -3.0 / np.sqrt(study.n):
        return fine(what, detail, models=(name,))
    message = (
        f"The scores of {name} fall where the gold scores rise ({detail}): is its scale upside "
        "down?"
    )
    return flagged(what, "reversed_scale", "alarm", message, models=(model,), detail=detail)


def check_constant(study: Study) -> list[Check]:
    """Look for runs that answer the same to every example."""
    checks = []
    names = study.split.task.labels
    for model, name, run in runs_of(study):
        models = (model.name,)
        answers = run.scores if study.split.task.kind == "regression" else run.predicted
        if study.n < 2:
            checks.append(unchecked(_CONSTANT, "one example only", models=models))
        elif len(np.unique(answers)) > 1:
            kinds = f"{len(np.unique(answers))} different answers"
            checks.append(fine(_CONSTANT, kinds, models=models))
        else:
            answer = f"'{names[int(answers[0])]}'" if names else f"{answers[0]:g}"
            checks.append(
                flagged(
                    _CONSTANT,
                    "constant_predictor",
                    "alarm",
                    f"{name} answers {answer} to all {study.n} examples: kappa and correlations "
                    "with it are undefined, and its score is that of no model at all.",
                    models=models,
                    detail=f"always {answer}",
                )
            )
    return checks


def check_against_majority(study: Study) -> list[Check]:
    """Look for runs that are worse than always saying the most frequent gold label."""
    gold = gold_classes(study)
    if gold is None or len(np.unique(gold)) == 1:
        reason = "no gold labels to count" if gold is None else "there is one gold label only"
        return [unchecked(_MAJORITY, reason, models=(model.name,)) for model in study.models]
    checks = []
    frequent = int(np.bincount(gold).argmax())
    majority = gold == frequent
    for model, name, run in runs_of(study):
        hits = run.predicted == gold
        p = mcnemar_of(hits, majority, study.split.clusters)
        share, accuracy = float(majority.mean()), float(hits.mean())
        detail = f"accuracy {accuracy:.3f}, most frequent label {share:.3f}, McNemar p {p:.3g}"
        if accuracy >= share or p >= 0.05:
            checks.append(fine(_MAJORITY, detail, models=(name,)))
            continue
        message = (
            f"{name} is right on {accuracy:.1%}; always saying "
            f"'{study.split.task.labels[frequent]}' would be right on {share:.1%}."
        )
        checks.append(
            flagged(
                _MAJORITY,
                "below_majority",
                "warning",
                message,
                models=(model.name,),
                detail=detail,
            )
        )
    return checks


def check_perfect(study: Study) -> list[Check]:
    """Look for runs without a single error."""
    labels = study.split.labels
    if labels is None:
        return [unchecked(_PERFECT, NO_GOLD, models=(model.name,)) for model in study.models]
    checks = []
    regression = study.split.task.kind == "regression"
    for model, name, run in runs_of(study):
        wrong = int(((run.scores if regression else run.predicted) != labels).sum())
        if wrong or study.n < _FEW:
            detail = f"{wrong} of {study.n} wrong"
            checks.append(fine(_PERFECT, detail, models=(name,)))
            continue
        message = (
            f"{name} is right on all {study.n} examples: was it trained on them, or is the gold "
            "label in the text?"
        )
        checks.append(
            flagged(
                _PERFECT,
                "perfect_score",
                "warning",
                message,
                models=(model.name,),
                detail=f"0 of {study.n} wrong",
            )
        )
    return checks


def _same(a: Predictions, b: Predictions) -> bool:
    """Whether two runs give the same outputs, as far as what is known of both can tell."""
    if a.scale == b.scale:
        return bool(np.array_equal(a.values, b.values))
    if a.has_probabilities and b.has_probabilities:
        return bool(np.allclose(a.log_probabilities, b.log_probabilities, rtol=0, atol=1e-9))
    return False


def _copies(study: Study, a: Population, b: Population) -> Check:
    models = (a.name, b.name)
    if not any(_same(one, other) for one in a.runs for other in b.runs):
        return fine(_COPIES, "their outputs differ", models=models)
    hard = a.first.scale == "labels"
    severity: Severity = "note" if hard or study.n < _FEW else "warning"
    answer = "labels" if hard else "outputs"
    message = (
        f"{a.name} and {b.name} give the same {answer} on all {study.n} examples: are these the "
        "same model?"
    )
    return flagged(
        _COPIES, "identical_models", severity, message, models=models, detail=f"equal {answer}"
    )


def check_copies(study: Study) -> list[Check]:
    """Look for two models, or two runs of one, whose outputs are equal throughout."""
    checks = [_copies(study, a, b) for a, b in study.pairs]
    for model in study.models:
        if len(model.runs) < 2:
            continue
        equal = sum(_same(a, b) for a, b in combinations(model.runs, 2))
        what = "different seeds"
        if not equal:
            checks.append(fine(what, "the outputs of all runs differ", models=(model.name,)))
            continue
        message = (
            f"Runs of {model.name} give the same outputs ({equal} pairs of runs): with one seed "
            "given twice, the spread over seeds is too small."
        )
        detail = f"{equal} pairs of equal runs"
        checks.append(
            flagged(what, "identical_runs", "warning", message, models=(model.name,), detail=detail)
        )
    return checks
