"""What word scores must hold to be believed, whatever they are compared with.

Does: the mass on special tokens, scores that do not add up, agreement with leaving out one word,
and the pointing game. Does not: leave words out in order of a ranking; `deletion` does.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from kdprobe.analysis.attribution_agreement.damaged_word import damaged_words
from kdprobe.analysis.attribution_agreement.explained import Attributed
from kdprobe.analysis.estimates import EstimateKey
from kdprobe.analysis.faithfulness.deletion import mean_estimate
from kdprobe.observations.predictions import Population
from kdprobe.results.schema import Estimate
from kdprobe.stats.rank_agreement import kendall

LEAVE_ONE_OUT = "occlusion"
_LARGEST_GAP = 0.01


def quality(explained: Attributed, model: Population) -> list[Estimate]:
    """Mass on special tokens and sums that miss, for the methods that have them."""
    estimates = []
    for method in explained.attributions.methods:
        special = explained.attributions.special[model.name, method]
        gaps = explained.attributions.gaps[model.name, method]
        if np.isfinite(special).any():
            estimates.append(
                mean_estimate(
                    EstimateKey("special_mass", model.name, method=method), explained, special
                )
            )
        if np.isfinite(gaps).any():
            missed = np.where(np.isfinite(gaps), (gaps > _LARGEST_GAP).astype(np.float64), np.nan)
            at = EstimateKey("incomplete", model.name, method=method)
            estimates.append(mean_estimate(at, explained, missed, share=True))
    return estimates


def leave_one_out(explained: Attributed, model: Population) -> list[Estimate]:
    """Rank correlation of every method with leaving out one word at a time, where that was done."""
    single = explained.scores(model.name, LEAVE_ONE_OUT)
    if single is None:
        return []
    return [
        mean_estimate(
            EstimateKey("leave_one_out", model.name, method=method),
            explained,
            explained.compare(explained.scores(model.name, method), single, kendall),
        )
        for method in explained.attributions.methods
        if method != LEAVE_ONE_OUT
    ]


def pointing(explained: Attributed, model: Population) -> list[Estimate]:
    """The pointing game on sentences whose damaged word is known."""
    damaged = damaged_words(explained)
    task = explained.study.split.task
    if not damaged or task.acceptable not in task.labels or len(task.labels) != 2:
        return []
    acceptable = task.labels.index(task.acceptable)
    estimates = []
    for method in explained.attributions.methods:
        hits, mass, chance = (np.full(len(explained.attributions.ids), np.nan) for _ in range(3))
        for row, (target, scores) in enumerate(
            zip(
                explained.attributions.target.tolist(),
                explained.scores(model.name, method) or (),
                strict=True,
            )
        ):
            if row not in damaged or not np.isfinite(scores).any():
                continue
            toward = np.nan_to_num(scores) * (-1.0 if target == acceptable else 1.0)
            places = list(damaged[row])
            hits[row] = float(int(np.argmax(toward)) in places)
            chance[row] = len(places) / len(toward)
            against = np.maximum(toward, 0.0)
            if against.sum() > 0:
                mass[row] = float(against[places].sum() / against.sum())
        of_method = partial(EstimateKey, model_a=model.name, method=method)
        estimates += [
            mean_estimate(of_method("pointing"), explained, hits, share=True),
            mean_estimate(of_method("pointing_chance"), explained, chance),
            mean_estimate(of_method("damaged_mass"), explained, mass),
        ]
    return estimates
