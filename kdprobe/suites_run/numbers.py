"""One number of a suite, by its place.

Does: find the comparison of a place, and the number in its results, or say why there is none. Does
not: lay out a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.comparison.picking import NOT_RUN, pick_estimate
from kdprobe.errors import KdprobeError, UnknownNameError, UsageError
from kdprobe.results.schema import Estimate, ResultsDocument
from kdprobe.suites_run.metrics import resolved_metric
from kdprobe.suites_run.plan import SuitePlan
from kdprobe.suites_run.schedule import StepState

OF_STUDENTS = "a number of a student beside its teacher; this is the teacher"


class FoundNumber(NamedTuple):
    """A number, or why there is none, and where it was looked for."""

    number: Estimate | None
    reason: str
    comparison: str
    task: str
    metric: str


@dataclass(frozen=True)
class SuiteNumbers:
    """The numbers of all comparisons of a suite.

    Args:
        plan: the steps.
        states: what became of them.
        documents: the results of comparisons that are done, by the step's name.
    """

    plan: SuitePlan
    states: Mapping[str, StepState]
    documents: Mapping[str, ResultsDocument]

    def find(self, place: Mapping[str, str]) -> FoundNumber:
        """Return the number at a place."""
        comparison, task = self._where(place)
        metric = place.get("metric", "")
        document, reason = self._document(comparison, task)
        if document is None:
            return FoundNumber(None, reason, comparison, task, metric)
        metric = resolved_metric(metric, document)
        if not metric:
            return FoundNumber(None, "no metric is named", comparison, task, "")
        model = place.get("model", "")
        absent = self._absent(document, model, place.get("other", ""), task)
        if absent:
            return FoundNumber(None, absent, comparison, task, metric)
        try:
            number = pick_estimate(
                document, metric, model, other=place.get("other", ""), analysis="",
                subset=place.get("subset", "all"),
                coordinates={key: place[key] for key in ("layer", "pooling", "method")
                             if key in place},
            )  # fmt: skip
        except KdprobeError as error:
            reason = _why_none(error, place, own=model == document.teacher.name)
            return FoundNumber(None, reason, comparison, task, metric)
        if number.value is None:
            return FoundNumber(None, number.undefined, comparison, task, metric)
        return FoundNumber(number, "", comparison, task, metric)

    def document_at(self, place: Mapping[str, str]) -> ResultsDocument | None:
        """Return the results that a place is in, where they are there."""
        return self._document(*self._where(place))[0]

    def label(self, entry: FoundNumber, place: Mapping[str, str]) -> str:
        """Return what a number is called where it is defined."""
        analysis, _, name = entry.metric.rpartition(".")
        document = self.document_at(place)
        result = document.analysis(analysis) if document and analysis else None
        labels = (one.label for one in result.metrics if one.name == name) if result else ()
        return next(iter(labels), name.replace("_", " "))

    def _where(self, place: Mapping[str, str]) -> tuple[str, str]:
        comparisons = self.plan.suite.file.comparisons
        name = place.get("comparison") or (comparisons[0].name if comparisons else "")
        held = next((one for one in comparisons if one.name == name), None)
        tasks = (held.tasks if held else ()) or self.plan.suite.file.tasks
        return name, place.get("task") or tasks[0]

    def _document(self, comparison: str, task: str) -> tuple[ResultsDocument | None, str]:
        for step in self.plan.runs(comparison, task):
            if step.name in self.documents:
                return self.documents[step.name], ""
            state = self.states[step.name]
            return None, state.reason or f"{step.name} is not done"
        if task not in self.plan.suite.tasks:
            return None, "the task is not made at this scale"
        return None, self._why_absent(comparison, task)

    def _why_absent(self, part: str, task: str) -> str:
        for step in self.plan.runs(part, task):
            if self.states[step.name].state != "done":
                return self.states[step.name].reason
        absent = self.plan.absent
        reason = absent.get(f"{task}/{part}") or absent.get(part)
        return reason or "the task is not among its tasks"

    def _absent(self, document: ResultsDocument, model: str, other: str, task: str) -> str:
        """Say why a model is not compared; of the row's own without its name, which the row has."""
        compared = {one.name for one in document.models}
        if model and model not in compared:
            return f"not made: {self._why_absent(model, task)}"
        if other and other not in compared:
            return f"{other} is not made: {self._why_absent(other, task)}"
        return ""


def _why_none(error: KdprobeError, place: Mapping[str, str], *, own: bool) -> str:
    """Say why results have no number at a place, for a reader of the page."""
    if isinstance(error, UsageError) and error.found == NOT_RUN:
        return str(error)
    if own:
        return OF_STUDENTS
    if isinstance(error, UnknownNameError) and error.where == "`subset`":
        return f"{place['subset']} is not measured at this scale"
    return str(error)
