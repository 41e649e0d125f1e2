"""Content words exchanged for what a masked language model would write there (TinyBERT).

Jiao et al. 2020 (arXiv:1909.10351, algorithm 1) and the released code
(Pretrained-Language-Model/TinyBERT): for every word of an example the 15 most probable words in its
place (`candidates`), once; then 30 times (`samples`) a new text, in which every word is exchanged
with probability 0.4 (`replace`) for one of its candidates, each as likely. The published counts:
30; for SST-2 and QNLI 20, for MNLI and QQP 10.

Paper and code differ. The code exchanges content words only and shows the model the original text
behind the masked one, so that the word itself is mostly among its candidates; the paper exchanges
any word and shows the masked text alone. The defaults are the code's: `words`, `show_original`.
Words of several pieces get the nearest words by GloVe in both; here by the vectors of a file
(`word_vectors`), and without one they stay.

In a task of pairs every sample gives two: the first text changed and the second kept, and the other
way round (the code keeps, beside a changed second text, the last changed first one: by accident).

Does: work on BERT's word pieces and on tokens with a mark for the blank (RoBERTa). Does not: ask
the model about words behind the tokens that it can read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, JsonValue

from kdprobe.augmenters.augmenter import AugmenterRun, GeneratedText
from kdprobe.augmenters.fills import Filler
from kdprobe.augmenters.function_words import is_content
from kdprobe.augmenters.neighbours import Neighbours, read_vectors
from kdprobe.augmenters.pretrained import find, open_pretrained
from kdprobe.augmenters.worded import Worded, read_words, spell
from kdprobe.config.base import Options
from kdprobe.errors import ConfigError
from kdprobe.models.checkpoint import describe
from kdprobe.models.folder import fingerprint
from kdprobe.plain_files import expanded
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

_BLOCK = 32  # examples of a chunk
_SPARE = 2  # samples drawn for each text wanted: some are drawn twice


class MaskedLmOptions(Options):
    """The options of `masked_lm`.

    Args:
        model: a hub id or folder of a masked language model.
        replace: probability that a word is exchanged.
        candidates: how many of the model's words a place has.
        samples: new texts for each example at most.
        words: `content` leaves words of grammar, numbers and marks alone; `all` does not.
        show_original: show the model the original text behind the masked one.
        word_vectors: a file in the text format of GloVe or word2vec, for words of several pieces.
    """

    model: str = "bert-base-uncased"
    replace: float = Field(0.4, ge=0, le=1)
    candidates: int = Field(15, ge=1, le=10_000)
    samples: int = Field(30, ge=1, le=100_000)
    words: Literal["content", "all"] = "content"
    show_original: bool = True
    word_vectors: str | None = None


@dataclass(frozen=True)
class Choices:
    """A text and, for each of its words, what may stand in its place (nothing: it stays)."""

    worded: Worded
    candidates: tuple[tuple[str, ...], ...]


def exchange(choices: Choices, *, replace: float, generator: np.random.Generator) -> str:
    """Draw one new text."""
    words = []
    chances = generator.random(len(choices.candidates))
    for word, candidates, chance in zip(
        choices.worded.forms, choices.candidates, chances, strict=True
    ):
        if candidates and chance < replace:
            words.append(candidates[int(generator.integers(len(candidates)))])
        else:
            words.append(word)
    return spell(words, choices.worded.gaps[1:-1])


@dataclass(frozen=True)
class MaskedLmMaker:
    """A masked language model, ready for the texts of one split; see `augmenter.Maker`.

    Args:
        split: the texts.
        order: the examples in a random order, so that few texts come from many examples.
        filler: the model.
        near: word vectors, or None.
        options: the options.
        facts: what is told of the model.
        seed: of the draws.
        wanted: how many texts were asked for.
    """

    split: Split
    order: tuple[int, ...]
    filler: Filler
    near: Neighbours | None
    options: MaskedLmOptions
    facts: Mapping[str, str]
    seed: int
    wanted: int | None

    @property
    def _at_once(self) -> int:
        """Samples of an example in one pass: all of them, or as few as the texts asked for need."""
        if self.wanted is None:
            return self.options.samples
        needed = -(-_SPARE * self.wanted // len(self.order))
        return min(self.options.samples, needed)

    @property
    def _blocks(self) -> int:
        return -(-len(self.order) // _BLOCK)

    @property
    def chunks(self) -> int:
        """One for each block of examples in each pass."""
        return self._blocks * -(-self.options.samples // self._at_once)

    def make(self, chunk: int) -> list[GeneratedText]:
        """Draw the next samples of the examples of a block."""
        turn, block = divmod(chunk, self._blocks)
        rows = self.order[block * _BLOCK : (block + 1) * _BLOCK]
        texts = [self.split.texts[row] for row in rows]
        sides = [self.choices(texts)]
        if self.split.pairs is not None:
            sides.append(self.choices([self.split.pairs[row] for row in rows]))
        drafts = []
        samples = min(self._at_once, self.options.samples - turn * self._at_once)
        for place, row in enumerate(rows):
            key = self.split.ids[row]
            generator = derive_generator(self.seed, "augment masked_lm", str(turn), key)
            for _ in range(samples):
                drawn = [
                    exchange(side[place], replace=self.options.replace, generator=generator)
                    for side in sides
                ]
                drafts += self._drafts(row, drawn)
        return drafts

    def _drafts(self, row: int, drawn: Sequence[str]) -> list[GeneratedText]:
        key, text = self.split.ids[row], self.split.texts[row]
        if self.split.pairs is None:
            return [GeneratedText(drawn[0], None, key)]
        return [
            GeneratedText(drawn[0], self.split.pairs[row], key),
            GeneratedText(text, drawn[1], key),
        ]

    def choices(self, texts: Sequence[str]) -> list[Choices]:
        """Find the candidates of every word of some texts."""
        worded = [read_words(text) for text in texts]
        reads = [self.filler.read(*pair) for pair in zip(texts, worded, strict=True)]
        masked = [
            (number, read, place)
            for number, (read, words) in enumerate(zip(reads, worded, strict=True))
            for place in read.places
            if self._may_change(words.words[place.word].text)
        ]
        filled = self.filler.fill([(read, place) for _, read, place in masked])
        filled_words = {
            (number, place.word): words
            for (number, _, place), words in zip(masked, filled, strict=True)
        }
        whole = {(number, place.word) for number, read in enumerate(reads) for place in read.places}
        return [
            Choices(
                words,
                tuple(
                    filled_words.get((number, place), ())
                    if (number, place) in whole
                    else self._nearest(word)
                    for place, word in enumerate(words.forms)
                ),
            )
            for number, words in enumerate(worded)
        ]

    def _may_change(self, word: str) -> bool:
        return self.options.words == "all" or is_content(word)

    def _nearest(self, word: str) -> tuple[str, ...]:
        """Return candidates for a word of several pieces."""
        if self.near is None or not self._may_change(word):
            return ()
        return self.near.near(word, self.options.candidates)


class _MaskedLm:
    name = "masked_lm"
    version = 2
    options = MaskedLmOptions
    runs_model = True

    def identity(self, options: MaskedLmOptions, *, offline: bool) -> Mapping[str, JsonValue]:
        """Return the model, and the word vectors if there are any, by content."""
        named: dict[str, JsonValue] = {
            "model": fingerprint(find(options.model, kind="masked", offline=offline))
        }
        if options.word_vectors is not None:
            place = expanded(options.word_vectors)
            if not place.is_file():
                raise ConfigError(
                    f"`settings=word_vectors={options.word_vectors}`", found="no such file"
                )
            with place.open("rb") as stream:
                named["word vectors"] = hashlib.file_digest(stream, "sha256").hexdigest()
        return named

    def open(self, split: Split, options: MaskedLmOptions, run: AugmenterRun) -> MaskedLmMaker:
        """Open the model and the word vectors."""
        opened = open_pretrained(options.model, kind="masked", offline=run.offline)
        near, unchanged = None, "stay as they are (no word vectors were given)"
        if options.word_vectors is not None:
            place = expanded(options.word_vectors)
            near = read_vectors(place)
            unchanged = f"the nearest of {len(near.words):,} words by {place.name}"
        generator = derive_generator(run.seed, "augment masked_lm order")
        return MaskedLmMaker(
            split=split,
            order=tuple(generator.permutation(len(split)).tolist()),
            filler=Filler(
                opened.model.to(run.device),
                opened.tokenizer,
                options.show_original,
                options.candidates,
            ),
            near=near,
            options=options,
            facts={"model": describe(opened.model), "words of several pieces": unchanged},
            seed=run.seed,
            wanted=run.wanted,
        )


AUGMENTER = _MaskedLm()
