"""Relations among the tokens of a text: distances of pairs and angles of triples (CKD).

Does: compare how far tokens lie apart and under which angles they are seen from each other, layer
by layer. Does not: compare the vectors themselves, so that widths may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_teacher, other_tokens
from kdprobe.distillers.masked import pair_mask
from kdprobe.distillers.objective import Batch, ModelPair, View
from kdprobe.distillers.objectives._relations import (
    Average,
    Distance,
    OfHiddenStates,
    cosines_at,
    distance_gaps,
    mean_of,
    none_matched,
)


class TokenRelationsOptions(Options):
    """Options of token relations.

    Args:
        pairs: the weight of the distances.
        triples: the weight of the angles.
        window: angles at a token are taken between tokens of a window around it; odd.
        distance: `euclidean` (the paper), `squared` (what the released code computes when asked
            for L2) or `cosine` (its published command); see `_relations.distance_gaps`.
        ends: at the ends of a text the window is `cut`, or the end token is `repeated` in it, as in
            the released code.
        average: `text`, each text's mean over pairs and triples of different tokens, summed over
            layers; or `batch`, as the released code has it: the mean over all layers, texts, pairs
            and triples of a batch, those of a token with itself included, which differ by nothing.
    """

    pairs: Annotated[float, Field(ge=0)] = 1.0
    triples: Annotated[float, Field(ge=0)] = 1.0
    window: Annotated[int, Field(ge=3)] = 21
    distance: Distance = "euclidean"
    ends: Literal["cut", "repeated"] = "cut"
    average: Average = "text"


class _Windows(NamedTuple):
    """The neighbours of every token.

    `at` int64 `[B, L, W]`: where they stand; `real` bool `[B, L, W]`: whether there is one.
    """

    at: Tensor
    real: Tensor


def _windows(mask: Tensor, window: int, ends: str) -> _Windows:
    length = mask.shape[1]
    steps = torch.arange(window, device=mask.device) - window // 2
    at = torch.arange(length, device=mask.device)[None, :, None] + steps
    first = mask.to(torch.uint8).argmax(-1)[:, None, None]
    last = first + mask.sum(-1)[:, None, None] - 1
    inside = (at >= first) & (at <= last)
    at = torch.minimum(torch.maximum(at.expand(len(mask), -1, -1), first), last.clamp_min(0))
    if ends == "repeated":
        return _Windows(at, mask[:, :, None].expand_as(at))
    return _Windows(at, inside & (steps != 0) & mask[:, :, None])


def _cosines(states: Tensor, windows: _Windows) -> Tensor:
    """Cosines at each token between its neighbours, `[B, L, W, W]`."""
    corners = torch.arange(states.shape[1], device=states.device).expand(len(states), -1)
    return cosines_at(states, corners, windows.at)


@dataclass(frozen=True)
class TokenRelations(OfHiddenStates):
    """Distances and angles among the tokens of one text, of matched layers.

    Definition (Park et al. 2021, CKD, arXiv:2109.08359, word relation): with r the hidden states of
    a layer (the embeddings too when the layer map names them), the distances ||r_i - r_j|| over
    their mean of the text, compared by the smooth L1 loss, the mean over pairs of different real
    tokens; and the cosines of (r_i - r_j, r_k - r_j) for i and k within a window around j, compared
    by squared difference, the mean over such triples; the sum over matched layers. One value an
    example, loss count 1; 0 for a text of one token.

    Differs from the released code (28b124b), whose L2 path squares the distances (its argument
    `squared=False` leaves the root out); whose published command takes cosines and a divergence
    instead, which gives NaN on current torch; which repeats the tokens at the ends of a window and
    counts them with themselves; and which divides by all of a batch and takes the mean over layers.
    All of these are options, and the recipe ckd@code is that reading. Not taken over: windows of
    the released code reach into padding, whose vectors depend on the other texts of a batch.
    """

    name: str = "token_relations"
    version: int = 2
    title: str = "distances and angles among tokens"
    options: type[BaseModel] = TokenRelationsOptions

    def skip_reason(self, models: ModelPair, options: TokenRelationsOptions) -> str | None:
        """It needs equal tokens and a matched layer."""
        even = (
            None if options.window % 2 else f"window = {options.window} is even and has no middle"
        )
        return first_of(no_teacher(models), other_tokens(models), none_matched(models), even)

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: TokenRelationsOptions
    ) -> Tensor:
        """Each example's differences of relations, `[B]`."""
        mask, whole = batch.mask, options.average == "batch"
        both = pair_mask(mask)
        apart = both & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        windows = _windows(mask, options.window, options.ends)
        real = windows.real[..., :, None] & windows.real[..., None, :]
        if not whole:
            real = real & ~torch.eye(options.window, dtype=torch.bool, device=mask.device)
        total = torch.zeros(batch.size, device=mask.device)
        for ours, theirs in batch.pair.layer_map:
            left, right = student.hidden(ours), teacher.hidden(theirs)
            if options.pairs:
                gaps = distance_gaps(left, right, apart, options.distance)
                mean = mean_of(gaps, both if whole else apart, options.average)
                total = total + options.pairs * mean
            if options.triples:
                squares = (_cosines(left, windows) - _cosines(right, windows)) ** 2
                total = total + options.triples * mean_of(squares * real, real, options.average)
        return total / len(batch.pair.layer_map) if whole else total


OBJECTIVE = TokenRelations()
