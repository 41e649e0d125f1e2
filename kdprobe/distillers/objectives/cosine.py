"""The directions of the last layer's hidden states.

Does: compare every real token's direction. Does not: compare lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.alignment import Level, matched, summed, tokens_differ
from kdprobe.distillers.compatibility import first_of, no_teacher, other_width
from kdprobe.distillers.loss_counts import PerPlace
from kdprobe.distillers.masked import unit
from kdprobe.distillers.objective import Batch, ModelPair, Need, Needs, View


class CosineOptions(Options):
    """Options of cosine.

    Args:
        level: as for `hidden_states`.
    """

    level: Level = "token"


def _last(models: ModelPair) -> int:
    """The teacher's last layer."""
    return models.student.layers if models.teacher is None else models.teacher.layers


@dataclass(frozen=True)
class Cosine(PerPlace):
    """One minus the cosine of the last hidden states.

    Definition (Sanh et al. 2019, DistilBERT, arXiv:1910.01108; released code): 1 - cos(h_s, h_t) of
    the last layers, the mean over real tokens. Loss count: real tokens. The paper gives no formula
    and no weight; the code selects unmasked tokens, as here, and weighs 5 (soft targets), 2 (masked
    language model) and 1 in one example, a third each in another. Widths must be equal.
    """

    name: str = "cosine"
    version: int = 1
    title: str = "directions of the last hidden states"
    options: type[BaseModel] = CosineOptions

    def skip_reason(self, models: ModelPair, options: CosineOptions) -> str | None:
        """It needs equal tokens and widths."""
        apart = tokens_differ(models, options.level)
        return first_of(no_teacher(models), apart, other_width(models))

    def needs(self, models: ModelPair, options: CosineOptions) -> Needs:
        """Both last layers."""
        if models.teacher is None:
            return Needs()
        return Needs(
            student=frozenset({Need("hidden", models.student.layers)}),
            teacher=frozenset({Need("hidden", models.teacher.layers)}),
            words=options.level == "word",
        )

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: CosineOptions
    ) -> Tensor:
        """Each example's one minus cosine, summed over tokens or averaged over words, `[B]`."""
        last = batch.pair.student.layers, _last(batch.pair)
        ours, theirs, real = matched(student, teacher, batch, last, options.level)
        cosines = (unit(ours) * unit(theirs)).sum(-1)
        return summed(1 - cosines, real, options.level)


OBJECTIVE = Cosine()
