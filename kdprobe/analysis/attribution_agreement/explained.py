"""The attributions of a study, as per-example numbers: the input of both analyses of them.

Does: pair models' scores by example, take the run's resamples for the explained examples, and give
the trivial explainers. Does not: make estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdprobe.analysis.estimates import resamples_of
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.rank_agreement import comparable, spearman

RESEEDED, SECOND_RUN, RANDOM_WEIGHTS = "reseeded", "second run", "random weights"
NOT_ASKED = (
    "words were not explained in this run; add them with "
    "`attribution.methods=integrated_gradients,lime,shap` or `attribution.sentences=200`"
)
TRIVIAL = ("word length", "rarity", "position")


@dataclass(frozen=True)
class Attributed:
    """A study whose words were explained.

    Args:
        study, attributions: as given.
        rows: the explained examples' places in the split, int64 `[m]`.
        resamples: the run's resamples of these examples.
    """

    study: Study
    attributions: Attributions
    rows: Ints
    resamples: Resamples

    @property
    def teacher(self) -> Population:
        """The model all students are measured against."""
        return self.study.teacher

    @property
    def models(self) -> tuple[Population, ...]:
        """The explained models."""
        names = {model for model, _, kind in self.attributions.scores if not kind}
        return tuple(model for model in self.study.models if model.name in names)

    @property
    def students(self) -> tuple[Population, ...]:
        """The explained students."""
        return tuple(model for model in self.models if model.role == "student")

    def scores(self, model: str, method: str, kind: str = "") -> tuple[Floats, ...] | None:
        """Return a model's word scores, one array an example, or None when there are none."""
        return self.attributions.scores.get((model, method, kind))

    def compare(
        self,
        left: Sequence[Floats] | None,
        right: Sequence[Floats] | None,
        measure: Callable[[Floats, Floats], float],
    ) -> Floats:
        """Measure every example, float64 `[m]`; NaN where it cannot be ranked."""
        values: Floats = np.full(len(self.attributions.ids), np.nan)
        if left is None or right is None:
            return values
        for row, (a, b) in enumerate(zip(left, right, strict=True)):
            both = comparable(a, b)
            if both is not None:
                values[row] = measure(*both)
        return values

    def with_itself(self, model: str, method: str) -> Floats:
        """Measure how far each example's scores agree with those of another seed, float64 `[m]`.

        Definition: 1 where nothing was sampled; else the rank correlation that the errors of the
        draws give (see `Attributions.itself`), or with the scores of a second seed. NaN where it
        cannot be ranked.
        """
        again = self.scores(model, method, RESEEDED)
        values = self.compare(self.scores(model, method), again, spearman)
        own = self.attributions.itself.get((model, method))
        if own is None:
            return values
        return np.where(np.isfinite(values) & np.isfinite(own), own, values)

    def draws(self, values: Floats, mask: Bools | None = None) -> Floats:
        """Average per-example values over the examples that have one, in every resample."""
        known = np.isfinite(values) if mask is None else np.isfinite(values) & mask
        return self.resamples.within(known).mean(values[known])

    def count(self, values: Floats, mask: Bools | None = None) -> int:
        """Count the examples behind `draws`."""
        known = np.isfinite(values) if mask is None else np.isfinite(values) & mask
        return int(known.sum())

    def agree(self, student: Population) -> Bools:
        """Return on which explained examples teacher and student predict the same, bool `[m]`."""
        same: Bools = self.teacher.first.predicted == student.first.predicted
        return same[self.rows]

    @cached_property
    def labelled(self) -> Attributed:
        """The explained examples that have a gold label; all where every example has one."""
        known = self.study.with_gold()
        return self if known is self.study else _attributed(known)

    def both_right(self, student: Population) -> Bools | None:
        """Return on which explained examples both are right, or None without labels."""
        labels = self.study.split.labels
        if labels is None or self.study.split.task.kind == "regression":
            return None
        right = (self.teacher.first.predicted == labels) & (student.first.predicted == labels)
        return np.asarray(right & self.study.split.has_gold, dtype=np.bool_)[self.rows]

    def trivial(self, row: int) -> Floats:
        """Return what a word shows without any model, float64 `[words, 3]`.

        Definition: its letters, minus the logarithm of how often it stands in the split, its place.
        """
        words = self.attributions.words[row]
        return np.array(
            [
                (len(word.text), -np.log(self.attributions.counts.get(word.text.lower(), 1)), place)
                for place, word in enumerate(words)
            ],
            dtype=np.float64,
        ).reshape(len(words), len(TRIVIAL))


def attributed(study: Study) -> Attributed:
    """Return a study's attributions, or those of its own sentences, where there are any."""
    return _attributed(_explained(study))


def _explained(study: Study) -> Study:
    """Return the study of a person's own sentences where these were explained."""
    return study.get(OwnSentences).study if study.has(OwnSentences) else study


def _attributed(study: Study) -> Attributed:
    attributions = study.get(Attributions)
    places = {key: row for row, key in enumerate(study.split.ids)}
    rows = np.array([places[key] for key in attributions.ids], dtype=np.int64)
    return Attributed(study, attributions, rows, resamples_of(study).within(rows))


def skip_reason(study: Study) -> str | None:
    """Refuse studies whose words were not explained."""
    study = _explained(study)
    if not study.has(Attributions):
        return NOT_ASKED
    if not study.get(Attributions).ids:
        return "none of the chosen examples holds a word that every model reads"
    return None
