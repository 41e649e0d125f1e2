"""Everything one training needs, gathered before the first step, and its result.

Does: hold the parts in frozen types. Does not: train; `trainer.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kdprobe import atomic
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.compute import Compute
from kdprobe.distillers.encoding import Encoded, GroupedByLength, steps_per_epoch
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.preflight import Preflight
from kdprobe.distillers.teacher_signal import TeacherSignal
from kdprobe.distillers.validation_scores import task_scores
from kdprobe.distillers.weighted_loss import WeightedLoss
from kdprobe.errors import ConfigError
from kdprobe.results.schema import Estimate
from kdprobe.results.shown import ShownResult
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from kdprobe.distillers.data import TrainingData

_LONG_EPOCH = 1000  # optimiser steps; a longer epoch is evaluated, and saved, several times


@dataclass(frozen=True)
class EvaluationSet:
    """The examples a model is scored on while it trains.

    Args:
        split: examples with gold labels.
        encoded: the same as the student reads them.
        teacher: the teacher's logits, float32 `[n, C]`, or None; NaN for what it did not answer.
    """

    split: Split
    encoded: Encoded
    teacher: NDArray[np.float32] | None = None

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """Which examples the teacher answered, `[n]`."""
        if self.teacher is None:
            return np.zeros(len(self.split), dtype=np.bool_)
        return np.asarray(~np.isnan(self.teacher).any(axis=1), dtype=np.bool_)

    def teacher_scores(self) -> dict[str, float]:
        """Return what the teacher scores on the examples it answered; empty without any."""
        if self.teacher is None or self.split.labels is None or not self.answered.any():
            return {}
        logits = self.teacher[self.answered].astype(np.float64)
        scores = task_scores(self.split.task, self.split.labels[self.answered], logits)
        return {name: one.value for name, one in scores.items() if one.value is not None}


@dataclass(frozen=True)
class TrainingJob:
    """One training.

    Args:
        student: the model that is trained, in place.
        tokenizer: its tokenizer.
        split: the training examples, with gold labels when an objective reads them.
        encoded: the same as the student reads them.
        evaluation: what it is scored on.
        weighted_loss: the objectives.
        models: the builds of student and teacher.
        teacher: the outputs of the teacher.
        settings: how it is trained.
        compute: where.
        seed: of the order of the examples and of dropout.
        last_step: stop there though the schedule of the settings is longer; None: at its end.
    """

    student: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    split: Split
    encoded: Encoded
    evaluation: EvaluationSet
    weighted_loss: WeightedLoss
    models: ModelPair
    teacher: TeacherSignal
    settings: TrainingSettings
    compute: Compute
    seed: int
    last_step: int | None = None

    @property
    def epoch_steps(self) -> int:
        """The number of optimiser steps of one epoch."""
        settings = self.settings
        return steps_per_epoch(len(self.split), settings.batch_size, settings.gradient_accumulation)

    @property
    def steps(self) -> int:
        """The number of optimiser steps of the whole training."""
        scheduled = int(np.ceil(self.settings.epochs * self.epoch_steps))
        return scheduled if self.last_step is None else min(scheduled, self.last_step)

    @property
    def order(self) -> GroupedByLength:
        """The order of the examples; it depends on the seed and the epoch alone."""
        settings = self.settings
        return GroupedByLength(
            self.encoded.lengths, batch=settings.batch_size * settings.gradient_accumulation,
            seed=self.seed,
        )  # fmt: skip

    @property
    def evaluate_every(self) -> int:
        """The number of optimiser steps between evaluations."""
        if self.settings.evaluate_every is not None:
            return self.settings.evaluate_every
        pieces = -(-self.epoch_steps // _LONG_EPOCH)
        return -(-self.epoch_steps // pieces)


@dataclass(frozen=True, repr=False)
class TrainingResult(ShownResult):
    """The result of a training.

    Args:
        folder: the model folder; None for a dry run, which writes nothing.
        task: the task's name.
        eval_split: the split that was scored.
        scores: by name: the task's primary score, `accuracy`, `loss` (on the gold labels), and
            after a distillation `agreement`, `cohens_kappa`, `kl` (nats) with the teacher; None
            where undefined.
        undefined: the reason for each score that is None.
        history: what was logged, oldest first: `step`, `epoch`, `loss`, the objectives' terms, and
            `eval_` scores.
        best_step: the optimiser step whose weights were kept.
        steps: optimiser steps taken.
        seconds: of training, interruptions left out; of a dry run what it may take.
        preflight: the facts before the first step.
        notes: what the reader must know.
        initial_weights, examples_order: digests of the weights before the first step and of the
            examples in the order they were learnt (`training_digests.py`); empty: not trained.
        control: the result of the control that was trained beside it; None: there is none.
    """

    folder: Path | None
    task: str
    eval_split: str
    scores: Mapping[str, float | None]
    undefined: Mapping[str, str]
    history: tuple[Mapping[str, float], ...]
    best_step: int
    steps: int
    seconds: float
    preflight: Preflight
    notes: tuple[str, ...] = ()
    initial_weights: str = ""
    examples_order: str = ""
    control: TrainingResult | None = None

    @classmethod
    def of_dry_run(cls, data: TrainingData, preflight: Preflight) -> TrainingResult:
        """Return the result of a run that was only checked."""
        return cls(
            folder=None, task=data.task.name, eval_split=data.evaluation.name, scores={},
            undefined={}, history=(), best_step=0, steps=0, seconds=preflight.seconds,
            preflight=preflight,
        )  # fmt: skip

    @property
    def numbers(self) -> list[tuple[str, Estimate]]:
        """The scores of the weights that were kept; none of a dry run."""
        name = self.folder.name if self.folder else ""
        return [
            ("training", Estimate(metric=metric, model_a=name, value=value,
                                  undefined=self._reason(metric)))
            for metric, value in self.scores.items()
        ]  # fmt: skip

    def _reason(self, metric: str) -> str:
        """Return why a score is undefined; empty where it is not."""
        return "" if self.scores[metric] is not None else self.undefined.get(metric) or "undefined"

    @property
    def title(self) -> str:
        """What was trained, and for how long."""
        what = f"kdprobe training on {self.task}"
        if self.folder is None:
            return f"{what}: checked, not trained; may take {self.seconds:.0f} s"
        return (
            f"{what}, scored on {self.eval_split}: step {self.best_step:,} of {self.steps:,} was "
            f"kept, {self.seconds:.0f} s"
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The notes."""
        return self.notes or self.preflight.notes

    @property
    def page(self) -> Path | None:
        """The learning curves."""
        place = self.folder and self.folder / "training.html"
        return place if place and place.is_file() else None

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Copy the model folder, with its card, record and page, to another place, all or nothing.

        Args:
            folder: a new or empty one.
            force: write into one that is not empty.

        Raises:
            ConfigError: a dry run, which trained nothing.
            OutputError: the folder is not empty, or cannot be written.
        """
        if self.folder is None:
            raise ConfigError("a dry run", found="trained nothing", expected="a training to save")
        return atomic.copied_folder(self.folder, Path(folder), force=force)
