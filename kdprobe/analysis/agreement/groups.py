"""Agreement of all models at once, and of one model with itself between seeds.

Does: Fleiss' kappa and Krippendorff's alpha over all models; the agreement that another training
run reaches, and how much of it a student reaches. Does not: look at a single pair in depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.agreement.pair_view import PairView
from kdprobe.analysis.agreement.pairs import CONSTANT, corrected_estimate
from kdprobe.analysis.estimates import HOW, EstimateKey, estimate, resamples_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, ratio
from kdprobe.stats.kappa import Corrected, Pairing, many_raters

ALL = "all models"
BETWEEN = "between seeds"
_FIXED = f"{HOW}; the runs are held fixed"


def all_models(study: Study) -> list[Estimate]:
    """Return the agreement of all models at once, from the first run of each."""
    raters = [model.first.predicted for model in study.models]
    agreement = many_raters(resamples_of(study), raters, classes=study.classes)
    return [
        corrected_estimate(
            EstimateKey(name, ALL),
            coefficient,
            observed=float(agreement.observed[0]),
            n=study.n,
            undefined="all models give one and the same label everywhere",
        )
        for name, coefficient in (
            ("fleiss_kappa", agreement.fleiss),
            ("krippendorff_alpha", agreement.krippendorff),
        )
    ]


class Ceiling(NamedTuple):
    """How far one model agrees with itself between seeds, `[B + 1]` each."""

    agreement: Floats
    kappa: Corrected


def ceilings(study: Study) -> dict[str, Ceiling]:
    """Return the ceiling of each model with several runs, averaged over all pairs of its runs."""
    ceilings = {}
    sample = resamples_of(study)
    for model in study.models:
        pairings = [
            Pairing(sample, one.predicted, other.predicted, study.classes)
            for one, other in combinations(model.runs, 2)
        ]
        if pairings:
            kappas = [pairing.kappa() for pairing in pairings]
            ceilings[model.name] = Ceiling(
                np.mean([pairing.observed for pairing in pairings], axis=0),
                Corrected(
                    np.mean([kappa.draws for kappa in kappas], axis=0),
                    np.mean([kappa.chance for kappa in kappas], axis=0),
                ),
            )
    return ceilings


def ceiling_estimates(study: Study, ceilings: Mapping[str, Ceiling]) -> list[Estimate]:
    """Return seed-to-seed agreement and kappa of each model that has several runs."""
    estimates = []
    for name, ceiling in ceilings.items():
        observed = float(ceiling.agreement[0])
        agreement = estimate(
            EstimateKey("agreement", name, name, subset=BETWEEN),
            ceiling.agreement,
            n=study.n,
            undefined="",
            share=True,
            how=_FIXED,
        )
        kappa = corrected_estimate(
            EstimateKey("cohens_kappa", name, name, subset=BETWEEN),
            ceiling.kappa,
            observed=observed,
            n=study.n,
            undefined=CONSTANT,
        )
        how = {"interval": _FIXED} if kappa.interval == HOW else {}
        estimates += [agreement, kappa.model_copy(update=how)]
    return estimates


def _whose(a: Population, b: Population, ceilings: Mapping[str, Ceiling]) -> str | None:
    """The first named model's ceiling if it has several runs, else the other's, else None."""
    return next((model.name for model in (a, b) if model.name in ceilings), None)


def of_ceiling(view: PairView, ceilings: Mapping[str, Ceiling]) -> list[Estimate]:
    """Return agreement and kappa of a pair as shares of the seed ceiling, where there is one."""
    whose = _whose(view.a, view.b, ceilings)
    if whose is None:
        return []
    ceiling = ceilings[whose]
    agreement = ratio(view.draws(lambda pairing: pairing.observed), ceiling.agreement)
    top = np.where(ceiling.kappa.draws > 0, ceiling.kappa.draws, np.nan)
    kappa = view.draws(lambda pairing: pairing.kappa().draws) / top
    reason = f"the two runs of {whose} never agree"
    estimates = [
        estimate(view.at("agreement_of_ceiling"), agreement, n=view.study.n, undefined=reason),
        estimate(
            view.at("kappa_of_ceiling"),
            kappa,
            n=view.study.n,
            undefined=f"a kappa is undefined, or that of {whose} between seeds is not above 0",
        ),
    ]
    return [
        each if each.value is None else each.model_copy(update={"note": f"ceiling: {whose}"})
        for each in estimates
    ]
