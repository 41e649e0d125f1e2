"""How much of each token belongs to which word, as padded matrices.

Does: hold the shares of a split and lay those of a batch out. Does not: find them;
`word_alignment.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class WordShares:
    """For every example, how much of each token belongs to which word.

    Args:
        counts: the number of words of each example.
        entries: for each example triples (word, token, share); see `models.words.word_shares`.
    """

    counts: Sequence[int]
    entries: Sequence[Sequence[tuple[int, int, float]]]

    def batch(self, rows: Sequence[int], starts: Sequence[int], length: int) -> Tensor:
        """Return the shares of a batch, float32 `[B, W, L]`, zeros at padding.

        Args:
            rows: the examples.
            starts: where each example's first token stands.
            length: L, the padded length.
        """
        words = max(1, *(self.counts[row] for row in rows))
        array = np.zeros((len(rows), words, length), dtype=np.float32)
        for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
            for word, token, share in self.entries[row]:
                array[place, word, start + token] = share
        return torch.from_numpy(array)
