"""Faithfulness: do the word scores of a model say what moves it?

Does: comprehensiveness and sufficiency against random words and, between the limits of all orders,
against another model; the mass that is no word's, scores that do not add up, and, where the damaged
word is known, whether the scores find it. Does not: compare the scores of two models; agreement
with an unfaithful explanation is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.analysis.attribution_agreement.explained import Attributed, attributed, skip_reason
from kdprobe.analysis.faithfulness import normalised
from kdprobe.analysis.faithfulness.deletion import deletion_curves, deletion_estimates
from kdprobe.analysis.faithfulness.metrics import METRICS
from kdprobe.analysis.faithfulness.quality import leave_one_out, pointing, quality
from kdprobe.analysis.protocol import Gold, described
from kdprobe.config.base import Options
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series


class FaithfulnessOptions(Options):
    """None: the shares of words left out are those that were measured."""


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
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
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
            estimates += [*deletion_estimates(explained, model), *leave_one_out(explained, model)]
            estimates += [*quality(explained, model), *pointing(explained, model)]
            estimates += normalised.of_model(explained, model)
        for student in explained.students:
            estimates += normalised.differences(explained, student)
        return AnalysisResult(
            **described(self, options),
            caption="Whether the words a method names move the model that it explains. Words are "
            "left out as everywhere; the class is the explained one.",
            metrics=METRICS,
            estimates=tuple(estimates),
            curves=(
                *normalised.curves(explained, estimates),
                *deletion_curves(explained),
                _both_axes(explained, done, estimates),
            ),
            notes=normalised.notes(explained),
        )


ANALYSIS = FaithfulnessAnalysis()
