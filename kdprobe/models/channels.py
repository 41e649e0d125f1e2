"""Embeddings of one or two channels: trained, left as they are, or both side by side.

Does: look ids up. Does not: say where the vectors come from.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdprobe.models.bilstm_shape import Mode


class Channels(nn.Module):
    """Embeddings of one or two channels, each with weights of its own.

    Args:
        rows: of each table.
        width: of one channel.
        mode: `static`, `non-static` or `multichannel`; see `bilstm_shape.LstmShape`.
    """

    def __init__(self, rows: int, width: int, *, mode: Mode) -> None:
        super().__init__()
        self.tuned = None if mode == "static" else nn.Embedding(rows, width)
        self.frozen = None if mode == "non-static" else nn.Embedding(rows, width)
        if self.frozen is not None:
            self.frozen.weight.requires_grad_(False)

    @property
    def tables(self) -> list[nn.Embedding]:
        """All channels, the frozen one first, as they stand side by side."""
        return [table for table in (self.frozen, self.tuned) if table is not None]

    @property
    def table(self) -> nn.Embedding:
        """The channel that is trained, or the only one."""
        return cast(nn.Embedding, self.frozen if self.tuned is None else self.tuned)

    def begin_with(self, vectors: Tensor) -> None:
        """Write the same vectors into every channel; each keeps weights of its own."""
        with torch.no_grad():
            for table in self.tables:
                table.weight.copy_(vectors)

    def forward(self, ids: Tensor) -> Tensor:
        """Look words up: `[B, L, channels x width]`; the frozen channel never has a gradient."""
        vectors = []
        if self.frozen is not None:
            vectors.append(functional.embedding(ids, self.frozen.weight.detach()))
        if self.tuned is not None:
            vectors.append(self.tuned(ids))
        return torch.cat(vectors, dim=-1)
