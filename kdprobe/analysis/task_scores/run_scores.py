"""What a score of a run is, and the scores of examples that have several labels at once.

Does: give draws of a run's predictions. Does not: make estimates; `task_scores` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, draws_of, estimate, resamples_of
from kdprobe.config.kinds import LabelSets
from kdprobe.observations.predictions import Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.classification import Counts, f1, f1_macro, precision, recall
from kdprobe.stats.several_labels import f1_of_examples, f1_pooled, hamming, label_counts

NO_LABEL = "no label is gold or predicted in any example"


@dataclass(frozen=True)
class RunScore:
    """One score of a run: its draws, and the reason told where it does not exist."""

    name: str
    draws: Callable[[Predictions], Floats]
    undefined: str = ""
    share: bool = False


@dataclass(frozen=True)
class SetTally:
    """The gold sets of a study, and the counts of each run's labels.

    Args:
        study: its classes are `sets`; every example has a gold one.
        sets: which sets they are.
    """

    study: Study
    sets: LabelSets

    @property
    def gold(self) -> Ints:
        """0 or 1 for each label, int64 `[n, L]`."""
        gold: Ints = self.sets.matrix[np.asarray(self.study.split.labels, dtype=np.int64)]
        return gold

    def predicted(self, run: Predictions) -> Ints:
        """The same of a run's predictions."""
        predicted: Ints = self.sets.matrix[run.predicted]
        return predicted

    def counts(self, run: Predictions) -> Counts:
        """Count gold, predicted and hit labels in every resample."""
        return label_counts(resamples_of(self.study), self.gold, self.predicted(run))


def set_scores(study: Study, sets: LabelSets) -> tuple[RunScore, ...]:
    """Return the scores of examples that have several labels at once."""
    tally, sample = SetTally(study, sets), resamples_of(study)
    gold = tally.gold

    def mean(of: Callable[[Ints, Ints], Floats]) -> Callable[[Predictions], Floats]:
        return lambda run: sample.mean(of(gold, tally.predicted(run)))

    return (
        RunScore("f1_micro", lambda run: f1_pooled(tally.counts(run)), NO_LABEL),
        RunScore("f1_macro", lambda run: f1_macro(tally.counts(run)), NO_LABEL),
        RunScore("f1_samples", mean(f1_of_examples)),
        RunScore(
            "subset_accuracy",
            lambda run: sample.mean(run.predicted == np.asarray(study.split.labels)),
            share=True,
        ),
        RunScore("hamming_loss", mean(hamming)),
    )


def label_scores(study: Study, sets: LabelSets) -> list[Estimate]:
    """Return precision, recall and F1 of every model on each label, one after the other."""
    tally = SetTally(study, sets)
    estimates: list[Estimate] = []
    for model in study.models:
        counts = {id(run): tally.counts(run) for run in model.runs}
        for place, label in enumerate(sets.labels):
            given = [float(counts[id(run)].predicted[0, place]) for run in model.runs]
            none = f"no example has the label {label!r}"
            for name, of, n, reason in (
                (
                    "precision", precision, round(float(np.mean(given))),
                    f"{model.name} never predicts {label!r}",
                ),
                ("recall", recall, int(tally.gold[:, place].sum()), none),
                ("label_f1", f1, study.n, f"{none} or is predicted to have it"),
            ):  # fmt: skip
                each = {key: of(count)[:, place] for key, count in counts.items()}
                estimates.append(
                    estimate(
                        EstimateKey(name, model.name, subset=label),
                        draws_of(study, model, partial(_drawn, each)),
                        n=n,
                        undefined=reason,
                        share=name != "label_f1",
                        clusters=study.clusters_in(),
                    )
                )
    return estimates


def _drawn(draws: Mapping[int, Floats], run: Predictions) -> Floats:
    """Look up the draws of a run; runs hold arrays, so they go by identity."""
    return draws[id(run)]
