"""The first screen: one row per student, the same numbers on the page and in the terminal.

Does: pick the headline estimates out of a results document, and say why one is absent. Does not:
compute a statistic, or render anything; `sentences.py` puts a student into words, `screen.py` lays
the numbers out.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.copies import copies
from kdprobe.results.figures import Figure as Figure
from kdprobe.results.lookup import Lookup, metric_words
from kdprobe.results.losses import Losses, behaviour, layers
from kdprobe.results.schema import Gap, ModelInfo, ResultsDocument
from kdprobe.results.sentences import SentenceParts, sentence
from kdprobe.results.states import State, margin_of, state_of

NO_GOLD = "no-gold"
"""The code of the notice that no example has a gold label, so that nothing is scored."""
_NO_SCORES = Figure("score_pearson", "correlation with the teacher's scores", None, "no regression")


@dataclass(frozen=True)
class HeadlineRow:
    """What the first screen says of one student; `copy`: it is the teacher itself, converted."""

    student: str
    role: str
    copy: bool
    sentence: str
    state: State | None
    teacher_score: Figure
    student_score: Figure
    difference: Figure
    agreement: Figure
    agreement_ceiling: Figure
    kappa: Figure
    attainable_low: Figure
    attainable_high: Figure
    ceiling: Figure
    mcnemar: Figure
    confidence: Figure
    score_pearson: Figure
    score_distance: Figure
    score_bias: Figure
    calibration: Figure
    attribution: Figure
    parameters: Figure
    latency: Figure
    speedup: Figure
    gain: Figure
    behaviour: Losses
    layers: Losses

    @property
    def lost(self) -> Gap | None:
        """The largest loss of behaviour, in the analyses' own ranking, the surest first."""
        return self.behaviour.worst


@dataclass(frozen=True)
class Headline:
    """The first screen: the teacher, the score that ranks models, and a row per student.

    Args:
        teacher: its name.
        score: the label of the score that ranks models; `score_name` its name.
        n: examples of the split.
        rows: the students.
        labelled: whether any example has a gold label.
        kind: `classification` or `regression`.
        parameters, latency, calibration: of the teacher.
        margin: a score that differs by no more is called the same.
    """

    teacher: str
    score: str
    n: int
    rows: tuple[HeadlineRow, ...]
    labelled: bool
    kind: str
    score_name: str
    parameters: Figure
    latency: Figure
    calibration: Figure
    margin: float

    @property
    def teacher_score(self) -> Figure | None:
        """The teacher's score; None where there is no student to compare with."""
        return self.rows[0].teacher_score if self.rows else None


def _labelled(document: ResultsDocument) -> bool:
    """Whether any example has a gold label."""
    return all(notice.code != NO_GOLD for notice in document.warnings)


def _row(document: ResultsDocument, student: ModelInfo) -> HeadlineRow:
    teacher, name = document.teacher.name, student.name
    of = Lookup(document, name)
    primary = document.task.primary_score
    difference = of.shared("difference", "task_scores", f"{primary}_difference")
    material = SentenceParts(
        teacher_score=of.figure("teacher_score", "task_scores", primary, teacher),
        student_score=of.own("student_score", "task_scores", primary),
        difference=difference,
        state=state_of(difference.estimate, margin=margin_of(document.request.options)),
        agreement=of.shared("agreement", "agreement", "agreement"),
        kappa=of.shared("kappa", "agreement", "cohens_kappa"),
        confidence=of.shared("confidence", "confidence", "spearman"),
        score_pearson=of.shared("score_pearson", "confidence", "pearson"),  # of predicted scores
        score_distance=of.shared("score_distance", "confidence", "mean_absolute_difference"),
        gain=of.gain(),
        behaviour=behaviour(document, name),
        kind=document.task.kind,
        labelled=_labelled(document),
        split=document.task.split,
        copy=name in copies(document),
    )
    return HeadlineRow(
        student=name,
        role=student.role,
        copy=material.copy,
        sentence=sentence(name, material),
        state=material.state,
        teacher_score=material.teacher_score,
        student_score=material.student_score,
        difference=difference,
        agreement=material.agreement,
        agreement_ceiling=of.ceiling("agreement"),
        kappa=material.kappa,
        attainable_low=of.shared("attainable_low", "agreement", "kappa_attainable_low"),
        attainable_high=of.shared("attainable_high", "agreement", "kappa_attainable_high"),
        ceiling=of.ceiling("cohens_kappa"),
        mcnemar=of.shared("mcnemar", "paired_tests", "mcnemar"),
        confidence=material.confidence,
        score_pearson=material.score_pearson if document.task.kind == "regression" else _NO_SCORES,
        score_distance=material.score_distance,
        score_bias=of.shared("score_bias", "confidence", "mean_difference"),
        calibration=of.own("calibration", "calibration", "calibration_error"),
        attribution=of.shared("attribution", "attribution_agreement", "normalised"),
        parameters=of.parameters(student),
        latency=of.own("latency", "efficiency", "latency_p50"),
        speedup=of.shared("speedup", "efficiency", "speedup"),
        gain=material.gain,
        behaviour=material.behaviour,
        layers=layers(document, name),
    )


def headline(document: ResultsDocument) -> Headline:
    """Return the first screen of a results document.

    Args:
        document: any results document; analyses may be missing.

    Returns:
        One row per student, in the document's order; every figure is an estimate of the document
        or says why there is none.
    """
    label, _ = metric_words(document.analysis("task_scores"), document.task.primary_score)
    of = Lookup(document, document.teacher.name)
    return Headline(
        teacher=document.teacher.name,
        score=label,
        n=document.task.n,
        rows=tuple(_row(document, student) for student in document.students),
        labelled=_labelled(document),
        kind=document.task.kind,
        score_name=document.task.primary_score,
        parameters=of.parameters(document.teacher),
        latency=of.own("latency", "efficiency", "latency_p50"),
        calibration=of.own("calibration", "calibration", "calibration_error"),
        margin=margin_of(document.request.options),
    )


_LONGEST_TITLE = 72


def short_title(document: ResultsDocument) -> str:
    """Return a comparison's title: its models by name where that is short, else their number."""
    names = ", ".join(model.name for model in document.students)
    title = f"{document.task.name}: {document.teacher.name} and {names}"
    if len(title) <= _LONGEST_TITLE or len(document.students) < 2:
        return title
    return f"{document.task.name}: {document.teacher.name} and {len(document.students)} students"
