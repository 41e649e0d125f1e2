"""Relations among queries, keys and values of one layer: MiniLM and MiniLMv2.

Does: compare how alike the tokens' queries are, and their keys and values, whatever the widths and
the numbers of heads. Does not: look at other layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_projections, no_teacher, other_tokens
from kdprobe.distillers.loss_counts import PerToken
from kdprobe.distillers.masked import log_softmax_over, scaled_products, split_heads
from kdprobe.distillers.objective import Batch, ModelPair, Need, Needs, Quantity, View


class AttentionRelationsOptions(Options):
    """Options of relations.

    Args:
        relation_heads: queries, keys and values are cut into so many parts, in both models; must
            divide both widths. MiniLMv2 uses 48 for teachers of 768 and 64 for those of 1024.
        relations: `v2` compares queries with queries, keys with keys and values with values
            (MiniLMv2); `v1` the attention itself, queries with keys, and values with values
            (MiniLM).
        teacher_layer: counted from 1; 0 is the last. MiniLMv2 takes 21 of 24 for BERT-large and 19
            for RoBERTa-large.
    """

    relation_heads: Annotated[int, Field(ge=1)] = 12
    relations: Literal["v2", "v1"] = "v2"
    teacher_layer: Annotated[int, Field(ge=0)] = 0


_RELATIONS: dict[str, tuple[tuple[Quantity, Quantity], ...]] = {
    "v2": (("query", "query"), ("key", "key"), ("value", "value")),
    "v1": (("query", "key"), ("value", "value")),
}
_NAMES: tuple[Quantity, ...] = ("query", "key", "value")


def _teacher_layer(models: ModelPair, options: AttentionRelationsOptions) -> int:
    """The layer of the teacher that is compared, counted from 1."""
    teacher = models.teacher or models.student
    return options.teacher_layer or teacher.layers


def _bad_sizes(models: ModelPair, options: AttentionRelationsOptions) -> str | None:
    """Sizes that the options do not fit."""
    teacher = models.teacher or models.student
    for name, shape in (("student", models.student), ("teacher", teacher)):
        if shape.width % options.relation_heads:
            return (
                f"relation_heads = {options.relation_heads} does not divide the {name}'s width "
                f"of {shape.width}"
            )
    if options.teacher_layer > teacher.layers:
        return f"teacher_layer = {options.teacher_layer}, and it has {teacher.layers} layers"
    return None


@dataclass(frozen=True)
class AttentionRelations(PerToken):
    """KL divergence between the teacher's and the student's relations, last layer.

    Definition (Wang et al. 2021, MiniLMv2, arXiv:2012.15828): with the projections cut into A
    relation heads of d dimensions, R = softmax(X X^T / sqrt(d)) for X = Q, K, V; the sum over the
    three of KL(R_t || R_s), the mean over relation heads and real tokens, natural logarithms.
    Loss count: real tokens. `v1` (Wang et al. 2020, MiniLM, arXiv:2002.10957) is KL of the
    attention Q K^T plus KL of V V^T. Microsoft released weights but no training code; Bloomberg's
    (minilmv2.bb, 0d78e20) cuts to the true lengths, as the mask does here, and stays below the
    paper (RTE 60.7, paper 72.1).
    """

    name: str = "attention_relations"
    version: int = 1
    title: str = "query, key and value relations of one layer"
    options: type[BaseModel] = AttentionRelationsOptions

    def skip_reason(self, models: ModelPair, options: AttentionRelationsOptions) -> str | None:
        """It needs equal tokens, projections that can be read, and widths that divide."""
        return first_of(
            no_teacher(models),
            other_tokens(models),
            no_projections(models),
            _bad_sizes(models, options),
        )

    def needs(self, models: ModelPair, options: AttentionRelationsOptions) -> Needs:
        """Queries, keys and values of one layer of each."""
        theirs = _teacher_layer(models, options)
        return Needs(
            student=frozenset(Need(name, models.student.layers) for name in _NAMES),
            teacher=frozenset(Need(name, theirs) for name in _NAMES),
        )

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: AttentionRelationsOptions
    ) -> Tensor:
        """Each example's divergences, summed over its real tokens, `[B]`."""
        mask, heads = batch.mask, options.relation_heads
        mine, yours = batch.pair.student.layers, _teacher_layer(batch.pair, options)
        total = torch.zeros(batch.size, device=mask.device)
        for left, right in _RELATIONS[options.relations]:
            log_q, log_p = (
                log_softmax_over(
                    scaled_products(
                        split_heads(view.values[Need(left, layer)], heads),
                        split_heads(view.values[Need(right, layer)], heads),
                    ),
                    mask,
                )
                for view, layer in ((student, mine), (teacher, yours))
            )
            entries = log_p.exp() * (log_p - log_q) * mask[:, None, None, :]
            total = total + (entries.sum(-1).mean(1) * mask).sum(-1)
        return total


OBJECTIVE = AttentionRelations()
