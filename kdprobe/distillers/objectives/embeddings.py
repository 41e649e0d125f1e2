"""What the embeddings give, through a learned projection.

Does: compare every real token's vector before the first layer. Does not: compare embedding
matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel
from torch import Tensor, nn

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_teacher, other_embedded, other_tokens
from kdprobe.distillers.loss_counts import PerToken
from kdprobe.distillers.objective import Batch, ModelPair, Need, Needs, View
from kdprobe.distillers.objectives._projection import Projection, widening


class EmbeddingsOptions(Options):
    """Options of embeddings.

    Args:
        projection: as for `hidden_states`.
    """

    projection: Projection = "auto"


@dataclass(frozen=True)
class Embeddings(PerToken):
    """Squared difference of the embeddings' output after a linear map of its own.

    Definition (Jiao et al. 2020, TinyBERT, eq. 9): MSE(E_s W_e, E_t), the mean over real tokens and
    the teacher's width. Loss count: real tokens. The released code has no W_e: it uses the map of
    the hidden states, with a bias, and means over padded tokens.
    """

    name: str = "embeddings"
    version: int = 1
    title: str = "the output of the embeddings"
    options: type[BaseModel] = EmbeddingsOptions

    def skip_reason(self, models: ModelPair, options: EmbeddingsOptions) -> str | None:
        """It needs equal tokens."""
        wide = other_embedded(models) if options.projection == "never" else None
        return first_of(no_teacher(models), other_tokens(models), wide)

    def needs(self, models: ModelPair, options: EmbeddingsOptions) -> Needs:
        """The output of both embeddings."""
        outputs = frozenset({Need("hidden", 0)})
        return Needs(student=outputs, teacher=outputs)

    def projection(self, models: ModelPair, options: EmbeddingsOptions) -> nn.Module | None:
        """The linear map, where there is one."""
        if models.teacher is None:
            return None
        return widening(options.projection, models.student.embedded, models.teacher.embedded)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: EmbeddingsOptions
    ) -> Tensor:
        """Each example's squared differences, summed over its real tokens, `[B]`."""
        states = student.hidden(0)
        squares = ((student.projected(states) - teacher.hidden(0)) ** 2).mean(-1)
        return (squares * batch.mask).sum(-1)


OBJECTIVE = Embeddings()
