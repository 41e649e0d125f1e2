"""How the compared students were trained, where their folders say so.

Does: read `history.json` and `kdprobe.json` of model folders that kdprobe trained, and make one
result of learning curves of them; say which were trained in bfloat16. Does not: open models; a
folder without a history is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kdprobe import plain_files
from kdprobe.errors import UsageError
from kdprobe.models.spec import ModelSpec
from kdprobe.results.learning_curves import learning_curves
from kdprobe.results.parts import Curve
from kdprobe.results.schema import AnalysisResult

TRAINING = "training"
_MOST = 2_000_000  # bytes; a longer history would fill the page


def training_results(
    students: Sequence[ModelSpec], *, only: Sequence[str], skip: Sequence[str]
) -> tuple[AnalysisResult, ...]:
    """Give the learning curves of all students that have a history, as one result, or none.

    Args:
        students: the compared students; of several seeds the first is shown.
        only: analyses that were asked for by name; then this is left out.
        skip: names that are left out; `training` is this one.
    """
    if only or TRAINING in skip:
        return ()
    curves: list[Curve] = []
    notes: list[str] = []
    for student in students:
        curves += _curves(student, notes)
    if not curves:
        return ()
    return (
        AnalysisResult(
            name=TRAINING,
            version=1,
            title="How the students were trained",
            caption="As logged while they were trained; scores are of the split they were "
            "scored on then.",
            curves=tuple(curves),
            notes=tuple(notes),
        ),
    )


def trained_in_bfloat16(models: Sequence[ModelSpec]) -> list[str]:
    """Name the compared models whose record says that their products were in bfloat16.

    Args:
        models: the teacher and the students; a model of several seeds is named when one of its runs
            was trained so.
    """
    named = []
    for model in models:
        records = (read_json(Path(path) / "kdprobe.json") for path in model.paths)
        plans = (record.get("plan") for record in records if isinstance(record, dict))
        if any(isinstance(plan, dict) and plan.get("bf16") is True for plan in plans):
            named.append(model.name)
    return named


def _curves(student: ModelSpec, notes: list[str]) -> list[Curve]:
    """Give one student's curves, named and titled with its name."""
    folder = Path(student.paths[0])
    history, record = (read_json(folder / name) for name in ("history.json", "kdprobe.json"))
    if not (isinstance(history, list) and isinstance(record, dict)):
        return []
    if len(student.paths) > 1:
        notes.append(f"{student.name}: the first of {len(student.paths)} seeds is shown")
    try:
        made = learning_curves(history, best_step=int(record["best_step"]))
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
        for curve in made
    ]


def read_json(place: Path) -> Any:
    """Read a file that may be missing, foreign or broken; None then."""
    try:
        return plain_files.read_json(place, largest=_MOST)
    except UsageError:
        return None
