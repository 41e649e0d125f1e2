"""How far the probabilities of two models lie apart.

Does: draw means and quantiles of distances, and make estimates of them. Does not: compare labels;
`pairs.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kdprobe.analysis.agreement.distances import UNLISTED
from kdprobe.analysis.agreement.pair_view import PairView
from kdprobe.analysis.estimates import estimate, pair_draws_of, resamples_of, undefined_estimate
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.divergence import Fidelity, probability_loyalty

_NO_PROBABILITIES = "only the predicted labels of {} are known, no probabilities"
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
_LEAST_FOR_P99 = 381  # from Z^2 * .99 / .01 on, the upper end is an order statistic of the sample
_NO_LARGER = "no interval: no resample holds a larger value than the sample"


def distance_estimates(view: PairView) -> list[Estimate]:
    """Return the distances of probabilities, or the reason why there are none."""
    n, lacking = view.study.n, without_probabilities(view)
    if lacking:
        return [undefined_estimate(view.at(name), lacking, n=n) for name in (*_DISTANCES, "kl_max")]
    drawn = _all_distances(view)
    estimates = [
        estimate(view.at(name), drawn[name], n=n, undefined=UNLISTED) for name in _DISTANCES
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


def _all_distances(view: PairView) -> dict[str, Floats]:
    """Return every distance of `_DISTANCES`, float64 `[B + 1]`; all means are one product."""
    sample = resamples_of(view.study)
    of_runs: dict[tuple[int, int], dict[str, Floats]] = {}
    for runs, apart in view.apart.items():
        loyalty = probability_loyalty(apart.jensen_shannon)
        means = sample.sums(np.stack([*apart, loyalty], axis=1)) / sample.totals[:, None]
        named = dict(zip((*Fidelity._fields, "probability_loyalty"), means.T, strict=True))
        of_runs[runs] = {
            name: named[name] if name in named else of(sample, apart)
            for name, of in _DISTANCES.items()
        }

    def averaged(name: str) -> Floats:
        return pair_draws_of(
            view.study, view.a, view.b, lambda one, other: of_runs[id(one), id(other)][name]
        )

    return {name: averaged(name) for name in _DISTANCES}


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
