"""Numbers that relate a model to the teacher, as rows that other analyses can subtract.

Does: type such a row: its name, its meaning and direction, and its draws for every student. Does
not: define any number; the analyses do, each in its own `RELATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.analysis.estimates import HOW
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Metric
from kdprobe.stats.arrays import Floats


class Place(NamedTuple):
    """Where a number stands beside its name and its models; see `estimates.EstimateKey`."""

    subset: str = "all"
    layer: str = ""
    pooling: str = ""
    method: str = ""


class Related(NamedTuple):
    """One number of one student and the teacher.

    Args:
        student: its name.
        draws: float64 `[B + 1]`, the value on the sample first; NaN where undefined; None: there is
            no such number of this student, and `undefined` says why.
        n: the examples behind it.
        undefined: the reason where the value is undefined.
        place: where it stands.
        how: how its interval is made.
    """

    student: str
    draws: Floats | None
    n: int
    undefined: str
    place: Place = Place()
    how: str = HOW


@dataclass(frozen=True)
class Relation:
    """A number that relates a model to the teacher.

    Args:
        name: unique among all rows; that of the metric where no other analysis has one of it.
        metric: what it means, its unit and which direction is better.
        draws: of every student of a study, in all places; students without it may be left out.
        kinds: the kinds of task that have it.
        near: whether being better by it is being nearer to the teacher.
    """

    name: str
    metric: Metric
    draws: Callable[[Study], Iterable[Related]]
    kinds: tuple[str, ...] = ("classification",)
    near: bool = True


def of_each(
    related: Callable[[Study, Population], Related],
) -> Callable[[Study], Iterable[Related]]:
    """Return the draws of all students from those of one."""
    return lambda study: (related(study, student) for student in study.students)


def of_each_labelled(
    related: Callable[[Study, Population], Related], without: str
) -> Callable[[Study], Iterable[Related]]:
    """Return the same of the examples that have a gold label; `without` where none has one."""

    def draws(study: Study) -> Iterable[Related]:
        known = study.with_gold()
        if known.split.labels is None:
            return [Related(student.name, None, 0, without) for student in study.students]
        return (related(known, student) for student in known.students)

    return draws
