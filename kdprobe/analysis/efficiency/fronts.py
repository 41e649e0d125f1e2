"""Which models nobody beats in cost and gain at once, as tables that the page draws.

Does: put score and agreement beside cost, and mark the Pareto front. Does not: draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Metric, Table
from kdprobe.stats.pareto import Point, non_dominated

COSTS = ("latency_p50", "parameters")
_AGREEMENT = "agreement"


class _Gain(NamedTuple):
    """A number that is better the larger it is, of every model that has it."""

    metric: Metric
    of: Mapping[str, Estimate]


def front_tables(
    study: Study, costs: Sequence[Estimate], metrics: Sequence[Metric],
    done: Mapping[str, AnalysisResult],
) -> list[Table]:  # fmt: skip
    """Return a table for each front: the score against every cost, agreement against the first.

    Args:
        study: the models.
        costs: estimates of every model.
        metrics: what they mean.
        done: the results of `task_scores` and `agreement`, where they ran.
    """
    labels = {metric.name: metric for metric in metrics}
    gains = _gains(study, done)
    chosen = [(gain, cost) for place, gain in enumerate(gains) for cost in COSTS[: 2 - place]]
    tables = (_table(study, gain, costs, labels[cost]) for gain, cost in chosen)
    return [table for table in tables if len(table.rows) > 1]


def _gains(study: Study, done: Mapping[str, AnalysisResult]) -> list[_Gain]:
    """Return the primary score, and agreement with the teacher, which the teacher has whole."""
    gains = []
    primary = study.split.task.primary_score
    for analysis, name in (("task_scores", primary), ("agreement", _AGREEMENT)):
        result = done.get(analysis)
        for metric in result.metrics if result else ():
            if result is None or metric.name != name:
                continue
            of = {
                number.model_b or number.model_a: number
                for number in result.estimates
                if (number.metric, number.subset, number.method) == (name, "all", "")
                and number.model_a in (study.teacher.name, number.model_b or number.model_a)
            }  # fmt: skip
            if analysis == "agreement":
                of = {name: number for name, number in of.items() if number.model_b}
                of[study.teacher.name] = Estimate(
                    metric=name, model_a=study.teacher.name, value=1.0, n=study.n
                )
            gains.append(_Gain(metric, of))
    return gains


def _table(study: Study, gain: _Gain, costs: Sequence[Estimate], cost: Metric) -> Table:
    scale, unit = (1e6, "millions") if cost.name == "parameters" else (1.0, cost.unit)
    price = {one.model_a: one for one in costs if one.metric == cost.name and not one.model_b}
    points = []
    ends: dict[str, tuple[Cell, ...]] = {}
    for model in study.models:
        paid, number = price.get(model.name), gain.of.get(model.name)
        if paid is None or paid.value is None or number is None or number.value is None:
            continue
        points.append(Point(model.name, paid.value / scale, number.value))
        sides = (paid.low, paid.high)
        ends[model.name] = (
            *(None if end is None else end / scale for end in sides), number.low, number.high
        )  # fmt: skip
    front = non_dominated(points)
    rows: list[tuple[Cell, ...]] = [
        (
            point.name, point.cost, *ends[point.name][:2], point.gain, *ends[point.name][2:],
            "on the front" if point.name in front else "not on it",
        )
        for point in points
    ]  # fmt: skip
    return Table(
        name=f"front-{gain.metric.name}-{cost.name}",
        title=f"{gain.metric.label} against {cost.label.lower()}",
        caption="Better is up and to the left: no model is cheaper and better than one on the "
        "front. Bars are intervals; points whose bars overlap may change places.",
        columns=(
            Column(name="model", label="model"),
            Column(name="cost", label=f"{cost.label}, {unit}", kind="number"),
            Column(name="cost_low", label="from", kind="number"),
            Column(name="cost_high", label="to", kind="number"),
            Column(name="gain", label=gain.metric.label, kind="number"),
            Column(name="gain_low", label="from", kind="number"),
            Column(name="gain_high", label="to", kind="number"),
            Column(name="place", label="place"),
        ),
        rows=tuple(rows),
    )
