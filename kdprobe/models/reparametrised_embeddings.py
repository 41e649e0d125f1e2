"""Embeddings that are trained in another form than they are saved in.

Does: hold a table as a product, or only its rows that texts use as weights, and fold either into
one plain table again. Does not: change what a model computes, beyond rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.models.channels import Channels


class ProjectedEmbedding(nn.Module):
    """Another model's table through a linear map that is trained.

    Args:
        channels: the table, or two of them side by side.
        projection: of their width to that of the model.
        padding_idx: as of the table in its place.
    """

    def __init__(
        self, channels: Channels, projection: nn.Linear, *, padding_idx: int | None
    ) -> None:
        super().__init__()
        self.channels, self.projection, self.padding_idx = channels, projection, padding_idx
        self.num_embeddings = channels.table.num_embeddings
        self.embedding_dim = projection.out_features

    @property
    def weight(self) -> Tensor:
        """The product, `[rows, width]`, without a gradient."""
        with torch.no_grad():
            tables = torch.cat([table.weight for table in self.channels.tables], dim=1)
            return cast(Tensor, self.projection(tables))

    def forward(self, ids: Tensor) -> Tensor:
        """Look ids up and project them: `[B, L, width]`."""
        return cast(Tensor, self.projection(self.channels(ids)))


class UsedRows(nn.Module):
    """A table of which only the rows that texts use are weights.

    Definition: an optimiser without weight decay leaves a row alone whose gradient was 0 at every
    step: AdamW adds 0 / (0 + epsilon), Adadelta 0 times its root. Those rows are no weights here,
    have no moments and no gradient to be filled with zeros, and the others move as they would have
    moved (their common norm is summed in another order, so that cut gradients agree to rounding).

    Args:
        table: what is trained; its weight is copied.
        rows: int64, the rows that have gradients, each once.
    """

    place: Tensor
    rows: Tensor
    rest: Tensor

    def __init__(self, table: nn.Embedding, rows: Tensor) -> None:
        super().__init__()
        whole = table.weight.detach()
        rows = rows.to(whole.device)
        place = torch.full((len(whole),), -1, dtype=torch.int64, device=whole.device)
        place[rows] = torch.arange(len(rows), device=whole.device)
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("rest", whole)
        self.used = nn.Parameter(whole[rows])
        self.padding_idx = table.padding_idx
        at = -1 if self.padding_idx is None else int(place[self.padding_idx])
        self._padding = None if at < 0 else at
        self.num_embeddings, self.embedding_dim = whole.shape

    @property
    def weight(self) -> Tensor:
        """The whole table, `[rows, width]`, without a gradient."""
        return self.rest.index_copy(0, self.rows, self.used.detach())

    def forward(self, ids: Tensor) -> Tensor:
        """Look ids up, also those that are no weights: `[B, L, width]`."""
        places = self.place[ids]
        known = places >= 0
        vectors = functional.embedding(places.clamp_min(0), self.used, self._padding)
        if bool(known.all()):
            return vectors
        return torch.where(known[..., None], vectors, functional.embedding(ids, self.rest))


Form = ProjectedEmbedding | UsedRows
FORMS = (ProjectedEmbedding, UsedRows)


def train_used_rows(model: nn.Module, table: nn.Module, ids: Tensor) -> None:
    """Let only the rows of an embedding that texts use be weights; see `UsedRows`.

    Nothing is done to what is no plain table, is not trained, or shares its weight with another
    part of the model.

    Args:
        model: changed in place.
        table: the embedding, a part of it.
        ids: int64, every row that can have a gradient.
    """
    if isinstance(table, ProjectedEmbedding):
        table = table.channels.table
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        return
    places = [
        (owner, name)
        for owner in model.modules()
        for name, part in owner.named_children()
        if getattr(part, "weight", None) is table.weight
    ]
    if len(places) != 1 or table.max_norm is not None or table.sparse:
        return
    ((owner, name),) = places
    setattr(owner, name, UsedRows(table, ids))


def _forms(
    model: nn.Module, kinds: tuple[type[Form], ...]
) -> Iterator[tuple[nn.Module, str, Form]]:
    """Find every embedding in such a form: its owner, its name there, and itself."""
    for name, part in list(model.named_children()):
        if isinstance(part, kinds):
            yield model, name, part
        else:
            yield from _forms(part, kinds)


def fold(model: nn.Module, *kinds: type[Form]) -> None:
    """Put one plain table in place of every embedding that is held in one of these forms."""
    for owner, name, part in _forms(model, kinds):
        plain = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            part.weight, freeze=False, padding_idx=part.padding_idx
        )
        setattr(owner, name, plain)


def folded_size(model: nn.Module) -> int:
    """Count the parameters that a model has once it is folded, shared ones once."""
    forms = [part for _, _, part in _forms(model, FORMS)]
    within = {id(weight) for part in forms for weight in part.parameters()}
    size = sum(weight.numel() for weight in model.parameters() if id(weight) not in within)
    return size + sum(part.num_embeddings * part.embedding_dim for part in forms)
