"""Checks that models have learnt the task, and students their teacher, at all.

Does: find students that agree with the teacher no more than chance, and models whose probabilities
never leave those of guessing. Does not: look for rows or labels that are out of order;
`rows.py` and `models.py` do.
"""

from __future__ import annotations

import numpy as np

from kdprobe.analysis.sanity_checks.check import Check, fine, flagged, runs_of, unchecked
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.stats.kappa import chance_error, confusion, kappa_of

_CHANCE = "students agree with the teacher more than chance"
_SURE = "surer than guessing"
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution
_ROOM = 0.15  # how far above guessing an untrained head's largest probability may lie


def _pair(study: Study, student: Population) -> Check:
    models = (study.teacher.name, student.name)
    tables = [
        confusion(a.predicted, b.predicted, study.classes)
        for a in study.teacher.runs
        for b in student.runs
    ]
    kappas = [kappa_of(table) for table in tables]
    errors = [chance_error(table) for table in tables]
    known = [
        (kappa, error)
        for kappa, error in zip(kappas, errors, strict=True)
        if kappa is not None and error is not None
    ]
    if not known:
        return unchecked(_CHANCE, "a model gives one label only", models=models)
    kappa, error = (float(np.mean(column)) for column in zip(*known, strict=True))
    detail = f"kappa {kappa:.3f}, chance gives 0 ± {_Z * error:.3f}"
    if kappa > _Z * error:
        return fine(_CHANCE, detail, models=models)
    message = (
        f"{student.name} agrees with {study.teacher.name} no more than chance would have it "
        f"({detail}): is it a model of the same task, and trained at all?"
    )
    return flagged(_CHANCE, "chance_agreement", "warning", message, models=models, detail=detail)


def check_chance(study: Study) -> list[Check]:
    """Look for students whose agreement with the teacher is within what chance gives."""
    if study.split.task.kind == "regression":
        return []
    return [_pair(study, student) for student in study.students]


def check_sure(study: Study) -> list[Check]:
    """Look for models none of whose probabilities is far from those of guessing.

    A head with the random weights it was made with says 1/c of everything, nearly.
    """
    if study.split.task.kind == "regression":
        return []
    checks = []
    guess = 1.0 / study.classes
    for model, name, run in runs_of(study):
        if not run.has_probabilities:
            continue
        largest = float(run.confidence.max())
        detail = f"largest confidence {largest:.3f}, guessing gives {guess:.3f}"
        if largest > guess + _ROOM * (1.0 - guess):
            checks.append(fine(_SURE, detail, models=(model.name,)))
            continue
        message = (
            f"{name} is never surer than {largest:.1%} of a label, where guessing among "
            f"{study.classes} is {guess:.1%}: was its head trained?"
        )
        checks.append(
            flagged(
                _SURE, "untrained_head", "warning", message, models=(model.name,), detail=detail
            )
        )
    return checks
