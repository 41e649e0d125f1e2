"""A student in one plain sentence.

Does: say what it keeps, how often it agrees and what of that its control lacks, where it loses, and
what cannot be told. Does not: choose the numbers; `headline.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.results.figures import Figure
from kdprobe.results.losses import ALPHA, Losses, part_name
from kdprobe.results.numbers import decimals, show_bounds, show_number
from kdprobe.results.schema import Estimate, Gap
from kdprobe.results.states import BETTER, SAME, WORSE, State

_COPY = "it is the teacher itself, converted and not trained, so it is held against no control"
_INITIALS = frozenset({"mae", "mcc", "f1"})


@dataclass(frozen=True)
class SentenceParts:
    """What a sentence is made of.

    Args:
        teacher_score, student_score, difference: of the score that ranks models; the difference is
            student minus teacher.
        state: what may be said of the difference.
        agreement, kappa, confidence: of the student with the teacher.
        score_pearson, score_distance: the same of a regression: correlation, mean absolute
            difference.
        gain: how much nearer to the teacher than its control the student is.
        behaviour: what it lost on slices, labels and minimal pairs.
        kind: `classification` or `regression`.
        labelled: whether any example has a gold label.
        split: the name of the compared split.
        copy: whether it is the teacher itself, converted and not trained.
    """

    teacher_score: Figure
    student_score: Figure
    difference: Figure
    state: State | None
    agreement: Figure
    kappa: Figure
    confidence: Figure
    score_pearson: Figure
    score_distance: Figure
    gain: Figure
    behaviour: Losses
    kind: str
    labelled: bool
    split: str
    copy: bool


def percent(share: float) -> str:
    """Write a share in percent; what is not all is never rounded to all, nor what is not none.

    It is the share of two decimals that stands in a table: 181 of 200 are 0.91 and 91 %.

    >>> percent(0.995), percent(1.0), percent(0.5), percent(0.9999), percent(0.0004), percent(0.905)
    ('99.5', '100', '50', '99.9', '0.1', '91')
    """
    if share in (0.0, 1.0) or 0.01 < share < 0.99:
        return f"{100 * round(share, 2):.0f}"
    return f"{min(max(100 * share, 0.1), 99.9):.1f}"


def within_sentence(label: str) -> str:
    """Write the name of a score within a sentence: words small, abbreviations and people as they are.

    >>> within_sentence("Accuracy"), within_sentence("MCC"), within_sentence("Pearson")
    ('accuracy', 'MCC', 'Pearson')
    """  # noqa: E501 (one sentence)
    return label.lower() if label.lower() in ("accuracy", "recall", "precision") else label


def with_interval(number: Estimate, *, sign: bool = False) -> str:
    """Write a number with its interval; `sign` writes the plus of a difference, too."""
    value = 0.0 if number.value is None else number.value
    shown = show_number(value, digits=decimals(number.n))
    plus = "+" if sign and value > 0 else ""
    return " ".join(filter(None, (plus + shown, show_bounds(number))))


def _scored(name: str, parts: SentenceParts) -> str:
    """State what a student keeps of the teacher's score, loses of it, or that it cannot be told."""
    score, label = parts.student_score, within_sentence(parts.student_score.label)
    mine, theirs = score.known, parts.teacher_score.known
    if mine is None or mine.value is None:
        return f"{name} has no {label} ({score.reason})"
    digits = decimals(mine.n)
    shown = show_number(mine.value, digits=digits)
    if theirs is None or theirs.value is None:
        return f"{name} has {label} {shown}; the teacher's is not known"
    both = f"{shown} against {show_number(theirs.value, digits=digits)}"
    return _judged(name, label, f"{both}{_kept(mine, theirs, parts)}", parts)


def _kept(mine: Estimate, theirs: Estimate, parts: SentenceParts) -> str:
    """Return the share of the score that a student which is worse keeps."""
    worse = parts.state is not None and parts.state.word == WORSE
    if not worse or not mine.value or not theirs.value or min(mine.value, theirs.value) < 0:
        return ""
    return f", {percent(mine.value / theirs.value)} % kept"


def _judged(name: str, label: str, both: str, parts: SentenceParts) -> str:
    difference, state = parts.difference.known, parts.state
    if difference is None or state is None:
        return f"{name} has {label} {both} of the teacher, and no difference of the two to judge by"
    values = f"{both}, difference {with_interval(difference, sign=True)}"
    if state.word == SAME:
        return f"{name} keeps the teacher's {label}, within ±{state.margin:g} ({values})"
    if state.word in (WORSE, BETTER):
        return f"{name} is {state.word} than the teacher by {label} ({values})"
    if state.smallest is None:
        return (
            f"Of {name} it cannot be told whether it keeps the teacher's {label} ({values}, of "
            "which no interval is known)"
        )
    count = "" if difference.n is None else f" of {difference.n:,}"
    least = show_number(state.smallest, digits=decimals(difference.n))
    return (
        f"Of {name} it cannot be told whether it keeps the teacher's {label} ({values}; a sample"
        f"{count} could show {least} or more)"
    )


def _agrees(parts: SentenceParts) -> str:
    """State how often a student agrees, and whether that is more than chance would give."""
    if parts.agreement.value is None:
        return ""
    low = None if parts.kappa.estimate is None else parts.kappa.estimate.low
    chance = ", no more than chance would have it" if low is not None and low <= 0 else ""
    return f"agrees with the teacher on {percent(parts.agreement.value)} % of the examples{chance}"


def _follows(parts: SentenceParts) -> str:
    """State how near the scores of a regression are to the teacher's."""
    if parts.kind != "regression":
        return ""
    words = []
    if parts.score_pearson.value is not None:
        words.append(f"correlate at {show_number(parts.score_pearson.value)} (Pearson)")
    if parts.score_distance.value is not None:
        words.append(f"lie {show_number(parts.score_distance.value)} apart on average")
    return f"its scores and the teacher's {' and '.join(words)}" if words else ""


def _gained(gain: Figure, kind: str) -> str:
    """State whether a student is nearer to the teacher than its control, which had no teacher."""
    number = gain.known
    if number is None or number.value is None:
        return ""
    what = "correlation" if kind == "regression" else "agreement"
    value = with_interval(number)
    control = "its control" if number.model_b == "control" else f"its control ({number.model_b})"
    sure = number.q_value if number.q_value is not None else number.p_value
    beyond = number.low is not None and number.high is not None and number.low * number.high > 0
    if not beyond or (sure is not None and sure >= ALPHA):
        return (
            f"whether it is nearer to the teacher than {control} cannot be told ({what} "
            f"{with_interval(number, sign=True)})"
        )
    if number.value < 0:
        return f"{control} is nearer to the teacher ({what} {value})"
    return (
        f"it is nearer to the teacher than {control}: of its {what} {value} comes from the teacher"
    )


def _where(gap: Gap, split: str) -> str:
    values = f"{show_number(gap.student_value, digits=decimals(gap.n))} against "
    values += show_number(gap.teacher_value, digits=decimals(gap.n))
    metric = gap.metric.upper() if gap.metric in _INITIALS else within_sentence(gap.metric)
    return f"{part_name(gap, split)} ({metric} {values})"


def _loses(losses: Losses, split: str) -> str:
    """State where most is lost, as surely as intervals and q-values allow."""
    worst = losses.worst
    if worst is None:
        return ""
    sure, rest = losses.lost or losses.perhaps, len(losses.noise)
    if not sure:
        return "no loss on any part can be told from noise"
    count = f"{len(sure)} part{'' if len(sure) == 1 else 's'}"
    perhaps = "" if losses.lost else " perhaps"
    most = ", most on" if len(sure) > 1 else ":"
    noise = f"; on {rest} more no loss can be told from noise" if rest else ""
    return f"it loses{perhaps} on {count}{most} {_where(sure[0], split)}{noise}"


def _ranks(parts: SentenceParts) -> str:
    """State, where nothing is scored, how far confidences go together."""
    if parts.confidence.value is None or parts.kind == "regression":
        return ""
    value = f"{parts.confidence.value:.2f}".replace("-", "−")
    return f"its confidences rank them as the teacher's do with a correlation of {value} (Spearman)"


def sentence(student: str, parts: SentenceParts) -> str:
    """Return one plain sentence on a student, which begins with its name or names it at once."""
    scored = parts.labelled and not parts.student_score.left_out
    first = _scored(student, parts) if scored else ""
    agrees = _agrees(parts)
    if agrees:
        first = f"{first}; it {agrees}" if first else f"{student} {agrees}"
    learnt = _COPY if parts.copy else _gained(parts.gain, parts.kind)
    clauses = [first, _follows(parts), learnt]
    if not parts.labelled:
        clauses += [_ranks(parts), "no example has a gold label, so nothing is scored"]
    clauses.append(_loses(parts.behaviour, parts.split))
    if not any(clauses[:3]):
        clauses = [f"{student} was neither scored nor held against the teacher here", *clauses[3:]]
    whole = "; ".join(filter(None, clauses))
    return f"{whole}."
