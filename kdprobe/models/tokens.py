"""The tokens of texts, as lists and as padded batches.

Does: hold what a tokenizer gives, pad rows on one side, and take a batch apart again. Does not:
tokenise; `text_model.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Columns = Mapping[str, Sequence[Sequence[int]]]
Texts = tuple[str, ...]
"""One text, or the two of a pair."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of several texts.

    Args:
        columns: `input_ids`, and `token_type_ids` where they are sent; a list of ids a text. Every
            token is read: padding comes with batches.
        truncated: bool `[n]`, True where not every token fits.
    """

    columns: dict[str, list[list[int]]]
    truncated: NDArray[np.bool_]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of tokens of each text, int64 `[n]`."""
        return np.array([len(ids) for ids in self.columns["input_ids"]], dtype=np.int64)


class OneText(dict[str, list[Any]]):
    """What a tokenizer gives for one text or pair, with the text each token stands in."""

    def __init__(self, encoding: Any) -> None:
        super().__init__({name: encoding[name][0] for name in encoding})
        self.is_fast: bool = bool(encoding.is_fast)
        self._encoding = encoding

    def sequence_ids(self, _: int = 0) -> list[int | None]:
        """Return for each token which text it stands in; None: a special token."""
        sequences: list[int | None] = self._encoding.sequence_ids(0)
        return sequences


def pad_rows(
    columns: Columns, rows: Sequence[int], padding: Mapping[str, int], *, left: bool
) -> dict[str, NDArray[np.int64]]:
    """Pad rows to their longest, and say with a mask which tokens are real.

    Args:
        columns: ids of all texts.
        rows: those of the batch.
        padding: the value that fills up each column.
        left: pad on the left.

    Returns:
        int64 `[B, L]` for each column and for `attention_mask`.

    >>> given = pad_rows({"input_ids": [[5, 6], [7]]}, [0, 1], {"input_ids": 9}, left=True)
    >>> given["input_ids"].tolist(), given["attention_mask"].tolist()
    ([[5, 6], [9, 7]], [[1, 1], [0, 1]])
    """
    lengths = [len(columns["input_ids"][row]) for row in rows]
    width = max(lengths)
    starts = [width - length if left else 0 for length in lengths]
    given = {}
    for name, column in columns.items():
        array = np.full((len(rows), width), padding.get(name, 0), dtype=np.int64)
        for place, (row, start, length) in enumerate(zip(rows, starts, lengths, strict=True)):
            array[place, start : start + length] = column[row]
        given[name] = array
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for place, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        mask[place, start : start + length] = 1
    given["attention_mask"] = mask
    return given


def apart(inputs: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Yield the texts of a batch one by one, without their padding."""
    mask = inputs.get("attention_mask")
    for row in range(len(inputs["input_ids"])):
        if mask is None or not bool(mask[row].any()):
            yield {name: value[row : row + 1] for name, value in inputs.items()}
        else:
            real = mask[row].bool()
            yield {name: value[row, real][None] for name, value in inputs.items()}
