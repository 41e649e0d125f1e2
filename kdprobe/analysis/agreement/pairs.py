"""Agreement of two models: every number of `agreement` that is about one pair.

Does: turn draws of a pair into estimates, averaged over all pairs of runs. Does not: look at more
than two models, or at the seeds of one model.
"""

from __future__ import annotations

import numpy as np

from kdprobe.analysis.agreement.distance_estimates import distance_estimates
from kdprobe.analysis.agreement.pair_view import PairView
from kdprobe.analysis.estimates import (
    EstimateKey,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.observations.predictions import Predictions
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, Ints, ratio
from kdprobe.stats.bootstrap import LEVEL
from kdprobe.stats.kappa import Attainable, Corrected, Pairing, asymptotic_error, attainable

CONSTANT = "a model predicts only one label; kappa would be 0 whatever the other model says"
NO_GOLD = "the split has no gold labels, so mistakes are not known"
NEVER = "a model is right on every example, or wrong on every one"
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def corrected_estimate(
    at: EstimateKey, coefficient: Corrected, *, observed: float, n: int, undefined: str
) -> Estimate:
    """Make an estimate of a chance-corrected coefficient.

    Where no two labels differ (or none are equal), resampling never moves the value; the interval
    then comes from the rule of three on the share of equal labels, at the sample's own chance
    agreement.
    """
    number = estimate(at, coefficient.draws, n=n, undefined=undefined)
    if number.value is None or observed not in (0.0, 1.0):
        return number
    chance = float(coefficient.chance[0])
    reach = min(1.0, 3.0 / n)
    moved = 1.0 - reach if observed == 1.0 else reach
    edge = max(-1.0, (moved - chance) / (1.0 - chance))
    return Estimate(
        **vars(at),
        value=number.value,
        low=min(edge, number.value),
        high=max(edge, number.value),
        level=LEVEL,
        interval="rule of three on the agreement",
        n=n,
    )


def pair_estimates(view: PairView) -> list[Estimate]:
    """Return every number about one pair, in the order of the report."""
    n = view.study.n
    observed = view.draws(lambda pairing: pairing.observed)
    estimates = [
        estimate(view.at("agreement"), observed, n=n, undefined="", share=True),
        estimate(view.at("churn"), 1.0 - observed, n=n, undefined="", share=True),
    ]
    kappa = view.corrected(lambda pairing: pairing.kappa())
    for name, coefficient in (
        ("cohens_kappa", kappa),
        ("pabak", view.corrected(lambda pairing: pairing.pabak())),
        ("gwet_ac1", view.corrected(lambda pairing: pairing.ac1())),
    ):
        estimates.append(
            corrected_estimate(
                view.at(name), coefficient, observed=float(observed[0]), n=n, undefined=CONSTANT
            )
        )
        if name == "cohens_kappa":
            estimates += _asymptotic(view)
    return [*estimates, *_mistakes(view), *distance_estimates(view)]


def _asymptotic(view: PairView) -> list[Estimate]:
    """Kappa once more with the large-sample interval; only for two single runs."""
    if len(view.a.runs) * len(view.b.runs) > 1:
        return []
    classes = view.study.classes
    a, b = view.a.first.predicted, view.b.first.predicted
    table = np.bincount(a * classes + b, minlength=classes**2).reshape(classes, classes)
    at = view.at("cohens_kappa", method="asymptotic")
    error = asymptotic_error(table)
    if error is None:
        return [undefined_estimate(at, CONSTANT, n=view.study.n)]
    value = float(view.draws(lambda pairing: pairing.kappa().draws)[0])
    clustered = view.study.split.clusters is not None
    if clustered or error == 0.0:
        note = "no interval: the large-sample error is 0 when labels always or never agree"
        if clustered:
            note = "no interval: the large-sample error is that of independent examples"
        return [Estimate(**vars(at), value=value, n=view.study.n, note=note)]
    return [
        Estimate(
            **vars(at),
            value=value,
            low=max(-1.0, value - _Z * error),
            high=min(1.0, value + _Z * error),
            level=LEVEL,
            interval="large-sample normal",
            n=view.study.n,
        )
    ]


def _mistakes(view: PairView) -> list[Estimate]:
    """The numbers that need to know which predictions are mistakes."""
    names = (
        "kappa_attainable_low",
        "kappa_attainable_high",
        "kappa_independent",
        "kappa_normalised",
        "error_consistency",
    )
    if view.labelled is None:
        return [undefined_estimate(view.at(name), NO_GOLD, n=0) for name in names]
    gold = np.asarray(view.labelled.study.split.labels, dtype=np.int64)
    return _against_gold(view.labelled, gold)


def _against_gold(view: PairView, gold: Ints) -> list[Estimate]:
    """The same, of a pair all of whose examples have a gold label.

    Kappa is that of these examples too: its place in a range of theirs would else be another's.
    """
    n = view.study.n
    kappa = view.draws(lambda pairing: pairing.kappa().draws)
    ranges = {key: attainable(pairing, gold) for key, pairing in view.pairings.items()}

    def part(place: int) -> Floats:
        return pair_draws_of(
            view.study, view.a, view.b, lambda one, other: ranges[id(one), id(other)][place]
        )

    reach = Attainable(part(0), part(1), part(2))
    room = reach.high - reach.independent
    # Mistakes that cannot be shared more than chance already does leave rounding noise, no room.
    place = ratio(kappa - reach.independent, np.where(room > 1e-12, room, 0.0))
    cramped = (
        "mistakes independent of each other already coincide as often as they can, so there is no "
        "range to have a place in"
    )
    full = cramped if np.isfinite(kappa[0]) else CONSTANT
    return [
        estimate(view.at("kappa_attainable_low"), reach.low, n=n, undefined=CONSTANT),
        estimate(view.at("kappa_attainable_high"), reach.high, n=n, undefined=CONSTANT),
        estimate(view.at("kappa_independent"), reach.independent, n=n, undefined=CONSTANT),
        estimate(view.at("kappa_normalised"), np.minimum(place, 1.0), n=n, undefined=full),
        estimate(view.at("error_consistency"), consistency_draws(view, gold), n=n, undefined=NEVER),
    ]


def consistency_draws(view: PairView, gold: Ints) -> Floats:
    """Return Cohen's kappa of right and wrong, float64 `[B + 1]`."""
    sample = resamples_of(view.study)

    def kappa(one: Predictions, other: Predictions) -> Floats:
        left, right = ((run.predicted == gold).astype(np.int64) for run in (one, other))
        return Pairing(sample, left, right, 2).kappa().draws

    return pair_draws_of(view.study, view.a, view.b, kappa)
