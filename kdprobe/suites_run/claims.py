"""The claims of a paper, answered one by one.

Does: hold a number, a difference or a published kappa against what a claim implies, and say it in a
sentence. Does not: compute any number of a comparison.
"""

from __future__ import annotations

from kdprobe.config.suite_tables import SuiteClaim
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Estimate
from kdprobe.results.suite import Answer, SuiteAnswer
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
    if claim.test == "kappa":
        answer, evidence = _of_kappa(claim)
    else:
        answer, evidence = _of_number(claim, numbers)
    return SuiteAnswer(
        says=claim.says, source=claim.source, answer=answer, evidence=evidence, note=claim.note
    )


def _of_kappa(claim: SuiteClaim) -> tuple[Answer, str]:
    """Hold a published kappa against what its accuracies and label counts allow."""
    if claim.accuracy is None or claim.kappa is None or claim.labels is None:
        raise ValueError("a claim about a kappa without its numbers")
    limits = kappa_range(claim.accuracy, claim.labels, claim.kappa)
    place = limits.place
    words = place.verdict if place else ""
    if place is None or not place.possible:
        return "no", f"κ = {claim.kappa:g}: {words}."
    away = place.deviations
    if away is None:
        return "yes", f"κ = {claim.kappa:g}: {words}."
    sentence = (
        f"κ = {claim.kappa:g}: {words}. The models would share at most {place.shared_most} of "
        f"their {limits.errors_a} and {limits.errors_b} mistakes, {abs(away):.1f} standard "
        f"deviations {'fewer' if away < 0 else 'more'} than independent mistakes would."
    )
    return ("no" if away < -FAR else "yes"), sentence


def _of_number(claim: SuiteClaim, numbers: SuiteNumbers) -> tuple[Answer, str]:
    entry = numbers.find(claim.coordinates())
    name = entry.metric.replace("_", " ").rpartition(".")[2]
    number = entry.number
    if number is None or number.value is None:
        return "unanswered", f"{name}: {entry.reason}."
    value, low, high = _turned(number, claim)
    whom = f"{claim.model} minus {claim.other}" if claim.other else claim.model
    q = number.q_value if number.q_value is not None else number.p_value
    beside = f", q {show_p(q)}" if q is not None and number.q_value is not None else (
        f", p {show_p(q)}" if q is not None else ""
    )  # fmt: skip
    method = f" by {claim.method.replace('_', ' ')}" if claim.method else ""
    if low is None or high is None:
        return "unanswered", f"{name} of {whom} is {show_number(value)}, without an interval."
    against = f", held against {show_number(claim.bound)}" if claim.test == "number" else ""
    sentence = (
        f"{name}{method}, {whom}: {show_number(value)} {show_interval(low, high)}{beside}"
        f"{against}; n = {number.n}."
    )
    return _side(claim, low, high, q), sentence


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
