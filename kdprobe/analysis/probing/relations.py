"""What a student lacks of the teacher's layers, as rows to subtract.

Does not define any number; `cells.py` and `retention.py` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kdprobe.analysis.probing.cells import HOW, Cells, matched_layers
from kdprobe.analysis.probing.metrics import METRICS
from kdprobe.analysis.probing.retention import retention_draws
from kdprobe.analysis.probing.scores import ProbedTask, probed_task
from kdprobe.analysis.relations import Place, Related, Relation
from kdprobe.observations.probes import ProbeFits
from kdprobe.observations.study import Study

_MEANING = {metric.name: metric for metric in METRICS}
_BOTH = ("classification", "regression")


class _Probed(NamedTuple):
    """One task of a study: its cells, the teacher, the students that were probed."""

    task: ProbedTask
    teacher: str
    students: Sequence[str]
    poolings: Sequence[str]


def _tasks(study: Study) -> Iterator[_Probed]:
    """Yield every probing task; none where no layer was probed."""
    if not study.has(ProbeFits):
        return
    probes = study.get(ProbeFits)
    for task in probes.tasks:
        probed = probed_task(study, probes, task)
        names = [student.name for student in study.students if student.name in probed.trained]
        if study.teacher.name in probed.trained:
            yield _Probed(probed, study.teacher.name, names, probes.poolings)


def _off(layer: str, other: str, ratio: float) -> float:
    """Return how far the student's layer stands from the depth of the teacher's."""
    return abs(int(other) * ratio - int(layer))


def _one_for_each(teacher: Cells, student: Cells) -> dict[str, str]:
    """Pair teacher's layers with the student's nearest by depth: a deeper student has several."""
    ratio = teacher.depth / student.depth if student.depth else 0.0
    nearest: dict[str, str] = {}
    for one, other in matched_layers(teacher, student):
        before = nearest.get(one)
        if before is None or _off(one, other, ratio) < _off(one, before, ratio):
            nearest[one] = other
    return nearest


def _gaps(study: Study) -> Iterable[Related]:
    """Yield the gap at the best layers, and at each of the teacher's layers of equal depth."""
    for probed, teacher, students, poolings in _tasks(study):
        t, n = probed.trained[teacher], probed.task.test
        for student in students:
            s = probed.trained[student]
            places = [("best", pooling, t.best(pooling), s.best(pooling)) for pooling in poolings]
            places += [
                (one, pooling, t.cell(one, pooling), s.cell(other, pooling))
                for one, other in _one_for_each(t, s).items()
                for pooling in (poolings if one.isdigit() else ("",))
            ]
            for layer, pooling, left, right in places:
                place = Place(probed.task.name, layer, pooling)
                if left is None or right is None:
                    reason = probed.without(teacher if left is None else student, pooling)
                    yield Related(student, None, n, reason, place)
                else:
                    draws = t.draws[:, left] - s.draws[:, right]
                    yield Related(student, draws, n, "no test sentences", place, HOW)


def _retention(study: Study) -> Iterable[Related]:
    for probed, teacher, students, poolings in _tasks(study):
        for student in students:
            for pooling in poolings:
                draws, reason, _ = retention_draws(probed, teacher, student, pooling)
                place = Place(probed.task.name, "best", pooling)
                yield Related(student, draws, probed.task.test, reason, place, HOW)


RELATIONS = (
    Relation("probing_gap", _MEANING["gap"], _gaps, _BOTH),
    Relation("retention", _MEANING["retention"], _retention, _BOTH),
)
