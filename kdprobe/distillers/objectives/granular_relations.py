"""Relations at several sizes: tokens, phrases and whole texts (MGSKD).

Does: compare relations of tokens and runs of tokens in lower layers, and of the texts of a batch in
upper ones. Does not: parse; a phrase is a run of tokens of fixed length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.config.base import Options
from kdprobe.distillers.masked import mean_over, pair_mask, scaled_products, split_heads, unit
from kdprobe.distillers.objective import Batch, Situation, View
from kdprobe.distillers.objectives._relations import OfHiddenStates
from kdprobe.distillers.obstacles import first_of, no_teacher, other_tokens, too_few_pairs


class GranularRelationsOptions(Options):
    """Options of relations at several sizes.

    Args:
        tokens: the weight of relations among tokens.
        phrases: the weight of relations among runs of tokens.
        texts: the weight of relations among the texts of a batch.
        lower: the lowest so many matched layers give tokens and phrases, the others texts.
        parts: vectors are cut into so many parts before they are multiplied; must divide both
            widths. The released code cuts 768 into 12 parts of 64.
        corners: angles are taken at so many tokens, between as many others, chosen by the teacher.
        phrase: tokens of a run.
    """

    tokens: Annotated[float, Field(ge=0)] = 1.0
    phrases: Annotated[float, Field(ge=0)] = 1.0
    texts: Annotated[float, Field(ge=0)] = 4.0
    lower: Annotated[int, Field(ge=0)] = 2
    parts: Annotated[int, Field(ge=1)] = 12
    corners: Annotated[int, Field(ge=2)] = 20
    phrase: Annotated[int, Field(ge=2)] = 3


def _runs(states: Tensor, mask: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Means of all runs of so many real tokens; one empty run for batches of shorter texts."""
    missing = max(0, length - states.shape[1])
    states = functional.pad(states, (0, 0, 0, missing))
    real = functional.pad(mask, (0, missing)).unfold(1, length, 1).all(-1)
    return states.unfold(1, length, 1).mean(-1), real


def _cosines(states: Tensor, corners: Tensor, others: Tensor) -> Tensor:
    """Cosines at the corners between the chosen others: `[B, k, m, m]`."""
    rows = torch.arange(len(states), device=states.device)
    at = states[rows[:, None], corners]
    near = states[rows[:, None, None], others]
    spokes = unit(near - at[:, :, None, :])
    return spokes @ spokes.transpose(-1, -2)


def _within(
    ours: Tensor, theirs: Tensor, mask: Tensor, options: GranularRelationsOptions
) -> Tensor:
    """Products and angles among the units of one text, `[B]`."""
    parts, pairs = options.parts, pair_mask(mask)
    left, right = (
        scaled_products(split_heads(states, parts), split_heads(states, parts))
        for states in (ours, theirs)
    )
    value = mean_over((left - right) ** 2, pairs[:, None])
    apart = pairs & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    liking = right.mean(1).detach().masked_fill(~apart, float("-inf"))
    total = liking.masked_fill(~apart, 0).sum(-1).masked_fill(~mask, float("-inf"))
    count = min(options.corners, mask.shape[1])
    corners = total.topk(count, dim=-1).indices
    rows = torch.arange(len(mask), device=mask.device)[:, None]
    others = liking[rows, corners].topk(count, dim=-1).indices
    real = apart[rows[:, :, None], corners[:, :, None], others]
    angles = real[..., :, None] & real[..., None, :]
    angles = angles & ~torch.eye(count, dtype=torch.bool, device=mask.device)
    differences = functional.smooth_l1_loss(
        _cosines(ours, corners, others), _cosines(theirs, corners, others), reduction="none"
    )
    return value + mean_over(differences, angles)


def _among(ours: Tensor, theirs: Tensor, mask: Tensor) -> Tensor:
    """Angles at each text between the other texts of the batch, `[B]`."""
    weights = mask.to(ours.dtype)[:, :, None]
    left, right = (
        (states * weights).sum(1) / weights.sum(1).clamp_min(1) for states in (ours, theirs)
    )
    cosines = []
    for texts in (left, right):
        spokes = unit(texts[None, :, :] - texts[:, None, :])
        cosines.append(spokes @ spokes.transpose(-1, -2))
    apart = ~torch.eye(len(left), dtype=torch.bool, device=left.device)
    triples = apart[:, :, None] & apart[:, None, :] & apart[None, :, :]
    differences = functional.smooth_l1_loss(cosines[0], cosines[1], reduction="none")
    return mean_over(differences, triples)


@dataclass(frozen=True)
class GranularRelations(OfHiddenStates):
    """Products and angles among tokens, runs of tokens, and the texts of a batch.

    Definition (Liu et al. 2022, MGSKD): in the lower matched layers, of tokens and of the means of
    runs of tokens: the scaled dot products of every part of the width, compared by squared
    difference, the mean over parts and pairs; and the cosines at the tokens that the teacher
    relates most to all others, between the tokens it relates most to them, compared by the smooth
    L1 loss. In the upper layers: the cosines at a text's mean vector between those of the other
    texts of the batch, the smooth L1 loss, the mean over pairs. One value an example, denominator
    1; the sum over layers of what their sizes give. The relations among texts look at the other
    examples of a micro-batch, so that gradient accumulation and the batch size change them. The
    released code (0a1de37) demands a width of 768 on both sides, multiplies the caller's hidden
    states in place, needs phrases from a parser whose output was not released (runs of tokens stand
    for them here, this project's choice), and comes without its trainer.
    """

    name: str = "granular_relations"
    version: int = 1
    title: str = "relations among tokens, phrases and texts"

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""
        return GranularRelationsOptions

    def unmet(self, situation: Situation, options: GranularRelationsOptions) -> str | None:
        """It needs equal tokens, a matched layer and widths that divide."""
        wide = None
        for shape in (situation.student, situation.teacher or situation.student):
            if shape.width % options.parts:
                wide = f"parts = {options.parts} does not divide a width of {shape.width}"
        return first_of(
            no_teacher(situation), other_tokens(situation), too_few_pairs(situation), wide
        )

    def numerators(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        options: GranularRelationsOptions,
        bridge: nn.Module | None,
    ) -> Tensor:
        """Each example's differences of relations, `[B]`."""
        mask = batch.mask
        total = torch.zeros(batch.size, device=mask.device)
        for place, (ours, theirs) in enumerate(batch.known.layer_pairs):
            left, right = student.hidden(ours), teacher.hidden(theirs)
            if place >= options.lower:
                total = total + options.texts * _among(left, right, mask)
                continue
            if options.tokens:
                total = total + options.tokens * _within(left, right, mask, options)
            if options.phrases:
                runs, real = _runs(left, mask, options.phrase)
                wanted, _ = _runs(right, mask, options.phrase)
                total = total + options.phrases * _within(runs, wanted, real, options)
        return total


OBJECTIVE = GranularRelations()
