"""Students beside controls that had no teacher: named by a person, or told by training records.

Does: find such pairs, warn where their budgets differ, and say what the teacher added. Does not:
train, or define a difference; `analysis/student_differences` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.analysis.student_differences.pairs import Difference, closeness_differences
from kdprobe.collectors.session import Session
from kdprobe.errors import ConfigError
from kdprobe.models.spec import ModelSpec
from kdprobe.models.training_record import read_json
from kdprobe.observations.controls import Controls
from kdprobe.observations.study import Study
from kdprobe.registry import known_name
from kdprobe.results.copies import WITH_WEIGHTS, copies_of
from kdprobe.results.numbers import show_interval, show_number, show_p
from kdprobe.results.schema import Notice

Records = Mapping[str, Mapping[str, Any]]
LEAST_UNEQUAL = 0.1  # budgets that differ by more than a tenth are warned of
_CLOSENESS = {
    "agreement": "agreement with it",
    "score_pearson": "correlation of scores with it (Pearson)",
}


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


def control_name(named: str | None, students: Sequence[str]) -> str | None:
    """Return the student that a person named as the control, as it is spelt.

    Raises:
        UnknownNameError: no student is called so; the nearest are offered.
        ConfigError: it is the only student.
    """
    if named is None:
        return None
    control = known_name("student", named, tuple(students), option="control")
    if len(students) == 1:
        raise ConfigError(
            f"`control={control}`", found="it is the only student",
            expected="a student beside its control", remedy="name both as students",
        )  # fmt: skip
    return control


def controls_of(named: str | None, students: Sequence[ModelSpec]) -> Controls:
    """Return which students are held against which controls.

    A control that is named is that of every other student. Without one the records of the
    trainings say it: a student that was fine-tuned without a teacher is the control of every
    student that was distilled for the same task.

    Raises:
        UsageError: see `control_name`.
    """
    names = [spec.name for spec in students]
    control = control_name(named, names)
    if control is None:
        return Controls(tuple(pairs_of(read_records(students))))
    return Controls(tuple((name, control) for name in names if name != control), named=True)


def with_controls(session: Session, controls: Controls) -> Session:
    """Return a session whose study knows the controls; the teacher's copies learnt nothing.

    A copy of the teacher (rounded, exported) has the teacher's record of training, or none: it is
    no student that a control is held against, and no control.

    Args:
        session: with what is known of converted models among its notices.
        controls: of the specs, see `controls_of`.
    """
    prints = {
        model.name: ", ".join(run.fingerprint for run in model.runs)
        for model in session.models
        if model.runs[0].source in WITH_WEIGHTS
    }
    copies = copies_of(session.models[0].name, prints, session.noticed)
    no_control = tuple(_no_control(name) for name in controls.names if name in copies)
    pairs = tuple(pair for pair in controls.pairs if not copies & set(pair))
    session = session.with_notices(*no_control) if controls.named else session
    return session.with_observation(replace(controls, pairs=pairs)) if pairs else session


def _no_control(name: str) -> Notice:
    return Notice(
        code="taught-control",
        severity="warning",
        message=f"{name}, named as the control, is the teacher itself, converted: no student is "
        "held against it. Name a model that learnt without the teacher.",
        models=(name,),
    )


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


def unequal_budgets(pairs: Iterable[tuple[str, str]], records: Records) -> tuple[Notice, ...]:
    """Warn of each student and control whose trainings spent different budgets.

    Args:
        pairs: (student, control), by name.
        records: `kdprobe.json` of each student that has one, by its name in the comparison.
    """
    notices = []
    for student, control in pairs:
        ours, theirs = (Budget.of(records.get(name, {})) for name in (student, control))
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


def taught_controls(controls: Controls, records: Records) -> tuple[Notice, ...]:
    """Warn of a named control whose record says that it had a teacher."""
    return tuple(
        Notice(
            code="taught-control",
            severity="warning",
            message=f"{name}, named as the control, was distilled from a teacher itself (its "
            "kdprobe.json says so): what lies between it and a student is not what a teacher "
            "added.",
            models=(name,),
        )
        for name in controls.names
        if records.get(name, {}).get("kind") == "distill"
    )


def teacher_added(study: Study, pairs: Sequence[tuple[str, str]]) -> tuple[Notice, ...]:
    """Say how much nearer to the teacher each student is than its control.

    Args:
        study: with all students, over whose pairs p-values are adjusted.
        pairs: (student, control), by name.
    """
    if not pairs:
        return ()
    nearer = closeness_differences(study)
    return tuple(
        Notice(
            code="teacher-added",
            severity="note",
            message=gain_sentence(nearer[pair], family=len(nearer) // 2, test=_test(study, pair)),
            models=pair,
        )
        for pair in pairs
    )


def _test(study: Study, pair: tuple[str, str]) -> str:
    """Name the test of closeness that a pair of students was given."""
    models = [model for model in study.models if model is study.teacher or model.name in pair]
    if study.split.task.kind == "regression" or any(len(model.runs) > 1 for model in models):
        return "bootstrap p"
    return "exact McNemar p" if study.split.clusters is None else "McNemar p by clusters"


def gain_sentence(gain: Difference, *, family: int = 1, test: str = "exact McNemar p") -> str:
    """Return a sentence on what a teacher added, also where that is nothing beyond noise.

    Args:
        gain: the difference of a student and its control, `model_a` the student.
        family: over how many pairs its q-value is adjusted.
        test: what its p-value is of.
    """
    number = gain.estimate
    if number.value is None:
        return f"What the teacher added to {number.model_a} is not known: {number.undefined}."
    sign = -1.0 if number.value < 0 else 1.0
    ends = sorted(sign * end for end in (number.low, number.high) if end is not None)
    interval = f" {show_interval(ends[0], ends[1])}" if ends else ""
    where = "below" if number.value < 0 else "above"
    tests = [f"n = {number.n or 0:,}"]
    if number.p_value is not None:
        tests.append(f"{test} {show_p(number.p_value)}")
    if number.q_value is not None and family > 1:
        tests.append(f"q {show_p(number.q_value)} over {family} pairs of students")
    sentence = (
        f"{number.model_a}'s {_CLOSENESS[number.metric]} is {show_number(abs(number.value))}"
        f"{interval} {where} that of {number.model_b}, which had no teacher ({', '.join(tests)})."
    )
    if not gain.adjusted.is_told_from_noise:
        return f"What the teacher added is nothing that can be told from noise: {sentence}"
    added = "What the teacher added" if number.value > 0 else "The teacher added nothing"
    return f"{added}: {sentence}"


def control_notices(students: Iterable[ModelSpec], study: Study) -> tuple[Notice, ...]:
    """Return all notices on students and controls of a comparison."""
    if not study.has(Controls):
        return ()
    controls, records = study.get(Controls), read_records(tuple(students))
    taught = taught_controls(controls, records) if controls.named else ()
    return (
        *taught,
        *unequal_budgets(controls.pairs, records),
        *teacher_added(study, controls.pairs),
    )
