"""Relations at several sizes: tokens, phrases and whole texts (MGSKD).

Does: compare relations of tokens and runs of tokens in lower layers, and of the texts of a batch in
upper ones. Does not: parse; a phrase is a run of tokens of fixed length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_teacher, other_tokens
from kdprobe.distillers.masked import pair_mask, scaled_products, split_heads, unit
from kdprobe.distillers.objective import Batch, ModelPair, ModelShape, View
from kdprobe.distillers.objectives._relations import (
    Average,
    OfHiddenStates,
    cosines_at,
    mean_of,
    none_matched,
)

_SHUT = -1e4  # no softmax gives weight to it, and it is finite
_FEWEST = 3  # phrases of a text that the released code looks at


class GranularRelationsOptions(Options):
    """Options of relations at several sizes.

    Args:
        tokens: the weight of relations among tokens.
        phrases: the weight of relations among runs of tokens.
        texts: the weight of relations among the texts of a batch.
        lower: the lowest so many matched layers give tokens and phrases, the others texts.
        heads: relation heads: vectors are cut into so many parts, and each part has its own
            products and its own angles among texts; must divide both widths. The released code
            cuts 768 into 64 heads of 12.
        corners: angles are taken at so many tokens, between as many others, chosen by the teacher.
        phrase: tokens of a run.
        average: `text`, each text's mean over its pairs and angles; or `batch`, as the released
            code has it: the mean over those of all texts of a batch; texts of fewer than three
            runs have no phrases, and a text's angles with itself, which differ by nothing, are
            counted in.
    """

    tokens: Annotated[float, Field(ge=0)] = 1.0
    phrases: Annotated[float, Field(ge=0)] = 1.0
    texts: Annotated[float, Field(ge=0)] = 4.0
    lower: Annotated[int, Field(ge=0)] = 2
    heads: Annotated[int, Field(ge=1)] = 64
    corners: Annotated[int, Field(ge=2)] = 20
    phrase: Annotated[int, Field(ge=2)] = 3
    average: Average = "text"


def _runs(states: Tensor, mask: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Means of all runs of so many real tokens; one empty run for batches of shorter texts."""
    missing = max(0, length - states.shape[1])
    states = functional.pad(states, (0, 0, 0, missing))
    real = functional.pad(mask, (0, missing)).unfold(1, length, 1).all(-1)
    return states.unfold(1, length, 1).mean(-1), real


def _chosen(products: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Choose the tokens at which angles are taken, and for each the others between which.

    Products become attention: the softmax over the real tokens of each token's row. The corners
    are the tokens that receive most of it, their own included, summed over heads and rows; the
    others of a corner are those that its row, summed over heads, gives most to, itself apart.

    Args:
        products: the teacher's, `[B, heads, L, L]`.
        mask: bool `[B, L]`, the real tokens.
        count: how many of each.

    Returns:
        Indices `[B, count]` and `[B, count, count]`; those of no token are masked by the caller.
    """
    pairs = pair_mask(mask)
    shut = products.detach().masked_fill(~pairs[:, None], _SHUT)
    attention = torch.softmax(shut, -1).sum(1) * pairs
    corners = attention.sum(1).topk(count, dim=-1).indices
    itself = torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    rows = torch.arange(len(mask), device=mask.device)[:, None]
    others = attention.masked_fill(itself, 0)[rows, corners].topk(count, dim=-1).indices
    return corners, others


def _within(
    ours: Tensor, theirs: Tensor, mask: Tensor, options: GranularRelationsOptions
) -> Tensor:
    """Products and angles among the units of one text, `[B]`."""
    pairs = pair_mask(mask)[:, None]
    left, right = (
        scaled_products(*[split_heads(states, options.heads)] * 2) for states in (ours, theirs)
    )
    value = mean_of((left - right) ** 2 * pairs, pairs, options.average)
    count = min(options.corners, mask.shape[1])
    corners, others = _chosen(right, mask, count)
    rows = torch.arange(len(mask), device=mask.device)[:, None]
    apart = pairs[:, 0] & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    real = apart[rows[:, :, None], corners[:, :, None], others]
    angles = real[..., :, None] & real[..., None, :]
    angles = angles & ~torch.eye(count, dtype=torch.bool, device=mask.device)
    differences = functional.smooth_l1_loss(
        cosines_at(ours, corners, others), cosines_at(theirs, corners, others), reduction="none"
    )
    return value + mean_of(differences * angles, angles, options.average)


def _among(ours: Tensor, theirs: Tensor, mask: Tensor, options: GranularRelationsOptions) -> Tensor:
    """Angles at each text between the other texts of the batch, head by head, `[B]`."""
    weights = mask.to(ours.dtype)[:, :, None]
    cosines = []
    for states in (ours, theirs):
        texts = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
        parts = texts.view(len(texts), options.heads, -1).transpose(0, 1)
        spokes = unit(parts[:, None, :, :] - parts[:, :, None, :])
        cosines.append((spokes @ spokes.transpose(-1, -2)).transpose(0, 1))
    size = len(mask)
    apart = ~torch.eye(size, dtype=torch.bool, device=mask.device)
    triples = (apart[:, :, None] & apart[:, None, :] & apart[None, :, :])[:, None]
    differences = functional.smooth_l1_loss(cosines[0], cosines[1], reduction="none") * triples
    counted = triples if options.average == "text" else torch.ones_like(triples)
    return mean_of(differences, counted, options.average)


def _no_heads(shape: ModelShape, heads: int, *, embeddings: bool) -> str | None:
    """Return the reason why a model's vectors cannot be cut into heads, or None."""
    for width in (shape.width, *((shape.embedded,) if embeddings else ())):
        if width % heads:
            most = max(number for number in range(1, heads) if width % number == 0)
            return f"heads = {heads} does not divide a width of {width}; {most} does"
    return None


@dataclass(frozen=True)
class GranularRelations(OfHiddenStates):
    """Products and angles among tokens, runs of tokens, and the texts of a batch.

    Definition (Liu et al. 2022, MGSKD): in the lower matched layers (the embeddings are the lowest
    when the layer map names them), of tokens and of the means of runs of tokens: the scaled dot
    products of every relation head, compared by squared difference, the mean over heads and pairs;
    and the cosines at the tokens that the teacher attends to most, between the tokens each of them
    attends to most, compared by the smooth L1 loss, the mean over such angles. In the upper layers:
    the cosines at a text's mean vector between those of the other texts of the batch, of every
    head, the smooth L1 loss, the mean over heads and pairs. One value an example, loss count 1;
    the sum over layers of what their sizes give, texts weighted 4. The relations among texts look
    at the other examples of a micro-batch, so that gradient accumulation and the batch size change
    them.

    Differs from the released code (0a1de37), which takes means over a whole batch, so that long
    texts weigh more (`average = "batch"`, the recipe mgskd@code). Not taken over: it demands a
    width of 768 on both sides, multiplies the caller's hidden states in place, needs phrases from a
    parser whose output was not released (runs of tokens stand for them, this project's choice), and
    comes without its trainer, so that its layers and the rest of its loss are not known.
    """

    name: str = "granular_relations"
    version: int = 2
    title: str = "relations among tokens, phrases and texts"
    options: type[BaseModel] = GranularRelationsOptions

    def skip_reason(self, models: ModelPair, options: GranularRelationsOptions) -> str | None:
        """It needs equal tokens, a matched layer and widths that divide."""
        shapes = (models.student, models.teacher or models.student)
        embedded = [0 in side for side in zip(*models.layer_map, strict=True)] or [False] * 2
        wide = [
            _no_heads(shape, options.heads, embeddings=lowest)
            for shape, lowest in zip(shapes, embedded, strict=True)
        ]
        return first_of(no_teacher(models), other_tokens(models), none_matched(models), *wide)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: GranularRelationsOptions
    ) -> Tensor:
        """Each example's differences of relations, `[B]`."""
        mask = batch.mask
        total = torch.zeros(batch.size, device=mask.device)
        for place, (ours, theirs) in enumerate(batch.pair.layer_map):
            left, right = student.hidden(ours), teacher.hidden(theirs)
            if place >= options.lower:
                total = total + options.texts * _among(left, right, mask, options)
                continue
            if options.tokens:
                total = total + options.tokens * _within(left, right, mask, options)
            if options.phrases:
                runs, real = _runs(left, mask, options.phrase)
                theirs_runs, _ = _runs(right, mask, options.phrase)
                if options.average == "batch":
                    real = real & (real.sum(-1, keepdim=True) >= _FEWEST)
                total = total + options.phrases * _within(runs, theirs_runs, real, options)
        return total


OBJECTIVE = GranularRelations()
