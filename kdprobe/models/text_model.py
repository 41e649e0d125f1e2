"""The one path from texts to what a classifier says of them.

Does: tokenise with the model's own tokenizer, send only what it sends and the model has rows for,
put texts together only where that moves no output (measured, see `measured.py`), run the model in
eval mode, and compare a few outputs with the model's own forward of that one text. Does not: load
models, explain them or keep answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.errors import CapabilityError, KdprobeError
from kdprobe.foreign import said
from kdprobe.models.batches import bounded_batches, equal_length_batches, near_equal_batches
from kdprobe.models.checkpoint import quiet
from kdprobe.models.deviation import Compared, Deviation, largest_deviation, tolerance_of
from kdprobe.models.measured import Side, Together, measure_together
from kdprobe.models.model_inputs import (
    begun_anew,
    columns_sent,
    evaluating,
    out_of_memory,
    padding_id,
    token_limit,
)
from kdprobe.models.tokens import Columns, OneText, Texts, Tokens, apart, pad_rows

TEXT_VERSION = 2
"""Raised when a text would be read differently; part of every cache key."""

_SHOWN = 60
_MANY = 2**40


class TextModel:
    """A classifier with its own tokenizer.

    Args:
        model: a sequence classifier; it is run in eval mode and left in the mode it was in.
        tokenizer: its own.
        name: what people call it.
        together: how its texts may share a batch; None: measured when it is first needed.

    Attributes:
        sent: the names of what the model is given.
        limit: the most tokens it reads of a text, special tokens counted.
        padding: the value that fills up each column.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, name: str, together: Together | None = None
    ) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self.limit = token_limit(model, tokenizer)
        self.sent = columns_sent(model, tokenizer)
        self.padding = {
            "input_ids": padding_id(model, tokenizer),
            "token_type_ids": int(getattr(tokenizer, "pad_token_type_id", 0) or 0),
        }
        if together is not None:
            self.__dict__["together"] = together

    @cached_property
    def together(self) -> Together:
        """How texts may share a batch; see `measured.measure_together`."""
        return measure_together(self)

    def run_alone(self) -> None:
        """Run every text alone from now on."""
        self.__dict__["together"] = "alone"

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

    def tensors(
        self, columns: Columns, rows: Sequence[int], *, side: Side | None = None
    ) -> dict[str, Tensor]:
        """Put rows into one batch and give what the model takes.

        Args:
            columns: as `Tokens.columns`.
            rows: the rows of the batch, as `batches` gives them.
            side: where padding goes; None: where it moves nothing.

        Raises:
            ValueError: rows of several lengths where only equal ones may stand together.
        """
        if side is None:
            side = "left" if self.together == "left" else "right"
            widths = {len(columns["input_ids"][row]) for row in rows}
            if len(widths) > 1 and self.together in ("equal", "alone"):
                raise ValueError(f"{self.name}: texts of several lengths in one batch")
        arrays = pad_rows(columns, rows, self.padding, left=side == "left")
        return {
            name: torch.from_numpy(array).to(self.device)
            for name, array in arrays.items()
            if name in self.sent
        }

    def batches(
        self, lengths: NDArray[np.int64], *, batch_size: int
    ) -> Iterator[NDArray[np.int64]]:
        """Give the rows of batches that may stand together, longest first."""
        if self.together in ("right", "left"):
            return near_equal_batches(lengths, batch_size=batch_size)
        most = 1 if self.together == "alone" else batch_size
        return equal_length_batches(lengths, tokens=_MANY, rows=most)

    def bounded_batches(
        self, lengths: NDArray[np.int64], *, most_tokens: int, most_rows: int
    ) -> Iterator[NDArray[np.int64]]:
        """Give the rows of batches that may stand together, of bounded memory."""
        if self.together in ("right", "left"):
            return bounded_batches(lengths, most_tokens=most_tokens, most_rows=most_rows)
        most = 1 if self.together == "alone" else most_rows
        return equal_length_batches(lengths, tokens=most_tokens, rows=most)

    def forward(self, inputs: Mapping[str, Tensor], model: Any = None) -> Tensor:
        """Run the model; logits `[B, outputs]`.

        A batch that its forward refuses (BART: texts with different numbers of end tokens) is run
        text by text.

        Args:
            inputs: what `tensors` gives.
            model: another copy of the model; None: the model itself.

        Raises:
            CapabilityError: the memory is too small, or a text that its forward cannot run.
        """
        chosen = self.model if model is None else model
        size = len(inputs["input_ids"])
        if size > 1 and self.together == "alone":
            return torch.cat([self.forward(one, model) for one in apart(inputs)])
        try:
            with begun_anew(chosen):
                logits: Tensor = chosen(**inputs).logits
        except torch.OutOfMemoryError as error:
            raise out_of_memory(self.name, inputs["input_ids"], self.device) from error
        except KdprobeError:
            raise
        except Exception as error:  # whatever an architecture raises for a text it cannot run
            if size == 1:
                raise self.refused(inputs["input_ids"][0].tolist(), error) from error
            return torch.cat([self.forward(one, model) for one in apart(inputs)])
        return logits

    def refused(self, ids: Sequence[int], error: BaseException) -> CapabilityError:
        """Say in one message that a model's forward cannot run a text."""
        text = str(self.tokenizer.decode(ids))
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return CapabilityError(
            self.name,
            found=f"its forward cannot run the text {shown!r} ({said(error)})",
            expected="a text that this architecture takes",
            remedy="change or leave out the text",
        )

    def own_inputs(self, texts: Texts, *, longest: int | None = None) -> dict[str, Tensor]:
        """Give one text as its tokenizer gives it, `[1, L]`: no padding, no shortcut."""
        with quiet():
            given = self.tokenizer(
                *([text] for text in texts),
                truncation=True,
                max_length=self._most(longest),
                return_tensors="pt",
            )
        return {name: given[name].to(self.device) for name in given if name in self.sent}

    def own_logits(self, texts: Texts, *, longest: int | None = None) -> Tensor | None:
        """Run one text alone; `[outputs]`, None for a text of no token.

        The measure that batches, explainers and stored answers are held against.
        """
        inputs = self.own_inputs(texts, longest=longest)
        if not inputs["input_ids"].shape[1]:
            return None
        with evaluating(self.model), torch.no_grad():
            logits: Tensor = self.forward(inputs)[0].double().cpu()
        return logits

    def deviation(
        self,
        samples: Sequence[Texts],
        values: NDArray[np.float64],
        *,
        columns: Sequence[int] | None = None,
        longest: int | None = None,
    ) -> Deviation | None:
        """Compare outputs of whole texts with the model's own of that one text.

        Args:
            samples: up to a few texts or pairs.
            values: what was computed for them, `[n, outputs]`.
            columns: which of the model's outputs these are; None: all, in its order.
            longest: the most tokens that were read of a text; None: `limit`.

        Returns:
            The largest deviation beyond its tolerance, or None.
        """
        return largest_deviation(
            self._compared(samples, values, columns, longest), share=tolerance_of(self.model)
        )

    def _compared(
        self,
        samples: Sequence[Texts],
        values: NDArray[np.float64],
        columns: Sequence[int] | None,
        longest: int | None,
    ) -> Iterator[Compared]:
        for texts, row in zip(samples, values, strict=True):
            own = self.own_logits(texts, longest=longest)
            if own is not None:
                yield Compared(texts, (own if columns is None else own[list(columns)]).numpy(), row)
