"""Two models of a study, and what is computed once for each pair of their runs.

Does: hold counts and distances, and average a statistic of them over pairs of runs. Does not: make
estimates; `pairs.py` and
`distance_estimates.py` do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from kdprobe.analysis.agreement.distances import distances
from kdprobe.analysis.estimates import EstimateKey, pair_draws_of, resamples_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats
from kdprobe.stats.divergence import Fidelity
from kdprobe.stats.kappa import Corrected, Pairing


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
