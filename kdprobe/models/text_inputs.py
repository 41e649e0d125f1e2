"""What a classifier is given of texts: its tokens, cut and padded as it takes them.

Does: tokenise with the model's own tokenizer, keep the columns that the model has rows for, cut
what is too long, and pad a batch on a given side. Does not: run a model, or say which texts may
share a batch; `text_model.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from kdprobe.models.checkpoint import quiet
from kdprobe.models.model_inputs import columns_sent, padding_id, token_limit
from kdprobe.models.tokens import Columns, OneText, Texts, Tokens, pad_rows

Side = Literal["right", "left"]


class TextInputs:
    """A classifier and its tokenizer, as far as what it is given.

    Args:
        model: a sequence classifier; it is not run here.
        tokenizer: its own.
        name: what people call it.

    Attributes:
        sent: the names of what the model is given.
        limit: the most tokens it reads of a text, special tokens counted.
        padding: the value that fills up each column.
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self.limit = token_limit(model, tokenizer)
        self.sent = columns_sent(model, tokenizer)
        self.padding = {
            "input_ids": padding_id(model, tokenizer),
            "token_type_ids": int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        }

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        first: Tensor = next(iter(self.model.parameters()))
        return first.device

    def _most(self, longest: int | None) -> int:
        return self.limit if longest is None else min(longest, self.limit)

    def encode(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        longest: int | None = None,
    ) -> Tokens:
        """Tokenise texts or pairs; those too long a second time, cut by the tokenizer's own rule.

        A text of which the tokenizer makes no token at all is read as one padding token: no model
        can be asked about nothing.

        Args:
            texts: the texts.
            pairs: the second texts, an empty one is one too.
            longest: the most tokens; None: `limit`.
        """
        limit = self._most(longest)
        first, second = list(texts), None if pairs is None else list(pairs)
        with quiet():  # the tokenizer's own warning about long texts is told by `truncated`
            whole = self.tokenizer(first, second)
            kept = [name for name in self.sent if name in whole]
            columns: dict[str, list[list[int]]] = {
                name: list(whole[name]) for name in kept if name != "attention_mask"
            }
            long = [row for row, ids in enumerate(columns["input_ids"]) if len(ids) > limit]
            if long:
                cut = self.tokenizer(
                    [first[row] for row in long],
                    None if second is None else [second[row] for row in long],
                    truncation=True,
                    max_length=limit,
                )
                for name, column in columns.items():
                    for place, row in enumerate(long):
                        column[row] = cut[name][place]
        for row, ids in enumerate(columns["input_ids"]):
            if not ids:
                for name, column in columns.items():
                    column[row] = [self.blank if name == "input_ids" else 0]
        truncated = np.zeros(len(first), dtype=np.bool_)
        truncated[long] = True
        return Tokens(columns, truncated)

    def encode_one(self, texts: Texts, *, longest: int | None = None) -> OneText:
        """Tokenise one text or pair, cut at the limit, with offsets where the tokenizer has them.

        The texts are handed over as lists of one: given two strings, transformers drops a second
        text that is empty.
        """
        with quiet():
            return OneText(
                self.tokenizer(
                    *([text] for text in texts),
                    truncation=True,
                    max_length=self._most(longest),
                    return_offsets_mapping=bool(self.tokenizer.is_fast),
                )
            )

    @property
    def blank(self) -> int:
        """The token that stands for a text without any."""
        return self.padding["input_ids"]

    def padded(self, columns: Columns, rows: Sequence[int], *, side: Side) -> dict[str, Tensor]:
        """Return one batch of what the model takes, int64 `[B, L]` each, on its device.

        Args:
            columns: as `Tokens.columns`.
            rows: the rows of the batch.
            side: where padding goes.
        """
        arrays = pad_rows(columns, rows, self.padding, left=side == "left")
        return {
            name: torch.from_numpy(array).to(self.device)
            for name, array in arrays.items()
            if name in self.sent
        }
