"""A teacher of which only its answers are known: a predictions file, or a function of texts.

Does: join its answers to the texts of a training, leave out training texts that it did not answer
where that is wanted, and count both. Does not: read files or ask functions; it has no layers,
tokenizer or gradients, and a student of it begins without weights of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.cache import Cache
from kdprobe.config.recipe import Recipe
from kdprobe.distillers.compute import Compute
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.encoding import Encoded
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.preflight import Facts, refuse_chance
from kdprobe.distillers.teacher import Teacher
from kdprobe.distillers.teacher_signal import StoredTeacher, TeacherSignal
from kdprobe.distillers.validation_scores import chance_score, task_scores
from kdprobe.distillers.weighted_loss import WeightedLoss
from kdprobe.errors import ConfigError, MisalignedError
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.checkpoint import Loaded
from kdprobe.models.handle import Outputs, ProgressCall
from kdprobe.models.predictions.label_numbers import log_odds
from kdprobe.models.predictions.numbers import PROBABILITY_FLOOR
from kdprobe.models.predictions.unanswered import Unanswered
from kdprobe.models.shapes import CopyShape, NewShape, parse_student
from kdprobe.observations.predictions import Scale
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split

_FEWEST = 20
"""Answers to scored texts below which a teacher is not refused for what it scores."""
WITHOUT_WEIGHTS = (
    "`student=bert:L3,H256` or `student=bilstm:` (random weights), or the "
    "folder of a pretrained encoder"
)


class TeacherAnswers(Protocol):
    """What is known of such a teacher."""

    @property
    def folder(self) -> str:
        """Its name for people."""

    @property
    def shown(self) -> str:
        """Its name in messages."""

    @property
    def gives(self) -> str:
        """What it is, before what it gives: `a predictions file of`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what its answers are made of."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How they were read."""

    def unanswered(self, split: Split) -> Unanswered:
        """Return the examples that it did not answer."""

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Return its answer to every example, each of which it answered, or answers now."""


def refuse_weights(teacher: str, student: str, *, what: str) -> None:
    """Refuse a student that begins with weights of a teacher that has none.

    Raises:
        ConfigError: it copies layers, or its embeddings are the teacher's.
    """
    shape = parse_student(student)
    if isinstance(shape, CopyShape):
        begins = "copies layers of its teacher"
    elif isinstance(shape, NewShape | LstmShape) and shape.embeddings == "teacher":
        begins = "begins with the embeddings of its teacher"
    else:
        return
    raise ConfigError(
        "`student`",
        found=f"{student} {begins}, and {teacher} is {what}, which has no weights to copy",
        expected="a student that needs none",
        remedy=WITHOUT_WEIGHTS,
    )


@dataclass(frozen=True)
class RecordedTeacher:
    """Known answers as the teacher of a training; see `Teacher` for what it offers.

    Args:
        path: the file or the function, as a person named it.
        answers: what it answered.
        compute: device and number format of the student.
        scale: what its answers are.
        coverage: how much of the texts it answered, for people.
        notes: how the answers were read.
        loaded: there is no model.
    """

    path: str
    answers: TeacherAnswers
    compute: Compute
    scale: Scale
    coverage: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    loaded: None = None

    @property
    def name(self) -> str:
        """The name of the file or function."""
        return self.answers.folder

    @property
    def fingerprint(self) -> str:
        """Of the file's bytes, or of the function's version or answers."""
        return self.answers.fingerprint

    def reading(self, data: TrainingData) -> RecordedTeacher:
        """Return itself: it is asked by texts."""
        return self

    def sampled(self, data: TrainingData) -> RecordedTeacher:
        """Return itself: nothing of it is stored."""
        return self

    def beside(self, student: Encoded) -> RecordedTeacher:
        """Return itself: it has no padding."""
        return self

    def replaced_by(self, loaded: Loaded, data: TrainingData, recipe: Recipe) -> Teacher:
        """Return a model in its place: an assistant that learns from it and teaches in turn."""
        return Teacher.of_loaded("", loaded, "", data, recipe, self.compute)

    def asked(self, weighted_loss: WeightedLoss, models: ModelPair) -> str:
        """Say when it is asked, for people."""
        return "never: its answers are known"

    def logits(
        self, split: Split, *, progress: Progress, cache: Cache | None = None
    ) -> NDArray[np.float32] | None:
        """Return its answers as logits, float32 `[n, C]`; NaN for texts that it did not answer.

        Definition: logits as they are, else logarithms of probabilities; of a label 0, and the
        logarithm of `PROBABILITY_FLOOR` for the others; of sets of labels the log-odds of 1 and 0,
        that far from them. None: it answered none of the texts.
        """
        known = ~self.answers.unanswered(split).mask
        if not known.any():
            return None
        rows = np.flatnonzero(known)
        outputs = self.answers.outputs(split.take(rows), batch_size=1, advance=lambda done: None)
        values = np.full((len(split), split.task.outputs), np.nan, dtype=np.float32)
        if outputs.scale == "label sets":
            values[rows] = log_odds(outputs.values)[0]
        elif outputs.scale == "labels":
            values[rows] = np.log(PROBABILITY_FLOOR)
            values[rows, outputs.values[:, 0].astype(np.int64)] = 0.0
        else:
            values[rows] = outputs.values
        return values

    def signal(
        self,
        weighted_loss: WeightedLoss,
        models: ModelPair,
        data: TrainingData,
        *,
        progress: Progress,
        cache: Cache | None = None,
    ) -> TeacherSignal:
        """Return its answers to the training texts, each of which it answered."""
        logits = self.logits(data.train, progress=progress)
        if logits is None or np.isnan(logits).any():
            raise ValueError("a training text without the teacher's answer")
        return StoredTeacher(torch.from_numpy(logits))

    def facts(self, split: Split, logits: NDArray[np.float32] | None) -> Facts:
        """Score its answers, and refuse it when it is no better than chance.

        Raises:
            CheckpointError: it is no better than always giving the same answer, on at least twenty
                texts.
        """
        kind = {
            "logits": "logits", "log-probabilities": "probabilities", "labels": "labels alone",
            "scores": "scores", "label logits": "log-odds of labels",
            "label sets": "sets of labels alone",
        }[self.scale]  # fmt: skip
        rows: Facts = [
            ("teacher", f"{self.name}: {self.answers.gives} {kind}"),
            ("teacher's fingerprint", self.fingerprint),
            *self.coverage,
        ]
        if logits is None or split.labels is None:
            return rows
        known = np.flatnonzero(~np.isnan(logits).any(axis=1))
        gold, values = split.labels[known], logits[known].astype(np.float64)
        reached = task_scores(split.task, gold, values)[split.task.primary_score]
        name, chance = chance_score(split.task, gold)
        if len(known) >= _FEWEST:
            refuse_chance(self.path, score=name, reached=reached, chance=chance, split=split.name)
        shown = reached.undefined if reached.value is None else f"{reached.value:.4f}"
        score = f"{shown} of {len(known):,} (always the same answer: {chance:.4f})"
        return [*rows, (f"teacher's {name}", score)]


def recorded_teacher(
    path: str,
    answers: TeacherAnswers,
    data: TrainingData,
    compute: Compute,
    missing: Literal["refuse", "drop"],
) -> tuple[RecordedTeacher, TrainingData]:
    """Make a teacher of known answers, and leave out training texts that it did not answer.

    Rows are joined to texts, never to ids, which another split may have too. Texts that are scored
    stay, answered or not: gold labels score the student on all of them, and agreement is of those
    that are answered.

    Args:
        path: the file or function, for messages and the card.
        answers: what it answered.
        data: the examples of the training.
        compute: device and number format of the student.
        missing: `refuse` a training text without an answer, or `drop` it.

    Returns:
        The teacher, and the examples that are learnt from.

    Raises:
        UsageError: a training text is not answered, or all are not.
    """
    notes = answers.notes  # of a file: those of a split speak of the other split's rows
    lacking = answers.unanswered(data.train)
    total = len(data.train)
    if lacking.count == total:
        raise MisalignedError(
            answers.shown,
            found=f"answers none of the {total:,} texts of {data.task.name} {data.train.name} "
            f"({lacking.reasons})",
            expected="the texts that are learnt from",
            remedy="is it of another split (`train_split`), or are its texts written otherwise?",
        )
    if lacking.count and missing == "refuse":
        raise lacking.refusal(answers.shown, data.train, option="train_split")
    coverage = [_coverage(data.train, lacking.count, lacking.reasons, "left out")]
    if lacking.count:
        kept = data.train.take(np.flatnonzero(~lacking.mask).tolist())
        origin = f"{kept.origin} ({lacking.count:,} that the teacher did not answer: left out)"
        data = replace(data, train=replace(kept, origin=origin.strip()))
    scored = answers.unanswered(data.evaluation)
    coverage += [_coverage(data.evaluation, scored.count, scored.reasons, "scored by gold alone")]
    outputs = answers.outputs(data.train, batch_size=1, advance=lambda done: None)
    return RecordedTeacher(path, answers, compute, outputs.scale, tuple(coverage), notes), data


def _coverage(split: Split, lacking: int, reasons: str, what: str) -> tuple[str, str]:
    """Return how much of a split is answered, for people."""
    share = (len(split) - lacking) / len(split)
    rest = f"; {what}: {reasons}" if lacking else ""
    answered = f"{len(split) - lacking:,} of {len(split):,} ({share:.1%}){rest}"
    return f"teacher answered of {split.name}", answered
