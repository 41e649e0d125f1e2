"""Which texts go into a transfer set.

Does: drop what is empty, what the training set or the transfer set holds already, and what stands
in a split that models are scored on; count each. Does not: find near duplicates (a text that
differs in one word is another text).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kdprobe.augmenters.augmenter import GeneratedText
from kdprobe.tasks.task import Split

Key = tuple[str, str]


def one_line(text: str) -> str:
    r"""Return a text without line breaks, tabs and doubled blanks, as it is written.

    >>> one_line(" a\tb \n")
    'a b'
    """
    return " ".join(text.split())


def key_of(text: str, pair: str | None = None) -> Key:
    """Return what two texts share that count as the same.

    Definition: Unicode's compatibility form (NFKC), case folded, runs of white space made one
    blank; of a pair, both.

    >>> key_of("Two  Dogs") == key_of("two dogs"), key_of("two dogs.") == key_of("two dogs")
    (True, False)
    """
    parts = (
        one_line(unicodedata.normalize("NFKC", part.casefold()).casefold())
        for part in (text, pair or "")
    )
    first, second = parts
    return first, second


def keys_of(split: Split) -> set[Key]:
    """Return the keys of all examples of a split."""
    pairs = split.pairs or (None,) * len(split)
    return {key_of(text, pair) for text, pair in zip(split.texts, pairs, strict=True)}


@dataclass
class Deduplicator:
    """What has been kept so far, and why the rest was not.

    Args:
        train: keys of the training examples.
        held_out: keys of each split that models are scored on.
        has_pairs: whether a second text must be there.
    """

    train: set[Key]
    held_out: Mapping[str, set[Key]]
    has_pairs: bool = False
    kept: list[GeneratedText] = field(default_factory=list)
    drawn: int = 0
    empty: int = 0
    known: int = 0
    repeated: int = 0
    leaked: int = 0
    leaks: dict[str, int] = field(default_factory=dict)
    _seen: set[Key] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin to count."""
        self.leaks = dict.fromkeys(self.held_out, 0)

    def add(self, texts: Iterable[GeneratedText], *, wanted: int | None) -> int:
        """Keep new texts until there are as many as wanted; return how many were kept."""
        before = len(self.kept)
        for text in texts:
            if wanted is not None and len(self.kept) >= wanted:
                break
            self._classify(text)
        return len(self.kept) - before

    def _classify(self, text: GeneratedText) -> None:
        """Keep a text or count why not; `leaks` counts one that stands in two splits for both."""
        self.drawn += 1
        key = key_of(text.text, text.pair)
        if not key[0] or (self.has_pairs and not key[1]):
            self.empty += 1
            return
        if key in self._seen:
            self.repeated += 1
            return
        if key in self.train:
            self.known += 1
            return
        self._seen.add(key)
        leaking = [name for name, keys in self.held_out.items() if key in keys]
        for name in leaking:
            self.leaks[name] += 1
        if leaking:
            self.leaked += 1
            return
        pair = None if text.pair is None else one_line(text.pair)
        self.kept.append(GeneratedText(one_line(text.text), pair, text.source))
