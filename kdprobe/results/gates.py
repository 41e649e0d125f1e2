"""Gates: conditions on numbers that make a run fail, for use in continuous integration.

Does: read `kappa<0.8` and tell which students trip it. Does not: exit; the command line does.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

from kdprobe.errors import ConfigError
from kdprobe.results.schema import Estimate, ResultsDocument

_FORM = re.compile(r"^\s*(?:([a-z_]+)\.)?([a-z0-9_]+)\s*(<=|>=|<|>)\s*(-?[0-9]*\.?[0-9]+)\s*$")
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
ALIASES = {"kappa": ("agreement", "cohens_kappa"), "churn": ("agreement", "churn")}


@dataclass(frozen=True)
class Gate:
    """A condition that no student may fulfil.

    Args:
        text: as typed.
        analysis: the analysis of the number; empty: the first that has a metric of that name.
        metric: the metric's name.
        sign: `<`, `<=`, `>` or `>=`.
        bound: the number on the right.
    """

    text: str
    analysis: str
    metric: str
    sign: str
    bound: float


def parse_gate(text: str) -> Gate:
    """Read a gate.

    Raises:
        ConfigError: not of the form METRIC<NUMBER.

    >>> parse_gate("kappa<0.8").metric
    'cohens_kappa'
    """
    match = _FORM.match(text)
    if match is None:
        raise ConfigError(
            "--fail-if",
            found=repr(text),
            expected="METRIC<NUMBER or METRIC>NUMBER",
            remedy="for example --fail-if 'kappa<0.8' or --fail-if 'overlap.negative_flips>0.05'",
        )
    analysis, metric, sign, bound = match.groups()
    if not analysis and metric in ALIASES:
        analysis, metric = ALIASES[metric]
    return Gate(text.strip(), analysis or "", metric, sign, float(bound))


def tripped(gate: Gate, document: ResultsDocument) -> tuple[str, ...]:
    """Say, one line a student, why the gate is tripped; empty when it is not.

    A number that is undefined trips the gate: what cannot be told is not good enough.

    Raises:
        ConfigError: no number of that name stands in the document.
    """
    found = [
        (student.name, number)
        for student in document.students
        for number in _numbers(gate, document, student.name)
    ]
    if not found:
        known = sorted({metric.name for result in document.analyses for metric in result.metrics})
        raise ConfigError(
            "--fail-if",
            found=f"no number of a student is called {gate.metric!r}"
            + (f" in {gate.analysis}" if gate.analysis else ""),
            expected="one of " + ", ".join(known),
        )
    lines = []
    for student, number in found:
        if number.value is None:
            lines.append(f"{student}: {number.metric} is undefined ({number.undefined})")
        elif _COMPARE[gate.sign](number.value, gate.bound):
            lines.append(f"{student}: {number.metric} = {number.value:.4f} ({gate.text})")
    return tuple(lines)


def _numbers(gate: Gate, document: ResultsDocument, student: str) -> list[Estimate]:
    """The number of a student: its own, or the one it has with the teacher."""
    teacher = document.teacher.name
    for result in document.analyses:
        if gate.analysis and result.name != gate.analysis:
            continue
        chosen = [
            number
            for number in result.estimates
            if number.metric == gate.metric
            and number.subset == "all"
            and (number.model_a, number.model_b) in ((student, ""), (teacher, student))
        ]
        if chosen:
            return chosen[:1]
    return []
