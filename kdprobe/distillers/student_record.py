"""What a distilled student had, read from its record.

Does: read `kdprobe.json` of a student for whoever wants one like it. Does not: decide what a
control needs of it; `control.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdprobe.config.base import parse
from kdprobe.config.recipe import Recipe
from kdprobe.config.stages import parts_of
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.resume import RECORD
from kdprobe.distillers.transfer import ALONE
from kdprobe.errors import ConfigError, UsageError
from kdprobe.models.folder import fingerprint
from kdprobe.plain_files import expanded, read_json

OPTION = "`like`"
_LARGEST = 50_000_000  # bytes; no record of kdprobe comes near


@dataclass(frozen=True)
class DistilledStudent:
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

    @property
    def named(self) -> dict[str, str]:
        """Its name and its fingerprint, for the record of a control."""
        return {"name": self.folder.resolve().name, "fingerprint": self.fingerprint}

    def refused(self, fault: str, expected: str, remedy: str) -> ConfigError:
        """Make the error of a control that cannot be had."""
        return ConfigError(f"{OPTION} {self.folder}", found=fault, expected=expected, remedy=remedy)


def read_student(folder: str | Path) -> DistilledStudent:
    """Read what a distilled student had from its record.

    Args:
        folder: a model folder that `distill` wrote.

    Raises:
        ConfigError: no record, one that cannot be read, or one of a model without a teacher.
    """
    place = expanded(folder)
    where = f"{OPTION} {folder}"
    if not (place / RECORD).is_file():
        raise ConfigError(
            where,
            found=f"holds no {RECORD}" if place.is_dir() else "no such folder",
            expected="a student that `kdprobe distill` trained",
            remedy="without its record nobody knows its budget: give the options yourself",
        )
    record = read_object(place / RECORD)
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


def _student_of(place: Path, record: Mapping[str, Any]) -> DistilledStudent:
    plan = record["plan"]
    parts = parts_of(parse(Recipe, plan["recipe"], "recipe"))
    stages = 1
    for part in reversed(parts):
        if not part.goes_on:
            break
        stages += 1
    return DistilledStudent(
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


def read_object(place: Path) -> dict[str, Any]:
    """Read a JSON object of a model folder.

    Raises:
        ConfigError: it is no JSON, no object, or larger than any that kdprobe writes.
    """
    expected = "what kdprobe wrote"
    record = read_json(place, error=ConfigError, expected=expected, largest=_LARGEST)
    if not isinstance(record, dict):
        raise ConfigError(f"{OPTION} {place}", found="holds no JSON object", expected=expected)
    return record
