"""The control of a distilled student: the same budget, and no teacher.

Does: read what a student of kdprobe had from its record (task, examples, shape, settings, steps)
and say what a fine-tuning must be given to have the same. Does not: train; `finetuning.py` does.

A control is a model of the student's shape that learns the same examples in the same order for as
many steps with the same settings, from gold labels alone: what the two differ in is what the
teacher gave. A shape that begins at random (`bert:…`, `bilstm:…`) begins with the very weights the
student began with. Layers that the student copied from its fine-tuned teacher are copied from the
encoder that MODEL names: a control that began with the teacher's own layers would have learnt from
the teacher already.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kdprobe.config.base import parse
from kdprobe.config.recipe import Recipe
from kdprobe.config.stages import parts_of
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.encoding import steps_per_epoch
from kdprobe.distillers.resume import RECORD
from kdprobe.distillers.transfer import ALONE
from kdprobe.errors import ConfigError, UnknownNameError, UsageError
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.folder import fingerprint
from kdprobe.models.shapes import CopyShape, ModelPlace, NewShape, parse_student
from kdprobe.tasks.catalog import open_task

OPTION = "--like"
_LARGEST = 50_000_000  # bytes; no record of kdprobe comes near


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
class TaughtStudent:
    """What a distilled student had.

    Args:
        folder: where it is.
        task: the task's name.
        train_split, eval_split: the splits it learnt from and was scored on.
        train_fingerprint: of the examples it learnt from.
        examples, eval_examples: how many there were; None in a record that does not say.
        transfer: whether texts of a transfer set were among them.
        seed: of its new weights, the order of its examples and dropout.
        sample_seed: of the samples that limits take.
        teacher: the fingerprint of its teacher.
        shape: the student as it was named.
        settings: of its training; of a recipe in stages those of the last.
        steps: optimiser steps it took, those of earlier stages of the same student included.
        stages: how many stages took them.
        bf16: whether its matrix products ran in bfloat16.
    """

    folder: Path
    task: str
    train_split: str
    eval_split: str
    train_fingerprint: str
    examples: int | None
    eval_examples: int | None
    transfer: bool
    seed: int
    sample_seed: int
    teacher: str
    shape: str
    settings: TrainingSettings
    steps: int
    stages: int
    bf16: bool

    @property
    def fingerprint(self) -> str:
        """Of the student's own weights, config and tokenizer: which student this is."""
        return fingerprint(self.folder)

    def task_for(self, typed: str | None) -> str:
        """Give the task of the control as `open_task` takes it.

        Args:
            typed: as typed; None takes the student's.

        Raises:
            ConfigError: another task than the student's, or a student's that must be typed.
        """
        try:
            named = open_task(typed or self.task).name
        except UnknownNameError as error:
            if typed is not None:
                raise
            raise self._refused(
                f"its task {self.task!r} is none that ships with kdprobe",
                "a task file or a table",
                "say --task FILE beside it",
            ) from error
        if named != self.task:
            raise self._refused(
                f"learnt {self.task}, and --task says {named}", "one task", "leave --task out"
            )
        return typed or self.task

    def start(self, model: str | None, student: str | None, seed: int) -> Start:
        """Say what the control is made from; what is typed wins.

        Args:
            model: MODEL as typed, or None.
            student: `--student` as typed, or None.
            seed: of the control's new weights.

        Raises:
            ConfigError: MODEL must be typed, or cannot stand beside a student of this shape.
        """
        shape = parse_student(self.shape)
        typed = None if model is None else parse_student(model, where="MODEL")
        if isinstance(typed, NewShape | LstmShape):
            tokenizer = None if isinstance(typed, LstmShape) and typed.file else self.folder
            return Start(str(model), student, tokenizer, self._weights(model, shape, seed))
        if student is not None or isinstance(shape, CopyShape):
            if model is None:
                raise self._refused(
                    "MODEL is missing",
                    f"the encoder that {student or self.shape} is copied from",
                    "name the pretrained encoder that its teacher was fine-tuned from",
                )
            return Start(model, student or self.shape, None, ())
        if isinstance(shape, ModelPlace):
            return Start(model or shape.path, None, None, ())
        if model is not None:
            raise self._refused(
                f"MODEL {model} for a student that began as {self.shape}",
                "no MODEL, or another shape",
                "leave MODEL out",
            )
        spec = self._own_shape(shape)
        tokenizer = None if isinstance(shape, LstmShape) and shape.file else self.folder
        return Start(spec, None, tokenizer, self._weights(spec, shape, seed))

    def start_notes(self, source: str | None, bf16: bool) -> tuple[str, ...]:
        """Say in what the control begins and computes otherwise than the student.

        Args:
            source: the fingerprint of the encoder it is made from; None: random weights.
            bf16: whether its matrix products run in bfloat16.
        """
        name, said = self.folder.name, []
        if source == self.teacher:
            said.append(
                f"begins with layers of the teacher of {name}: it has learnt from it already"
            )
        elif source is not None and isinstance(parse_student(self.shape), CopyShape):
            said.append(
                f"begins with layers of its encoder; {name} began with those of its teacher"
            )
        if bf16 != self.bf16:
            formats = ["bfloat16" if each else "float32" for each in (bf16, self.bf16)]
            said.append(f"computed in {formats[0]}, {name} in {formats[1]}")
        return tuple(said)

    def budget(
        self, examples: int, typed: Mapping[str, Any]
    ) -> tuple[TrainingSettings, tuple[str, ...]]:
        """Give the settings with which so many examples are learnt for the student's steps.

        Args:
            examples: training examples of the control.
            typed: training settings by name that were typed; they win.

        Returns:
            The settings, and notes on what differs from the student's.
        """
        inherited = self.settings.model_dump()
        notes: list[str] = []
        if inherited["best_by"] in ("agreement", "kl") and "best_by" not in typed:
            notes.append(
                f"its best checkpoint is chosen by score: {self.settings.best_by} needs a teacher"
            )
            inherited["best_by"] = "score"
        settings = parse(TrainingSettings, inherited | dict(typed), "finetune")
        if "epochs" not in typed:
            epochs = self._epochs(examples, settings)
            settings = settings.model_copy(update={"epochs": epochs})
        return settings, (*notes, *self._differences(examples, settings))

    def _epochs(self, examples: int, settings: TrainingSettings) -> float:
        """Give the passes over so many examples that take the student's steps."""
        each = _epoch_steps(examples, settings)
        if examples == self.examples and self.settings.early_stopping is not None:
            return settings.epochs  # it stops by the same rule, not at the student's step
        if math.ceil(settings.epochs * each) == self.steps:
            return settings.epochs
        epochs = self.steps / each
        while math.ceil(epochs * each) > self.steps:  # a rounded quotient may ask for one more
            epochs = math.nextafter(epochs, 0.0)
        return epochs

    def _differences(self, examples: int, settings: TrainingSettings) -> list[str]:
        """Say in what the budget differs from the student's."""
        name, said = self.folder.name, []
        steps = math.ceil(settings.epochs * _epoch_steps(examples, settings))
        ours = settings.batch_size * settings.gradient_accumulation
        theirs = self.settings.batch_size * self.settings.gradient_accumulation
        if (steps, ours) != (self.steps, theirs) and self.settings.early_stopping is None:
            said.append(
                f"another budget than {name}: {steps:,} steps of {ours} examples, and "
                f"{self.steps:,} of {theirs} there"
            )
        if self.stages > 1:
            said.append(f"as many steps as {name} took in {self.stages} stages together")
        for key, value in self.settings.model_dump().items():
            own = getattr(settings, key)
            if own != value and key not in ("epochs", "best_by"):
                said.append(f"{key} is {own}, and {value} for {name}")
        return said

    def examples_note(self, fingerprint: str, examples: int) -> tuple[str, ...]:
        """Say when the control's training examples are not the student's."""
        if fingerprint == self.train_fingerprint:
            return ()
        theirs = "" if self.examples is None else f"{self.examples:,} "
        unlabelled = " without labels, those of a transfer set among them" if self.transfer else ""
        return (
            f"learns from {examples:,} labelled examples; {self.folder.name} learnt from "
            f"{theirs}other texts{unlabelled}",
        )

    def _weights(self, spec: str | None, shape: object, seed: int) -> tuple[str, ...]:
        name = self.folder.name
        if spec == self.shape and seed == self.seed:
            return (f"begins with the weights that {name} began with, by the same seed",)
        if spec == self.shape:
            return (f"begins with other random weights than {name}: seed {seed}, not {self.seed}",)
        if isinstance(shape, LstmShape) and shape.embeddings in (None, "teacher"):
            return (f"its embeddings begin at random; those of {name} began as its teacher's",)
        return (f"another shape than {name}, which is {self.shape}",)

    def _own_shape(self, shape: NewShape | LstmShape) -> str:
        """Give the shape without what only a teacher can give it."""
        if isinstance(shape, NewShape) and shape.embeddings is None:
            return self.shape
        if isinstance(shape, LstmShape) and shape.embeddings in ("random", "file"):
            return self.shape
        if isinstance(shape, NewShape) or shape.mode != "non-static":
            raise self._refused(
                f"a student that reads with its teacher's embeddings ({self.shape})",
                "one that a control without a teacher can be like",
                "name another shape as MODEL",
            )
        width = _read_json(self.folder / "config.json").get("embedding_size")
        parts = [part for part in self.shape.partition(":")[2].split(",") if part]
        kept = [part for part in parts if not re.match(r"(embeddings|embed)=", part)]
        return "bilstm:" + ",".join([*kept, f"embed={width}"])

    def _refused(self, found: str, expected: str, remedy: str) -> ConfigError:
        return ConfigError(f"{OPTION} {self.folder}", found=found, expected=expected, remedy=remedy)


def _epoch_steps(examples: int, settings: TrainingSettings) -> int:
    return steps_per_epoch(examples, settings.batch_size, settings.gradient_accumulation)


def read_student(folder: str | Path) -> TaughtStudent:
    """Read what a distilled student had from its record.

    Args:
        folder: a model folder that `distill` wrote.

    Raises:
        ConfigError: no record, one that cannot be read, or one of a model without a teacher.
    """
    place = Path(folder).expanduser()
    where = f"{OPTION} {folder}"
    if not (place / RECORD).is_file():
        raise ConfigError(
            where,
            found=f"holds no {RECORD}" if place.is_dir() else "no such folder",
            expected="a student that `kdprobe distill` trained",
            remedy="without its record nobody knows its budget: give the options yourself",
        )
    record = _read_json(place / RECORD)
    if record.get("kind") != "distill":
        raise ConfigError(
            where,
            found="learnt from gold labels; it had no teacher",
            expected="a student that `kdprobe distill` trained",
            remedy="name the student that the control shall stand beside",
        )
    try:
        return _student_of(place, record)
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise ConfigError(
            where,
            found=f"its {RECORD} lacks what a control needs ({type(error).__name__}: {error})",
            expected="the record of a distillation by this version of kdprobe",
            remedy="distil it anew, or give the options yourself",
        ) from error


def _student_of(place: Path, record: Mapping[str, Any]) -> TaughtStudent:
    plan = record["plan"]
    parts = parts_of(parse(Recipe, plan["recipe"], "recipe"))
    stages = 1
    for part in reversed(parts):
        if not part.goes_on:
            break
        stages += 1
    return TaughtStudent(
        folder=place,
        task=str(record["task"]),
        train_split="train" if plan["train"]["split"] == ALONE else str(plan["train"]["split"]),
        eval_split=str(plan["eval"]["split"]),
        train_fingerprint=str(plan["train"]["fingerprint"]),
        examples=plan["train"].get("examples"),
        eval_examples=plan["eval"].get("examples"),
        transfer=bool(plan.get("transfer_set")),
        seed=int(plan["seed"]),
        sample_seed=int(plan.get("sample_seed", plan["seed"])),
        teacher=str(plan["fingerprint"]),
        shape=parts[-1].recipe.student,
        settings=parts[-1].recipe.training,
        steps=int(record["steps"]),
        stages=stages,
        bf16=bool(plan["bf16"]),
    )


def _read_json(place: Path) -> dict[str, Any]:
    """Read a JSON object of a model folder.

    Raises:
        ConfigError: it is no JSON, no object, or larger than any that kdprobe writes.
    """
    try:
        if place.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        read = json.loads(place.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("no object")
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{OPTION} {place}", found=f"cannot be read ({error})", expected="what kdprobe wrote"
        ) from error
    return read
