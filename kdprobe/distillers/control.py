"""The control of a distilled student: the same budget, and no teacher.

Does: say what a fine-tuning must be given to have what a student of kdprobe had (task, examples,
shape, settings, steps). Does not: train; `finetuning.py` does.

A control is a model of the student's shape that learns the same examples in the same order for as
many steps with the same settings, from gold labels alone: what the two differ in is what the
teacher gave. A shape that begins at random (`bert:…`, `bilstm:…`) begins with the very weights the
student began with. Layers that the student copied from its fine-tuned teacher are copied from the
encoder that MODEL names: a control that began with the teacher's own layers would have learnt from
the teacher already.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from kdprobe.config.training import BestBy, TrainingSettings
from kdprobe.distillers.encoding import steps_per_epoch
from kdprobe.distillers.student_record import DistilledStudent, read_object
from kdprobe.errors import UnknownNameError
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.shapes import CopyShape, ModelPlace, NewShape, parse_student
from kdprobe.tasks.open import open_task

_NO_COLUMNS: Mapping[str, Any] = MappingProxyType({})


class Start(NamedTuple):
    """What a control is made from.

    `model` and `student` are as `finetune` takes them; `tokenizer` is the folder whose tokenizer
    it reads with, None: its own; `notes` say how it begins.
    """

    model: str
    student: str | None
    tokenizer: Path | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """What a model must be given to be the control of a student.

    Args:
        student: what the student had.
    """

    student: DistilledStudent

    def task_for(self, named: str | None, columns: Mapping[str, Any] = _NO_COLUMNS) -> str:
        """Return the task of the control as `open_task` takes it.

        Args:
            named: the task; None takes the student's.
            columns: how a table is read, as `open_task` takes it.

        Raises:
            ConfigError: another task than the student's, or a student's that must be typed.
        """
        try:
            opened = open_task(named or self.student.task, **columns).name
        except UnknownNameError as error:
            if named is not None:
                raise
            raise self.student.refused(
                f"its task {self.student.task!r} is none that ships with kdprobe",
                "a task file or a table",
                "name `task=FILE` beside it",
            ) from error
        if opened != self.student.task:
            raise self.student.refused(
                f"learnt {self.student.task}, and `task` says {opened}",
                "one task",
                "leave `task` out",
            )
        return named or self.student.task

    def start(self, model: str | None, student: str | None, seed: int) -> Start:
        """Return what the control is made from; what is named wins.

        Args:
            model: MODEL as named, or None.
            student: `student` as named, or None.
            seed: of the control's new weights.

        Raises:
            ConfigError: MODEL must be typed, or cannot stand beside a student of this shape.
        """
        shape = parse_student(self.student.shape)
        named = None if model is None else parse_student(model, where="MODEL")
        if isinstance(named, NewShape | LstmShape):
            tokenizer = None if isinstance(named, LstmShape) and named.file else self.student.folder
            return Start(str(model), student, tokenizer, self._weights(str(model), seed))
        if student is not None or isinstance(shape, CopyShape):
            if model is None:
                raise self.student.refused(
                    "MODEL is missing",
                    f"the encoder that {student or self.student.shape} is copied from",
                    "name the pretrained encoder that its teacher was fine-tuned from",
                )
            return Start(model, student or self.student.shape, None, ())
        if isinstance(shape, ModelPlace):
            return Start(model or shape.path, None, None, ())
        if model is not None:
            raise self.student.refused(
                f"MODEL {model} for a student that began as {self.student.shape}",
                "no MODEL, or another shape",
                "leave MODEL out",
            )
        spec = self._own_shape(shape)
        tokenizer = None if isinstance(shape, LstmShape) and shape.file else self.student.folder
        if spec == self.student.shape:
            return Start(spec, None, tokenizer, self._weights(spec, seed))
        name = self.student.folder.name
        note = f"its embeddings begin at random; those of {name} began as its teacher's"
        return Start(spec, None, tokenizer, (note,))

    def start_notes(self, source: str | None, seed: int, *, bf16: bool) -> tuple[str, ...]:
        """Say in what the control begins and computes otherwise than the student.

        Args:
            source: the fingerprint of the encoder it is made from; None: random weights.
            seed: of its new weights, the order of its examples and dropout.
            bf16: whether its matrix products run in bfloat16.
        """
        name, notes = self.student.folder.name, []
        if seed != self.student.seed:
            notes.append(
                f"seed {seed}, and {self.student.seed} for {name}: other new weights and another "
                "order of the examples"
            )
        if source == self.student.teacher:
            notes.append(
                f"begins with layers of the teacher of {name}: it has learnt from it already"
            )
        elif source is not None and isinstance(parse_student(self.student.shape), CopyShape):
            notes.append(
                f"begins with layers of its encoder; {name} began with those of its teacher"
            )
        if bf16 != self.student.bf16:
            formats = ["bfloat16" if each else "float32" for each in (bf16, self.student.bf16)]
            notes.append(f"computed in {formats[0]}, {name} in {formats[1]}")
        return tuple(notes)

    def budget(
        self, examples: int, named: Mapping[str, Any]
    ) -> tuple[TrainingSettings, tuple[str, ...]]:
        """Return the settings with which so many examples are learnt for the student's steps.

        Args:
            examples: training examples of the control.
            named: training settings by name; they win.

        Returns:
            The settings, and notes on what differs from the student's.
        """
        inherited = self.student.settings.model_dump()
        notes: tuple[str, ...] = ()
        if "best_by" not in named:
            inherited["best_by"], notes = rule_without_teacher(self.student.settings.best_by)
        settings = TrainingSettings(**(inherited | dict(named)))
        if "epochs" not in named:
            epochs = self._epochs(examples, settings)
            settings = settings.model_copy(update={"epochs": epochs})
        return settings, (*notes, *self._differences(examples, settings))

    def _epochs(self, examples: int, settings: TrainingSettings) -> float:
        """Return the passes over so many examples that take the student's steps."""
        steps = self.student.steps
        if examples == self.student.examples and self.student.settings.early_stopping is not None:
            return settings.epochs  # it stops by the same rule, not at the student's step
        if scheduled_steps(examples, settings) == steps:
            return settings.epochs
        return epochs_of(steps, examples, settings)

    def _differences(self, examples: int, settings: TrainingSettings) -> list[str]:
        """Say in what the budget differs from the student's."""
        had, name = self.student.settings, self.student.folder.name
        notes: list[str] = []
        steps = scheduled_steps(examples, settings)
        ours = settings.batch_size * settings.gradient_accumulation
        theirs = had.batch_size * had.gradient_accumulation
        if (steps, ours) != (self.student.steps, theirs) and had.early_stopping is None:
            notes.append(
                f"another budget than {name}: {steps:,} steps of {ours} examples, and "
                f"{self.student.steps:,} of {theirs} there"
            )
        elif self.student.stages > 1:
            notes.append(f"as many steps as {name} took in {self.student.stages} stages together")
        for key, value in had.model_dump().items():
            own = getattr(settings, key)
            if own != value and key not in ("epochs", "best_by"):
                notes.append(f"{key} is {own}, and {value} for {name}")
        return notes

    def examples_note(self, fingerprint: str, examples: int) -> tuple[str, ...]:
        """Say when the control's training examples are not the student's."""
        if fingerprint == self.student.train_fingerprint:
            return ()
        theirs = "" if self.student.examples is None else f"{self.student.examples:,} "
        unlabelled = (
            " without labels, those of a transfer set among them" if self.student.transfer else ""
        )
        return (
            f"learns from {examples:,} labelled examples; {self.student.folder.name} learnt from "
            f"{theirs}other texts{unlabelled}",
        )

    def _weights(self, spec: str, seed: int) -> tuple[str, ...]:
        name = self.student.folder.name
        if spec != self.student.shape:
            return (f"another shape than {name}, which is {self.student.shape}",)
        if seed != self.student.seed:
            return ()
        return (f"begins with the weights that {name} began with, by the same seed",)

    def _own_shape(self, shape: NewShape | LstmShape) -> str:
        """Return the shape without what only a teacher can give it."""
        if isinstance(shape, NewShape) and shape.embeddings is None:
            return self.student.shape
        if isinstance(shape, LstmShape) and shape.embeddings in ("random", "file"):
            return self.student.shape
        if isinstance(shape, NewShape) or shape.mode != "non-static":
            raise self.student.refused(
                f"a student that reads with its teacher's embeddings ({self.student.shape})",
                "one that a control without a teacher can be like",
                "name another shape as MODEL",
            )
        width = read_object(self.student.folder / "config.json").get("embedding_size")
        parts = [part for part in self.student.shape.partition(":")[2].split(",") if part]
        kept = [part for part in parts if not re.match(r"(embeddings|embed)=", part)]
        return "bilstm:" + ",".join([*kept, f"embed={width}"])


def rule_without_teacher(rule: BestBy) -> tuple[BestBy, tuple[str, ...]]:
    """Return the rule for the best checkpoint of a control, and a note where it is another."""
    if rule not in ("agreement", "kl"):
        return rule, ()
    return "score", (f"its best checkpoint is chosen by score: {rule} needs a teacher",)


def scheduled_steps(examples: int, settings: TrainingSettings) -> int:
    """Return the optimiser steps in which so many examples are learnt with some settings."""
    return math.ceil(settings.epochs * _epoch_steps(examples, settings))


def epochs_of(steps: int, examples: int, settings: TrainingSettings) -> float:
    """Return the passes over so many examples that take so many steps."""
    each = _epoch_steps(examples, settings)
    epochs = steps / each
    while math.ceil(epochs * each) > steps:  # a rounded quotient may ask for one more
        epochs = math.nextafter(epochs, 0.0)
    return epochs


def _epoch_steps(examples: int, settings: TrainingSettings) -> int:
    return steps_per_epoch(examples, settings.batch_size, settings.gradient_accumulation)
