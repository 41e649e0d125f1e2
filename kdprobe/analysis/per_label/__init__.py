"""Labels one by one, where examples may have several at once.

Does: agreement, kappa, divergence and correlation of every pair of models on each label; average
precision and calibration of each model; hits and mistakes of each label. Does not: score whole
sets: of a multi-label task `task_scores`, `agreement` and all others take the set for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.analysis.gold import first_run_note, labelled_note
from kdprobe.analysis.per_label.metrics import METRICS
from kdprobe.analysis.per_label.numbers import (
    Labelled,
    model_numbers,
    pair_numbers,
    without_gold,
)
from kdprobe.analysis.per_label.views import (
    decisions_table,
    gold_table,
    kappa_chart,
    nearness_table,
    rarest,
)
from kdprobe.analysis.protocol import Gold, NoOptions, described
from kdprobe.observations.label_sets import LabelOutputs
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult


@dataclass(frozen=True)
class PerLabel:
    """The analysis; see `kdprobe.analysis.protocol.Analysis`."""

    name: str = "per_label"
    version: int = 1
    title: str = "Labels one by one"
    after: tuple[str, ...] = ()
    reads: tuple[type, ...] = (LabelOutputs,)
    gold: Gold = "both"
    defines: tuple[str, ...] = tuple(METRICS)
    options: type[NoOptions] = NoOptions

    def skip_reason(self, study: Study) -> str | None:
        """Refuse studies whose examples have one label, or none of it to compare."""
        if not study.has(LabelOutputs):
            return "examples of this task have one label or number, not several labels at once"
        if len(study.models) < 2:
            return "there is one model only, so there is no pair to compare"
        return None

    def run(
        self, study: Study, options: NoOptions, done: Mapping[str, AnalysisResult]
    ) -> AnalysisResult:
        """Compare every pair on each label, and every model with the gold labels."""
        view, known = Labelled(study), Labelled(study.with_gold())
        numbers = pair_numbers(view)
        gold = known.outputs.gold is not None
        scored = model_numbers(known) if gold else without_gold(view)
        used = {number.metric for number in (*numbers, *scored)}
        tables = (nearness_table(view, numbers), decisions_table(view))
        return AnalysisResult(
            **described(self, options),
            caption=f"Each of the {len(view.labels)} labels by itself, on {study.n:,} examples: a "
            "label is predicted where its probability is more than one half.",
            metrics=tuple(metric for metric in METRICS.values() if metric.name in used),
            estimates=(*numbers, *scored),
            tables=(*tables, gold_table(known, scored)) if gold else tables,
            curves=kappa_chart(view, numbers),
            notes=tuple(
                filter(
                    None,
                    (
                        *labelled_note(study, "Average precision, calibration and mistakes"),
                        *first_run_note(study, "Counts of decisions"),
                        rarest(known),
                    ),
                )
            ),
        )


ANALYSIS = PerLabel()
