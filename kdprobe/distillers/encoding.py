"""Texts as token ids, once, and as padded batches.

Does: tokenise a split once along the path of `models.text_model`, sort by length for evaluation,
group by length for training, and pad each batch to its own longest text, or mark the texts that
must be run apart. Does not: pad to a fixed length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from kdprobe.distillers.objective import GROUPS, WORDS
from kdprobe.distillers.word_shares import WordShares
from kdprobe.models.batches import near_equal_batches
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import pad_rows
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

_GROUP = 50  # batches drawn together and sorted by length: little padding, still well mixed


@dataclass(frozen=True)
class Encoded:
    """The token ids of a split.

    Args:
        columns: what the model reads (`input_ids`, and `token_type_ids` where they are sent), for
            each a list of ids an example.
        padding: the value that fills up each column.
        left: whether padding goes to the left.
        apart: whether only texts of equal length may be run together, without padding.
        single: whether every text is run alone.
        truncated: the number of examples of which not every token fits.
        words: which tokens make which word, where an objective compares words.
    """

    columns: Mapping[str, Sequence[Sequence[int]]]
    padding: Mapping[str, int]
    left: bool = False
    apart: bool = False
    single: bool = False
    truncated: int = 0
    words: WordShares | None = None

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of tokens of each example, `[n]`."""
        return np.array([len(ids) for ids in self.columns["input_ids"]], dtype=np.int64)

    def take(self, rows: Sequence[int]) -> Encoded:
        """Return these examples alone, in this order; their words are left out."""
        columns = {name: [column[row] for row in rows] for name, column in self.columns.items()}
        return replace(self, columns=columns, truncated=0, words=None)

    def batch(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Pad these examples to the longest of them: int64 `[B, L]` for each column and the mask.

        With `words` also `objective.WORDS`, float32 `[B, W, L]`; with `apart` and texts of several
        lengths `objective.GROUPS`, int64 `[B]`.
        """
        arrays = pad_rows(self.columns, rows, self.padding, left=self.left)
        padded = {name: torch.from_numpy(array) for name, array in arrays.items()}
        lengths = self.lengths[list(rows)]
        longest = int(lengths.max())
        if self.single and len(rows) > 1:
            padded[GROUPS] = torch.arange(len(rows))
        elif self.apart and int(lengths.min()) < longest:
            padded[GROUPS] = torch.from_numpy(lengths)
        if self.words is not None:
            starts = [longest - int(length) if self.left else 0 for length in lengths]
            padded[WORDS] = self.words.batch(rows, starts, longest)
        return padded

    def batches(self, size: int) -> Iterator[list[int]]:
        """Return the rows of batches of about equal lengths; see `near_equal_batches`."""
        for rows in near_equal_batches(self.lengths, batch_size=size):
            yield rows.tolist()


def encode(text: TextModel, split: Split, *, max_length: int) -> Encoded:
    """Tokenise a split once, as the model's predictions are.

    Args:
        text: the model that will read it, with its tokenizer.
        split: its texts, or pairs of texts (the longer text of a pair is cut first).
        max_length: tokens kept of an example.
    """
    tokens = text.encode(split.texts, split.pairs, longest=max_length)
    return Encoded(
        columns=tokens.columns,
        padding=text.padding,
        left=text.together == "left",
        apart=text.together in ("equal", "alone"),
        single=text.together == "alone",
        truncated=int(tokens.truncated.sum()),
    )


class RowNumbers(Dataset[int]):
    """The row numbers of a split, as the data loader wants them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        """The number of examples."""
        return self.count

    def __getitem__(self, row: int) -> int:
        """The row number itself; the collator knows the rest."""
        return row


class GroupedByLength(Sampler[int]):
    """Every row once an epoch, in batches of about equal lengths and in an order of its own.

    Definition: shuffle the rows; in every run of 50 batches sort them by length; cut them into
    batches; shuffle the batches. The last, shorter batch stays last. The order depends on the seed
    and the epoch only, never on torch's global generator, so that a run that goes on in the middle
    of an epoch sees the batches it would have seen.

    Args:
        lengths: of each example.
        batch: examples of one optimiser step.
        seed: the run's seed.
    """

    def __init__(self, lengths: NDArray[np.int64], *, batch: int, seed: int) -> None:
        self.lengths, self.size, self.seed = lengths, batch, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch that comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Return the rows of the epoch."""
        generator = derive_generator(self.seed, "order of training", str(self.epoch))
        shuffled = generator.permutation(len(self.lengths))
        ragged = len(shuffled) % self.size
        whole, rest = shuffled[: len(shuffled) - ragged], shuffled[len(shuffled) - ragged :]
        batches: list[NDArray[np.int64]] = []
        step = self.size * _GROUP
        for start in range(0, len(whole), step):
            part = whole[start : start + step]
            part = part[np.argsort(-self.lengths[part], kind="stable")]
            pieces = part.reshape(-1, self.size)
            batches.extend(pieces[generator.permutation(len(pieces))])
        for batch in (*batches, rest):
            yield from (int(row) for row in batch)


def steps_per_epoch(examples: int, batch_size: int, accumulation: int) -> int:
    """Return the number of optimiser steps of one epoch; the last may hold fewer examples."""
    return math.ceil(math.ceil(examples / batch_size) / accumulation)
