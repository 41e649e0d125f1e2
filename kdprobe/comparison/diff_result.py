"""The result of a diff, as `kdprobe.diff` returns it.

Does: hold its document and show it (in a notebook, as a data frame, as a page, as Markdown); tell
which gates its changes trip. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from kdprobe.comparison.picking import Coordinates, pick_estimate
from kdprobe.errors import ConfigError
from kdprobe.plain_text import printable
from kdprobe.results.diff import DiffDocument
from kdprobe.results.diff_markdown import diff_markdown, diff_title
from kdprobe.results.diff_view import (
    change_words,
    changed,
    first_changes,
    sentence,
    summary_sentence,
    whose,
)
from kdprobe.results.frame import estimates_frame
from kdprobe.results.gates import Gate, checked_gate, parse_gate, tripped
from kdprobe.results.schema import AnalysisResult, Estimate, ModelInfo, ResultsDocument
from kdprobe.results.shown import notebook_html

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReportDiff:
    """What changed between two reports.

    Args:
        document: models, numbers, definitions, analyses and settings.
    """

    document: DiffDocument

    @property
    def metrics(self) -> pd.DataFrame:
        """Every change as a row, in the columns of `metrics.csv`: `value` is after minus before.

        Beside them stand `before`, `after` and `verdict`.
        """
        changes = self.document.changes
        frame = estimates_frame([(one.analysis, one.change) for one in changes])
        sides = {
            "before": np.array([one.before.value for one in changes], dtype=np.float64),
            "after": np.array([one.after.value for one in changes], dtype=np.float64),
        }
        return frame.assign(**sides, verdict=[one.verdict for one in changes])

    @cached_property
    def _as_results(self) -> ResultsDocument:
        """The changes as if they were the numbers of a comparison of the models of both reports."""
        document = self.document
        models = dict.fromkeys((document.teacher, *document.compared))
        held: dict[str, list[Estimate]] = {}
        for one in document.changes:
            held.setdefault(one.analysis, []).append(one.change)
        return ResultsDocument(
            produced_by=document.produced_by, request=document.after.request, task=document.task,
            models=tuple(
                ModelInfo(name=model.name, role="teacher" if model is document.teacher else
                          "student", source="arrays", folder="")
                for model in models
            ),
            analyses=tuple(
                AnalysisResult(
                    name=name, version=1, title=name, estimates=tuple(numbers),
                    metrics=tuple(
                        metric.model_copy(update={"minimum": None, "maximum": None})
                        for key, metric in document.metrics.items()
                        if key == f"{name}.{metric.name}"
                    ),
                )
                for name, numbers in held.items()
            ),
        )  # fmt: skip

    def get(
        self,
        metric: str,
        student: str = "",
        other: str = "",
        *,
        analysis: str = "",
        subset: str = "all",
        **coordinates: Unpack[Coordinates],
    ) -> Estimate:
        """Return one change, after minus before, with its interval; see `Comparison.get`."""
        return pick_estimate(
            self._as_results, metric, student, other=other, analysis=analysis, subset=subset,
            coordinates=dict(coordinates),
        )  # fmt: skip

    def tripped(self, conditions: Sequence[str]) -> list[str]:
        """Return a line for every model whose change fulfils a condition, e.g. `accuracy<-0.02`.

        Args:
            conditions: as `kdprobe compare --fail-if` takes them, of changes in place of numbers:
                `accuracy_high<0` is one that is below 0 with its whole interval.

        Raises:
            UsageError: a condition that cannot be read, or names what there is none of.
        """
        known = self._as_results
        metrics = {each.name: [m.name for m in each.metrics] for each in known.analyses}
        students = [model.name for model in known.students]
        gates = []
        for text in conditions:
            gate = parse_gate(text)
            self._require_compared(gate)
            gates.append(checked_gate(gate, metrics, students, list(metrics)))
        return [line for gate in gates for line in tripped(gate, known)]

    def _require_compared(self, gate: Gate) -> None:
        """Refuse a gate on a number that is defined otherwise in the two reports."""
        name = gate.metric.lower().removesuffix("_low").removesuffix("_high")
        apart = [one for one in self.document.definitions if one.metric == name]
        compared = {one.change.metric for one in self.document.changes}
        if apart and name not in compared:
            raise ConfigError(
                f"`fail_if` {gate.text}",
                found=f"{name} is not compared: the reports define it otherwise "
                f"({apart[0].differs})",
                expected="a number that both define alike",
                remedy="make the earlier report again with this kdprobe",
            )

    def html(self) -> str:
        """What changed as one page of HTML."""
        from kdprobe.report.diff import render_diff

        return render_diff(self.document)

    def markdown(self) -> str:
        """What changed as Markdown."""
        return diff_markdown(self.document)

    def write_page(self, path: str | Path) -> Path:
        """Write the page to a file, and return its path."""
        from kdprobe import atomic

        atomic.write_text(Path(path), self.html())
        return Path(path)

    def __repr__(self) -> str:
        """One sentence for each of the first numbers."""
        document = self.document
        lines = [diff_title(document), f"  {summary_sentence(document)}"]
        lines += [f"  {one.severity}: {one.message}" for one in document.notices]
        lines += [f"  {sentence(document, one)}" for one in changed(first_changes(document))]
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        """Show the first numbers in a notebook."""
        document = self.document
        rows = [
            (f"{document.metric(one).label}, {whose(one)}", change_words(one), one.verdict)
            for one in first_changes(document)
        ]
        sentences = [f"{one.severity}: {one.message}" for one in document.notices]
        return notebook_html(
            diff_title(document), ("", "change", ""), rows,
            sentences=[*sentences, summary_sentence(document)],
        )  # fmt: skip
