"""Teacher and one student by one method: the per-sentence numbers that all agreement is made of.

Does: correlations of every sentence, of the student, of a model with itself, and of the floors.
Does not: say what is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import (
    RANDOM_WEIGHTS,
    SECOND_RUN,
    Attributed,
)
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.observations.predictions import Population
from kdprobe.results.schema import Estimate
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.rank_agreement import comparable, partial_spearman, spearman

NO_ROOM = "the ceiling is not above the floor, or one of them is undefined"
NOT_BOTH_RIGHT = "no sentence that both get right can be ranked"
UNRANKED = "no sentence has three words with differing scores for both models"
_SHUFFLES = 10


def mean_estimate(
    at: EstimateKey, explained: Attributed, values: Floats, mask: Bools | None = None
) -> Estimate:
    """Average a per-sentence number, with its interval."""
    return estimate(
        at, explained.draws(values, mask), n=explained.count(values, mask), undefined=UNRANKED
    )


@dataclass(frozen=True)
class ExplainedPair:
    """Teacher and one student by one method, with the per-sentence numbers all others use."""

    explained: Attributed
    student: Population
    method: str

    @cached_property
    def labelled(self) -> ExplainedPair:
        """The pair on the explained examples that have a gold label."""
        known = self.explained.labelled
        if known is self.explained:
            return self
        student = next(model for model in known.students if model.name == self.student.name)
        return ExplainedPair(known, student, self.method)

    def at(self, metric: str, subset: str = "all") -> EstimateKey:
        """Return the coordinates of a number of this pair."""
        return EstimateKey(
            metric,
            self.explained.teacher.name,
            self.student.name,
            subset=subset,
            method=self.method,
        )

    def scores(self, model: Population, kind: str = "") -> tuple[Floats, ...] | None:
        """Return a model's word scores by the pair's method."""
        return self.explained.scores(model.name, self.method, kind)

    @cached_property
    def rho(self) -> Floats:
        """Spearman's correlation of each sentence, `[m]`."""
        return self.explained.compare(
            self.scores(self.explained.teacher), self.scores(self.student), spearman
        )

    @cached_property
    def floor(self) -> Floats:
        """The teacher against a model of the student's shape and random weights, `[m]`."""
        return self.explained.compare(
            self.scores(self.explained.teacher), self.scores(self.student, RANDOM_WEIGHTS), spearman
        )

    def shuffled(self) -> Floats:
        """The teacher against the student's shuffled words, averaged over shuffles, `[m]`."""
        total = np.zeros(len(self.explained.attributions.ids))
        own = self.scores(self.student) or ()
        for number in range(_SHUFFLES):
            mixed = []
            for key, scores in zip(self.explained.attributions.ids, own, strict=True):
                generator = derive_generator(
                    self.explained.study.seed, "shuffled words", self.student.name, key, str(number)
                )
                mixed.append(generator.permutation(scores))
            total += self.explained.compare(self.scores(self.explained.teacher), mixed, spearman)
        return total / _SHUFFLES

    def ceiling(self, model: Population) -> Floats:
        """A model against its own explanations by another seed, `[m]`."""
        return self.explained.with_itself(model.name, self.method)

    def partial(self) -> Floats:
        """The correlation of each sentence without length, rarity and place, `[m]`."""
        values: Floats = np.full(len(self.explained.attributions.ids), np.nan)
        left, right = self.scores(self.explained.teacher) or (), self.scores(self.student) or ()
        for row, (a, b) in enumerate(zip(left, right, strict=True)):
            both = comparable(a, b)
            if both is not None:
                read = np.isfinite(a) & np.isfinite(b)
                values[row] = partial_spearman(*both, self.explained.trivial(row)[read])
        return values


def subsets(pair: ExplainedPair) -> dict[str, Bools]:
    """All sentences, and those on which the two predict the same or not."""
    subsets = {"all": np.ones(len(pair.explained.attributions.ids), dtype=np.bool_)}
    if pair.explained.study.split.task.kind == "classification":
        same = pair.explained.agree(pair.student)
        subsets |= {"agree": same, "disagree": ~same}
    return subsets


def threshold(pair: ExplainedPair) -> float:
    """Return the correlation below which the reasons are others; see the metric's definition.

    Where most sentences were explained without noise, the few that were sampled would put the limit
    at .98 or so, and nearly every sentence below it: there the limit is 0, no relation at all.
    """
    second = pair.scores(pair.explained.teacher, SECOND_RUN)
    own = pair.ceiling(pair.explained.teacher)
    if second is not None:
        own = pair.explained.compare(pair.scores(pair.explained.teacher), second, spearman)
    known = own[np.isfinite(own)]
    if not len(known) or float(np.median(known)) > 1 - 1e-9:
        return 0.0
    return float(np.quantile(known, 0.05))


def normalised_draws(pair: ExplainedPair, mask: Bools | None = None) -> Floats:
    """Return the agreement's place between floor (0) and ceiling (1), float64 `[B + 1]`."""
    explained = pair.explained
    floor = explained.draws(pair.floor, mask)
    room = ceiling_draws(pair, mask) - floor
    return (explained.draws(pair.rho, mask) - floor) / np.where(room > 1e-9, room, np.nan)


def ceiling_draws(pair: ExplainedPair, mask: Bools | None = None) -> Floats:
    """Return the root of the product of both models' ceilings, float64 `[B + 1]`."""
    own, other = (
        pair.explained.draws(pair.ceiling(model), mask)
        for model in (pair.explained.teacher, pair.student)
    )
    product = own * other
    return np.sqrt(np.where(product > 0, product, np.nan))


class Unlike(NamedTuple):
    """Whether the reasons of a sentence are others, of those that both models get right.

    `below` is 1, 0 or NaN (it cannot be ranked) for each explained sentence, float64 `[m]`.
    """

    below: Floats
    right: Bools


def unlike(pair: ExplainedPair, least: float) -> Unlike | None:
    """Return which sentences both get right for other reasons; None without right and wrong.

    Args:
        pair: of sentences that have a gold label; see `Pair.labelled`.
        least: the correlation below which reasons are others; see `threshold`.
    """
    right = pair.explained.both_right(pair.student)
    if right is None:
        return None
    below = np.where(np.isfinite(pair.rho), (pair.rho < least).astype(np.float64), np.nan)
    return Unlike(below, right)
