"""One number of a results document, by its coordinates.

Does: find it, and say which names there are when there is none. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from kdprobe.errors import ConfigError
from kdprobe.registry import known_name, unknown_name
from kdprobe.results.aliases import ALIASES, metric_aliases
from kdprobe.results.renamed import present_name
from kdprobe.results.schema import Estimate, ResultsDocument
from kdprobe.results.turned import DIFFERENCES, OF_ONE, between, check_two


class Coordinates(TypedDict, total=False):
    """What tells numbers of one metric apart, beside the models and the subset."""

    layer: str
    pooling: str
    method: str


NOT_RUN = "did not run"
"""What an error finds of an analysis that was skipped; its remedy is the reason."""


def pick_estimate(
    document: ResultsDocument,
    metric: str,
    student: str,
    *,
    analysis: str,
    subset: str,
    coordinates: Mapping[str, object],
    other: str = "",
) -> Estimate:
    """Return the one number with these coordinates; see `Comparison.get`."""
    before, _, after = metric.partition(".")
    analysis, metric = (before, after) if after and not analysis else (analysis, metric)
    for skipped in document.skipped if analysis else ():
        if skipped.what == present_name(analysis):
            raise ConfigError(analysis, found=NOT_RUN, remedy=skipped.reason)
    named = present_name(analysis)
    analyses = tuple(result.name for result in document.analyses if result.estimates)
    if named and named not in analyses:
        raise unknown_name("analysis", named, analyses)
    # Of a hundred students those of two students alone are a hundred thousand.
    rows = [(result.name, each) for result in document.analyses
            if not named or result.name == named for each in result.estimates
            if not other or each.model_b]  # fmt: skip
    if not analysis:  # a metric alone is of one student, with a second one of two
        rows = [row for row in rows if _is_difference(*row) == bool(other)]
    rows = _of_metric(rows, metric)
    names = [model.name for model in document.models]
    if not student and len(document.students) == 1:
        student = document.students[0].name
    for name in filter(None, (student, other)):
        if name not in names:
            raise unknown_name("model", name, tuple(names))
    rows = _of_models(rows, document.teacher.name, student, other)
    if not rows:
        whom = " and ".join(filter(None, (student, other)))
        raise ConfigError(
            f"metric {metric}", found=f"there is none of {whom}", expected="another model"
        )
    rows = _narrowed(rows, "subset", subset, [each.subset for _, each in rows])
    for key, value in coordinates.items():
        rows = _narrowed(rows, key, str(value), [getattr(each, key) for _, each in rows])
    plain = [row for row in rows if not (row[1].layer or row[1].pooling or row[1].method)]
    if len(rows) > 1 and len(plain) == 1:
        rows = plain
    if len(rows) > 1:
        raise ConfigError(
            f"metric {metric}", found=f"{len(rows)} numbers go by it", expected="one",
            remedy=f"say {_what_differs(rows)}",
        )  # fmt: skip
    return rows[0][1]


def _is_difference(analysis: str, number: Estimate) -> bool:
    return analysis == DIFFERENCES and number.metric not in OF_ONE


def _of_models(
    rows: Sequence[tuple[str, Estimate]], teacher: str, student: str, other: str
) -> list[tuple[str, Estimate]]:
    """Keep the rows of one student, alone or beside the teacher, or of two students."""
    if not student:
        return list(rows)
    if not other:
        pairs = ((student, ""), (teacher, student))
        return [row for row in rows if (row[1].model_a, row[1].model_b) in pairs]
    check_two(student, other, where="`other`")
    return [
        (name, number)
        for name, each in rows
        for number in between([each], student, other)
        if name == DIFFERENCES or number is each  # no other number is one minus the other
    ]


def _of_metric(rows: list[tuple[str, Estimate]], metric: str) -> list[tuple[str, Estimate]]:
    """Keep the rows of one metric, by its name or by another that people have for it."""
    values = [each.metric for _, each in rows]
    known = tuple(dict.fromkeys(values))
    if metric in known:
        return _narrowed(rows, "metric", metric, values)
    others = metric_aliases(known)
    spelt = known_name("metric", metric, known, aliases={name: name for name in others})
    kept = _narrowed(rows, "metric", others.get(spelt, spelt), values)
    usual = [row for row in kept if spelt in others and row[0] == ALIASES[spelt][0]]
    return usual or kept


def _narrowed(
    rows: Sequence[tuple[str, Estimate]], kind: str, name: str, values: Sequence[str]
) -> list[tuple[str, Estimate]]:
    """Keep the rows of one name; an empty one keeps all."""
    if not name:
        return list(rows)
    kept = [row for row, value in zip(rows, values, strict=True) if value == name]
    if not kept:
        known = tuple(value for value in dict.fromkeys(values) if value)
        raise unknown_name(kind, name, known)
    return kept


def _what_differs(rows: Sequence[tuple[str, Estimate]]) -> str:
    """Return which keywords tell rows apart, with their values."""
    keywords = []
    columns = {"analysis": [name for name, _ in rows]} | {
        key: [getattr(each, key) for _, each in rows]
        for key in ("model_a", "model_b", "layer", "pooling", "method")
    }
    for key, values in columns.items():
        different = list(dict.fromkeys(values))
        if len(different) > 1:
            name = "student" if key in ("model_a", "model_b") else key
            keywords.append(f"{name}= one of {', '.join(repr(value) for value in different[:8])}")
    return "; ".join(keywords)
