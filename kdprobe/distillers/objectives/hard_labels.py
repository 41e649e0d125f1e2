"""Gold labels: cross-entropy for classes and for several labels, squared error for a number.

Does: give each example's loss on its gold label. Does not: look at the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel
from torch import Tensor
from torch.nn import functional

from kdprobe.config.base import Options
from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, Needs, View
from kdprobe.distillers.objectives._logits import label_losses


class HardLabelsOptions(Options):
    """It has none."""


@dataclass(frozen=True)
class HardLabels(PerExample):
    """Cross-entropy with the gold class or labels, or squared error to the gold score.

    Definition: -log softmax(z)[y] of natural logarithms in float32, with z the student's logits and
    y the gold class; for a regression (z - y)^2; of several labels at once the mean over labels of
    -y log s(z) - (1 - y) log s(-z), s the logistic function and y 0 or 1, as the loss of
    `transformers` is for `multi_label_classification`. One value an example, loss count 1.
    """

    name: str = "hard_labels"
    version: int = 1
    title: str = "gold labels"
    options: type[BaseModel] = HardLabelsOptions

    def skip_reason(self, models: ModelPair, options: HardLabelsOptions) -> str | None:
        """It always has a value."""
        return None

    def needs(self, models: ModelPair, options: HardLabelsOptions) -> Needs:
        """The student's logits and gold labels."""
        return Needs(student=frozenset({LOGITS}), labels=True)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: HardLabelsOptions
    ) -> Tensor:
        """Each example's loss, `[B]`.

        >>> import torch
        >>> student = View({LOGITS: torch.tensor([[0.0, 0.0]])})
        >>> batch = Batch(mask=torch.ones(1, 3, dtype=torch.bool), labels=torch.tensor([1]))
        >>> loss = OBJECTIVE.loss_sum(student, View({}), batch, HardLabelsOptions())
        >>> round(loss.item(), 4)  # log 2
        0.6931
        """
        logits, labels = student.logits, batch.labels
        if labels is None:
            raise ValueError("hard_labels got a batch without labels")
        if labels.is_floating_point():
            return (logits[:, 0] - labels) ** 2
        if labels.ndim == 2:
            return label_losses(logits, labels.float())
        return functional.cross_entropy(logits, labels, reduction="none")


OBJECTIVE = HardLabels()
