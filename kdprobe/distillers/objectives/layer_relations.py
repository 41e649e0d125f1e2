"""Relations among the layers of a token: CKD's layer-transform relations.

Does: compare how a token's vector moves from layer to layer, by distances and angles. Does not:
compare the vectors themselves, so that widths may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor

from kdprobe.config.base import Options
from kdprobe.distillers.compatibility import first_of, no_teacher, other_tokens
from kdprobe.distillers.loss_counts import PerToken
from kdprobe.distillers.objective import Batch, ModelPair, Needs, View, needs_of_pairs
from kdprobe.distillers.objectives._relations import Distance, all_cosines, distance_gaps


class LayerRelationsOptions(Options):
    """Options of layer relations.

    Args:
        pairs: the weight of the distances.
        triples: the weight of the angles.
        distance: `euclidean` (the paper), `squared` (what the released code computes when asked
            for L2) or `cosine` (its published command); see `_relations.distance_gaps`.
        selves: divide by the pairs and triples of a layer with itself too, which differ by nothing
            (the released code).
    """

    pairs: Annotated[float, Field(ge=0)] = 1.0
    triples: Annotated[float, Field(ge=0)] = 1.0
    distance: Distance = "euclidean"
    selves: bool = False


def _stacked(view: View, layers: tuple[int, ...]) -> Tensor:
    """A token's vectors layer by layer, `[B, L, M, H]`."""
    return torch.stack([view.hidden(layer) for layer in layers], dim=2)


def _uneven(models: ModelPair) -> str | None:
    """Return the reason why the vectors of one model cannot stand beside each other."""
    if not any(0 in pair for pair in models.layer_map):
        return None
    for name, shape in (("student", models.student), ("teacher", models.teacher)):
        if shape is not None and shape.embedded != shape.width:
            return (
                f"the {name}'s embeddings are {shape.embedded} wide and its layers {shape.width}; "
                "a layer map without emb leaves the embeddings out"
            )
    return None


@dataclass(frozen=True)
class LayerRelations(PerToken):
    """Distances and angles among a token's vectors in the matched layers.

    Definition (Park et al. 2021, CKD, arXiv:2109.08359, layer transforming relation): with r_l a
    token's hidden state in matched layer l (the embeddings too when the layer map names them), the
    distances ||r_l - r_m|| over their mean of the token, compared by the smooth L1 loss, the mean
    over pairs of different layers; and the cosines of (r_l - r_m, r_n - r_m), compared by squared
    difference, the mean over triples of different layers. Loss count: real tokens.

    Differs from the released code (28b124b), which squares distances or takes a divergence of
    cosines (see `token_relations`), divides by all pairs and triples, those of a layer with itself
    included, and never reads the weights that its settings name for this term, so that they are 1.
    """

    name: str = "layer_relations"
    version: int = 2
    title: str = "distances and angles among layers"
    options: type[BaseModel] = LayerRelationsOptions

    def skip_reason(self, models: ModelPair, options: LayerRelationsOptions) -> str | None:
        """It needs equal tokens and three matched layers of one width."""
        few = len(models.layer_map)
        lonely = None
        if few < 3:
            lonely = (
                f"the layer map matches {few}, and relations need three layers: of two the "
                "distance over its mean is always 1"
            )
        return first_of(no_teacher(models), other_tokens(models), lonely, _uneven(models))

    def needs(self, models: ModelPair, options: LayerRelationsOptions) -> Needs:
        """Hidden states of the matched layers."""
        return needs_of_pairs(models.layer_map, "hidden")

    def loss_sum(
        self, student: View, teacher: View, batch: Batch, options: LayerRelationsOptions
    ) -> Tensor:
        """Each example's differences of relations, summed over its real tokens, `[B]`."""
        pairs = batch.pair.layer_map
        left = _stacked(student, tuple(ours for ours, _ in pairs))
        right = _stacked(teacher, tuple(theirs for _, theirs in pairs))
        count = len(pairs)
        apart = ~torch.eye(count, dtype=torch.bool, device=batch.mask.device)
        gaps = distance_gaps(left, right, apart, options.distance).sum((-1, -2))
        over = count**2 if options.selves else count * (count - 1)
        tokens = options.pairs * gaps / over
        if options.triples:
            triples = apart[:, :, None] & apart[:, None, :] & apart[None, :, :]
            squares = (all_cosines(left) - all_cosines(right)) ** 2
            angles = (squares * triples).sum((-1, -2, -3))
            over = count**3 if options.selves else count * (count - 1) * (count - 2)
            tokens = tokens + options.triples * angles / over
        return (tokens * batch.mask).sum(-1)


OBJECTIVE = LayerRelations()
