"""Agreement of two models: every number of `agreement` that is about one pair.

Does: turn draws of a pair into estimates, averaged over all pairs of runs. Does not: look at more
than two models, or at the seeds of one model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdprobe.analysis.agreement.distances import UNLISTED, distances
from kdprobe.analysis.estimates import (
    EstimateKey,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, Ints, ratio
from kdprobe.stats.bootstrap import LEVEL, Resamples
from kdprobe.stats.divergence import Fidelity, probability_loyalty
from kdprobe.stats.kappa import Attainable, Corrected, Pairing, asymptotic_error, attainable

CONSTANT = "a model predicts only one label; kappa would be 0 whatever the other model says"
NO_GOLD = "the split has no gold labels, so mistakes are not known"
_NO_PROBABILITIES = "only the predicted labels of {} are known, no probabilities"
NEVER = "a model is right on every example, or wrong on every one"
_DISTANCES: Mapping[str, Callable[[Resamples, Fidelity], Floats]] = {
    "kl": lambda sample, apart: sample.mean(apart.kl),
    "kl_median": lambda sample, apart: sample.quantile(apart.kl, 0.5),
    "kl_p95": lambda sample, apart: sample.quantile(apart.kl, 0.95),
    "kl_p99": lambda sample, apart: sample.quantile(apart.kl, 0.99),
    "jensen_shannon": lambda sample, apart: sample.mean(apart.jensen_shannon),
    "total_variation": lambda sample, apart: sample.mean(apart.total_variation),
    "probability_loyalty": lambda sample, apart: sample.mean(
        probability_loyalty(apart.jensen_shannon)
    ),
}
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution
_LEAST_FOR_P99 = 381  # from Z^2 * .99 / .01 on, the upper end is an order statistic of the sample
_NO_LARGER = "no interval: no resample holds a larger value than the sample"


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


@dataclass(frozen=True)
class PairView:
    """Two models of a study and what is computed once for each pair of their runs."""

    study: Study
    a: Population
    b: Population

    @cached_property
    def labelled(self) -> PairView | None:
        """The same pair on the examples with a gold label alone; None where no example has one."""
        study = self.study.with_gold()
        if study.split.labels is None:
            return None
        if study is self.study:
            return self
        models = {model.name: model for model in study.models}
        return PairView(study, models[self.a.name], models[self.b.name])

    @cached_property
    def pairings(self) -> dict[tuple[int, int], Pairing]:
        """The counts of each pair of runs, by their identities."""
        sample = resamples_of(self.study)
        return {
            (id(one), id(other)): Pairing(
                sample, one.predicted, other.predicted, self.study.classes
            )
            for one in self.a.runs
            for other in self.b.runs
        }

    @cached_property
    def apart(self) -> dict[tuple[int, int], Fidelity]:
        """The distances of each pair of runs on each example, by their identities."""
        return distances(self.study, self.a, self.b)

    def draws(self, of: Callable[[Pairing], Floats]) -> Floats:
        """Average a statistic of the counts over all pairs of runs."""
        return pair_draws_of(
            self.study, self.a, self.b, lambda one, other: of(self.pairings[id(one), id(other)])
        )

    def corrected(self, of: Callable[[Pairing], Corrected]) -> Corrected:
        """Average a coefficient and its chance agreement over all pairs of runs."""
        coefficients = {key: of(pairing) for key, pairing in self.pairings.items()}

        def part(place: int) -> Floats:
            return pair_draws_of(
                self.study,
                self.a,
                self.b,
                lambda one, other: coefficients[id(one), id(other)][place],
            )

        return Corrected(part(0), part(1))

    def at(self, metric: str, *, method: str = "") -> EstimateKey:
        """The coordinates of a number about this pair."""
        return EstimateKey(metric, self.a.name, self.b.name, method=method)


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
    return [*estimates, *_mistakes(view), *_fidelities(view)]


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


def _fidelities(view: PairView) -> list[Estimate]:
    """The distances of probabilities, or the reason why there are none."""
    n, lacking = view.study.n, without_probabilities(view)
    if lacking:
        return [undefined_estimate(view.at(name), lacking, n=n) for name in (*_DISTANCES, "kl_max")]
    estimates = [
        estimate(view.at(name), distance_draws(view, name), n=n, undefined=UNLISTED)
        for name in _DISTANCES
    ]
    largest = float(np.mean([each.kl.max() for each in view.apart.values()]))
    place = 1 + list(_DISTANCES).index("kl_p99")
    estimates.insert(
        place, Estimate(**vars(view.at("kl_max")), value=largest, n=n, note=_NO_LARGER)
    )
    return [_without_interval(each) if _ends_too_early(each) else each for each in estimates]


def without_probabilities(view: PairView) -> str:
    """Return why a pair has no distances of probabilities; empty where it has."""
    bare = [model.name for model in (view.a, view.b) if not model.has_probabilities]
    return _NO_PROBABILITIES.format(" and ".join(bare)) if bare else ""


def distance_draws(view: PairView, name: str) -> Floats:
    """Return a distance of probabilities (`kl`, `jensen_shannon` …), float64 `[B + 1]`."""
    sample, of = resamples_of(view.study), _DISTANCES[name]
    return pair_draws_of(
        view.study,
        view.a,
        view.b,
        lambda one, other: of(sample, view.apart[id(one), id(other)]),
    )


def _ends_too_early(number: Estimate) -> bool:
    return number.metric == "kl_p99" and (number.n or 0) < _LEAST_FOR_P99


def _without_interval(number: Estimate) -> Estimate:
    """Take away an interval whose upper end would lie beyond the largest example."""
    note = f"no interval: it takes {_LEAST_FOR_P99} examples"
    return number.model_copy(update={"low": None, "high": None, "interval": "", "note": note})
