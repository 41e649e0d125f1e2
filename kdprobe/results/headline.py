"""The first screen: one row per student, the same numbers on the page and in the terminal.

Does: pick the headline estimates out of a results document, and say why one is absent. Does not:
compute a statistic, or render anything; `sentences.py` puts a student into words.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.figures import Figure as Figure
from kdprobe.results.schema import AnalysisResult, Estimate, Gap, ModelInfo, ResultsDocument
from kdprobe.results.sentences import SentenceParts, sentence

BETWEEN_SEEDS = "between seeds"
NO_GOLD = "no-gold"
"""The code of the notice that no example has a gold label, so that nothing is scored."""


@dataclass(frozen=True)
class HeadlineRow:
    """What the first screen says of one student."""

    student: str
    sentence: str
    teacher_score: Figure
    student_score: Figure
    agreement: Figure
    kappa: Figure
    attainable_low: Figure
    attainable_high: Figure
    ceiling: Figure
    mcnemar: Figure
    confidence: Figure
    calibration: Figure
    attribution: Figure
    parameters: Figure
    latency: Figure
    smaller: Figure
    speedup: Figure
    lost: Gap | None = None


@dataclass(frozen=True)
class Headline:
    """The first screen: the teacher, the score that ranks models, and a row per student."""

    teacher: str
    score: str
    n: int
    rows: tuple[HeadlineRow, ...]
    labelled: bool = True


def _not_run(analysis: str) -> str:
    return f"{analysis} was not run"


def _absence(document: ResultsDocument, analysis: str, model: str) -> str:
    for skipped in document.skipped:
        if skipped.what == analysis and (not skipped.models or model in skipped.models):
            return skipped.reason
    if document.analysis(analysis) is None:
        return _not_run(analysis)
    return f"{analysis} gave no such number"


def _metric(result: AnalysisResult | None, name: str) -> tuple[str, str]:
    """Return the label and the unit of a metric; the bare name when nothing explains it."""
    for metric in result.metrics if result else ():
        if metric.name == name:
            return metric.label, metric.unit
    return name.replace("_", " "), ""


@dataclass(frozen=True)
class _Finder:
    document: ResultsDocument
    student: str

    def figure(
        self, key: str, analysis: str, metric: str, model_a: str, model_b: str = ""
    ) -> Figure:
        """Find a number over all examples, whatever its method."""
        label, unit = _metric(self.document.analysis(analysis), metric)
        number = self.document.find(analysis, metric, model_a, model_b)
        if number is None and model_b:
            number = self.document.find(analysis, metric, model_b, model_a)
        absent = "" if number else _absence(self.document, analysis, self.student)
        left_out = number is None and absent == _not_run(analysis)
        return Figure(
            key=key, label=label, estimate=number, absent=absent, unit=unit, left_out=left_out
        )

    def ceiling(self) -> Figure:
        """Find the kappa between two seeds of one model, the teacher's first."""
        result = self.document.analysis("agreement")
        teacher = self.document.teacher.name
        between = [
            estimate
            for estimate in (result.estimates if result else ())
            if estimate.metric == "cohens_kappa"
            and estimate.subset == BETWEEN_SEEDS
            and estimate.model_a in (teacher, self.student)
        ]
        between.sort(key=lambda estimate: estimate.model_a != teacher)
        absent = "" if between else "no model was given with several seeds"
        number = between[0] if between else None
        return Figure(key="ceiling", label="kappa between seeds", estimate=number, absent=absent)

    def parameters(self, model: ModelInfo) -> Figure:
        """Find the number of parameters, measured or from the model's own description."""
        figure = self.figure("parameters", "efficiency", "parameters", model.name)
        if figure.estimate is None and model.parameters is not None:
            known = Estimate(metric="parameters", model_a=model.name, value=model.parameters)
            return Figure(key="parameters", label="parameters", estimate=known)
        return figure


def largest_gap(document: ResultsDocument, student: str) -> Gap | None:
    """Return the first gap above 0 of a student, in the analyses' own ranking."""
    ranked = (gap for result in document.analyses for gap in result.gaps)
    return next((gap for gap in ranked if gap.student == student and gap.gap > 0), None)


def _labelled(document: ResultsDocument) -> bool:
    """Whether any example has a gold label."""
    return all(notice.code != NO_GOLD for notice in document.warnings)


def _row(document: ResultsDocument, student: ModelInfo) -> HeadlineRow:
    teacher, name = document.teacher.name, student.name
    find = _Finder(document, name)
    primary = document.task.primary_score
    scores = (
        find.figure("teacher_score", "task_scores", primary, teacher),
        find.figure("student_score", "task_scores", primary, name),
        find.figure("difference", "task_scores", f"{primary}_difference", teacher, name),
    )
    agreement = find.figure("agreement", "agreement", "agreement", teacher, name)
    kappa = find.figure("kappa", "agreement", "cohens_kappa", teacher, name)
    confidence = find.figure("confidence", "confidence", "spearman", teacher, name)
    lost = largest_gap(document, name)
    material = SentenceParts(
        scores, agreement, kappa, confidence, document.task.kind, labelled=_labelled(document)
    )
    return HeadlineRow(
        student=name,
        sentence=sentence(name, material, lost),
        teacher_score=scores[0],
        student_score=scores[1],
        agreement=agreement,
        kappa=kappa,
        attainable_low=find.figure(
            "attainable_low", "agreement", "kappa_attainable_low", teacher, name
        ),
        attainable_high=find.figure(
            "attainable_high", "agreement", "kappa_attainable_high", teacher, name
        ),
        ceiling=find.ceiling(),
        mcnemar=find.figure("mcnemar", "paired_tests", "mcnemar", teacher, name),
        confidence=confidence,
        calibration=model_figure(document, student, "calibration"),
        attribution=find.figure(
            "attribution", "attribution_agreement", "normalised", teacher, name
        ),
        parameters=model_figure(document, student, "parameters"),
        latency=model_figure(document, student, "latency"),
        smaller=find.figure("smaller", "efficiency", "parameters_ratio", teacher, name),
        speedup=find.figure("speedup", "efficiency", "speedup", teacher, name),
        lost=lost,
    )


def model_figure(document: ResultsDocument, model: ModelInfo, key: str) -> Figure:
    """Return a headline figure of one model alone: `calibration`, `parameters` or `latency`."""
    find = _Finder(document, model.name)
    if key == "parameters":
        return find.parameters(model)
    if key == "latency":
        return find.figure("latency", "efficiency", "latency_p50", model.name)
    return find.figure("calibration", "calibration", "calibration_error", model.name)


def headline(document: ResultsDocument) -> Headline:
    """Return the first screen of a results document.

    Args:
        document: any results document; analyses may be missing.

    Returns:
        One row per student, in the document's order; every figure is an estimate of the document
        or says why there is none.
    """
    label, _ = _metric(document.analysis("task_scores"), document.task.primary_score)
    return Headline(
        teacher=document.teacher.name,
        score=label,
        n=document.task.n,
        rows=tuple(_row(document, student) for student in document.students),
        labelled=_labelled(document),
    )
