"""What explainers that leave words out ask of any model: its outputs for other texts.

Does: name the protocol, and answer it for models that are asked by texts alone. Does not: know
tokens or gradients; `reader.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np

from kdprobe.models.chunk_tokens import EncodedText
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel
from kdprobe.models.read_spans import Span
from kdprobe.models.reader import Reader
from kdprobe.models.shared_outputs import hold
from kdprobe.models.stored_outputs import BATCH_SIZE
from kdprobe.models.text_function import TextFunction
from kdprobe.models.tokens import Texts
from kdprobe.observations.attributions import Word
from kdprobe.stats.arrays import Floats
from kdprobe.workers.counting import count
from kdprobe.workers.pieces import Held


class TextsReader(Protocol):
    """A model as explainers see it that leave words out.

    What `logits` is given of a text is the model's own affair: token ids, or the text itself.
    """

    name: str
    columns: list[int]

    @property
    def precision(self) -> str:
        """The type its outputs are computed in; empty: not known."""

    @property
    def mask_token(self) -> str | None:
        """What it reads in place of a word; None: nothing."""

    def encode(self, texts: Texts) -> EncodedText:
        """Return the tokens of one text or pair, none where they are not known."""

    def words_read(self, texts: Texts, words: Sequence[Word]) -> tuple[Span, ...]:
        """Return, for each text, from which character to which the model reads whole words."""

    def is_exact(self, samples: Sequence[Texts]) -> bool:
        """Return whether `shorten` gives what `retokenise` gives, for each of these."""

    def shorten(self, texts: Texts) -> Any:
        """Return what `logits` is given of a text, put together from what is known of its parts."""

    def retokenise(self, samples: Sequence[Texts]) -> list[Any]:
        """Return what `logits` is given of texts."""

    def logits(self, rows: Sequence[Any], *, at_once: bool = False) -> Floats:
        """Return the outputs for texts in the task's label order, float64 `[n, c]`."""

    def deviation(self, samples: Sequence[Texts], values: Floats) -> str | None:
        """Return where outputs of whole texts differ from the model's own; None: nowhere."""


class FunctionReader:
    """A function of texts as explainers see it; its outputs are log-probabilities, or scores."""

    precision: str = ""
    mask_token: str | None = None

    def __init__(self, handle: TextFunction) -> None:
        self.name = handle.name
        self.columns = list(range(handle.task.outputs))
        self._handle = handle

    def encode(self, texts: Texts) -> EncodedText:
        """Return no tokens."""
        return EncodedText((), (), ())

    def words_read(self, texts: Texts, words: Sequence[Word]) -> tuple[Span, ...]:
        """Return that all is read: what the function cuts is not known."""
        return tuple((0, len(text)) for text in texts)

    def is_exact(self, samples: Sequence[Texts]) -> bool:
        """Return that nothing is put together from parts."""
        return False

    def shorten(self, texts: Texts) -> Texts:
        """Return the text itself."""
        return texts

    def retokenise(self, samples: Sequence[Texts]) -> list[Texts]:
        """Return the texts themselves."""
        return list(samples)

    def logits(self, rows: Sequence[Texts], *, at_once: bool = False) -> Floats:
        """Call the function on many texts or pairs; float64 `[n, c]`."""
        if not rows:
            return np.empty((0, len(self.columns)))
        words = sum(len(text.split()) for texts in rows for text in texts) / len(rows)
        return self._handle.values(
            rows, batch_size=len(rows) if at_once else BATCH_SIZE,
            advance=lambda done: count(done * words),
        )  # fmt: skip

    def deviation(self, samples: Sequence[Texts], values: Floats) -> str | None:
        """Return where its outputs are not the same twice."""
        alarm = self._handle.deviation(samples, values)
        return None if alarm is None else f"is not one function: {alarm}"


def held_reader(reader: TextsReader, handle: ModelHandle) -> Held[TextsReader]:
    """Return a model as explainers see it, for pieces of work that processes share.

    A function stays in the process that it was handed to, with the threads that it has there: what
    it holds (a connection, a GPU, counters of its own) is not known.
    """
    if isinstance(reader, Reader):
        return hold(reader, handle.name, reader.text)
    return Held(reader, handle.name, here="it is a function", bounded=False)


def reader_of(handle: ModelHandle) -> TextsReader:
    """Return a model that can be asked about new texts as explainers see it."""
    if "tokens" in handle.capabilities:
        return Reader(cast(HfModel, handle))
    return FunctionReader(cast(TextFunction, handle))
