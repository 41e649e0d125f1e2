"""The first screen: one row per student, the same numbers on the page and in the terminal.

Does: pick the headline estimates out of a results document, say why one is absent, and put each
student into one plain sentence. Does not: compute a statistic, or render anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.schema import (
    AnalysisResult,
    Estimate,
    Loss,
    ModelInfo,
    ResultsDocument,
)

BETWEEN_SEEDS = "between seeds"
LOST, PERHAPS_LOST, NOISE = CERTAINTIES = ("lost", "perhaps lost", "within noise")
ALPHA = 0.05


@dataclass(frozen=True)
class Figure:
    """One number of the first screen: an estimate, or the reason why there is none.

    Args:
        key: its column (`agreement`, `kappa`, …).
        label: what a reader calls it.
        estimate: the number; None when no analysis gave it.
        absent: why there is none; empty when there is one (an estimate may itself be undefined).
        unit: its unit, as its metric says.
        left_out: whether nobody asked for the analysis that gives it.
    """

    key: str
    label: str
    estimate: Estimate | None
    absent: str = ""
    unit: str = ""
    left_out: bool = False

    @property
    def reason(self) -> str:
        """Why no value can be shown; empty when one can."""
        return self.estimate.undefined if self.estimate else self.absent


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
    ece: Figure
    attribution: Figure
    parameters: Figure
    latency: Figure
    lost: Loss | None = None


@dataclass(frozen=True)
class Headline:
    """The first screen: the teacher, the score that ranks models, and a row per student."""

    teacher: str
    score: str
    n: int
    rows: tuple[HeadlineRow, ...]


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
    """Give the label and the unit of a metric; the bare name when nothing explains it."""
    for metric in result.metrics if result else ():
        if metric.name == name:
            return metric.label, metric.unit
    return name.replace("_", " "), ""


@dataclass(frozen=True)
class _Finder:
    document: ResultsDocument
    student: str

    def give(self, key: str, analysis: str, metric: str, model_a: str, model_b: str = "") -> Figure:
        """Find a number over all examples, whatever its method."""
        label, unit = _metric(self.document.analysis(analysis), metric)
        found = self.document.find(analysis, metric, model_a, model_b)
        if found is None and model_b:
            found = self.document.find(analysis, metric, model_b, model_a)
        absent = "" if found else _absence(self.document, analysis, self.student)
        left_out = found is None and absent == _not_run(analysis)
        return Figure(
            key=key, label=label, estimate=found, absent=absent, unit=unit, left_out=left_out
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
        found = between[0] if between else None
        return Figure(key="ceiling", label="kappa between seeds", estimate=found, absent=absent)

    def parameters(self, model: ModelInfo) -> Figure:
        """Find the number of parameters, measured or from the model's own description."""
        figure = self.give("parameters", "efficiency", "parameters", model.name)
        if figure.estimate is None and model.parameters is not None:
            known = Estimate(metric="parameters", model_a=model.name, value=model.parameters)
            return Figure(key="parameters", label="parameters", estimate=known)
        return figure


def largest_loss(document: ResultsDocument, student: str) -> Loss | None:
    """Give the first loss of a student in the analyses' own ranking that is a loss at all."""
    ranked = (loss for result in document.analyses for loss in result.losses)
    return next((loss for loss in ranked if loss.student == student and loss.gap > 0), None)


def _keeps(teacher: Figure, student: Figure, label: str, *, within_noise: bool) -> str:
    if student.estimate is None or student.estimate.value is None:
        return f"has no {label} ({student.reason})"
    if teacher.estimate is None or teacher.estimate.value is None:
        return f"has {label} {student.estimate.value:.3f}; the teacher's is not known"
    mine, theirs = student.estimate.value, teacher.estimate.value
    if theirs <= 0 or mine < 0:
        return f"has {label} {mine:.3f}, the teacher {theirs:.3f}".replace("-", "−")
    if mine == theirs:
        return f"keeps all of the teacher's {label}"
    if mine > theirs:
        values = f"{mine:.3f} against {theirs:.3f}"
        if within_noise:
            return f"is level with the teacher's {label} ({values}, a difference within noise)"
        return f"exceeds the teacher's {label} ({values})"
    noise = " (a difference within noise)" if within_noise else ""
    # Cut down, not rounded: a student just short of its teacher must not read "100 %".
    return f"keeps {int(100 * mine / theirs + 1e-9)} % of the teacher's {label}{noise}"


def certainty(loss: Loss) -> str:
    """Tell how sure a loss is.

    Definition: `lost` when the interval of the gap lies above 0 and its q-value is below .05;
    `perhaps lost` when only the interval says so; `within noise` when the interval includes 0, or
    there is none.

    >>> row = Loss(student="s", kind="label", subset="label: no", metric="accuracy",
    ...            teacher_value=0.9, student_value=0.8, gap=0.1, low=0.02, high=0.18, n=50)
    >>> certainty(row), certainty(row.model_copy(update={"q_value": 0.04}))
    ('perhaps lost', 'lost')
    """
    if loss.low is None or loss.low <= 0:
        return NOISE
    return LOST if loss.q_value is not None and loss.q_value < ALPHA else PERHAPS_LOST


def _loses(lost: Loss) -> str:
    """Say where most is lost, as surely as the interval and the q-value allow."""
    sure = certainty(lost)
    if sure == NOISE:
        return "no loss on any part is beyond noise"
    told = f"{'loses' if sure == LOST else 'may lose'} most on {lost.subset}: {lost.metric} "
    values = f"{lost.teacher_value:.3f} against {lost.student_value:.3f}"
    return told + values.replace("-", "−")


def _within_noise(difference: Figure) -> bool:
    """Whether the paired interval of the difference in the score holds 0."""
    number = difference.estimate
    if number is None or number.low is None or number.high is None:
        return False
    return number.low <= 0 <= number.high


def _sentence(
    student: str, scores: tuple[Figure, Figure, Figure], agreement: Figure, lost: Loss | None
) -> str:
    """Put a student into words; `scores` are the teacher's, the student's and the difference."""
    parts = []
    if not scores[1].left_out:
        noise = _within_noise(scores[2])
        parts.append(_keeps(scores[0], scores[1], scores[1].label, within_noise=noise))
    if agreement.estimate and agreement.estimate.value is not None:
        whom = "it" if parts else "the teacher"
        share = 100 * agreement.estimate.value
        parts.append(f"agrees with {whom} on {share:.0f} % of the examples")
    told = [" and ".join(parts)] if parts else []
    told += [_loses(lost)] if lost else []
    return f"{student} {'; '.join(told) or 'was neither scored nor held against the teacher here'}."


def _row(document: ResultsDocument, student: ModelInfo) -> HeadlineRow:
    teacher, name = document.teacher.name, student.name
    find = _Finder(document, name)
    primary = document.task.primary_score
    scores = (
        find.give("teacher_score", "task_scores", primary, teacher),
        find.give("student_score", "task_scores", primary, name),
        find.give("difference", "task_scores", f"{primary}_difference", teacher, name),
    )
    agreement = find.give("agreement", "agreement", "agreement", teacher, name)
    lost = largest_loss(document, name)
    return HeadlineRow(
        student=name,
        sentence=_sentence(name, scores, agreement, lost),
        teacher_score=scores[0],
        student_score=scores[1],
        agreement=agreement,
        kappa=find.give("kappa", "agreement", "cohens_kappa", teacher, name),
        attainable_low=find.give(
            "attainable_low", "agreement", "kappa_attainable_low", teacher, name
        ),
        attainable_high=find.give(
            "attainable_high", "agreement", "kappa_attainable_high", teacher, name
        ),
        ceiling=find.ceiling(),
        mcnemar=find.give("mcnemar", "paired_tests", "mcnemar", teacher, name),
        confidence=find.give("confidence", "confidence", "spearman", teacher, name),
        ece=model_figure(document, student, "ece"),
        attribution=find.give("attribution", "attribution_agreement", "normalised", teacher, name),
        parameters=model_figure(document, student, "parameters"),
        latency=model_figure(document, student, "latency"),
        lost=lost,
    )


def model_figure(document: ResultsDocument, model: ModelInfo, key: str) -> Figure:
    """Give a headline figure of one model alone: `ece`, `parameters` or `latency`."""
    find = _Finder(document, model.name)
    if key == "parameters":
        return find.parameters(model)
    if key == "latency":
        return find.give("latency", "efficiency", "latency_p50", model.name)
    return find.give("ece", "calibration", "ece", model.name)


def headline(document: ResultsDocument) -> Headline:
    """Give the first screen of a results document.

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
    )
