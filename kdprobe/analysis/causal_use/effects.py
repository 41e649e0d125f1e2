"""How far erasing moves predictions beyond its control, in every resample, with a p-value.

Does: compare outputs before and after, average over runs and draws, and test. Does not: make
estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.task_scores import primary_statistic
from kdprobe.analysis.task_scores.metrics import METRICS as SCORES
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.observations.causal_use import CausalUse, ErasedLayer
from kdprobe.observations.label_sets import as_given, observed
from kdprobe.observations.predictions import Population, Predictions, Scale, scale_of
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.bootstrap import draw_run_weights, mean_over_runs
from kdprobe.stats.clustered_tests import robust_variance
from kdprobe.stats.divergence import kl_divergence, log_softmax
from kdprobe.stats.several_labels import bernoulli_kl
from kdprobe.tasks.task import Split

Key = tuple[str, str, int]
"""Model, property, layer."""


@dataclass(frozen=True)
class Effect:
    """One property erased from one layer of one model.

    Args:
        layers: of its runs.
        change: of the property, in every resample, float64 `[B + 1]`, the sample itself first.
        control: of random subspaces, in the mean.
        flips: share of changed labels beyond control; None for a regression.
        examples: change beyond control of each example, `[n]`, in the mean over runs.
        runs: change beyond control of each run, `[runs]`.
        subspaces: change by each random subspace, `[draws]`, in the mean over runs.
        p_value: see `with_p`.
        clusters: the cluster of each example, int64 `[n]`; None: all are independent.
    """

    layers: tuple[ErasedLayer, ...]
    change: Floats
    control: Floats
    flips: Floats | None
    examples: Floats
    runs: Floats
    subspaces: Floats
    p_value: float | None = None
    clusters: Ints | None = None

    @property
    def use(self) -> Floats:
        """Change beyond control, `[B + 1]`."""
        return self.change - self.control

    @property
    def rank(self) -> int:
        """The dimensions that are taken; 0: the layer holds nothing of the property."""
        return max(one.rank for one in self.layers)


class _Moved(NamedTuple):
    """How far each example moves, `[1 + draws, n]`, and whether its label changes."""

    change: Floats
    flips: Floats | None


def _moved(study: Study, clean: Floats, one: ErasedLayer) -> _Moved:
    outputs = np.concatenate([one.erased[None], one.controls])
    if study.split.task.kind == "regression":
        return _Moved(np.abs(outputs - clean)[:, :, 0], None)
    if study.split.task.sets is not None:  # outputs are the log-odds of labels
        change = np.stack([bernoulli_kl(clean, after).sum(axis=1) for after in outputs])
        return _Moved(change, ((outputs > 0) != (clean > 0)).any(axis=2).astype(np.float64))
    before = log_softmax(clean)
    change = np.stack([kl_divergence(before, log_softmax(after)) for after in outputs])
    return _Moved(change, (outputs.argmax(axis=2) != clean.argmax(axis=1)).astype(np.float64))


def effects_of(study: Study, erased: CausalUse) -> dict[Key, Effect]:
    """Return every effect, with its p-value."""
    split = study.split.only(erased.ids)
    resamples = resamples_of(study, split)
    draws = draw_run_weights(study.seed, "random subspaces", erased.draws, study.resamples)
    effects: dict[Key, Effect] = {}
    for key, runs in _grouped(erased).items():
        weights = draw_run_weights(study.seed, key[0], len(runs), study.resamples)
        moved = [_moved(study, erased.clean[key[0], one.run], one) for one in runs]

        def averaged(parts: Sequence[Floats], weights: Floats = weights) -> tuple[Floats, Floats]:
            """Average over runs: of the property, and of random subspaces."""
            sums = [resamples.sums(part.T) / resamples.totals[:, None] for part in parts]
            own = np.stack([one[:, 0] for one in sums])
            others = np.stack([mean_over_runs(one[:, 1:].T, draws) for one in sums])
            return mean_over_runs(own, weights), mean_over_runs(others, weights)

        change, control = averaged([one.change for one in moved])
        flips = None
        if all(one.flips is not None for one in moved):
            own, others = averaged([one.flips for one in moved if one.flips is not None])
            flips = own - others
        values = np.stack([one.change for one in moved])
        beyond = values[:, 0] - values[:, 1:].mean(axis=1)
        effects[key] = Effect(
            tuple(runs), change, control, flips,
            examples=beyond.mean(axis=0), runs=beyond.mean(axis=1),
            subspaces=values[:, 1:].mean(axis=(0, 2)), clusters=split.clusters,
        )  # fmt: skip
    return with_p(effects)


def _grouped(erased: CausalUse) -> dict[Key, list[ErasedLayer]]:
    groups: dict[Key, list[ErasedLayer]] = {}
    for one in erased.layers:
        groups.setdefault((one.model, one.property, one.layer), []).append(one)
    return groups


def _like(effects: Mapping[Key, Effect]) -> list[list[Key]]:
    """Group the erasures whose random subspaces are of one kind: of one model, layer and rank."""
    groups: dict[tuple[str, int, int], list[Key]] = {}
    for key, effect in effects.items():
        groups.setdefault((key[0], key[2], effect.rank), []).append(key)
    return list(groups.values())


def with_p(effects: Mapping[Key, Effect]) -> dict[Key, Effect]:
    """Return the effects with the one-sided p-value of "no more than a random subspace does".

    Definition: t = use / root of its variance, which is that of the mean over examples, plus, with
    several runs, that of the mean over runs, plus (1 + 1/D) times the variance of single random
    subspaces among D: the property's is one more of them. The last is their squared mean times the
    squared coefficient of variation, pooled over the erasures of one model, layer and rank, each
    with D - 1 degrees of freedom. Degrees of freedom of the sum after Welch and Satterthwaite.
    """
    tested = {
        key: replace(effects[key], p_value=_p_value(effects[key], [effects[k] for k in like]))
        for like in _like(effects)
        for key in like
    }
    return {key: tested[key] for key in effects}


def _p_value(effect: Effect, like: Sequence[Effect]) -> float | None:
    if not effect.rank:
        return None
    count, mean = len(effect.subspaces), float(effect.subspaces.mean())
    spreads = [
        float(one.subspaces.var(ddof=1) / one.subspaces.mean() ** 2)
        for one in like
        if one.subspaces.mean() > 0
    ]
    spread = mean**2 * float(np.mean(spreads or [0.0])) * (1 + 1 / count)
    parts = [(spread, max(len(spreads), 1) * (count - 1))]
    parts += [
        (float(sample.var(ddof=1)) / len(sample), len(sample) - 1)
        for sample in (effect.examples, effect.runs)
        if len(sample) > 1
    ]
    if effect.clusters is not None:
        parts[1] = robust_variance(effect.examples, effect.clusters)
    return _t_test(float(effect.use[0]), parts)


def _t_test(value: float, parts: Sequence[tuple[float, int]]) -> float | None:
    """Return the one-sided p-value of a value above 0, of parts of its variance and their freedom.

    Degrees of freedom of the sum after Welch and Satterthwaite; None where nothing varies.
    """
    from scipy.special import stdtr

    variance = sum(part for part, _ in parts)
    if variance <= 0:
        return 1.0 if value <= 0 else None
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    return float(stdtr(freedom, -value / np.sqrt(variance)))


class ScoreLoss(NamedTuple):
    """What erasing takes from the primary score beyond control.

    Args:
        draws: in every resample, float64 `[B + 1]`; NaN where a score is undefined.
        subspaces: the score with each random subspace erased, `[draws]`, in the mean over runs.
        p_value: see `score_losses`.
    """

    draws: Floats
    subspaces: Floats
    p_value: float | None = None


def score_losses(
    study: Study, erased: CausalUse, effects: Mapping[Key, Effect]
) -> dict[Key, ScoreLoss]:
    """Return what erasing takes from the primary score, with p-values as `with_p` gives them.

    The variance of the loss is that of its resamples, plus that of the scores with single random
    subspaces erased, pooled over the erasures of one model, layer and rank.

    Args:
        study: of the labelled examples alone; it has some.
        erased: of the same examples.
        effects: of all examples that were run.
    """
    split = study.split.only(erased.ids)
    losses = {
        key: _loss(study, split, runs, erased.draws) for key, runs in _grouped(erased).items()
    }
    units = len(split) if split.clusters is None else len(np.unique(split.clusters))
    tested = {}
    for like in _like(effects):
        spreads = [float(losses[key].subspaces.var(ddof=1)) for key in like]
        known = [spread for spread in spreads if np.isfinite(spread)]
        among = (float(np.mean(known or [0.0])), max(len(known), 1) * (erased.draws - 1))
        for key in like:
            draws, p = losses[key].draws, None
            if known and effects[key].rank and np.isfinite(draws).all():
                own = (float(draws[1:].var(ddof=1)), max(units - 1, 1))
                p = _t_test(float(draws[0]), (among, own))
            tested[key] = losses[key]._replace(p_value=p)
    return {key: tested[key] for key in effects}


def _loss(study: Study, split: Split, runs: Sequence[ErasedLayer], draws: int) -> ScoreLoss:
    model = runs[0].model
    given = as_given(study).only(split.ids)
    several = given.task.kind == "multilabel"
    scale: Scale = "label sets" if several else scale_of(given.task)
    sign = -1.0 if SCORES[primary_name(study)].higher_is_better is False else 1.0
    variants = tuple(
        Predictions(model, split.ids, values > 0 if several else values, scale)
        for one in runs
        for values in (one.erased, *one.controls)
    )
    own = observed(
        given, (Population(model, "teacher", variants),), seed=study.seed,
        resamples=study.resamples,
    )  # fmt: skip
    statistic = primary_statistic(own)
    scores = sign * np.stack([statistic(one) for one in own.teacher.runs])
    by_run = scores.reshape(len(runs), 1 + draws, -1)
    among = draw_run_weights(study.seed, "random subspaces", draws, study.resamples)
    lost = np.stack([mean_over_runs(one[1:], among) - one[0] for one in by_run])
    weights = draw_run_weights(study.seed, model, len(runs), study.resamples)
    return ScoreLoss(mean_over_runs(lost, weights), by_run[:, 1:, 0].mean(axis=0))
