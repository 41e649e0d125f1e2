"""Gates: conditions on numbers that make a run fail, for use in continuous integration.

Does: read `kappa<0.8`, check its names before anything runs, and tell which students trip it. Does
not: exit; the command line does.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.plain_text import printable
from kdprobe.registry import known_name, unknown_name
from kdprobe.results.aliases import ALIASES, metric_aliases
from kdprobe.results.renamed import RENAMED
from kdprobe.results.schema import Estimate, ResultsDocument
from kdprobe.results.turned import DIFFERENCES, OF_ONE, between, two_students

_METRIC = r"\s*(?:(?P<analysis>[A-Za-z_]+)\.)?(?P<metric>[A-Za-z0-9_-]+)\s*"
_BOUND = r"(?P<sign><=|>=|<|>)\s*(?P<bound>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$"
_FORM = re.compile(rf"^\s*(?:(?P<student>.+):)?{_METRIC}{_BOUND}")
_OF_TWO = re.compile(rf"^{_METRIC}\((?P<pair>.+)\)\s*{_BOUND}")
_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_OPTION = "fail_if"
_USUAL = ("task_scores", "agreement")
"""Whose number is meant where several analyses have one of that name: `accuracy` is the task's."""
_LISTED = 24  # more names than this are no help
End = Literal["value", "low", "high"]


@dataclass(frozen=True)
class Gate:
    """A condition that no student may fulfil.

    Args:
        text: as typed.
        analysis: the analysis of the number; empty: the first that has a metric of that name.
        metric: the metric's name.
        sign: `<`, `<=`, `>` or `>=`.
        bound: the number on the right.
        end: what is compared: the number itself, or the `low` or `high` end of its interval.
        student: whom it is about; empty: every student.
        pair: the two students that a difference is of, as typed; empty: it is of none.
        students: the same two, once they were looked up.
        homes: the analyses that have such a metric, once that was looked up.
    """

    text: str
    analysis: str
    metric: str
    sign: str
    bound: float
    end: End = "value"
    student: str = ""
    pair: str = ""
    students: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()


def parse_gate(text: str) -> Gate:
    """Read a gate: `[STUDENT:][ANALYSIS.]METRIC<NUMBER`, also with `<=`, `>` and `>=`.

    A difference of two students is `[ANALYSIS.]METRIC(A,B)<NUMBER`, of A minus B.

    Raises:
        ConfigError: not of this form.

    >>> parse_gate("kappa<0.8").metric
    'cohens_kappa'
    >>> gate = parse_gate("small: overlap.negative_flips > 5e-2")
    >>> gate.student, gate.analysis, gate.metric, gate.bound
    ('small', 'overlap', 'negative_flips', 0.05)
    >>> parse_gate("student_differences.kappa(a,b) < 0").pair
    'a,b'
    """
    match = _OF_TWO.match(text) or _FORM.match(text)
    if match is None or not math.isfinite(float(match["bound"])):
        raise ConfigError(
            f"`{_OPTION}`",
            found=repr(printable(text, limit=80)),
            expected="METRIC<NUMBER or METRIC>NUMBER",
            remedy="for example `fail_if='kappa<0.8'`, 'kappa_low<0.8' (the lower end of its "
            "interval), 'overlap.negative_flips>0.05' or 'student_differences.kappa(A,B)<0'",
        )
    parts = match.groupdict()
    analysis, metric, pair = parts["analysis"] or "", parts["metric"], parts.get("pair") or ""
    if pair:
        analysis = analysis or DIFFERENCES
    elif not analysis and metric in ALIASES:
        analysis, metric = ALIASES[metric]
    student = (parts.get("student") or "").strip()
    return Gate(
        text.strip(), analysis, metric, parts["sign"], float(parts["bound"]), student=student,
        pair=pair,
    )  # fmt: skip


def checked_gate(
    gate: Gate, metrics: Mapping[str, Sequence[str]], students: Sequence[str], run: Sequence[str]
) -> Gate:
    """Return a gate with every name as it is spelt, before anything runs.

    A score of the task comes before a number of the same name on other sentences, and a metric of
    this very name before the end of an interval: `kappa_attainable_low` is a number, `kappa_low`
    the lower end of kappa's interval.

    Args:
        gate: as `parse_gate` read it.
        metrics: analysis -> the names of its metrics, of all analyses.
        students: the names of the students.
        run: the analyses that will be run.

    Raises:
        UnknownNameError: a student, analysis or metric that there is none of; the nearest are
            offered.
        ConfigError: the number is of an analysis that is not run.

    >>> metrics = {"agreement": ("agreement", "cohens_kappa")}
    >>> gate = checked_gate(parse_gate("Kappa_low < .8"), metrics, ["s"], ["agreement"])
    >>> gate.metric, gate.end
    ('cohens_kappa', 'low')
    """
    if gate.student:
        named = known_name("student", gate.student, tuple(students), option=_OPTION)
        gate = replace(gate, student=named)
    if gate.analysis:
        named = known_name(
            "analysis", gate.analysis, tuple(metrics), aliases=RENAMED, option=_OPTION
        )
        gate = replace(gate, analysis=named)
    if gate.pair:
        gate = replace(gate, students=two_students(gate.pair, students, option=_OPTION))
    gate = _metric(gate, metrics)
    homes = [name for name, held in metrics.items() if gate.metric in held]
    homes = [name for name in homes if gate.analysis in ("", name)]
    if not gate.pair and gate.metric not in OF_ONE:
        if homes == [DIFFERENCES]:
            raise ConfigError(
                f"`{_OPTION}` {gate.text}",
                found=f"{gate.metric} of {DIFFERENCES} is a number of two students",
                expected=f"{DIFFERENCES}.{gate.metric}(A,B){gate.sign}{gate.bound:g}",
                remedy=f"A and B of {', '.join(students)}",
            )
        homes = [name for name in homes if name != DIFFERENCES]
    if not set(homes) & set(run):
        raise ConfigError(
            f"`{_OPTION}` {gate.text}",
            found=f"{gate.metric} is a number of {' and '.join(homes)}, which is not run",
            expected="a number of " + ", ".join(run),
            remedy="change `only` or `skip`",
        )
    usual = [name for name in _USUAL if name in homes and name in run]
    homes = usual[:1] or homes
    return replace(
        gate, analysis=homes[0] if len(homes) == 1 else gate.analysis, homes=tuple(homes)
    )


def _metric(gate: Gate, metrics: Mapping[str, Sequence[str]]) -> Gate:
    """Find the metric that is meant, and which end of its interval."""
    held = [name for home, names in metrics.items() if gate.analysis in ("", home)
            for name in names]  # fmt: skip
    known = tuple(dict.fromkeys(held))
    aliases = metric_aliases(known)
    base, _, end = gate.metric.lower().rpartition("_")
    tries: list[tuple[str, End]] = [(gate.metric, "value")]
    if end in ("low", "high") and base:
        tries.append((base, "low" if end == "low" else "high"))
    for typed, part in tries:
        try:
            metric = known_name("metric", typed, known, aliases=aliases, option=_OPTION)
        except UnknownNameError:
            continue
        home = ALIASES.get(typed.lower(), ("", ""))[0]
        return replace(gate, analysis=gate.analysis or home, metric=metric, end=part)
    error = unknown_name("metric", gate.metric, known, option=_OPTION, aliases=tuple(aliases))
    if len(known) <= _LISTED:
        raise error
    wanted = "the name of a metric, as in metrics.csv"
    raise UnknownNameError(error.where, found=error.found, expected=wanted, remedy=error.remedy)


def tripped(gate: Gate, document: ResultsDocument) -> tuple[str, ...]:
    """State, one line a student, why the gate is tripped; empty when it is not.

    A number that is undefined, that has no interval when an end of it is asked for, or that is not
    there, trips the gate: what cannot be told is not good enough.
    """
    if gate.students:
        line = _line(gate, _difference(gate, document), document)
        return (f"{' minus '.join(gate.students)}: {line}",) if line else ()
    lines = []
    for student in document.students:
        if gate.student not in ("", student.name):
            continue
        line = _line(gate, _number(gate, document, student.name), document)
        lines += [f"{student.name}: {line}"] if line else []
    return tuple(lines)


def _line(gate: Gate, number: Estimate | None, document: ResultsDocument) -> str:
    """State why a number trips a gate; empty when it does not."""
    if number is None:
        return f"{gate.metric} was not measured{_why(gate, document)}"
    if number.value is None:
        return f"{gate.metric} is undefined ({number.undefined})"
    return _compared(gate, number)


def _compared(gate: Gate, number: Estimate) -> str:
    """State that a number fulfils the condition; empty when it does not."""
    value = {"value": number.value, "low": number.low, "high": number.high}[gate.end]
    what = {"value": "", "low": " at least", "high": " at most"}[gate.end]
    if value is None:
        return f"{gate.metric} has no interval ({number.note or 'none was made'}) ({gate.text})"
    if _COMPARE[gate.sign](value, gate.bound):
        return f"{gate.metric}{what} = {value:.4f} ({gate.text})"
    return ""


def _why(gate: Gate, document: ResultsDocument) -> str:
    """Return the reason why its analysis was skipped, in brackets."""
    reasons = [item.reason for item in document.skipped if item.what in gate.homes]
    return f" ({reasons[0]})" if reasons else " on all examples"


def _number(gate: Gate, document: ResultsDocument, student: str) -> Estimate | None:
    """The number of a student: its own, or the one it has with the teacher."""
    teacher = document.teacher.name
    for result in document.analyses:
        if gate.analysis and result.name != gate.analysis:
            continue
        for number in result.estimates:
            own = (number.model_a, number.model_b) in ((student, ""), (teacher, student))
            if number.metric == gate.metric and number.subset == "all" and own:
                return number
    return None


def _difference(gate: Gate, document: ResultsDocument) -> Estimate | None:
    """The number of two students: of the analysis of differences in either order."""
    result = document.analysis(gate.analysis)
    held = [
        number
        for number in (result.estimates if result else ())
        if number.metric == gate.metric and number.subset == "all"
    ]
    a, b = gate.students
    if gate.analysis == DIFFERENCES:
        return next(iter(between(held, a, b)), None)
    return next((one for one in held if (one.model_a, one.model_b) == (a, b)), None)
