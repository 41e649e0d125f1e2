"""A student in one plain sentence.

Does: say what it keeps, how often it agrees, where it loses, and how sure that is. Does not: choose
the numbers; `headline.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.figures import Figure
from kdprobe.results.schema import Gap

LOST, PERHAPS_LOST, NOISE = CERTAINTIES = ("lost", "perhaps lost", "within noise")
ALPHA = 0.05


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


def certainty(gap: Gap) -> str:
    """Return how sure it is that a gap is a loss.

    Definition: `lost` when the interval of the gap lies above 0 and its q-value is below .05;
    `perhaps lost` when only the interval says so; `within noise` when the interval includes 0, or
    there is none.

    >>> row = Gap(student="s", kind="label", subset="label: no", metric="accuracy",
    ...            teacher_value=0.9, student_value=0.8, gap=0.1, low=0.02, high=0.18, n=50)
    >>> certainty(row), certainty(row.model_copy(update={"q_value": 0.04}))
    ('perhaps lost', 'lost')
    """
    if gap.low is None or gap.low <= 0:
        return NOISE
    return LOST if gap.q_value is not None and gap.q_value < ALPHA else PERHAPS_LOST


def _loses(lost: Gap) -> str:
    """State where most is lost, as surely as the interval and the q-value allow."""
    sure = certainty(lost)
    if sure == NOISE:
        return "no loss on any part is beyond noise"
    text = f"{'loses' if sure == LOST else 'may lose'} most on {lost.subset}: {lost.metric} "
    values = f"{lost.teacher_value:.3f} against {lost.student_value:.3f}"
    return text + values.replace("-", "−")


def _within_noise(difference: Figure) -> bool:
    """Whether the paired interval of the difference in the score holds 0."""
    number = difference.estimate
    if number is None or number.low is None or number.high is None:
        return False
    return number.low <= 0 <= number.high


def percent(share: float) -> str:
    """Write a share in percent; what is not all is never rounded to all, nor what is not none.

    >>> percent(0.995), percent(1.0), percent(0.5), percent(0.9999), percent(0.0004)
    ('99.5', '100', '50', '99.9', '0.1')
    """
    if share in (0.0, 1.0) or 0.01 < share < 0.99:
        return f"{100 * share:.0f}"
    return f"{min(max(100 * share, 0.1), 99.9):.1f}"


def _agrees(whom: str, agreement: Figure, kappa: Figure) -> str:
    """State how often a student agrees, and whether that is more than chance would give."""
    if agreement.estimate is None or agreement.estimate.value is None:
        return ""
    low = None if kappa.estimate is None else kappa.estimate.low
    chance = ", no more than chance would have it" if low is not None and low <= 0 else ""
    return f"agrees with {whom} on {percent(agreement.estimate.value)} % of the examples{chance}"


def _ranks(confidence: Figure, kind: str) -> str:
    """State, where nothing is scored, how far confidences (or predicted scores) go together."""
    if confidence.estimate is None or confidence.estimate.value is None:
        return ""
    value = f"{confidence.estimate.value:.2f}".replace("-", "−")
    what = "scores" if kind == "regression" else "confidences"
    return f"its {what} rank them as the teacher's do with a correlation of {value} (Spearman)"


@dataclass(frozen=True)
class SentenceParts:
    """What a sentence is made of.

    Args:
        scores: the teacher's, the student's, and their difference.
        agreement, kappa, confidence: of the student with the teacher.
        kind: `classification` or `regression`.
        labelled: whether any example has a gold label.
    """

    scores: tuple[Figure, Figure, Figure]
    agreement: Figure
    kappa: Figure
    confidence: Figure
    kind: str
    labelled: bool


def sentence(student: str, material: SentenceParts, lost: Gap | None) -> str:
    """Return one plain sentence on a student."""
    scores, parts = material.scores, []
    if material.labelled and not scores[1].left_out:
        noise = _within_noise(scores[2])
        parts.append(_keeps(scores[0], scores[1], scores[1].label, within_noise=noise))
    agrees = _agrees("it" if parts else "the teacher", material.agreement, material.kappa)
    clauses = [" and ".join([*parts, agrees] if agrees else parts)]
    if not material.labelled:
        clauses += [
            _ranks(material.confidence, material.kind),
            "no example has a gold label, so nothing is scored",
        ]
    clauses += [_loses(lost)] if lost else []
    whole = "; ".join(filter(None, clauses))
    return f"{student} {whole or 'was neither scored nor held against the teacher here'}."
