"""How the compared students were trained, where their folders record it.

Does: read `history.json` and `kdprobe.json` of model folders that kdprobe trained, and make
learning curves of them. Does not: open models; a folder without a history is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdprobe.collectors.protocol import WithoutOptions
from kdprobe.collectors.session import Session
from kdprobe.models.handle import Capability
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import read_json
from kdprobe.observations.training_history import TrainingHistories
from kdprobe.progress import Progress
from kdprobe.results.learning_curves import learning_curves
from kdprobe.results.parts import Curve


@dataclass(frozen=True)
class TrainingHistoryCollector:
    """The learning curves of the students, as logged while they were trained."""

    name: str = "training_history"
    kind: type[TrainingHistories] = TrainingHistories
    options: type[WithoutOptions] = WithoutOptions
    needs: frozenset[Capability] = frozenset()
    after: tuple[str, ...] = ("predictions",)
    by_default: bool = True

    def prepare(self, session: Session, options: WithoutOptions) -> TrainingHistories | None:
        """Read the histories; None where no student has one.

        A folder that is the teacher's own (rounded as it is opened) holds the teacher's training.
        """
        teacher, *students = session.models
        own = {run.fingerprint for run in teacher.runs}
        learnt = (each for each in students if not {r.fingerprint for r in each.runs} <= own)
        return histories_of([each.spec for each in learnt])

    def collect(
        self, session: Session, prepared: TrainingHistories, progress: Progress
    ) -> TrainingHistories:
        """Return what was read."""
        return prepared


def histories_of(students: Sequence[ModelSpec]) -> TrainingHistories | None:
    """Read the learning curves of all students that have a history; None where none has.

    Args:
        students: the compared students; of several seeds the first is shown.
    """
    curves: list[Curve] = []
    notes: list[str] = []
    for student in (each for each in students if each.paths):
        curves += _curves(student, notes)
    return TrainingHistories(tuple(curves), tuple(notes)) if curves else None


def _curves(student: ModelSpec, notes: list[str]) -> list[Curve]:
    """Return one student's curves, named and titled with its name."""
    folder = Path(student.paths[0])
    history, record = (read_json(folder / name) for name in ("history.json", "kdprobe.json"))
    if not (isinstance(history, list) and isinstance(record, dict)):
        return []
    if len(student.paths) > 1:
        notes.append(f"{student.name}: the first of {len(student.paths)} seeds is shown")
    try:
        curves = learning_curves(history, best_step=int(record["best_step"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        notes.append(f"{student.name}: its history cannot be read")
        return []
    return [
        curve.model_copy(
            update={
                "name": f"{student.name}-{curve.name}",
                "title": f"{student.name}: {curve.title}",
            }
        )
        for curve in curves
    ]


COLLECTOR = TrainingHistoryCollector()
