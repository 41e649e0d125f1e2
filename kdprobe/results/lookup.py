"""Where a number of the first screen stands in a results document, or why it does not.

Does: look numbers up by analysis, metric and models. Does not: choose which are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kdprobe.results.copies import copies
from kdprobe.results.figures import Figure
from kdprobe.results.schema import AnalysisResult, Estimate, ModelInfo, ResultsDocument
from kdprobe.results.turned import DIFFERENCES, between

BETWEEN_SEEDS = "between seeds"


def _not_run(analysis: str) -> str:
    return f"{analysis} was not run"


def _absence(document: ResultsDocument, analysis: str, model: str) -> str:
    for skipped in document.skipped:
        if skipped.what == analysis and (not skipped.models or model in skipped.models):
            return skipped.reason
    if document.analysis(analysis) is None:
        return _not_run(analysis)
    return f"{analysis} gave no such number"


def metric_words(result: AnalysisResult | None, name: str) -> tuple[str, str]:
    """Return the label and the unit of a metric; the bare name when nothing explains it."""
    for metric in result.metrics if result else ():
        if metric.name == name:
            return metric.label, metric.unit
    return name.replace("_", " "), ""


@dataclass(frozen=True)
class Lookup:
    """The numbers of one model of a document.

    Args:
        document: the results.
        model: whose they are.
    """

    document: ResultsDocument
    model: str

    def figure(
        self, key: str, analysis: str, metric: str, model_a: str, model_b: str = ""
    ) -> Figure:
        """Return a number over all examples, whatever its method."""
        label, unit = metric_words(self.document.analysis(analysis), metric)
        number = self.document.find(analysis, metric, model_a, model_b)
        if number is None and model_b:
            number = self.document.find(analysis, metric, model_b, model_a)
        absent = "" if number else _absence(self.document, analysis, self.model)
        left_out = number is None and absent == _not_run(analysis)
        return Figure(
            key=key, label=label, estimate=number, absent=absent, unit=unit, left_out=left_out
        )

    def own(self, key: str, analysis: str, metric: str) -> Figure:
        """Return a number of the model alone."""
        return self.figure(key, analysis, metric, self.model)

    def shared(self, key: str, analysis: str, metric: str) -> Figure:
        """Return a number of the teacher and the model."""
        return self.figure(key, analysis, metric, self.document.teacher.name, self.model)

    def ceiling(self, metric: str) -> Figure:
        """Return a number of agreement between two seeds of one model, the teacher's first."""
        result = self.document.analysis("agreement")
        teacher = self.document.teacher.name
        seeds = [
            estimate
            for estimate in (result.estimates if result else ())
            if estimate.metric == metric
            and estimate.subset == BETWEEN_SEEDS
            and estimate.model_a in (teacher, self.model)
        ]
        seeds.sort(key=lambda estimate: estimate.model_a != teacher)
        absent = "" if seeds else "no model was given with several seeds"
        number = seeds[0] if seeds else None
        label = f"{metric.replace('cohens_', '')} between seeds"
        return Figure(key="ceiling", label=label, estimate=number, absent=absent)

    def parameters(self, model: ModelInfo) -> Figure:
        """Return the number of parameters, measured or from the model's own description."""
        figure = self.own("parameters", "efficiency", "parameters")
        if figure.estimate is None and model.parameters is not None:
            known = Estimate(metric="parameters", model_a=model.name, value=model.parameters)
            return Figure(key="parameters", label="parameters", estimate=known)
        return figure

    def gain(self) -> Figure:
        """Return how much nearer to the teacher the student is than its control.

        The control is the one that a notice on what the teacher added names; without one the first
        model of that role. `model_a` of the estimate is the student, `model_b` the control. A copy
        of the teacher learnt nothing, and is held against none.
        """
        closeness = "score_pearson" if self.document.task.kind == "regression" else "agreement"
        result = self.document.analysis(DIFFERENCES)
        held = [
            number
            for number in (result.estimates if result else ())
            if (number.metric, number.subset) == (closeness, "all")
        ]
        held = [] if self.model in copies(self.document) else held
        for control in self._controls():
            for number in between(held, self.model, control):
                return Figure("gain", f"{closeness} beyond {control}", number)
        return Figure("gain", closeness, None, "it was held against no control")

    def _controls(self) -> Iterator[str]:
        for notice in self.document.warnings:
            if notice.code == "teacher-added" and notice.models[:1] == (self.model,):
                yield from notice.models[1:]
        for model in self.document.models:
            if model.role == "control" and model.name != self.model:
                yield model.name
