"""Probing gaps as rows of what was lost.

Does: read the gaps at the best layers under the first pooling as rows of *what was lost*. Does not:
measure or rank.
"""

from __future__ import annotations

from collections.abc import Mapping

from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Gap


def probing_gaps(study: Study, done: Mapping[str, AnalysisResult]) -> list[Estimate]:
    """Return one gap a task and student: best layer against best layer, first pooling."""
    if not study.has(ProbeFits) or "probing" not in done:
        return []
    pooling = study.get(ProbeFits).poolings[0]
    return [
        number
        for number in done["probing"].estimates
        if (number.metric, number.layer, number.pooling) == ("gap", "best", pooling)
    ]


def probing_rows(study: Study, done: Mapping[str, AnalysisResult]) -> list[Gap]:
    """Read the gaps above 0; sentences of probing sets are no examples of the page.

    A teacher below the majority class has nothing to lose: the table shows no accuracy of it.
    """
    gaps = probing_gaps(study, done)
    if not gaps:
        return []
    best: dict[tuple[str, str], float] = {}
    pooling = gaps[0].pooling
    table = next(t for t in done["probing"].tables if t.name == "best_layers")
    at = {column.name: place for place, column in enumerate(table.columns)}
    for row in table.rows:
        value = row[at["accuracy"]]
        if row[at["pooling"]] == pooling and isinstance(value, float | int):
            best[str(row[at["model"]]), str(row[at["task"]])] = float(value)
    return [
        Gap(
            student=gap.model_b,
            kind="probing",
            subset=f"probing {gap.subset}",
            metric="accuracy",
            teacher_value=best[gap.model_a, gap.subset],
            student_value=best[gap.model_a, gap.subset] - gap.value,
            gap=gap.value,
            low=gap.low,
            high=gap.high,
            p_value=gap.p_value,
            q_value=gap.q_value,
            n=gap.n or 0,
        )
        for gap in gaps
        if gap.value is not None and gap.value > 0 and (gap.model_a, gap.subset) in best
    ]
