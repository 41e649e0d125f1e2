"""What objectives have in common that compare the logits of two models."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from kdprobe.distillers.compatibility import no_answers
from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, Needs
from kdprobe.models.predictions.numbers import PROBABILITY_FLOOR
from kdprobe.observations.predictions import Scale


@dataclass(frozen=True)
class OfLogits(PerExample):
    """An objective that reads the outputs of both models, one value an example.

    Args:
        least: what it needs of a teacher that is known by its answers alone.
    """

    least: Scale = "log-probabilities"

    def skip_reason(self, models: ModelPair, options: object) -> str | None:
        """It needs a teacher that gives at least this."""
        return no_answers(models, self.least)

    def needs(self, models: ModelPair, options: object) -> Needs:
        """Both models' logits."""
        return Needs(student=frozenset({LOGITS}), teacher=frozenset({LOGITS}))


def label_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return each example's binary cross-entropy, the mean over its labels, `[B]`.

    Args:
        logits: the log-odds of each label, `[B, L]`.
        targets: what each should be, 0 to 1, `[B, L]`.

    >>> import torch
    >>> label_losses(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])).round(decimals=4)  # log 2
    tensor([0.6931])
    """
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(-1)


def several_at_once(batch: Batch) -> bool:
    """Whether the logits of a batch are those of labels that do not exclude each other."""
    return batch.models is not None and batch.models.task.kind == "multilabel"


def scale_remark(objective: str, models: ModelPair) -> str | None:
    """Say which logits an objective reads of a teacher that is known by its probabilities."""
    if models.answers != "log-probabilities":
        return None
    return (
        f"{objective} reads logarithms of the teacher's probabilities as its logits: those logits "
        f"whose exponentials sum to 1 (a probability below {PROBABILITY_FLOOR:g} counts as that)"
    )
