"""Parts of speech, from a lexicon.

Does: tag a word with its most frequent part of speech; guess that of a word the lexicon does not
know from its ending. Lexica: the one that comes inside the package `textblob` (Brill's, of 94,000
words of the Brown corpus and the Penn Treebank), or one counted from a treebank. Does not: look at
the words around; a word has one part of speech here, in every sentence. Imports neither textblob
nor nltk: one file of the first is read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kdprobe.errors import ConfigError, MissingExtraError
from kdprobe.tasks.probing.treebank import read_conllu, read_mrg

_LONGEST_ENDING = 4
_NUMBER = "0123456789.,:/-%$"


@dataclass(frozen=True)
class Tagger:
    """A part of speech for every word.

    Args:
        lexicon: the most frequent tag of each word, as it is written.
        numbers: the tag of what is made of digits.
        names: the tag of an unknown word with a capital letter that does not begin its text.
        identity: SHA-256 of what it was made from.
        origin: where the lexicon comes from, for people.
    """

    lexicon: Mapping[str, str]
    numbers: str
    names: str
    identity: str
    origin: str

    @cached_property
    def endings(self) -> Mapping[str, str]:
        """The most frequent tag of the lexicon's lower-case words by their last letters."""
        counts: dict[str, Counter[str]] = {}
        for word, tag in self.lexicon.items():
            if word.isalpha() and word.islower():
                for size in range(_LONGEST_ENDING + 1):
                    if size < len(word):
                        ending = word[len(word) - size :]
                        counts.setdefault(ending, Counter())[tag] += 1
        return {ending: _commonest(tags) for ending, tags in counts.items()}

    def tag(self, words: Sequence[str]) -> tuple[str, ...]:
        """Tag the words of one text.

        Definition: the lexicon's tag of the word as it stands; else in lower case; else `numbers`
        for digits, `names` for a capital letter beyond the first word; else that of the longest
        ending, of at most four letters, that words of the lexicon share; a mark that it does not
        know is its own part of speech.
        """
        return tuple(self._tag(word, first=place == 0) for place, word in enumerate(words))

    def _tag(self, word: str, *, first: bool) -> str:
        lower = word.lower()
        held = self.lexicon.get(lower) if first else None
        held = held or self.lexicon.get(word) or self.lexicon.get(lower)
        if held is not None:
            return held
        if any(char.isdigit() for char in word) and all(char in _NUMBER for char in word):
            return self.numbers
        if not any(char.isalpha() for char in word):
            return word
        if word[0].isupper() and not first:
            return self.names
        for size in range(min(_LONGEST_ENDING, len(lower)), -1, -1):
            if lower[len(lower) - size :] in self.endings:
                return self.endings[lower[len(lower) - size :]]
        return self.names


def _commonest(tags: Counter[str]) -> str:
    return min(tags, key=lambda tag: (-tags[tag], tag))


def lexicon_place() -> Path | None:
    """Return the lexicon file of the installed textblob; None where there is none."""
    try:
        installed = importlib.metadata.distribution("textblob")
    except importlib.metadata.PackageNotFoundError:
        return None
    place = Path(str(installed.locate_file("textblob/en/en-lexicon.txt")))
    return place if place.is_file() else None


def english_tagger() -> Tagger:
    """Make the tagger of textblob's lexicon: English, the tags of the Penn Treebank.

    Raises:
        MissingExtraError: textblob is not installed, or has no such file any more.
    """
    place = lexicon_place()
    if place is None:
        raise MissingExtraError(
            "`method=rules`",
            found="the lexicon of parts of speech is missing (package textblob)",
            remedy="pip install textblob, or name a treebank with `pos_from`",
        )
    data = place.read_bytes()
    lexicon = {}
    for line in data.decode("utf-8").splitlines():
        word, blank, tags = line.partition(" ")
        if blank and tags and not line.startswith(";;;"):
            lexicon[word] = tags.split(" ")[0]
    version = importlib.metadata.version("textblob")
    origin = f"the lexicon of textblob {version}, {len(lexicon):,} words"
    return Tagger(lexicon, "CD", "NNP", hashlib.sha256(data).hexdigest(), origin)


def treebank_tagger(path: Path) -> Tagger:
    """Count a tagger from a treebank.

    Args:
        path: a `.mrg` file (Penn Treebank's tags) or a `.conllu` file (universal tags), or a folder
            of one kind.

    Raises:
        ConfigError: no such file, another kind of file, or no word in it.
        TaskError: the treebank is malformed.
    """
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    files = [file for file in files if file.suffix in (".mrg", ".conllu")]
    if not path.exists() or len({file.suffix for file in files}) != 1:
        raise ConfigError(
            f"`pos_from={path}`",
            found="holds no treebank" if path.exists() else "no such file",
            expected="a .mrg or .conllu file, or a folder of files of one kind",
        )
    counts: dict[str, Counter[str]] = {}
    for word, tag in _tagged_words(files):
        counts.setdefault(word, Counter())[tag] += 1
    if not counts:
        raise ConfigError(f"`pos_from={path}`", found="holds no word", expected="tagged sentences")
    lexicon = {word: _commonest(tags) for word, tags in counts.items()}
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    universal = files[0].suffix == ".conllu"
    numbers, names = ("NUM", "PROPN") if universal else ("CD", "NNP")
    return Tagger(lexicon, numbers, names, digest, f"{path.name}, {len(lexicon):,} words")


def _tagged_words(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        if file.suffix == ".mrg":
            for tree in read_mrg(file):
                yield from ((leaf.word, leaf.label) for leaf in tree.leaves())
        else:
            for sentence in read_conllu(file):
                yield from ((word.form, word.upos) for word in sentence)
