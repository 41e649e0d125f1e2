"""The results of a sweep in plain sentences.

Does: state which students stand on the fronts, which differ from the best by more than noise, and
what a step up a front is worth. Does not: compute; every number is in the document.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from kdprobe.results.numbers import (
    show_count,
    show_interval,
    show_number,
    show_p,
    show_size,
)
from kdprobe.results.schema import Estimate
from kdprobe.results.sweep import Front, SweepDocument

ALPHA = 0.05


class _Values:
    """Look-ups in a document, as words."""

    def __init__(self, document: SweepDocument) -> None:
        self._document = document

    @property
    def n(self) -> int:
        """The number of examples."""
        return self._document.task.n

    def number(self, metric: str, model: str) -> float | None:
        """Return a value, or None where it is undefined."""
        estimate = self._document.find(metric, model)
        return None if estimate is None else estimate.value

    def shown(self, metric: str, model: str) -> str:
        """Write a number with its unit."""
        value = self.number(metric, model)
        if value is None:
            return "undefined"
        if metric == "parameters":
            return f"{show_size(value)} parameters"
        if metric == "throughput":
            return f"{value:,.0f} sentences/s"
        return f"{self.label(metric)} {show_number(value)}"

    def label(self, metric: str) -> str:
        """Return a metric's name inside a sentence: `MCC` stays, `Agreement` does not."""
        label = self._document.metric(metric).label
        return label if label[:2].isupper() else label[0].lower() + label[1:]

    def ranked(self, metric: str) -> list[str]:
        """Sort the students, the best first; those without a value are left out."""
        known = {model.name: self.number(metric, model.name) for model in self._document.students}
        return sorted(
            (name for name, value in known.items() if value is not None),
            key=lambda name: -float(known[name] or 0.0),
        )


def in_words(document: SweepDocument) -> SweepDocument:
    """Return the document with its sentences, one of them with each front."""
    values = _Values(document)
    fronts = tuple(
        front.model_copy(update={"finding": _front(front, values)}) if front.students else front
        for front in document.fronts
    )
    sentences = [front.finding for front in fronts if front.finding]
    sentences += _without(document, values)
    sentences += _best(values, document.score, document.differences, "Best by", "Below it")
    sentences += _best(
        values, document.closeness,
        [each for each in document.closeness_differences
         if each.metric == f"{document.closeness}_difference"],
        "Nearest to the teacher by", "Further from it",
    )  # fmt: skip
    sentences += _steps(document)
    failed, runs = len(document.failed), len(document.runs)
    if failed:
        sentences.append(f"{failed} of {runs} runs gave no student; the reasons stand with them.")
    return document.model_copy(update={"fronts": fronts, "sentences": tuple(sentences)})


def _front(front: Front, values: _Values) -> str:
    """List the students on a front, from the least gain to the most."""
    listed = [
        f"{name} ({values.shown(front.gain, name)}, {values.shown(front.cost, name)})"
        for name in front.students
    ]
    axes = f"{values.label(front.gain)} against {values.label(front.cost)}"
    if len(values.ranked(front.gain)) == 1:
        return f"For {axes} there is one student only, {listed[0]}."
    return f"On the front of {axes}: {'; '.join(listed)}."


def _without(document: SweepDocument, values: _Values) -> list[str]:
    """List the students without a score, and why."""
    sentences = []
    for model in document.students:
        score = document.find(document.score, model.name)
        if score is not None and score.value is None:
            sentences.append(
                f"{model.name} has no {values.label(document.score)}, and no place where it "
                f"counts: {score.undefined}."
            )
    return sentences


def _best(
    values: _Values, metric: str, differences: Sequence[Estimate], best_by: str, below_it: str
) -> list[str]:
    """State the best by a number, who is within noise of it, and who is below it."""
    ranked = values.ranked(metric)
    if len(ranked) < 2 or not differences:
        return []
    best, rest = ranked[0], ranked[1:]
    alike: list[str] = []
    below: list[str] = []
    for name in rest:
        difference = _between(differences, best, name)
        if difference is not None and _is_noise(difference):
            alike.append(name)
        elif difference is not None:
            below.append(f"{name} (by {_size(difference)})")
    count = len(differences)
    pairs = f"{count} pair{'s' if count > 1 else ''}"
    how = f"paired over {show_count(values.n)} examples, Holm over {pairs} of students"
    sentence = f"{best_by} {values.label(metric)} is {best}. "
    if alike:
        sentence += f"Within noise of it ({how}): {'; '.join(alike)}. "
    if below:
        sentence += f"{below_it} by more than noise ({how}): {'; '.join(below)}."
    return [sentence.strip()]


def _steps(document: SweepDocument) -> list[str]:
    """State what each step up the front of score against size is worth."""
    front = document.fronts[0].students if document.fronts else ()
    sentences = []
    for low, high in itertools.pairwise(front):
        difference = _between(document.differences, low, high)
        if difference is not None:
            verdict = "within noise" if _is_noise(difference) else "more than noise"
            sentences.append(f"From {low} up to {high}: {_size(difference)}, {verdict}.")
    return sentences


def _between(differences: Sequence[Estimate], one: str, other: str) -> Estimate | None:
    """Find the difference of two students, or None where it was not tested."""
    return next(
        (d for d in differences
         if {d.model_a, d.model_b} == {one, other} and d.q_value is not None),
        None,
    )  # fmt: skip


def _is_noise(difference: Estimate) -> bool:
    return difference.q_value is None or difference.q_value > ALPHA


def _size(difference: Estimate) -> str:
    """Write a difference, its interval and its adjusted p."""
    shown = show_number(abs(difference.value or 0.0))
    low, high = difference.low, difference.high
    if low is not None and high is not None:
        ends = (low, high) if (difference.value or 0.0) >= 0 else (-high, -low)
        shown += f" {show_interval(*ends)}"
    return f"{shown}, q {show_p(difference.q_value or 0.0)}"
