"""The teacher's logits with noise, as if there were several teachers.

Does: disturb the logits of some examples anew at every step. Does not: store the noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.objective import Batch, ModelPair, View
from kdprobe.distillers.objectives._logits import OfLogits, scale_remark


class NoisyTeacherOptions(Options):
    """Options of the noise.

    Args:
        share: the probability that an example's logits are disturbed.
        deviation: the standard deviation of the factor's noise.
        temperature: both models' logits are divided by it.
    """

    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    deviation: Annotated[float, Field(ge=0)] = 0.1
    temperature: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True)
class NoisyTeacher(OfLogits):
    """Squared difference to teacher logits that are stretched at random.

    Definition (Sau and Balasubramanian 2016, arXiv:1610.09650): the mean over classes of ((z_s - (1
    + e) z_t) / T)^2 with e drawn from N(0, deviation^2) for a share of the examples, one number for
    all classes of an example, and 0 for the others. One value an example, loss count 1. The noise
    comes from torch's global generator, whose state is part of every checkpoint, so that a resumed
    run draws the same. No code was released with the paper; the default share and deviation are its
    middle settings. With `deviation = 0` it is `logit_mse`.
    """

    name: str = "noisy_teacher"
    version: int = 1
    title: str = "the teacher's logits with noise"
    options: type[BaseModel] = NoisyTeacherOptions

    def remark(self, models: ModelPair, options: NoisyTeacherOptions) -> str | None:
        """Say which logits it reads of a teacher that is known by its probabilities."""
        return scale_remark(self.name, models)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: NoisyTeacherOptions
    ) -> Tensor:
        """Each example's squared difference, `[B]`."""
        logits = teacher.logits
        chosen = torch.rand(len(logits), 1, device=logits.device) < options.share
        noise = options.deviation * torch.randn(len(logits), 1, device=logits.device)
        disturbed = logits * (1 + chosen * noise)
        return (((student.logits - disturbed) / options.temperature) ** 2).mean(-1)


OBJECTIVE = NoisyTeacher()
