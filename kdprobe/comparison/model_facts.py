"""What a report says of each model beside its numbers.

Does: turn opened models into descriptions, notes and alarms. Does not: open or ask them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdprobe.models.spec import ModelSpec
from kdprobe.results.schema import ModelInfo, Notice, Role

if TYPE_CHECKING:
    from kdprobe.models.handle import ModelHandle


def model_info(spec: ModelSpec, members: Sequence[ModelHandle], role: Role) -> ModelInfo:
    """Describe a model that was opened; what differs between its runs is listed."""
    first = members[0]
    notes = tuple(dict.fromkeys(note for member in members for note in member.notes))
    return ModelInfo(
        name=spec.name,
        role=role,
        source=first.source,
        folder=", ".join(member.folder for member in members),
        architecture=first.architecture,
        fingerprint=", ".join(member.fingerprint[:16] for member in members),
        runs=len(members),
        parameters=first.parameters,
        notes=notes,
    )


def model_notices(
    spec: ModelSpec, members: Sequence[ModelHandle], truncated: int, n: int
) -> list[Notice]:
    """Return the notes and alarms of a model, and how many of `n` examples it cut."""
    notices = [
        Notice(code="model", severity="note", message=f"{spec.name}: {note}", models=(spec.name,))
        for note in dict.fromkeys(note for member in members for note in member.notes)
    ]
    notices += [
        Notice(
            code="own-output",
            severity="alarm",
            message=f"{spec.name}: {alarm}",
            models=(spec.name,),
        )
        for alarm in dict.fromkeys(alarm for member in members for alarm in member.alarms)
    ]
    if truncated:
        message = f"{spec.name} cut {truncated} of {n} examples: they are longer than it takes."
        notices += [
            Notice(code="truncated", severity="warning", message=message, models=(spec.name,))
        ]
    return notices
