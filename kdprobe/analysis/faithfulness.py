"""Faithfulness: do the word scores of a model say what moves it?

Does: comprehensiveness and sufficiency against random words, the mass that is no word's, scores
that do not add up, and, where the damaged word is known, whether the scores find it. Does not:
compare models with each other; agreement with an unfaithful explanation is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdprobe.analysis.attribution_agreement.damaged_word import damaged_words
from kdprobe.analysis.attribution_agreement.explained import Attributed, attributed, skip_reason
from kdprobe.analysis.attribution_agreement.metrics import FAITHFULNESS
from kdprobe.analysis.estimates import EstimateKey, estimate
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.predictions import (
    Population,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.rank_agreement import kendall

RANDOM = "random"
LEAVE_ONE_OUT = "occlusion"
_UNMEASURED = "no sentence could be measured"
_LARGEST_GAP = 0.01


class FaithfulnessOptions(Options):
    """None: the shares of words left out are those that were measured."""


def _estimate(
    at: EstimateKey, explained: Attributed, values: Floats, *, share: bool = False
) -> Estimate:
    return estimate(
        at, explained.draws(values), n=explained.count(values), undefined=_UNMEASURED, share=share
    )


def _deletion(explained: Attributed, model: Population) -> list[Estimate]:
    """Comprehensiveness and sufficiency, averaged over the shares, less those of random words."""
    chance = explained.attributions.deletion[model.name, RANDOM].mean(axis=1)
    estimates = [
        _estimate(EstimateKey(f"random_{name}", model.name), explained, chance[:, side])
        for side, name in enumerate(("comprehensiveness", "sufficiency"))
    ]
    for method in explained.attributions.methods:
        falls = explained.attributions.deletion[model.name, method].mean(axis=1) - chance
        estimates += [
            _estimate(EstimateKey(name, model.name, method=method), explained, falls[:, side])
            for side, name in enumerate(("comprehensiveness", "sufficiency"))
        ]
    return estimates


def _quality(explained: Attributed, model: Population) -> list[Estimate]:
    """Mass on special tokens and sums that miss, for the methods that have them."""
    estimates = []
    for method in explained.attributions.methods:
        special = explained.attributions.special[model.name, method]
        gaps = explained.attributions.gaps[model.name, method]
        if np.isfinite(special).any():
            estimates.append(
                _estimate(
                    EstimateKey("special_mass", model.name, method=method), explained, special
                )
            )
        if np.isfinite(gaps).any():
            missed = np.where(np.isfinite(gaps), (gaps > _LARGEST_GAP).astype(np.float64), np.nan)
            at = EstimateKey("incomplete", model.name, method=method)
            estimates.append(_estimate(at, explained, missed, share=True))
    return estimates


def _leave_one_out(explained: Attributed, model: Population) -> list[Estimate]:
    """Rank correlation of every method with leaving out one word at a time, where that was done."""
    single = explained.scores(model.name, LEAVE_ONE_OUT)
    if single is None:
        return []
    return [
        _estimate(
            EstimateKey("leave_one_out", model.name, method=method),
            explained,
            explained.compare(explained.scores(model.name, method), single, kendall),
        )
        for method in explained.attributions.methods
        if method != LEAVE_ONE_OUT
    ]


def _pointing(explained: Attributed, model: Population) -> list[Estimate]:
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
        estimates += [
            _estimate(
                EstimateKey("pointing", model.name, method=method), explained, hits, share=True
            ),
            _estimate(EstimateKey("pointing_chance", model.name, method=method), explained, chance),
            _estimate(EstimateKey("damaged_mass", model.name, method=method), explained, mass),
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
        estimate(at, explained.draws(column, known), n=int(known.sum()), undefined=_UNMEASURED)
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


def _curves(explained: Attributed) -> list[Curve]:
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


def _both_axes(
    explained: Attributed, done: Mapping[str, AnalysisResult], estimates: list[Estimate]
) -> Curve:
    """Agreement against the faithfulness of the teacher's explanation, a point per method."""
    agreement = done.get("attribution_agreement")
    faithful = {
        one.method: one.value
        for one in estimates
        if one.metric == "comprehensiveness" and one.model_a == explained.teacher.name
    }
    series = []
    for student in explained.students:
        points = [
            (x, one)
            for one in (agreement.estimates if agreement else ())
            if (one.metric, one.subset, one.model_b) == ("spearman", "all", student.name)
            and (x := faithful.get(one.method)) is not None
            and one.value is not None
        ]
        series.append(
            Series(
                name=student.name,
                x=tuple(x for x, _ in points),
                y=tuple(one.value for _, one in points if one.value is not None),
                low=tuple(one.low for _, one in points),
                high=tuple(one.high for _, one in points),
                labels=tuple(one.method for _, one in points),
            )
        )
    return Curve(
        name="both-axes",
        title="Agreement against faithfulness, by method",
        caption="Agreement is evidence only where the teacher's own explanation is faithful: to "
        "the right of 0, the further the better.",
        kind="points",
        x_title=f"comprehensiveness of {explained.teacher.name} above random words",
        y_title="rank correlation of word scores with the teacher's",
        series=tuple(series),
    )


@dataclass(frozen=True)
class FaithfulnessAnalysis:
    """Faithfulness of every model's word scores."""

    name: str = "faithfulness"
    version: int = 1
    title: str = "Faithfulness of the attributions"
    after: tuple[str, ...] = ("attribution_agreement",)
    gold: Gold = "unread"
    reads: tuple[type, ...] = (Attributions,)
    defines: tuple[str, ...] = tuple(metric.name for metric in FAITHFULNESS)
    options: type[FaithfulnessOptions] = FaithfulnessOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose words were not explained."""
        return skip_reason(study)

    def run(
        self, study: Study, options: FaithfulnessOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Measure every model by every method."""
        explained = attributed(study)
        estimates: list[Estimate] = []
        for model in explained.models:
            estimates += [*_deletion(explained, model), *_leave_one_out(explained, model)]
            estimates += [*_quality(explained, model), *_pointing(explained, model)]
        return AnalysisResult(
            **described(self, options),
            caption="Whether the words a method names move the model that it explains. Words are "
            "left out as everywhere; the class is the explained one.",
            metrics=FAITHFULNESS,
            estimates=tuple(estimates),
            curves=(*_curves(explained), _both_axes(explained, done, estimates)),
        )


ANALYSIS = FaithfulnessAnalysis()
