"""Words masked, exchanged for others of their part of speech, n-grams kept (Tang et al. 2019).

The rules of Tang et al. 2019 (arXiv:1903.12136, section 4.4). For every word of an example one
number is drawn from [0, 1): below `mask` the word becomes the mask token, below `mask` + `replace`
another word of its part of speech, drawn by how often it stands in the training texts; else it
stays. Then, with probability `ngram`, only a run of 1 to 5 of its words is kept. This is done
`rounds` times for every example. In a task of pairs the rounds go in turn: the first text alone,
the second alone, both.

The released code (castorini/d-bert, 7c590fb) has n-grams switched off by default, goes through a
pair ten times, and draws each time whether one side (half of those times the first) or both are
changed, one third of the times both: the same shares as the paper's turns. As there, a text in
which no word of its own is left is given up; here also one that its example, or the training set,
holds already.

Does: read words as `models.words` splits them (a mark is a word of its own) and keep what stands
between them. Does not: tag in context; see `taggers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, model_validator

from kdprobe.augmenters.augmenter import AugmenterRun, GeneratedText
from kdprobe.augmenters.taggers import Tagger, english_tagger, treebank_tagger
from kdprobe.augmenters.worded import read_words, spell
from kdprobe.config.base import Options
from kdprobe.plain_files import expanded
from kdprobe.seeds import derive_generator
from kdprobe.tasks.task import Split

_BLOCK = 10_000  # examples of a chunk
_SIDES = ((0,), (1,), (0, 1))


class RulesOptions(Options):
    """The options of `rules`.

    Args:
        mask: probability that a word is masked.
        replace: probability that a word is exchanged.
        ngram: probability that only a run of words is kept.
        longest: the longest such run, in words.
        rounds: how often each example is gone through.
        mask_token: what stands for a masked word; the teacher's tokenizer should know it
            (`<mask>` for RoBERTa).
        pos_from: a treebank (.mrg, .conllu) to count parts of speech from; None: the English
            lexicon of textblob.
    """

    mask: float = Field(0.1, ge=0, le=1)
    replace: float = Field(0.1, ge=0, le=1)
    ngram: float = Field(0.25, ge=0, le=1)
    longest: int = Field(5, ge=1, le=1000)
    rounds: int = Field(20, ge=1, le=100_000)
    mask_token: str = Field("[MASK]", min_length=1)
    pos_from: str | None = None

    @model_validator(mode="after")
    def _at_most_all(self) -> RulesOptions:
        if self.mask + self.replace > 1:
            raise ValueError("mask and replace together are more than 1")
        return self


class Tagged(NamedTuple):
    """One text: its words with their tags, and the gaps between them (see `worded.py`)."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    gaps: tuple[str, ...]


def read_tagged(text: str, tagger: Tagger) -> Tagged:
    """Take a text apart into words with their parts of speech, and what stands between."""
    read = read_words(text)
    return Tagged(read.forms, tagger.tag(read.forms), read.gaps)


@dataclass(frozen=True)
class WordDistribution:
    """The words of one part of speech: drawn by how often they stand in the training texts.

    Args:
        words: each once, sorted.
        until: float64, the share of this word and those before it; the last is 1.
    """

    words: tuple[str, ...]
    until: NDArray[np.float64]

    def draw(self, generator: np.random.Generator) -> str:
        """Draw a word."""
        place = int(np.searchsorted(self.until, generator.random(), side="right"))
        return self.words[min(place, len(self.words) - 1)]


def lotteries(texts: Sequence[Tagged]) -> dict[str, WordDistribution]:
    """Count the words of every part of speech."""
    counts: dict[str, dict[str, int]] = {}
    for text in texts:
        for word, tag in zip(text.words, text.tags, strict=True):
            counts.setdefault(tag, {}).setdefault(word, 0)
            counts[tag][word] += 1
    by_tag = {}
    for tag, words in counts.items():
        names = tuple(sorted(words))
        shares = np.array([words[name] for name in names], dtype=np.float64)
        by_tag[tag] = WordDistribution(names, np.cumsum(shares) / shares.sum())
    return by_tag


def change(
    text: Tagged,
    drawn: Mapping[str, WordDistribution],
    options: RulesOptions,
    generator: np.random.Generator,
) -> str:
    """Apply the rules to a text once.

    Returns:
        The new text; empty when no word of its own is left in it.
    """
    words, own = [], []
    for word, tag, chance in zip(
        text.words, text.tags, generator.random(len(text.words)), strict=True
    ):
        if chance < options.mask:
            words.append(options.mask_token)
        elif chance < options.mask + options.replace:
            words.append(drawn[tag].draw(generator))
        else:
            words.append(word)
        own.append(words[-1] == word)
    start, end = 0, len(words)
    if generator.random() < options.ngram:
        size = min(int(generator.integers(1, options.longest + 1)), len(words))
        start = int(generator.integers(0, len(words) - size + 1))
        end = start + size
    if not any(own[start:end]):
        return ""
    return spell(words[start:end], text.gaps[start + 1 : end])


@dataclass(frozen=True)
class RulesMaker:
    """The rules, ready for the texts of one split; see `augmenter.Maker`."""

    ids: tuple[str, ...]
    sides: tuple[tuple[Tagged, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    drawn: Mapping[str, WordDistribution]
    options: RulesOptions
    origin: str
    seed: int
    wanted: int | None

    @property
    def _blocks(self) -> int:
        return -(-len(self.ids) // _BLOCK)

    @property
    def chunks(self) -> int:
        """One for each block of examples in each round: no example waits for another's rounds."""
        return self.options.rounds * self._blocks

    @property
    def facts(self) -> Mapping[str, str]:
        """Where the parts of speech come from."""
        return {
            "parts of speech": self.origin,
            "words to exchange": f"{sum(len(one.words) for one in self.drawn.values()):,} in "
            f"{len(self.drawn)} parts of speech",
        }

    def make(self, chunk: int) -> list[GeneratedText]:
        """Apply the rules once to every example of a block."""
        turn, block = divmod(chunk, self._blocks)
        generator = derive_generator(self.seed, "augment rules", str(chunk))
        changed = _SIDES[turn % 3] if len(self.sides) == 2 else (0,)
        drafts = []
        for row in range(block * _BLOCK, min((block + 1) * _BLOCK, len(self.ids))):
            parts = [texts[row] for texts in self.texts]
            for side in changed:
                parts[side] = change(self.sides[side][row], self.drawn, self.options, generator)
            drafts.append(
                GeneratedText(parts[0], parts[1] if len(parts) == 2 else None, self.ids[row])
            )
        return drafts


class _Rules:
    name = "rules"
    version = 2
    options = RulesOptions
    runs_model = False

    def identity(self, options: RulesOptions, *, offline: bool) -> Mapping[str, JsonValue]:
        """Return the lexicon of parts of speech by content."""
        return {"parts of speech": self._tagger(options).identity}

    def open(self, split: Split, options: RulesOptions, run: AugmenterRun) -> RulesMaker:
        """Tag all texts once."""
        tagger = self._tagger(options)
        texts = (split.texts,) if split.pairs is None else (split.texts, split.pairs)
        sides = tuple(tuple(read_tagged(text, tagger) for text in side) for side in texts)
        return RulesMaker(
            ids=split.ids,
            sides=sides,
            texts=texts,
            drawn=lotteries([text for side in sides for text in side]),
            options=options,
            origin=tagger.origin,
            seed=run.seed,
            wanted=run.wanted,
        )

    def _tagger(self, options: RulesOptions) -> Tagger:
        if options.pos_from is None:
            return english_tagger()
        return treebank_tagger(expanded(options.pos_from))


AUGMENTER = _Rules()
