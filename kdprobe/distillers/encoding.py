"""Texts as token ids, once, and as padded batches.

Does: tokenise a split once, truncate, sort by length for evaluation, group by length for training,
and pad each batch to its own longest text. Does not: pad to a fixed length or drop a column that
a tokenizer gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from kdprobe.distillers.objective import WORDS
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from kdprobe.distillers.word_match import WordShares

_GROUP = 50  # batches drawn together and sorted by length: little padding, still well mixed


@dataclass(frozen=True)
class Encoded:
    """The token ids of a split.

    Args:
        columns: what the model reads (`input_ids`, `attention_mask`, `token_type_ids` when the
            tokenizer gives them), for each a list of ids an example.
        padding: the value that fills up each column.
        left: whether the tokenizer pads on the left.
        truncated: the number of examples of which not every token fits.
        words: which tokens make which word, where an objective compares words.
    """

    columns: Mapping[str, Sequence[Sequence[int]]]
    padding: Mapping[str, int]
    left: bool = False
    truncated: int = 0
    words: WordShares | None = None

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of tokens of each example, `[n]`."""
        return np.array([len(ids) for ids in self.columns["input_ids"]], dtype=np.int64)

    def take(self, rows: Sequence[int]) -> Encoded:
        """Give these examples alone, in this order; their words are left out."""
        columns = {name: [column[row] for row in rows] for name, column in self.columns.items()}
        return Encoded(columns, self.padding, self.left)

    def batch(self, rows: Sequence[int]) -> dict[str, Tensor]:
        """Pad these examples to the longest of them: int64 `[B, L]` for each column.

        With `words` also `objective.WORDS`, float32 `[B, W, L]`.
        """
        longest = int(max(self.lengths[row] for row in rows))
        starts = [longest - int(self.lengths[row]) if self.left else 0 for row in rows]
        padded: dict[str, Tensor] = {}
        for name, column in self.columns.items():
            array = np.full((len(rows), longest), self.padding[name], dtype=np.int64)
            for place, row in enumerate(rows):
                ids = column[row]
                start = starts[place]
                array[place, start : start + len(ids)] = ids
            padded[name] = torch.from_numpy(array)
        if self.words is not None:
            padded[WORDS] = self.words.batch(rows, starts, longest)
        return padded

    def batches(self, size: int) -> Iterator[list[int]]:
        """Give the rows of batches of about equal lengths, the longest first.

        The first batch is the largest, so that a lack of memory shows at once.
        """
        order = np.argsort(-self.lengths, kind="stable")
        for start in range(0, len(order), size):
            yield [int(row) for row in order[start : start + size]]


def encode(tokenizer: PreTrainedTokenizerBase, split: Split, *, max_length: int) -> Encoded:
    """Tokenise a split once.

    Args:
        tokenizer: of the model that will read it.
        split: its texts, or pairs of texts (the longer text of a pair is cut first).
        max_length: tokens kept of an example.
    """
    texts = list(split.texts)
    pairs = None if split.pairs is None else list(split.pairs)
    whole = tokenizer(texts, pairs, truncation=True, max_length=max_length)
    names = [name for name in tokenizer.model_input_names if name in whole]
    full = sum(len(ids) >= max_length for ids in whole["input_ids"])
    truncated = 0
    if full:  # only then can a text have been cut: count exactly
        rows = [row for row, ids in enumerate(whole["input_ids"]) if len(ids) >= max_length]
        again = tokenizer(
            [texts[row] for row in rows],
            None if pairs is None else [pairs[row] for row in rows],
            truncation=False,
            verbose=False,
        )
        truncated = sum(len(ids) > max_length for ids in again["input_ids"])
    padding = dict.fromkeys(names, 0) | {"input_ids": int(tokenizer.pad_token_id or 0)}
    if "token_type_ids" in names:
        padding["token_type_ids"] = int(tokenizer.pad_token_type_id)
    return Encoded(
        columns={name: whole[name] for name in names},
        padding=padding,
        left=tokenizer.padding_side == "left",
        truncated=truncated,
    )


class Rows(Dataset[int]):
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
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """Give the rows of the epoch."""
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
    """Give the number of optimiser steps of one epoch; the last may hold fewer examples."""
    return math.ceil(math.ceil(examples / batch_size) / accumulation)
