"""Hidden states of matched layers, through a learned projection.

Does: compare every real token's vectors. Does not: put the projection into the student; it is
trained beside it and thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.distillers.alignment import Level, matched, summed, tokens_differ
from kdprobe.distillers.compatibility import first_of, no_teacher, other_width, too_few_pairs
from kdprobe.distillers.loss_counts import PerPlace
from kdprobe.distillers.objective import Batch, ModelPair, Needs, View, needs_of_pairs
from kdprobe.distillers.objectives._projection import Projection, widening


class HiddenStatesOptions(Options):
    """Options of hidden states.

    Args:
        projection: `auto` compares as they are where the widths are equal, and learns a linear map
            from the student's width to the teacher's where they are not; `always` learns one, as
            TinyBERT does; `never` demands equal widths.
        level: `token` compares every real token; `word` the mean of every word's tokens, for
            models that cut texts differently, the value being the mean over words.
    """

    projection: Projection = "auto"
    level: Level = "token"


@dataclass(frozen=True)
class HiddenStates(PerPlace):
    """Squared difference of hidden states after one shared linear map.

    Definition (Jiao et al. 2020, TinyBERT, arXiv:1909.10351, eq. 8): the sum over matched layers of
    MSE(H_s W, H_t), the mean over real tokens and the teacher's width, W shared by all layers and
    without a bias. Loss count: real tokens. The released code means over the padded tokens too
    (the value then falls as padding grows: 2.31 to 2.24 with 58 pads on a toy), gives the map a
    bias, shares it with the embeddings even where widths are equal, and leaves dropout on in the
    teacher. LWD and TED take the mean over layers and one map a layer.
    """

    name: str = "hidden_states"
    version: int = 1
    title: str = "hidden states of matched layers"
    options: type[BaseModel] = HiddenStatesOptions

    def skip_reason(self, models: ModelPair, options: HiddenStatesOptions) -> str | None:
        """It needs equal tokens and a matched layer."""
        wide = other_width(models) if options.projection == "never" else None
        return first_of(
            no_teacher(models),
            tokens_differ(models, options.level),
            too_few_pairs(models),
            wide,
        )

    def needs(self, models: ModelPair, options: HiddenStatesOptions) -> Needs:
        """Hidden states of the matched layers."""
        return needs_of_pairs(models.layer_pairs, "hidden", words=options.level == "word")

    def projection(self, models: ModelPair, options: HiddenStatesOptions) -> nn.Module | None:
        """The linear map, where there is one."""
        if models.teacher is None:
            return None
        return widening(options.projection, models.student.width, models.teacher.width)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: HiddenStatesOptions
    ) -> Tensor:
        """Each example's squared differences, summed over tokens or averaged over words, `[B]`."""
        total = torch.zeros(batch.size, device=batch.mask.device)
        for pair in batch.pair.layer_pairs:
            ours, theirs, real = matched(student, teacher, batch, pair, options.level)
            squares = ((student.projected(ours) - theirs) ** 2).mean(-1)
            total = total + summed(squares, real, options.level)
        return total


OBJECTIVE = HiddenStates()
