"""Which mistakes and hits two models share, and which predictions flip between them.

Does: shared mistakes and hits both ways with their chance levels, Jaccard, backward trust, negative
and positive flips, and the matrices of the 2020 thesis. Does not: look at confidences, or at which
wrong label was predicted: two mistakes on one example count as shared whatever they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, estimate, pair_draws_of, resamples_of
from kdprobe.analysis.gold import (
    NO_GOLD,
    gold_of,
    hits_of,
    mean_size,
    no_right_and_wrong,
    several_runs,
)
from kdprobe.analysis.overlap.metrics import METRICS
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.analysis.relations import Related, Relation, of_each_labelled
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Matrix
from kdprobe.stats.arrays import Bools, Floats, Ints, ratio

_Mask = Callable[[Bools, Bools], Bools]

_NO_MISTAKES = "{} makes no mistakes, so no share of them exists"
_NO_HITS = "{} predicts nothing rightly, so no share of its hits exists"
_NO_EXAMPLES = "there are no examples"


@dataclass(frozen=True)
class _Share:
    """A share of examples, told from the hits (bool `[n]`) of model_a and model_b.

    `of` is what the share is taken of, `counted` what is counted in it; `empty` is the reason told
    when `of` holds no example, and `whose` names the model the reason is about (0: model_a). A
    `signed` share s is given as 2 s - 1: what is counted less what is not, of both.
    """

    metric: str
    counted: _Mask
    of: _Mask
    empty: str
    whose: int = 0
    signed: bool = False

    def draws(self, study: Study, gold: Ints, a: Population, b: Population) -> Floats:
        """Average the share over all pairs of runs, float64 `[B + 1]`."""
        resamples = resamples_of(study)

        def share(run: Predictions, other: Predictions) -> Floats:
            left, right = hits_of(run, gold), hits_of(other, gold)
            cells = resamples.by_group(2 * left.astype(np.int64) + right, 4)
            inside = self.of(*_CELLS)
            return ratio(
                cells[:, inside & self.counted(*_CELLS)].sum(axis=1), cells[:, inside].sum(axis=1)
            )

        return pair_draws_of(study, a, b, share)

    def size(self, gold: Ints, a: Population, b: Population) -> int:
        """Count the examples that the share is taken of."""
        return mean_size(
            [self.of(hits_of(x, gold), hits_of(y, gold)) for x in a.runs for y in b.runs]
        )


# Whether model_a and model_b are right in each of the four cells that examples are counted in.
_CELLS = (np.array([False, False, True, True]), np.array([False, True, False, True]))


def _every(a: Bools, _: Bools) -> Bools:
    return np.ones_like(a)


_ONE_WAY = (
    _Share("mistakes_shared", lambda a, b: ~b, lambda a, b: ~a, _NO_MISTAKES),
    _Share("mistakes_shared_chance", lambda a, b: ~b, _every, _NO_EXAMPLES),
    _Share("hits_shared", lambda a, b: b, lambda a, b: a, _NO_HITS),
    _Share("hits_shared_chance", lambda a, b: b, _every, _NO_EXAMPLES),
)
_PAIRED = (
    _Share(
        "mistakes_jaccard",
        lambda a, b: ~a & ~b,
        lambda a, b: ~a | ~b,
        "neither model makes a mistake, so there is nothing to share",
    ),
    _Share("backward_trust", lambda a, b: b, lambda a, b: a, _NO_HITS),
    _Share("backward_error", lambda a, b: ~b, lambda a, b: ~a, _NO_MISTAKES),
    _Share("negative_flips", lambda a, b: a & ~b, _every, _NO_EXAMPLES),
    _Share("positive_flips", lambda a, b: ~a & b, _every, _NO_EXAMPLES),
    _Share("negative_flip_impact", lambda a, b: a, lambda a, b: ~b, _NO_MISTAKES, whose=1),
    _Share(
        "flip_direction",
        lambda a, b: a,
        lambda a, b: a ^ b,
        "both models are right on the same examples, so nothing flips",
        signed=True,
    ),
)


def _estimate(
    study: Study, gold: Ints, pair: tuple[Population, Population], share: _Share
) -> Estimate:
    """Estimate one share for one ordered pair, averaged over all pairs of their runs."""
    a, b = pair
    number = estimate(
        EstimateKey(share.metric, a.name, b.name),
        share.draws(study, gold, a, b),
        n=share.size(gold, a, b),
        undefined=share.empty.format(pair[share.whose].name),
        share=True,
    )
    if not share.signed:
        return number
    ends = {name: getattr(number, name) for name in ("value", "low", "high")}
    return number.model_copy(
        update={name: None if end is None else 2 * end - 1 for name, end in ends.items()}
    )


def _cell(of: list[Bools], other: list[Bools], *, same: bool) -> float | None:
    """Average over runs the share of `of` that `other` has too; None when there is none of it.

    A model of several runs is compared with its other runs, never a run with itself.
    """
    shares = [
        float((mine & theirs).sum() / mine.sum())
        for i, mine in enumerate(of)
        for j, theirs in enumerate(other)
        if mine.any() and not (same and len(of) > 1 and i == j)
    ]
    return float(np.mean(shares)) if shares else None


def _matrix(study: Study, gold: Ints, *, mistakes: bool) -> Matrix:
    """Lay out, for all pairs of models, the share of the row's mistakes (hits) the column has."""
    what = "mistakes" if mistakes else "hits"
    names = tuple(population.name for population in study.models)
    masks = [
        [hits_of(run, gold) ^ mistakes for run in population.runs] for population in study.models
    ]
    diagonal = (
        " A model of several runs stands beside its own other runs on the diagonal: that is as "
        "much as two models of its kind share."
        if several_runs(study)
        else ""
    )
    return Matrix(
        name=f"{what}_shared",
        title=f"Shared {what}",
        caption=f"The share of the row model's {what} that the column model makes too (0 to 1). "
        f"Not symmetric: a model with many {what} covers more of another's by chance alone; the "
        f"chance level is the column model's own share of {what}.{diagonal}",
        row_title=f"{what} of",
        column_title="made by",
        rows=names,
        columns=names,
        values=tuple(
            tuple(_cell(mine, other, same=mine is other) for other in masks) for mine in masks
        ),
        unit="share",
        undefined=f"the row model has no {what}",
    )


@dataclass(frozen=True)
class Overlap:
    """Compare right and wrong of all pairs of models."""

    name: str = "overlap"
    version: int = 1
    title: str = "Shared mistakes and flips"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = ()
    gold: Gold = "needed"
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Right and wrong must exist, and two models."""
        if len(study.models) < 2:
            return "overlap compares models, and there is only one"
        return no_right_and_wrong(study)

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate every share for every pair, and lay out the two matrices."""
        gold = gold_of(study)
        estimates: list[Estimate] = []
        for a, b in study.pairs:
            for share in _ONE_WAY:
                estimates += [_estimate(study, gold, pair, share) for pair in ((a, b), (b, a))]
            estimates += [_estimate(study, gold, (a, b), share) for share in _PAIRED]
        return AnalysisResult(
            **described(self, options),
            caption="Do two models fail on the same examples? The accuracy of the second model "
            "minus that of the first is exactly its positive flips minus its negative flips: two "
            "students of one accuracy can differ widely in what they broke and what they mended.",
            metrics=METRICS,
            estimates=tuple(estimates),
            matrices=(
                _matrix(study, gold, mistakes=True),
                _matrix(study, gold, mistakes=False),
            ),
        )


def _relation(share: _Share) -> Relation:
    """Return a share of the teacher and a student, as a row to subtract."""

    def related(study: Study, student: Population) -> Related:
        gold, teacher = gold_of(study), study.teacher
        empty = share.empty.format((teacher, student)[share.whose].name)
        size = share.size(gold, teacher, student)
        return Related(student.name, share.draws(study, gold, teacher, student), size, empty)

    metric = next(metric for metric in METRICS if metric.name == share.metric)
    better_than_the_teacher = share.metric == "positive_flips"
    draws = of_each_labelled(related, NO_GOLD)
    return Relation(share.metric, metric, draws, near=not better_than_the_teacher)


RELATIONS = tuple(
    _relation(share)
    for share in (*_PAIRED, *_ONE_WAY)
    if share.metric in ("negative_flips", "positive_flips", "mistakes_shared")
)
ANALYSIS = Overlap()
