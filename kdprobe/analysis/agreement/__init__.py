"""How often and how closely models predict the same, whether right or wrong.

Does: agreement, kappa with its attainable range, error consistency, distances of probabilities for
every pair; agreement of all models; the ceiling that another seed reaches; who confuses what with
what. Does not: judge which model is right (`task_scores`, `overlap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.agreement.groups import all_models, ceiling_estimates, ceilings, of_ceiling
from kdprobe.analysis.agreement.metrics import METRICS
from kdprobe.analysis.agreement.pair_view import PairView
from kdprobe.analysis.agreement.pairs import pair_estimates
from kdprobe.analysis.gold import labelled_note
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Matrix

_SETS = (
    "An answer is a whole set of labels; what is the same on a part of it counts in `per_label`, "
    "where each label's decisions stand two by two in place of confusions."
)


def _confusion(study: Study, student: Population) -> Matrix:
    """Counts of teacher's label by student's label, first run of each."""
    classes, labels = study.classes, study.split.task.labels
    cell = study.teacher.first.predicted * classes + student.first.predicted
    table = np.bincount(cell, minlength=classes**2).reshape(classes, classes)
    same, filled = int(np.trace(table)), np.nonzero(table)
    # As filled cells: a million zeros are one number then.
    counts = table[filled].astype(np.float64).tolist()
    return Matrix(
        name=f"confusion:{student.name}",
        title=f"What {study.teacher.name} and {student.name} predict",
        caption=f"Examples by predicted label; both give the same label on the diagonal "
        f"({same:,} of {study.n:,}).",
        row_title=study.teacher.name,
        column_title=student.name,
        rows=labels,
        columns=labels,
        filled=tuple(zip(*(places.tolist() for places in filled), counts, strict=True)),
        unit="examples",
    )


def _notes(study: Study) -> tuple[str, ...]:
    notes = [
        *([_SETS] if study.split.task.sets is not None else []),
        "Ties between logits go to the label with the lowest index.",
        "Kappa depends on how the labels are spread: read it with its attainable range, which two "
        "models with these mistakes cannot leave.",
    ]
    if any(len(model.runs) > 1 for model in study.models):
        notes.append(
            "Models with several seeds: numbers of a pair are averages over all pairs of runs; "
            "confusion tables, Fleiss' kappa and Krippendorff's alpha use the first run of each."
        )
    about = "The attainable range of kappa, its place in it and error consistency"
    return (*notes, *labelled_note(study, about))


@dataclass(frozen=True)
class Agreement:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = "agreement"
    version: int = 1
    title: str = "Agreement"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Return a reason where labels cannot agree (a regression) or there is one model."""
        if study.split.task.kind == "regression":
            return "a regression predicts numbers, which do not agree or disagree as labels do"
        if len(study.models) < 2:
            return "there is one model only, so there is no pair to compare"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Compare every pair of models; `done` is not read."""
        views = [PairView(study, a, b) for a, b in study.pairs]
        top = ceilings(study)
        estimates = [number for view in views for number in pair_estimates(view)]
        estimates += all_models(study)
        estimates += ceiling_estimates(study, top)
        estimates += [number for view in views for number in of_ceiling(view, top)]
        used = {number.metric for number in estimates}
        sets = study.split.task.sets is not None
        return AnalysisResult(
            **described(self, options),
            caption=f"How often two models predict the same label on the {study.n:,} examples, "
            f"what of that chance and skill at the task explain, and how far apart their "
            f"probabilities are.",
            metrics=tuple(metric for metric in METRICS.values() if metric.name in used),
            estimates=tuple(estimates),
            matrices=() if sets else tuple(_confusion(study, each) for each in study.students),
            notes=_notes(study),
        )


ANALYSIS = Agreement()
