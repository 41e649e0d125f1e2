"""What makes a comparison suspect before any number of it: said aloud, never refused.

Does: look at the records, sizes and fingerprints of the models, and at which examples have a gold
label. Does not: look at predictions; the analysis `sanity_checks` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.models.handle import ModelHandle
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import TrainingRecord, training_record
from kdprobe.results.headline import NO_GOLD
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import Notice
from kdprobe.tasks.open import task_names
from kdprobe.tasks.task import Split


@dataclass(frozen=True)
class Suspect:
    """One compared model: its name, its runs as opened, and what their folders say of them."""

    name: str
    members: tuple[ModelHandle, ...]
    records: tuple[TrainingRecord, ...]

    @property
    def fingerprints(self) -> frozenset[str]:
        """What its runs are made of."""
        return frozenset(member.fingerprint for member in self.members)


def suspicions(
    specs: Sequence[ModelSpec], handles: Sequence[Sequence[ModelHandle]], split: Split
) -> list[Notice]:
    """Return what the reader must know of the choice of models and examples, worst first.

    Args:
        specs: the teacher first.
        handles: the runs of each.
        split: the examples that are compared on.
    """
    suspects = [_suspect(spec, members) for spec, members in zip(specs, handles, strict=True)]
    teacher, students = suspects[0], suspects[1:]
    notices = [notice for student in students for notice in _pair(teacher, student)]
    notices += [notice for one in suspects for notice in _other_task(one, split)]
    notices += _chosen_here(suspects, split)
    return [*notices, *missing_gold(split)]


def _suspect(spec: ModelSpec, members: Sequence[ModelHandle]) -> Suspect:
    records = (training_record(path) for path in spec.paths)
    return Suspect(spec.name, tuple(members), tuple(record for record in records if record))


def _pair(teacher: Suspect, student: Suspect) -> list[Notice]:
    """Look for a teacher and a student that stand in each other's place."""
    both = (teacher.name, student.name)
    if any(record.teacher in student.fingerprints for record in teacher.records if record.teacher):
        message = (
            f"{teacher.name}, named as the teacher, was distilled from {student.name} (its "
            "kdprobe.json says so): are the two swapped? Kept and lost then mean the opposite."
        )
        return [Notice(code="swapped", severity="alarm", message=message, models=both)]
    notices = []
    mine, theirs = student.members[0].parameters, teacher.members[0].parameters
    if mine is not None and theirs is not None and theirs < mine:
        message = (
            f"{teacher.name}, named as the teacher, has fewer parameters ({show_count(theirs)}) "
            f"than {student.name} ({show_count(mine)}): are the two swapped?"
        )
        notices.append(
            Notice(code="smaller-teacher", severity="warning", message=message, models=both)
        )
    others = [r for r in student.records if r.teacher and r.teacher not in teacher.fingerprints]
    if others:
        message = (
            f"{student.name} was distilled from other weights ({others[0].teacher_name}) than "
            f"those of {teacher.name} (its kdprobe.json says so)."
        )
        notices.append(Notice(code="other-teacher", severity="note", message=message, models=both))
    return notices


def _other_task(suspect: Suspect, split: Split) -> list[Notice]:
    """Look for a model that was trained for another of the tasks that ship with kdprobe."""
    tasks = {record.task for record in suspect.records} & set(task_names())
    here = split.task.name
    if here not in task_names() or not tasks or here in tasks:
        return []
    message = (
        f"{suspect.name} was trained for {' and '.join(sorted(tasks))} (its kdprobe.json says so) "
        f"and is compared on {here}: is it the right checkpoint?"
    )
    return [Notice(code="other-task", severity="warning", message=message, models=(suspect.name,))]


def _chosen_here(suspects: Sequence[Suspect], split: Split) -> list[Notice]:
    """Look for checkpoints that were chosen by their score on the very examples compared on."""
    chosen: dict[str, TrainingRecord] = {}
    for suspect in suspects:
        for record in suspect.records:
            same = record.eval_fingerprint == split.fingerprint or (
                record.task == split.task.name and record.eval_split == split.name
            )
            if same and record.evaluations > 1 and record.best_by not in ("", "last"):
                chosen[suspect.name] = record
    if not chosen:
        return []
    whose = ", ".join(
        f"{name} the best of {record.evaluations} by {record.best_by}"
        for name, record in chosen.items()
    )
    message = (
        f"Selection on the split compared on: checkpoints were chosen by their results on "
        f"{split.name} ({whose}), so these scores lean towards the good side, and a model with "
        "more checkpoints to choose from leans more. Compare on a split that nothing was chosen "
        "on (`split`), or train with `best_by=last`."
    )
    models = tuple(chosen)
    return [Notice(code="selection-bias", severity="warning", message=message, models=models)]


def missing_gold(split: Split) -> list[Notice]:
    """Return how many examples have no gold label, how that is written, and what follows."""
    if not split.missing_gold:
        return []
    counted = split.missing_gold[0].upper() + split.missing_gold[1:]
    if len(split.gold_rows):
        rest = (
            "they are left out of everything that is measured against gold labels (n says of how "
            "many examples each number is), and of nothing else."
        )
        message = f"{counted}; {rest}"
    else:
        message = (
            f"{counted}: nothing is scored. Agreement, confidence and whatever else compares the "
            "models with each other needs none and is of all examples."
        )
    code = "missing-gold" if len(split.gold_rows) else NO_GOLD
    return [Notice(code=code, severity="warning", message=message)]
