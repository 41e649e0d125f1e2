"""Students that had a teacher beside controls that had none, by the records of their trainings.

Does: find such pairs, warn where their budgets differ, and measure what the teacher added. Does
not: train, or judge models without a record of kdprobe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.analysis.agreement.difference import agreement_difference
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import read_json
from kdprobe.observations.study import Study
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Estimate, Notice

Records = Mapping[str, Mapping[str, Any]]
LEAST_UNEQUAL = 0.1  # budgets that differ by more than a tenth are warned of


class Budget(NamedTuple):
    """What a training spent: optimiser steps, and examples to a step (None: not recorded)."""

    steps: int
    examples: int | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Budget | None:
        """Read it from a record; None where it does not say."""
        steps = record.get("steps")
        if not isinstance(steps, int) or steps < 1:
            return None
        try:
            plan: dict[str, Any] = record["plan"]
            recipe = plan["recipe"] if record.get("kind") == "distill" else plan
            stages: Sequence[dict[str, Any]] = recipe.get("stages") or ({},)
            settings = recipe["training"] | stages[-1].get("training", {})
            each = settings["batch_size"] * settings["gradient_accumulation"]
        except (KeyError, TypeError, AttributeError, IndexError):
            return cls(steps, None)
        return cls(steps, each if isinstance(each, int) and each > 0 else None)

    @property
    def words(self) -> str:
        """For people: `2,680 steps of 32 examples`."""
        each = "" if self.examples is None else f" of {self.examples} examples"
        return f"{self.steps:,} steps{each}"

    def differs(self, other: Budget) -> bool:
        """Whether the steps, or the examples read in all of them, differ by more than a tenth.

        >>> Budget(2680, 32).differs(Budget(804, 32)), Budget(110, 32).differs(Budget(100, 32))
        (True, False)
        """
        spent = [(self.steps, other.steps)]
        if self.examples is not None and other.examples is not None:
            spent.append((self.steps * self.examples, other.steps * other.examples))
        return any(max(pair) > (1 + LEAST_UNEQUAL) * min(pair) for pair in spent)


def read_records(students: Sequence[ModelSpec]) -> Records:
    """Read the record of each student that has one, by name; of several seeds the first."""
    folders = {spec.name: Path(spec.paths[0]) for spec in students if spec.paths}
    read = {name: read_json(folder / "kdprobe.json") for name, folder in folders.items()}
    return {name: record for name, record in read.items() if isinstance(record, dict)}


def pairs_of(records: Records) -> list[tuple[str, str]]:
    """Return each student that was distilled with each of its task that was not."""
    kinds = {
        kind: [name for name, record in records.items() if record.get("kind") == kind]
        for kind in ("distill", "finetune")
    }
    return [
        (student, control)
        for student in kinds["distill"]
        for control in kinds["finetune"]
        if records[student].get("task") == records[control].get("task")
    ]


def unequal_budgets(records: Records) -> tuple[Notice, ...]:
    """Warn of each student and control whose trainings spent different budgets.

    Args:
        records: `kdprobe.json` of each student, by its name in the comparison.
    """
    notices = []
    for student, control in pairs_of(records):
        ours, theirs = Budget.of(records[student]), Budget.of(records[control])
        if ours is None or theirs is None or not ours.differs(theirs):
            continue
        notices.append(
            Notice(
                code="unequal-budgets",
                severity="warning",
                message=f"{student} learnt for {ours.words}, {control}, which had no teacher, for "
                f"{theirs.words}: what lies between them is not the teacher's alone "
                "(`finetune` with `like` trains a control of equal budget).",
                models=(student, control),
            )
        )
    return tuple(notices)


def teacher_added(study: Study, records: Records) -> tuple[Notice, ...]:
    """Return how much nearer to the teacher each student is than each control."""
    if study.split.task.kind == "regression":
        return ()
    models = {model.name: model for model in study.students}
    return tuple(
        Notice(
            code="teacher-added",
            severity="note",
            message=gain_sentence(agreement_difference(study, models[student], models[control])),
            models=(student, control),
        )
        for student, control in pairs_of(records)
    )


def gain_sentence(gain: Estimate) -> str:
    """Return a sentence on a difference of agreement, with its interval and test."""
    share, low, high = (each or 0.0 for each in (gain.value, gain.low, gain.high))
    sentence = (
        f"What the teacher added: {gain.model_a}'s agreement with it is {show_number(share)} "
        f"{show_interval(low, high)} above that of {gain.model_b}, which had no teacher "
        f"(n = {gain.n or 0:,}"
    )
    if gain.p_value is not None:
        sentence += f", McNemar's p {show_p(gain.p_value)}"
    sentence += ")"
    return sentence + ("; the two cannot be told apart." if low <= 0 <= high else ".")


def control_notices(students: Iterable[ModelSpec], study: Study) -> tuple[Notice, ...]:
    """Return all notices on students and controls of a comparison."""
    records = read_records(tuple(students))
    return (*unequal_budgets(records), *teacher_added(study, records))
