"""Comprehensiveness and sufficiency of every method's ranking, against random words.

Does: estimate the falls of the probability when words are left out or kept, and draw them by share
of words. Does not: bound them; `normalised` does.
"""

from __future__ import annotations

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import Attributed
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.observations.predictions import Population
from kdprobe.results.schema import Curve, Estimate, Series
from kdprobe.stats.arrays import Bools, Floats

RANDOM = "random"
UNMEASURED = "no sentence could be measured"


def mean_estimate(
    at: EstimateKey, explained: Attributed, values: Floats, *, share: bool = False
) -> Estimate:
    """Estimate the mean of a per-example value over the examples that have one."""
    return estimate(
        at, explained.draws(values), n=explained.count(values), undefined=UNMEASURED, share=share
    )


def deletion_estimates(explained: Attributed, model: Population) -> list[Estimate]:
    """Comprehensiveness and sufficiency, averaged over the shares, less those of random words."""
    chance = explained.attributions.deletion[model.name, RANDOM].mean(axis=1)
    estimates = [
        mean_estimate(EstimateKey(f"random_{name}", model.name), explained, chance[:, side])
        for side, name in enumerate(("comprehensiveness", "sufficiency"))
    ]
    for method in explained.attributions.methods:
        falls = explained.attributions.deletion[model.name, method].mean(axis=1) - chance
        estimates += [
            mean_estimate(EstimateKey(name, model.name, method=method), explained, falls[:, side])
            for side, name in enumerate(("comprehensiveness", "sufficiency"))
        ]
    return estimates


_SIDES = (
    ("deletion", "Leaving out the top words of {}", "share of words left out",
     "The higher above random words, the more the scores say of the model."),
    ("keeping", "Keeping only the top words of {}", "share of words kept",
     "The lower below random words, the more of the decision the top words carry."),
)  # fmt: skip


def _fall(explained: Attributed, model: Population, method: str, side: int) -> Series | None:
    """The fall of the probability at every share of words, with its band."""
    falls = explained.attributions.deletion[model.name, method][:, :, side]
    known: Bools = np.asarray(np.isfinite(falls).all(axis=1), dtype=np.bool_)
    if not known.any():
        return None
    at = EstimateKey(_SIDES[side][0], model.name, method=method)
    estimates = [
        estimate(at, explained.draws(column, known), n=int(known.sum()), undefined=UNMEASURED)
        for column in falls.T
    ]
    return Series(
        name=method,
        x=explained.attributions.shares,
        y=tuple(one.value for one in estimates if one.value is not None),
        low=tuple(one.low for one in estimates),
        high=tuple(one.high for one in estimates),
        counts=tuple(int(known.sum()) for _ in estimates),
    )


def deletion_curves(explained: Attributed) -> list[Curve]:
    """Deletion curves: the fall of the probability without, and with only, the top words."""
    curves = []
    for side, (name, title, axis, caption) in enumerate(_SIDES):
        for place, model in enumerate(explained.models, start=1):
            drawn = [
                _fall(explained, model, method, side)
                for method in (*explained.attributions.methods, RANDOM)
            ]
            series = tuple(one for one in drawn if one is not None)
            if series:
                curves.append(
                    Curve(
                        name=f"{name}-{place}", title=title.format(model.name), caption=caption,
                        x_title=axis, y_title="fall of the probability", series=series,
                    )
                )  # fmt: skip
    return curves
