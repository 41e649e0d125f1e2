"""Relations among the tokens of a text: CKD's word relations.

Does: compare distances of pairs and angles of triples of tokens, layer by layer. Does not: compare
the vectors themselves, so that widths may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.config.base import Options
from kdprobe.distillers.masked import distances, mean_over, pair_mask, unit
from kdprobe.distillers.objective import Batch, Situation, View
from kdprobe.distillers.objectives._relations import OfHiddenStates
from kdprobe.distillers.obstacles import first_of, no_teacher, other_tokens, too_few_pairs


class TokenRelationsOptions(Options):
    """Options of token relations.

    Args:
        pairs: the weight of the distances.
        triples: the weight of the angles.
        window: angles at a token are taken between tokens of a window around it; odd.
    """

    pairs: Annotated[float, Field(ge=0)] = 1.0
    triples: Annotated[float, Field(ge=0)] = 1.0
    window: Annotated[int, Field(ge=3)] = 21


def _relative(states: Tensor, pairs: Tensor) -> Tensor:
    """Distances over their mean of the text, `[B, L, L]`."""
    apart = distances(states, states)
    mean = mean_over(apart, pairs)[:, None, None]
    return apart / mean.clamp_min(1e-12)


def _windows(states: Tensor, mask: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Cosines at each token between its neighbours, `[B, L, W, W]`, and which of them are real."""
    half = window // 2
    padded = functional.pad(states, (0, 0, half, half))
    near = functional.pad(mask, (half, half)).unfold(1, window, 1)
    around = padded.unfold(1, window, 1).transpose(-1, -2)
    spokes = unit(around - states[:, :, None, :])
    keep = near & mask[:, :, None]
    keep = keep & (torch.arange(window, device=mask.device) != half)
    both = keep[..., :, None] & keep[..., None, :]
    both = both & ~torch.eye(window, dtype=torch.bool, device=mask.device)
    return spokes @ spokes.transpose(-1, -2), both


@dataclass(frozen=True)
class TokenRelations(OfHiddenStates):
    """Distances and angles among the tokens of one text, of matched layers.

    Definition (Park et al. 2021, CKD, arXiv:2109.08359, word relation): with r the hidden states of
    a layer, the distances ||r_i - r_j|| over their mean of the text, compared by the smooth L1
    loss, the mean over pairs of different real tokens; and the cosines of (r_i - r_j, r_k - r_j)
    for i and k within a window around j, compared by squared difference, the mean over such
    triples; the sum over matched layers. One value an example, denominator 1; 0 for a text of one
    token. The released code (28b124b) overwrites the cross-entropy with this loss, reads weights by
    names that the settings do not use, has no logit term though its README says so, and its default
    cosine path gives NaN on current torch; the distance path is the one given here.
    """

    name: str = "token_relations"
    version: int = 1
    title: str = "distances and angles among tokens"

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""
        return TokenRelationsOptions

    def unmet(self, situation: Situation, options: TokenRelationsOptions) -> str | None:
        """It needs equal tokens and a matched layer."""
        even = (
            None if options.window % 2 else f"window = {options.window} is even and has no middle"
        )
        return first_of(
            no_teacher(situation), other_tokens(situation), too_few_pairs(situation), even
        )

    def numerators(
        self,
        student: View,
        teacher: View,
        batch: Batch,
        options: TokenRelationsOptions,
        bridge: nn.Module | None,
    ) -> Tensor:
        """Each example's differences of relations, `[B]`."""
        mask = batch.mask
        apart = pair_mask(mask) & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        total = torch.zeros(batch.size, device=mask.device)
        for ours, theirs in batch.known.layer_pairs:
            left, right = student.hidden(ours), teacher.hidden(theirs)
            if options.pairs:
                differences = functional.smooth_l1_loss(
                    _relative(left, apart), _relative(right, apart), reduction="none"
                )
                total = total + options.pairs * mean_over(differences, apart)
            if options.triples:
                cosines, real = _windows(left, mask, options.window)
                wanted, _ = _windows(right, mask, options.window)
                total = total + options.triples * mean_over((cosines - wanted) ** 2, real)
        return total


OBJECTIVE = TokenRelations()
