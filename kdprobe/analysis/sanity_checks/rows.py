"""Checks that the rows of all sides belong together.

Does: find models whose outputs have nothing to do with the gold labels or with each other although
they should. Does not: look at label names; `models.py` does.

The rule of thumb "|kappa| < 2/sqrt(n) while both models beat the most frequent label" alone
misfires on honest weak students just above it (in a third of simulated ones) and cannot fire on
shuffled rows of unbalanced labels, which fall below it. Hence the conditions here.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from kdprobe.analysis.gold import NO_GOLD, gold_classes
from kdprobe.analysis.sanity_checks.check import Check, fine, flagged, runs_of, unchecked
from kdprobe.observations.predictions import Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.alignment import relation
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.kappa import confusion, independent_kappa, kappa_of, reachable_kappa

_GOLD = "rows belong to the gold labels"
_PAIR = "rows of both models belong together"
_FEWEST, _FEWEST_LABELS = 200, 400  # below, shuffled rows and a weak model look alike
_OVERCONFIDENT = 0.1
_REMEDY = "its rows are probably not those of the task; was its file sorted, cut or shuffled?"


def _outputs(run: Predictions, classes: int) -> Floats:
    """Return a run's probabilities, or its labels as 0 and 1 where only these are known."""
    if run.has_probabilities:
        return np.exp(run.log_probabilities)
    if run.scale == "scores":
        return run.values
    return np.eye(classes)[run.predicted]


def _unrelated(a: Floats, b: Floats, table: Ints | None, n: int) -> tuple[bool, str]:
    """Whether two sides show no relation although their label counts leave room for one."""
    noise = 2.0 / np.sqrt(n)
    together = relation(a, b)
    if together is None:
        return False, "one side is constant"
    if table is None:
        return abs(together) < noise, f"correlation {together:.3f}, noise ±{noise:.3f}"
    kappa, reach = kappa_of(table), reachable_kappa(table)
    if kappa is None:
        return False, "one side gives one label only, so kappa is undefined"
    detail = f"kappa {kappa:.3f}, noise ±{noise:.3f}, reachable with these labels {reach:.3f}"
    room = reach > max(0.3, 3.0 * noise)
    return room and abs(kappa) < noise and abs(together) < 1.5 * noise, detail


def _fewest(*runs: Predictions) -> int:
    return _FEWEST_LABELS if any(run.scale == "labels" for run in runs) else _FEWEST


def _against_gold(study: Study, name: str, model: str, run: Predictions) -> Check:
    labels = study.split.labels
    if labels is None:
        return unchecked(_GOLD, NO_GOLD, models=(name,))
    if study.n < _fewest(run):
        reason = f"{study.n} examples cannot tell shuffled rows from a weak model"
        return unchecked(_GOLD, f"{reason} ({_fewest(run)} can)", models=(name,))
    gold = gold_classes(study)
    if gold is None:
        scores = np.asarray(labels, dtype=np.float64)[:, None]
        bare, detail = _unrelated(run.values, scores, None, study.n)
        claims = bool(run.scores.std() > 0.5 * scores.std())
    else:
        table = confusion(gold, run.predicted, study.classes)
        bare, detail = _unrelated(
            _outputs(run, study.classes), np.eye(study.classes)[gold], table, study.n
        )
        claims = True
        if run.has_probabilities:
            accuracy, sure = float((run.predicted == gold).mean()), float(run.confidence.mean())
            claims = sure - accuracy > _OVERCONFIDENT
            detail += f"; mean confidence {sure:.3f}, accuracy {accuracy:.3f}"
    if not (bare and claims):
        return fine(_GOLD, detail, models=(name,))
    certain = gold is not None and run.has_probabilities
    return flagged(
        _GOLD,
        "misaligned_gold",
        "alarm" if certain else "warning",
        f"What {name} says has nothing to do with the gold labels ({detail}): {_REMEDY} "
        "(Or it has learned nothing.)",
        models=(model,),
        detail=detail,
    )


def check_gold_rows(study: Study) -> list[Check]:
    """Check each run against the gold labels."""
    return [_against_gold(study, name, model.name, run) for model, name, run in runs_of(study)]


def _majority(gold: Ints) -> float:
    return float(np.bincount(gold).max() / len(gold))


def _labelled_pair(
    study: Study, models: tuple[str, str], a: Predictions, b: Predictions, gold: Ints
) -> Check:
    """The rule of thumb, and far below what independent errors would give."""
    noise = 2.0 / np.sqrt(study.n)
    kappa = kappa_of(confusion(a.predicted, b.predicted, study.classes))
    baseline = independent_kappa(gold, a.predicted, b.predicted, study.classes)
    if kappa is None or baseline is None:
        return unchecked(
            _PAIR, "a model gives one label only, so kappa is undefined", models=models
        )
    scores = [float((run.predicted == gold).mean()) for run in (a, b)]
    detail = f"kappa {kappa:.3f}, noise ±{noise:.3f}, with independent errors {baseline:.3f}"
    beaten = min(scores) > _majority(gold)
    if not (beaten and abs(kappa) < noise and baseline - kappa > 1.5 * noise):
        return fine(_PAIR, detail, models=models)
    return flagged(
        _PAIR,
        "misaligned_models",
        "alarm",
        f"{models[0]} and {models[1]} agree no more than chance ({detail}) although both beat the "
        "most frequent label: their rows are probably not aligned.",
        models=models,
        detail=detail,
    )


def _unlabelled_pair(
    study: Study, models: tuple[str, str], a: Predictions, b: Predictions
) -> Check:
    """Without gold labels: less agreement than the two models' own confidences allow."""
    if study.n < _fewest(a, b):
        return unchecked(_PAIR, f"fewer than {_fewest(a, b)} examples", models=models)
    regression = study.split.task.kind == "regression"
    table = None if regression else confusion(a.predicted, b.predicted, study.classes)
    left, right = _outputs(a, study.classes), _outputs(b, study.classes)
    bare, detail = _unrelated(left, right, table, study.n)
    sure = a.has_probabilities and b.has_probabilities
    if sure:
        least = float(a.confidence.mean() + b.confidence.mean()) - 1.0
        agreement = float((a.predicted == b.predicted).mean())
        bare = bare and agreement < least - 0.05
        detail += f"; agreement {agreement:.3f}, their confidences promise {least:.3f}"
    if not bare:
        return fine(_PAIR, detail, models=models)
    return flagged(
        _PAIR,
        "misaligned_models",
        "alarm" if sure else "warning",
        f"{models[0]} and {models[1]} have nothing to do with each other ({detail}): their rows "
        "are probably not aligned. (Or one of them has learned nothing.)",
        models=models,
        detail=detail,
    )


def check_pair_rows(study: Study) -> list[Check]:
    """Check the teacher against each student, run by run; one row a pair of models.

    Where some examples have no gold label, those that have are checked with it, then all without.
    """
    known = study.with_gold()
    gold = gold_classes(known)
    checks = []
    for place, student in enumerate(study.students):
        models = (study.teacher.name, student.name)
        pair_checks: list[Check] = []
        if gold is not None:
            pairs = product(known.teacher.runs, known.students[place].runs)
            pair_checks += [_labelled_pair(known, models, a, b, gold) for a, b in pairs]
        if gold is None or known is not study:
            pairs = product(study.teacher.runs, student.runs)
            pair_checks += [_unlabelled_pair(study, models, a, b) for a, b in pairs]
        checks.append(
            next((check for check in pair_checks if check.notice is not None), pair_checks[0])
        )
    return checks
