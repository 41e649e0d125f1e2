"""The numbers of one label after the other, and their means over all labels.

Does: draws of a pair of models or of one model on each label, as estimates. Does not: score whole
sets of labels; `task_scores` and `agreement` do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.calibration.draws import CalibrationOptions, debiased_error
from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.gold import NO_GOLD
from kdprobe.observations.label_sets import labels_of
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, ratio
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.rank_correlations import spearman_draws
from kdprobe.stats.several_labels import average_precision, bernoulli_kl

_BARE = "of {} only the sets of labels are known, no probabilities"
_CONSTANT = "a model says the same of this label in every example; kappa would be 0 in any case"
_FLAT = "a model gives this label the same probability in every example"
_RARE = "no example has the label {!r}"
_NOWHERE = "it is undefined of every label"
PairDraws = Callable[[Predictions, Predictions, int], Floats]
RunDraws = Callable[[Predictions, int], Floats]


class _LabelNumber(NamedTuple):
    """A number of each label: its name, and why it may be undefined."""

    metric: str
    undefined: str
    share: bool = False


class Labelled:
    """The outputs of a study's models on each label.

    Args:
        study: a study of sets of labels, with `LabelOutputs`.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.outputs = labels_of(study)
        self.labels = self.outputs.task.labels
        self.models = tuple(
            Population(model.name, model.role, self.outputs.runs[model.name])
            for model in study.models
        )
        self.sample = resamples_of(study)

    def kl(self, one: Predictions, other: Predictions, at: int) -> Floats:
        """Draw the mean KL divergence of a label."""
        columns = (run.values[:, at : at + 1] for run in (one, other))
        return self.sample.mean(bernoulli_kl(*columns)[:, 0])

    def pairing(self, one: Predictions, other: Predictions, at: int) -> Pairing:
        """Count the decisions of two runs on a label."""
        return Pairing(self.sample, one.sets[:, at], other.sets[:, at], 2)


def bare(*models: Population) -> str:
    """Return why models have no probabilities of labels; empty where they have."""
    names = [m.name for m in models if any(run.scale == "label sets" for run in m.runs)]
    return _BARE.format(" and ".join(names)) if names else ""


def probability(run: Predictions, at: int) -> Floats:
    """Return the probability of a label, float64 `[n]`."""
    return 0.5 * (1.0 + np.tanh(0.5 * run.values[:, at]))


def pair_numbers(view: Labelled) -> list[Estimate]:
    """Return agreement, kappa, KL and correlations of every pair on each label and in the mean."""
    kinds: Mapping[_LabelNumber, PairDraws] = {
        _LabelNumber("label_agreement", "", share=True): lambda a, b, at: (
            view.pairing(a, b, at).observed
        ),
        _LabelNumber("label_kappa", _CONSTANT): lambda a, b, at: (
            view.pairing(a, b, at).kappa().draws
        ),
        _LabelNumber("label_kl", ""): view.kl,
        _LabelNumber("label_pearson", _FLAT): lambda a, b, at: pearson_draws(
            view.sample, probability(a, at), probability(b, at)
        ),
        _LabelNumber("label_spearman", _FLAT): lambda a, b, at: spearman_draws(
            view.sample, probability(a, at), probability(b, at)
        ),
    }
    listed: list[Estimate] = []
    for place, one in enumerate(view.models):
        for other in view.models[place + 1 :]:
            for kind, of in kinds.items():
                lacks = (
                    "" if kind.metric in ("label_agreement", "label_kappa") else bare(one, other)
                )
                draws = [
                    pair_draws_of(view.study, one, other, partial(_at, of, at))
                    for at in range(len(view.labels) if not lacks else 0)
                ]
                key = EstimateKey(kind.metric, one.name, other.name)
                listed += _estimates(view, key, kind, draws, lacks)
                if kind.metric == "label_kl":
                    listed.append(_joint(view, key, draws, lacks))
    return listed


def _at(of: PairDraws, at: int, one: Predictions, other: Predictions) -> Floats:
    return of(one, other, at)


def _of(of: RunDraws, at: int, run: Predictions) -> Floats:
    return of(run, at)


def _joint(view: Labelled, key: EstimateKey, draws: Sequence[Floats], lacks: str) -> Estimate:
    """Add up the divergences of all labels."""
    at = EstimateKey("joint_kl", key.model_a, key.model_b)
    if lacks:
        return undefined_estimate(at, lacks, n=view.study.n)
    return estimate(at, np.sum(draws, axis=0), n=view.study.n, undefined="")


def model_numbers(view: Labelled) -> list[Estimate]:
    """Return average precision and calibration of every model on each label and in the mean.

    Args:
        view: every example has a gold label.
    """
    gold = view.outputs.gold
    assert gold is not None  # the caller asks
    options = CalibrationOptions()
    kinds: Mapping[_LabelNumber, RunDraws] = {
        _LabelNumber("average_precision", _RARE): lambda run, at: average_precision(
            view.sample, gold[:, at] == 1, run.values[:, at]
        ),
        _LabelNumber("label_calibration_error", ""): lambda run, at: debiased_error(
            view.study, options, probability(run, at), gold[:, at].astype(np.float64)
        ),
        _LabelNumber("label_brier", ""): lambda run, at: view.sample.mean(
            (probability(run, at) - gold[:, at]) ** 2
        ),
    }
    listed: list[Estimate] = []
    for model in view.models:
        lacks = bare(model)
        for kind, of in kinds.items():
            draws = [
                draws_of(view.study, model, partial(_of, of, at))
                for at in range(len(view.labels) if not lacks else 0)
            ]
            listed += _estimates(view, EstimateKey(kind.metric, model.name), kind, draws, lacks)
    return listed


def without_gold(view: Labelled) -> list[Estimate]:
    """Return the same numbers as undefined: no example has a gold label."""
    return [
        undefined_estimate(EstimateKey(name, model.name), NO_GOLD, n=0)
        for model in view.models
        for name in ("average_precision", "label_calibration_error", "label_brier")
    ]


def _estimates(
    view: Labelled, key: EstimateKey, kind: _LabelNumber, draws: Sequence[Floats], lacks: str
) -> list[Estimate]:
    """Return a number's mean over labels, then the number of each."""
    n = view.study.n
    if lacks:
        return [undefined_estimate(key, lacks, n=n)]
    known = [each for each in draws if np.isfinite(each[0])]
    present = np.isfinite(known) if known else np.zeros((0, len(draws[0])), dtype=np.bool_)
    total = np.where(present, known, 0.0).sum(axis=0) if known else np.zeros(len(draws[0]))
    mean = ratio(total, present.sum(axis=0).astype(np.float64))
    listed = [estimate(key, mean, n=n, undefined=_NOWHERE)]
    left_out = len(draws) - len(known)
    if left_out and known:
        note = f"the mean over {len(known)} of {len(draws)} labels: it is undefined of the others"
        listed[0] = listed[0].model_copy(update={"note": note})
    for label, each in zip(view.labels, draws, strict=True):
        at = EstimateKey(key.metric, key.model_a, key.model_b, subset=label)
        listed.append(
            estimate(
                at, each, n=n, undefined=kind.undefined.format(label), share=kind.share,
                clusters=view.study.clusters_in(),
            )
        )  # fmt: skip
    return listed
