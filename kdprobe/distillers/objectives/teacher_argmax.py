"""The teacher's most likely class as if it were a gold label.

Does: give each example's cross-entropy with it. Does not: tell how sure the teacher was.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel
from torch import Tensor
from torch.nn import functional

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_answers, not_classes
from kdprobe.distillers.objective import Batch, ModelPair, View
from kdprobe.distillers.objectives._logits import OfLogits, label_losses, several_at_once
from kdprobe.observations.predictions import Scale


class TeacherArgmaxOptions(Options):
    """It has none."""


@dataclass(frozen=True)
class TeacherArgmax(OfLogits):
    """Cross-entropy with the class the teacher gives.

    Definition: -log softmax(z_s)[argmax z_t], natural logarithms, float32; of equal logits the
    first class counts; of several labels at once the binary cross-entropy with those that the
    teacher predicts (a probability above .5), the mean over labels. One value an example, loss
    count 1. Sucik (2020, `use_hard_logits`) and the hard option of Stanton et al. (2021, gnosis) do
    this; gnosis multiplies by T squared. It is not 0 when the student equals the teacher: it pulls
    towards certainty.
    """

    name: str = "teacher_argmax"
    version: int = 1
    title: str = "the teacher's labels"
    options: type[BaseModel] = TeacherArgmaxOptions
    least: Scale = "labels"

    def skip_reason(self, models: ModelPair, options: object) -> str | None:
        """It needs a teacher and classes."""
        return first_of(no_answers(models, self.least), not_classes(models))

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: TeacherArgmaxOptions
    ) -> Tensor:
        """Each example's cross-entropy, `[B]`.

        >>> import torch
        >>> from kdprobe.distillers.objective import LOGITS
        >>> s = View({LOGITS: torch.tensor([[0.0, 0.0]])})
        >>> t = View({LOGITS: torch.tensor([[3.0, 1.0]])})
        >>> batch = Batch(mask=torch.ones(1, 3, dtype=torch.bool))
        >>> value = OBJECTIVE.loss_sum(s, t, batch, TeacherArgmaxOptions())
        >>> round(value.item(), 4)  # log 2
        0.6931
        """
        if several_at_once(batch):
            return label_losses(student.logits, (teacher.logits > 0).float())
        return functional.cross_entropy(student.logits, teacher.logits.argmax(-1), reduction="none")


OBJECTIVE = TeacherArgmax()
