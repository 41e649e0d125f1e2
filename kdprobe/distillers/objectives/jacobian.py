"""How the outputs move with the inputs: matching of input gradients.

Does: compare the derivatives of the outputs by every real token's embedding. Does not: reduce them
to one number a token; `attribution` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import (
    first_of,
    needs_softmax,
    no_gradients,
    no_teacher,
    other_embedded,
    other_tokens,
)
from kdprobe.distillers.forward import model_and_inputs
from kdprobe.distillers.loss_counts import PerToken
from kdprobe.distillers.masked import precise, unit
from kdprobe.distillers.objective import LOGITS, Batch, ModelPair, Needs, View
from kdprobe.models.gradients import attribute


class JacobianOptions(Options):
    """Options of input gradients.

    Args:
        of: the outputs that are differentiated.
        classes: all of them, or the one the `teacher` gives.
        normalise: scale each example's gradient of a class to unit norm first.
    """

    of: Literal["logit", "log_probability", "probability"] = "log_probability"
    classes: Literal["all", "teacher"] = "all"
    normalise: bool = False


@dataclass(frozen=True)
class Jacobian(PerToken):
    """Squared difference of the gradients of the outputs by the embeddings' output.

    Definition (Papamakarios 2015, arXiv:1510.02437, derivative square error): half the squared
    Frobenius norm of dF_s/dE - dF_t/dE, F the log-probabilities of the compared classes and E what
    the embeddings give, divided by the real tokens. Loss count: real tokens. The thesis has one
    input for both models and picks random directions to save time; texts have embeddings of each
    model's own, so that widths must be equal and the match is only exact for a student that shares
    the teacher's embeddings. Srinivas and Fleuret (2018) normalise the gradient of the largest
    output (`classes = "teacher"`, `normalise`).
    """

    name: str = "jacobian"
    version: int = 1
    title: str = "input gradients"
    options: type[BaseModel] = JacobianOptions

    def skip_reason(self, models: ModelPair, options: JacobianOptions) -> str | None:
        """It needs equal tokens and widths."""
        return first_of(
            no_teacher(models),
            needs_softmax(models, options.of),
            no_gradients(models),
            other_tokens(models),
            other_embedded(models),
        )

    def needs(self, models: ModelPair, options: JacobianOptions) -> Needs:
        """Both models, to differentiate, and the teacher's logits for its class."""
        return Needs(teacher=frozenset({LOGITS}), student_model=True, teacher_model=True)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: JacobianOptions
    ) -> Tensor:
        """Each example's squared differences, summed over its real tokens, `[B]`."""
        picked = teacher.logits.argmax(-1) if options.classes == "teacher" else None
        slopes = []
        for view, follow in ((student, True), (teacher, False)):
            attributed = attribute(
                *model_and_inputs(view), columns=view.columns, layer=0, of=options.of,
                picked=picked, follow=follow,
            )  # fmt: skip
            masked = [precise(part.gradient) * batch.mask[:, :, None] for part in attributed]
            flat = [part.flatten(1) for part in masked]
            slopes.append(torch.stack([unit(part) if options.normalise else part for part in flat]))
        return ((slopes[0] - slopes[1]) ** 2).sum((0, 2)) / 2


OBJECTIVE = Jacobian()
