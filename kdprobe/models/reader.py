"""What explainers ask of a `transformers` classifier: tokens with their places, logits, gradients.

Does: encode texts with the place of each token, put token ids of shortened texts together from
pieces where that is exact, run logits in batches of bounded memory and in the precision the model
was opened in, and run it from its word embeddings in float32. Does not: know any explainer.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdprobe.models.chunk_tokens import ChunkTokens, EncodedText, SpecialTokens, special_tokens
from kdprobe.models.embedded import given_vectors, word_tables
from kdprobe.models.first_token import first_token_only, is_enough
from kdprobe.models.hf import HfModel
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.read_spans import Span, spans_read
from kdprobe.models.tokens import Texts
from kdprobe.models.words import SPECIAL, Piece, pieces_of
from kdprobe.observations.attributions import Word
from kdprobe.stats.arrays import Floats
from kdprobe.workers.counting import count

BATCH_TOKENS = 4096
"""Tokens of one forward pass at most: memory does not grow with the number of texts."""
MOST_ROWS = 256
_VECTORS = "vectors"
"""The word vectors of a batch beside its ids, so that texts run one by one take theirs along."""

Row = tuple[Sequence[int], Sequence[int]]
"""Ids and segment ids of one text."""


class Reader:
    """A model as explainers see it; logits have the task's label order, float64."""

    def __init__(self, handle: HfModel) -> None:
        self.name = handle.name
        self.text = handle.text
        self.tokenizer: Any = handle.tokenizer
        self.columns = list(handle.columns)
        self.device = handle.device
        self.opened: Any = handle.model
        self.precision = handle.precision
        self._differentiable = "gradients" in handle.capabilities
        self.limit = handle.text.limit
        self._chunks = ChunkTokens(self.tokenizer)
        self._frames: dict[int, SpecialTokens] = {}
        self.vectors_checked = False
        self._evaluating = False

    @property
    def mask_token(self) -> str | None:
        """What its tokenizer puts in place of a word, where it has such a token."""
        return self.tokenizer.mask_token  # type: ignore[no-any-return]

    @cached_property
    def model(self) -> Any:
        """The model in float32: gradients below mislead; see `as_opened`."""
        if self.precision == "float32":
            return self.opened
        return copy.deepcopy(self.opened).to(torch.float32)

    def as_opened(self) -> Reader:
        """Return a reader whose gradients, too, are taken in the type the model runs in."""
        other = copy.copy(self)
        for name in ("tables", "_short"):
            vars(other).pop(name, None)
        vars(other)["model"] = other.opened
        return other

    @cached_property
    def _short(self) -> bool:
        """Whether the last layer may go on with the first token alone; tried on two texts.

        Each alone, of neighbouring lengths: an architecture that fills texts up to a window cuts
        its own padding off again, and would cut the first token with it. Where numbers are rounded
        by the largest beside them, another token's may be it.
        """
        if not self._differentiable:
            return False
        rows = [(e.ids, e.types) for e in (self.encode((text,)) for text in ("a b a", "b a"))]
        inputs = [self.tensors([row]) for row in rows]
        with evaluating(self.model):
            return is_enough(
                self.model, lambda: torch.cat([self.model(**one).logits for one in inputs]),
                attention=True,
            )  # fmt: skip

    def encode(self, texts: Texts) -> EncodedText:
        """Encode one text or pair, cut at the model's limit.

        Raises:
            CapabilityError: a token stands nowhere in the text.
        """
        given = self.text.encode_one(texts)
        ids = tuple(given["input_ids"])
        if not ids:
            return EncodedText((self.text.blank,), (0,), (Piece(SPECIAL, 0, 0),))
        pieces = pieces_of(self.tokenizer, texts, given)
        types = given.get("token_type_ids") or [0] * len(ids)
        return EncodedText(ids, tuple(types), tuple(pieces))

    def words_read(self, texts: Texts, words: Sequence[Word]) -> tuple[Span, ...]:
        """Return, for each text, from which character to which the model reads whole words.

        A text that fits whole is read from end to end. Of one that was cut, on the tokenizer's own
        side, the words all of whose letters have a token are read; what stands between them is
        then a text that fits.
        """
        pair = [texts[1]] if len(texts) > 1 else None
        if not self.text.encode([texts[0]], pair).truncated[0]:
            return tuple((0, len(text)) for text in texts)
        return spans_read(self.text, texts, words, self.encode(texts).pieces)

    def shorten(self, texts: Texts) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return ids and segment ids of a text or pair, put together from blank-separated chunks.

        Exact for tokenizers that split at blanks; `is_exact` says whether that holds for a text.
        """
        if len(texts) not in self._frames:
            trial = self.encode(("a",) * len(texts))
            self._frames[len(texts)] = special_tokens(trial, len(texts))
        ids, types = self._chunks.laid_out(texts, self._frames[len(texts)])
        if len(ids) > self.limit or not ids:
            return self.retokenise([texts])[0]
        return tuple(ids), tuple(types if "token_type_ids" in self.text.sent else [0] * len(ids))

    def is_exact(self, samples: Sequence[Texts]) -> bool:
        """Return whether `shorten` gives what the tokenizer gives, for each of these.

        Texts that hold a special token are left to the tokenizer: it takes blanks beside them.
        """
        special = tuple(self.tokenizer.all_special_tokens)
        if any(token in text for texts in samples for text in texts for token in special):
            return False
        return all(
            self.shorten(texts) == real
            for texts, real in zip(samples, self.retokenise(samples), strict=True)
        )

    def retokenise(self, samples: Sequence[Texts]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return ids and segment ids of many texts or pairs by the tokenizer itself."""
        columns = [list(column) for column in zip(*samples, strict=True)]
        tokens = self.text.encode(*columns).columns
        rows = tokens["input_ids"]
        types = tokens.get("token_type_ids") or [[0] * len(row) for row in rows]
        return [(tuple(row), tuple(kind)) for row, kind in zip(rows, types, strict=True)]

    def logits(self, rows: Sequence[Row], *, at_once: bool = False) -> Floats:
        """Run (ids, segment ids) of many texts; float64 `[n, c]`, in the order given.

        With `at_once` in one batch, however much padding that takes, where padding may stand.
        """
        if at_once and rows and self.text.together in ("right", "left"):
            with self.evaluating(), torch.no_grad():
                outputs = self._run(self.opened, self.tensors(rows)).double().cpu().numpy()
            return np.asarray(outputs, dtype=np.float64)
        lengths = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
        values = np.empty((len(rows), len(self.columns)))
        if not len(rows):
            return values
        with self.evaluating(), torch.no_grad():
            for batch in self.text.bounded_batches(
                lengths, most_tokens=BATCH_TOKENS, most_rows=MOST_ROWS
            ):
                inputs = self.tensors([rows[row] for row in batch])
                values[batch] = self._run(self.opened, inputs).double().cpu().numpy()
                count(float(lengths[batch].sum()))
        return values

    def deviation(self, samples: Sequence[Texts], values: Floats) -> str | None:
        """Return where outputs differ from the model's own; see `TextModel.deviation`."""
        worst = self.text.deviation(samples, values, columns=self.columns)
        if worst is None:
            return None
        size = f"{worst.size:.2g} (tolerance {worst.tolerance:.2g})"
        return f"of {worst.text!r} is not what the model says of it: outputs differ by {size}"

    def tensors(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """Put rows that may stand together into one batch and give what the model takes."""
        columns = {"input_ids": [ids for ids, _ in rows], "token_type_ids": [k for _, k in rows]}
        return self.text.tensors(columns, range(len(rows)))

    def run(self, inputs: dict[str, Tensor]) -> Tensor:
        """Run the model in float32 on padded inputs; `[n, c]` in the task's label order."""
        return self._run(self.model, inputs)

    def _run(self, model: Any, inputs: dict[str, Tensor]) -> Tensor:
        with self._shortened(model):
            return self.text.forward(inputs, model)[:, self.columns]

    def _shortened(self, model: Any) -> contextlib.AbstractContextManager[None]:
        if not self._short:
            return contextlib.nullcontext()
        return first_token_only(model, attention=True)

    @cached_property
    def tables(self) -> list[torch.nn.Module]:
        """What looks words up; see `embedded.word_tables`."""
        inputs = self.tensors([self.encode(("a b a",))[:2]])
        with evaluating(self.model):
            return word_tables(self.model, self.name, lambda: self.model(**inputs))

    @property
    def table(self) -> torch.nn.Module:
        """The word embeddings; all channels of a BiLSTM, the frozen one too.

        Raises:
            CapabilityError: the model does not name them.
        """
        return self.tables[0]

    def run_embedded(self, vectors: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """Run the model with these word vectors `[n, t, d]` in place of its own.

        Positions and segments are added by the model as ever.

        Raises:
            CapabilityError: the model does not look the text's tokens up in its word embeddings.
        """
        count((2.0 if torch.is_grad_enabled() else 1.0) * inputs["input_ids"].numel())
        given = {**inputs, _VECTORS: vectors}
        return self.text.run(given, self._run_vectors, torch.cat, model=self.model)

    def _run_vectors(self, given: Mapping[str, Tensor]) -> Tensor:
        inputs = {name: value for name, value in given.items() if name != _VECTORS}
        # The recurrent kernels of cuDNN have no backward pass in eval mode.
        with (
            torch.backends.cudnn.flags(enabled=False),
            given_vectors(self.tables, given[_VECTORS], inputs["input_ids"], self.name),
            self._shortened(self.model),
        ):
            logits: Tensor = self.model(**inputs).logits[:, self.columns]
        return logits

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Switch dropout and weights' gradients off for `run`, and leave both as they were.

        Inside of itself it does nothing: it looks at every part of a model.
        """
        if self._evaluating:
            yield
            return
        _ = self._short  # tried before anyone's vectors and hooks stand in the model
        models = [self.opened, *([self.model] if "model" in self.__dict__ else [])]
        weights = [weight for model in models for weight in model.parameters()]
        wanted = [(weight, weight.requires_grad) for weight in weights]
        for weight, _ in wanted:
            weight.requires_grad_(False)
        self._evaluating = True
        try:
            with contextlib.ExitStack() as modes:
                for model in models:
                    modes.enter_context(evaluating(model))
                yield
        finally:
            self._evaluating = False
            for weight, flag in wanted:
                weight.requires_grad_(flag)
