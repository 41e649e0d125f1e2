"""The one path from texts to what a classifier says of them.

Does: put texts together only where that moves no output (measured, see `measured.py`), run the
model, and compare a few outputs with the model's own forward of that one text. Does not: tokenise
(`text_inputs.py`), load models, explain them or keep answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.errors import CapabilityError, KdprobeError
from kdprobe.foreign import said
from kdprobe.models.batches import bounded_batches, equal_length_batches, near_equal_batches
from kdprobe.models.checkpoint import quiet
from kdprobe.models.deviation import Compared, Deviation, largest_deviation, tolerance_of
from kdprobe.models.measured import Together, measure_together
from kdprobe.models.model_inputs import begun_anew, evaluating, out_of_memory
from kdprobe.models.text_inputs import TextInputs
from kdprobe.models.tokens import Columns, Texts, apart

T = TypeVar("T")

TEXT_VERSION = 2
"""Raised when a text would be read differently; part of every cache key."""

_SHOWN = 60
_MANY = 2**40


class TextModel(TextInputs):
    """A classifier with its own tokenizer, run in eval mode and left in the mode it was in.

    Args:
        model: a sequence classifier.
        tokenizer: its own.
        name: what people call it.
        together: how its texts may share a batch; None: measured when it is first needed.
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, name: str, together: Together | None = None
    ) -> None:
        super().__init__(model, tokenizer, name=name)
        if together is not None:
            self.__dict__["together"] = together

    @cached_property
    def together(self) -> Together:
        """How texts may share a batch; see `measured.measure_together`."""
        return measure_together(self)

    def run_alone(self) -> None:
        """Run every text alone from now on."""
        self.__dict__["together"] = "alone"

    def tensors(self, columns: Columns, rows: Sequence[int]) -> dict[str, Tensor]:
        """Return one batch of rows that may stand together, padded where that moves nothing.

        Args:
            columns: as `Tokens.columns`.
            rows: the rows of the batch, as `batches` gives them.

        Raises:
            ValueError: rows of several lengths where only equal ones may stand together.
        """
        widths = {len(columns["input_ids"][row]) for row in rows}
        if len(widths) > 1 and self.together in ("equal", "alone"):
            raise ValueError(f"{self.name}: texts of several lengths in one batch")
        return self.padded(columns, rows, side="left" if self.together == "left" else "right")

    def batches(
        self, lengths: NDArray[np.int64], *, batch_size: int
    ) -> Iterator[NDArray[np.int64]]:
        """Return the rows of batches that may stand together, longest first."""
        if self.together in ("right", "left"):
            return near_equal_batches(lengths, batch_size=batch_size)
        most = 1 if self.together == "alone" else batch_size
        return equal_length_batches(lengths, tokens=_MANY, rows=most)

    def bounded_batches(
        self, lengths: NDArray[np.int64], *, most_tokens: int, most_rows: int
    ) -> Iterator[NDArray[np.int64]]:
        """Return the rows of batches that may stand together, of bounded memory."""
        if self.together in ("right", "left"):
            return bounded_batches(lengths, most_tokens=most_tokens, most_rows=most_rows)
        most = 1 if self.together == "alone" else most_rows
        return equal_length_batches(lengths, tokens=most_tokens, rows=most)

    def run(
        self,
        inputs: Mapping[str, Tensor],
        call: Callable[[Mapping[str, Tensor]], T],
        join: Callable[[list[T]], T],
        *,
        model: Any = None,
    ) -> T:
        """Run a batch; what its forward refuses (BART: other numbers of end tokens), text by text.

        Args:
            inputs: what `tensors` gives, and whatever else belongs to each token.
            call: runs the model on them.
            join: puts the results of single texts together.
            model: the copy of the model that `call` runs; None: the model itself.

        Raises:
            CapabilityError: the memory is too small, or a text that its forward cannot run.
        """
        size = len(inputs["input_ids"])
        if size == 1 or self.together != "alone":
            try:
                with begun_anew(self.model if model is None else model):
                    return call(inputs)
            except torch.OutOfMemoryError as error:
                raise out_of_memory(self.name, inputs["input_ids"], self.device) from error
            except KdprobeError:
                raise
            except Exception as error:  # whatever an architecture raises for a text it cannot run
                if size == 1:
                    raise self.refused(inputs["input_ids"][0].tolist(), error) from error
        return join([self.run(one, call, join, model=model) for one in apart(inputs)])

    def forward(self, inputs: Mapping[str, Tensor], model: Any = None) -> Tensor:
        """Run the model; logits `[B, outputs]`; see `run`.

        Args:
            inputs: what `tensors` gives.
            model: another copy of the model; None: the model itself.
        """
        chosen = self.model if model is None else model

        def call(batch: Mapping[str, Tensor]) -> Tensor:
            logits: Tensor = chosen(**batch).logits
            return logits

        return self.run(inputs, call, torch.cat, model=chosen)

    def refused(self, ids: Sequence[int], error: BaseException) -> CapabilityError:
        """Return the error of a text that a model's forward cannot run."""
        text = str(self.tokenizer.decode(ids))
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return CapabilityError(
            self.name,
            found=f"its forward cannot run the text {shown!r} ({said(error)})",
            expected="a text that this architecture takes",
            remedy="change or leave out the text",
        )

    def own_inputs(self, texts: Texts, *, longest: int | None = None) -> dict[str, Tensor]:
        """Return one text as its tokenizer gives it, `[1, L]`: no padding, no shortcut."""
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
