"""The claims of a paper, answered one by one.

Does: hold a number, a difference or a published kappa against what a claim implies, and say it in a
sentence. Does not: compute any number of a comparison.
"""

from __future__ import annotations

from kdprobe.config.suite_tables import SuiteClaim
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Estimate
from kdprobe.results.suite import Answer, SuiteAnswer, SuiteCell
from kdprobe.stats.kappa_range import kappa_range
from kdprobe.suites_run.numbers import SuiteNumbers

FAR = 3.0
"""Standard deviations from independence beyond which independent mistakes are no explanation."""


def answer_claim(claim: SuiteClaim, numbers: SuiteNumbers) -> SuiteAnswer:
    """Answer a claim.

    Definition: `yes` when the interval lies on the side that the claim implies, `no` when it lies
    on the other, else `not told from noise`; of a claim that two are `equal`, `no` when the
    interval leaves the bound out, else `not refuted`. A difference is outside only where its
    adjusted p is at most .05 too.
    """
    answer = _of_kappa(claim) if claim.test == "kappa" else _of_number(claim, numbers)
    return answer.model_copy(
        update={"says": claim.says, "source": claim.source, "note": claim.note}
    )


def _of_kappa(claim: SuiteClaim) -> SuiteAnswer:
    """Hold a published kappa against what its accuracies and label counts allow."""
    if claim.accuracy is None or claim.kappa is None or claim.labels is None:
        raise ValueError("a claim about a kappa without its numbers")
    limits = kappa_range(claim.accuracy, claim.labels, claim.kappa)
    place = limits.place
    words = place.verdict if place else ""
    evidence = f"κ = {claim.kappa:g}: {words}."
    answer: Answer = "yes"
    away = place.deviations if place else None
    if place is None or not place.possible:
        answer = "no"
    elif away is not None:
        answer = "no" if away < -FAR else "yes"
        evidence += (
            f" The models would share at most {place.shared_most} of their {limits.errors_a} and "
            f"{limits.errors_b} mistakes, {abs(away):.1f} standard deviations "
            f"{'fewer' if away < 0 else 'more'} than independent mistakes would."
        )
    return SuiteAnswer(
        says="", answer=answer, evidence=evidence, cell=SuiteCell(published=claim.kappa),
        possible=(limits.low, limits.high),
        independent=(limits.independent_low, limits.independent_high),
    )  # fmt: skip


def _of_number(claim: SuiteClaim, numbers: SuiteNumbers) -> SuiteAnswer:
    entry = numbers.find(claim.coordinates())
    name = numbers.label(entry, claim.coordinates())
    whom = f"{claim.model} minus {claim.other}" if claim.other else claim.model
    held: dict[str, object] = {
        "comparison": entry.comparison, "task": entry.task, "model": claim.model,
        "other": claim.other, "metric": entry.metric, "published": claim.published,
        "printed": claim.printed,
    }  # fmt: skip
    number = entry.number
    if number is None or number.value is None:
        cell = SuiteCell.model_validate({**held, "undefined": entry.reason})
        return SuiteAnswer(
            says="", answer="unanswered", evidence=f"{name}: {entry.reason}.", cell=cell
        )
    value, low, high = _turned(number, claim)
    cell = SuiteCell.model_validate(
        {**held, "value": value, "low": low, "high": high, "n": number.n}
    )
    if low is None or high is None:
        why = number.note or "it has no interval"
        evidence = f"{name} of {whom} is {show_number(value)}; {why}."
        return SuiteAnswer(says="", answer="unanswered", evidence=evidence, cell=cell)
    q = number.q_value if number.q_value is not None else number.p_value
    adjusted = "q" if number.q_value is not None else "p"
    beside = "" if q is None else f", {adjusted} {show_p(q)}"
    method = f" by {claim.method.replace('_', ' ')}" if claim.method else ""
    bound = claim.bound if claim.test == "number" else 0.0
    answer = _side(claim, low, high, q)
    shown = f"{show_number(value)} {show_interval(low, high)}{beside}, n = {number.n}"
    return SuiteAnswer(
        says="", answer=answer, bound=bound, cell=cell,
        evidence=f"{name}{method}, {whom}: {shown}. {_where(low, high, bound, q, answer)}",
    )  # fmt: skip


def _where(low: float, high: float, bound: float, q: float | None, answer: Answer) -> str:
    """Say where an interval lies.

    >>> _where(0.1, 0.2, 0.0, 0.01, "yes"), _where(-0.1, 0.2, 0.0, 0.5, "not told from noise")
    ('The interval lies above 0.', 'The interval includes 0.')
    """
    if low <= bound <= high:
        return f"The interval includes {bound:g}."
    side = f"The interval lies {'above' if low > bound else 'below'} {bound:g}"
    if q is not None and answer in ("not told from noise", "not refuted"):
        return f"{side}; with the other pairs of students counted (Holm), this is within noise."
    return f"{side}."


def _turned(number: Estimate, claim: SuiteClaim) -> tuple[float, float | None, float | None]:
    """Return a difference as the claim has it: `model` minus `other`."""
    value = float(number.value or 0.0)
    if claim.other and number.model_a == claim.other:
        return -value, None if number.high is None else -number.high, (
            None if number.low is None else -number.low
        )  # fmt: skip
    return value, number.low, number.high


def _side(claim: SuiteClaim, low: float, high: float, q: float | None) -> Answer:
    """Say on which side of the bound an interval lies."""
    bound = claim.bound if claim.test == "number" else 0.0
    above, below = low > bound, high < bound
    if claim.test == "difference" and q is not None and q > 0.05:
        above = below = False
    if claim.expects == "equal":
        return "no" if above or below else "not refuted"
    right, wrong = (above, below) if claim.expects == "higher" else (below, above)
    return "yes" if right else "no" if wrong else "not told from noise"
