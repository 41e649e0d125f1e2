"""Soft targets: the teacher's probabilities at a temperature.

Does: give each example's divergence between the teacher's and the student's softened outputs.
Does not: look at gold labels; add `hard_labels` for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.objective import Batch, View
from kdprobe.distillers.objectives._logits import OfLogits, several_at_once


class SoftTargetsOptions(Options):
    """Options of soft targets.

    Args:
        temperature: both models' logits are divided by it before the softmax. Higher ones let
            small probabilities count; at 1 a confident teacher says little more than its label.
        scale_by_temperature: multiply the value by the temperature squared. Gradients shrink with
            its square, so that without this the weight of the term depends on the temperature.
        divergence: `forward` KL(teacher || student), which punishes what the student misses;
            `reverse` KL(student || teacher), which punishes what it makes up; `symmetric`, half of
            each; `cross_entropy`, forward plus the teacher's entropy, with the same gradients.
        anneal: let the temperature fall in a straight line over all steps, from its value to 1.
    """

    temperature: Annotated[float, Field(gt=0)] = 2.0
    scale_by_temperature: bool = True
    divergence: Literal["forward", "reverse", "symmetric", "cross_entropy"] = "forward"
    anneal: bool = False


@dataclass(frozen=True)
class SoftTargets(OfLogits):
    """Divergence between softened outputs.

    Definition (Hinton, Vinyals and Dean 2015): with p = softmax(teacher's logits / T) and
    q = softmax(student's logits / T), T^2 sum_c p_c log(p_c / q_c) in natural logarithms, float32.
    For a regression ((z_s - z_t) / T)^2, times T^2. Of several labels at once, each is a
    distribution of its own, p = s(z_t / T) and 1 - p with s the logistic function, and the value is
    the mean of their divergences over the labels: that of all sets of labels divided by their
    number, so that it weighs as the cross-entropy of `hard_labels` does. One value an example,
    loss count 1: the mean over a batch is what `KLDivLoss(reduction="batchmean")` gives.

    Differs from: AD-KD and TinyBERT, which use the cross-entropy and leave T^2 out (AD-KD's code
    anneals T on three tasks, which its paper does not say); PKD's code, which divides by the
    number of classes as well; weights do not carry over between them.
    """

    name: str = "soft_targets"
    version: int = 1
    title: str = "the teacher's softened probabilities"
    options: type[BaseModel] = SoftTargetsOptions

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: SoftTargetsOptions
    ) -> Tensor:
        """Each example's divergence, `[B]`.

        >>> import math
        >>> from kdprobe.distillers.objective import LOGITS
        >>> p = View({LOGITS: torch.tensor([[math.log(3.0), 0.0]])})  # 3/4 and 1/4
        >>> q = View({LOGITS: torch.tensor([[0.0, 0.0]])})  # one half each
        >>> batch = Batch(mask=torch.ones(1, 3, dtype=torch.bool))
        >>> options = SoftTargetsOptions(temperature=1.0)
        >>> value = OBJECTIVE.loss_sum(q, p, batch, options).item()
        >>> round(value, 6) == round(0.75 * math.log(1.5) + 0.25 * math.log(0.5), 6)
        True
        """
        fall = batch.progress if options.anneal else 0.0
        temperature = options.temperature + fall * (1.0 - options.temperature)
        scale = temperature**2 if options.scale_by_temperature else 1.0
        ours, theirs = student.logits / temperature, teacher.logits / temperature
        if ours.shape[1] == 1:
            return scale * ((ours - theirs) ** 2).sum(-1)
        if several_at_once(batch):
            pairs = (torch.stack([-logits, logits], -1) / 2 for logits in (ours, theirs))
            log_q, log_p = (torch.log_softmax(pair, -1) for pair in pairs)
            return scale * _divergence(log_p, log_q, options.divergence).mean(-1)
        log_q, log_p = torch.log_softmax(ours, -1), torch.log_softmax(theirs, -1)
        return scale * _divergence(log_p, log_q, options.divergence)


def _divergence(log_p: Tensor, log_q: Tensor, which: str) -> Tensor:
    """Return a divergence of the teacher's `p` and the student's `q` over the last axis."""
    if which == "cross_entropy":
        return -(log_p.exp() * log_q).sum(-1)
    forward = (log_p.exp() * (log_p - log_q)).sum(-1)
    if which == "forward":
        return forward
    reverse = (log_q.exp() * (log_q - log_p)).sum(-1)
    return reverse if which == "reverse" else (forward + reverse) / 2


OBJECTIVE = SoftTargets()
