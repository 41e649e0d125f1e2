"""What a masked language model would write in the place of a word.

Does: mask one word at a time, many texts to a batch, and give the model's most probable words for
the place. Does not: touch words of several pieces, or choose among the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from kdprobe.augmenters.worded import Worded
from kdprobe.models.model_inputs import token_limit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_TOKENS = 1024  # of a batch, padding included; the output layer gives a number for each word piece
_SPACE_MARKS = ("\u0120", "\u2581")  # how byte-level and SentencePiece tokens begin after a blank
_CONTINUES = "##"


class MaskedWord(NamedTuple):
    """A word of one piece: where it stands among the tokens, and which token it is."""

    word: int
    position: int
    token: int


@dataclass(frozen=True)
class Read:
    """One text as the model reads it, and its words of one piece."""

    columns: Mapping[str, Sequence[int]]
    places: tuple[MaskedWord, ...]


@dataclass(frozen=True)
class Filler:
    """A masked language model that is asked for single words.

    Args:
        model: in eval mode, on its device.
        tokenizer: a fast one with a mask token.
        show_original: whether the unmasked text is shown behind the masked one (TinyBERT's code
            does; its paper shows the masked text alone).
        count: how many candidates are asked for.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    show_original: bool
    count: int

    @cached_property
    def _limit(self) -> int:
        return token_limit(self.model, self.tokenizer)

    def read(self, text: str, worded: Worded) -> Read:
        """Tokenise a text and find its words of one piece; what is too long is cut off."""
        encoding: Any = self.tokenizer(
            text, text if self.show_original else None,
            truncation=True, max_length=self._limit, return_offsets_mapping=True,
        )  # fmt: skip
        ids = encoding["input_ids"]
        spans = {
            tuple(span): position
            for position, (span, part) in enumerate(
                zip(encoding["offset_mapping"], encoding.sequence_ids(0), strict=True)
            )
            if part == 0
        }
        places = []
        for number, word in enumerate(worded.words):
            position = spans.get((word.start, word.end))
            if position is not None and ids[position] != self.tokenizer.unk_token_id:
                places.append(MaskedWord(number, position, ids[position]))
        columns = {name: encoding[name] for name in ("input_ids", "attention_mask")}
        if "token_type_ids" in encoding:
            columns["token_type_ids"] = encoding["token_type_ids"]
        return Read(columns, tuple(places))

    def fill(self, masked: Sequence[tuple[Read, MaskedWord]]) -> list[tuple[str, ...]]:
        """Return the candidates for each place, the most probable first.

        Definition: the words of the `count` largest logits at the masked place, without special
        tokens and without pieces that cannot stand there as a word (that go on a word, or begin
        one where the word that was masked did not): fewer than `count` may be left.
        """
        candidates: list[tuple[str, ...]] = [()] * len(masked)
        for rows in self._batches([len(read.columns["input_ids"]) for read, _ in masked]):
            inputs, positions = self._masked([masked[row] for row in rows])
            with torch.no_grad():
                logits = self.model(**inputs).logits
            here = logits[torch.arange(len(rows), device=logits.device), positions]
            best = here.topk(min(self.count, here.shape[-1])).indices.cpu().tolist()
            for row, tokens in zip(rows, best, strict=True):
                candidates[row] = self._words(tokens, instead_of=masked[row][1].token)
        return candidates

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the rows of batches of like lengths and few tokens."""
        batch: list[int] = []
        for row in np.argsort(lengths, kind="stable"):
            if batch and lengths[row] * (len(batch) + 1) > _TOKENS:
                yield batch
                batch = []
            batch.append(int(row))
        if batch:
            yield batch

    def _masked(
        self, masked: Sequence[tuple[Read, MaskedWord]]
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Pad the texts, each with its word masked: inputs int64 `[B, L]`, positions `[B]`."""
        longest = max(len(read.columns["input_ids"]) for read, _ in masked)
        device = self.model.device
        inputs = {}
        for name in masked[0][0].columns:
            padding = self.tokenizer.pad_token_id if name == "input_ids" else 0
            array = np.full((len(masked), longest), padding or 0, dtype=np.int64)
            for row, (read, place) in enumerate(masked):
                array[row, : len(read.columns[name])] = read.columns[name]
                if name == "input_ids":
                    array[row, place.position] = self.tokenizer.mask_token_id
            inputs[name] = torch.from_numpy(array).to(device)
        positions = torch.tensor([place.position for _, place in masked], device=device)
        return inputs, positions

    def _words(self, tokens: Sequence[int], *, instead_of: int) -> tuple[str, ...]:
        special = set(self.tokenizer.all_special_ids)
        spaced = self._name(instead_of).startswith(_SPACE_MARKS)
        words = []
        for token in tokens:
            name = self._name(token)
            if token in special or name.startswith(_CONTINUES):
                continue
            if name.startswith(_SPACE_MARKS) != spaced:
                continue
            word = self.tokenizer.convert_tokens_to_string([name]).strip()
            if word and "\ufffd" not in word:
                words.append(word)
        return tuple(words)

    def _name(self, token: int) -> str:
        return str(self.tokenizer.convert_ids_to_tokens(token))
