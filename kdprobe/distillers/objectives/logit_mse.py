"""Squared difference between the logits of student and teacher.

Does: give each example's squared error, without a softmax. Does not: look at gold labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.objective import Batch, ModelPair, View
from kdprobe.distillers.objectives._logits import OfLogits, scale_remark


class LogitMseOptions(Options):
    """Options of the squared difference.

    Args:
        over_classes: `mean` (Tang) or `sum` (Sucik) of the squares; with C classes the sum, and its
            gradient, is C times larger.
        temperature: both models' logits are divided by it first (1 in both papers).
    """

    over_classes: Literal["mean", "sum"] = "mean"
    temperature: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True)
class LogitMse(OfLogits):
    """Mean or sum over classes of the squared difference of the logits.

    Definition (Ba and Caruana 2014; Tang et al. 2019, arXiv:1903.12136): ||z_s - z_t||^2 / C,
    float32. One value an example, loss count 1. Tang prints the squared norm and releases the mean
    over the batch and the classes; Sucik (2020) releases the sum over classes, 57 times as much on
    Sara's 57 classes, without saying so in the text. TextBrewer divides both logits by T and
    multiplies by nothing afterwards, as `temperature` does here. Unlike a softmax it punishes a
    constant added to all logits, so that it learns the teacher's scale too.
    """

    name: str = "logit_mse"
    version: int = 1
    title: str = "the teacher's logits"
    options: type[BaseModel] = LogitMseOptions

    def remark(self, models: ModelPair, options: LogitMseOptions) -> str | None:
        """Say which logits it reads of a teacher that is known by its probabilities."""
        return scale_remark(self.name, models)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: LogitMseOptions
    ) -> Tensor:
        """Each example's squared difference, `[B]`.

        >>> import torch
        >>> from kdprobe.distillers.objective import LOGITS
        >>> s = View({LOGITS: torch.tensor([[1.0, 0.0]])})
        >>> t = View({LOGITS: torch.tensor([[3.0, 1.0]])})
        >>> batch = Batch(mask=torch.ones(1, 3, dtype=torch.bool))
        >>> OBJECTIVE.loss_sum(s, t, batch, LogitMseOptions()).tolist()  # (4 + 1) / 2
        [2.5]
        """
        squares = ((student.logits - teacher.logits) / options.temperature) ** 2
        return squares.sum(-1) if options.over_classes == "sum" else squares.mean(-1)


OBJECTIVE = LogitMse()
