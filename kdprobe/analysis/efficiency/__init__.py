"""Efficiency: what every model costs, and how much cheaper a student is than its teacher.

Does: sizes, latency, throughput and memory with intervals, ratios to the teacher, and the models
that nobody beats in cost and gain. Does not: measure; the collector `efficiency` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.analysis.efficiency.estimates import cost_estimates, ratio_estimates
from kdprobe.analysis.efficiency.fronts import front_tables
from kdprobe.analysis.efficiency.metrics import METRICS
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.efficiency import Efficiency
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Curve, Estimate, Series
from kdprobe.seeds import derive_seed

NOT_ASKED = "costs were not measured, as it takes seconds a model; `efficiency.measure` does"
_SPEEDS = {"speedup": "one at a time", "throughput_ratio": "32 at once"}


def _speed_chart(estimates: list[Estimate]) -> tuple[Curve, ...]:
    """Draw how many times faster each student is; nothing where none was timed."""
    series = []
    for metric, name in _SPEEDS.items():
        known = [one for one in estimates if one.metric == metric and one.value is not None]
        if known:
            series.append(
                Series(
                    name=name,
                    x=tuple(one.value or 0.0 for one in known),
                    low=tuple(one.low for one in known),
                    high=tuple(one.high for one in known),
                    labels=tuple(one.model_b for one in known),
                )
            )
    if not series:
        return ()
    return (
        Curve(
            name="speedup",
            title="How many times faster than the teacher",
            caption="Medians; both answered the same texts in turn. Right of the line: faster.",
            kind="forest",
            x_title="times",
            y_title="student",
            series=tuple(series),
            reference=1.0,
        ),
    )


@dataclass(frozen=True)
class EfficiencyAnalysis:
    """Costs of every model, and ratios of teacher and student."""

    name: str = "efficiency"
    version: int = 1
    title: str = "Efficiency"
    after: tuple[str, ...] = ("task_scores", "agreement")
    gold: Gold = "unread"
    reads: tuple[type, ...] = (Efficiency,)
    defines: tuple[str, ...] = tuple(metric.name for metric in METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose costs were not measured."""
        return None if study.has(Efficiency) else NOT_ASKED

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Estimate, put gain beside cost, and draw."""
        observed = study.get(Efficiency)
        draws = {"seed": derive_seed(study.seed, "efficiency"), "resamples": study.resamples}
        estimates = [one for cost in observed.models for one in cost_estimates(cost, **draws)]
        teacher, *students = observed.models
        for student in students:
            estimates += ratio_estimates(teacher, student, **draws)
        used = {one.metric for one in estimates}
        metrics = tuple(metric for metric in METRICS if metric.name in used)
        return AnalysisResult(
            **described(self, options),
            caption="What every model costs, measured side by side on this machine: another one "
            "gives other times. Ratios say more: both models answered the same texts in turn.",
            metrics=metrics,
            estimates=tuple(estimates),
            tables=tuple(front_tables(study, estimates, metrics, done)),
            curves=_speed_chart(estimates),
            notes=observed.conditions,
        )


ANALYSIS = EfficiencyAnalysis()
