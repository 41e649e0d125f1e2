"""The first token's vector, layer by layer: patient knowledge distillation.

Does: compare the directions of the first token's hidden states of matched layers. Does not: look at
other tokens, so that student and teacher may cut texts differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import blind_first, first_of, no_teacher, other_width
from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.masked import first_tokens, mask_of, unit
from kdprobe.distillers.objective import Batch, ModelPair, Need, Needs, View


class PatienceOptions(Options):
    """Options of patience.

    Args:
        normalise: compare directions only (the paper) or the vectors as they are.
        over_width: `mean` of the squares over layers and width, as the released code has it, or
            their `sum`, as the paper prints it: layers x width times as much.
    """

    normalise: bool = True
    over_width: Literal["mean", "sum"] = "mean"


def _pairs(models: ModelPair) -> tuple[tuple[int, int], ...]:
    """All matched layers but the student's last, whose vector feeds the classifier."""
    last = models.student.layers
    return tuple(pair for pair in models.layer_pairs if pair[0] < last)


@dataclass(frozen=True)
class Patience(PerExample):
    """Squared difference of the unit vectors of the first token, layers 1 to k - 1.

    Definition (Sun et al. 2019, PKD, arXiv:1908.09355, eq. 7): the sum over layers j of ||h_s,j /
    ||h_s,j|| - h_t,I(j) / ||h_t,I(j)|| ||^2 for the first token, I the layer map. The student's
    last layer is left out. One value an example, loss count 1. The released code (9e9e860) takes
    the mean over batch, layers and width (the default here), casts to 16 bits, makes the
    normalisation a flag, never shuffles the examples and matches stored teacher vectors by
    position.
    """

    name: str = "patience"
    version: int = 1
    title: str = "the first token's vectors of matched layers"
    options: type[BaseModel] = PatienceOptions

    def skip_reason(self, models: ModelPair, options: PatienceOptions) -> str | None:
        """It needs first tokens that read, equal widths and a matched layer before the last."""
        lonely = None if _pairs(models) else "no layer of the student before its last is matched"
        blind = blind_first(models)
        return first_of(no_teacher(models), blind, other_width(models), lonely)

    def needs(self, models: ModelPair, options: PatienceOptions) -> Needs:
        """Hidden states of the matched layers; of the teacher those of the first token."""
        pairs = _pairs(models)
        return Needs(
            student=frozenset(Need("hidden", ours) for ours, _ in pairs),
            teacher=frozenset(Need("first", theirs) for _, theirs in pairs),
        )

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: PatienceOptions
    ) -> Tensor:
        """Each example's squared difference, `[B]`."""
        squares = []
        for ours, theirs in _pairs(batch.pair):
            left = first_tokens(student.hidden(ours), mask_of(student, batch))
            right = teacher.first(theirs)
            if options.normalise:
                left, right = unit(left), unit(right)
            squares.append((left - right) ** 2)
        stacked = torch.stack(squares)
        if options.over_width == "sum":
            return stacked.sum(-1).sum(0)
        return stacked.mean(-1).mean(0)


OBJECTIVE = Patience()
