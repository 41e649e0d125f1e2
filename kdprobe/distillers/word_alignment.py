"""Which tokens make which word, for two models that cut texts into different tokens.

Does: lay the words of a split beside each model's tokens, as padded matrices. Does not: say what is
compared; `levels.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from kdprobe.distillers.encoding import Encoded
from kdprobe.models.text_model import TextModel
from kdprobe.models.words import pieces_of, split_words, word_shares
from kdprobe.progress import Progress
from kdprobe.tasks.task import Split


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
        """Give the shares of a batch, float32 `[B, W, L]`, zeros at padding.

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


def match_words(
    encoded: Encoded,
    text: TextModel,
    split: Split,
    *,
    max_length: int,
    progress: Progress,
    title: str,
) -> Encoded:
    """Add to a split's tokens which words they make; words are those of `split_words`.

    Args:
        encoded: the split as this model reads it.
        text: the same model, with its tokenizer.
        split: the same examples.
        max_length: as it was encoded with.
        progress: a display.
        title: what it shows.

    Raises:
        CapabilityError: a token that stands nowhere in its text.
    """
    counts, entries = [], []
    with progress.stage(title, len(split)) as stage:
        for row, own in enumerate(split.texts):
            texts = (own,) if split.pairs is None else (own, split.pairs[row])
            given = text.encode_one(texts, longest=max_length)
            ids = list(given["input_ids"])
            if ids and ids != list(encoded.columns["input_ids"][row]):
                raise ValueError("words matched with other tokens than were encoded")
            words = split_words(*texts)
            pieces = pieces_of(text.tokenizer, texts, given) if ids else []
            shares = word_shares(words, pieces)
            counts.append(len(words))
            entries.append(
                tuple((word, token, share) for token, parts in enumerate(shares)
                      for word, share in parts)
            )  # fmt: skip
            stage.advance()
    return replace(encoded, words=WordShares(counts, entries))
