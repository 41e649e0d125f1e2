"""Words near a word, by word vectors.

Does: read vectors in the text format of GloVe and word2vec, and give the nearest words by cosine.
Does not: read binary formats or train vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import ConfigError
from kdprobe.tasks.readers import read_lines


@dataclass(frozen=True)
class Neighbours:
    """Word vectors.

    Args:
        words: each once, in the file's order (the commonest first, as a rule).
        units: float32 `[n, d]`, of length 1.
    """

    words: tuple[str, ...]
    units: NDArray[np.float32]

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def near(self, word: str, count: int) -> tuple[str, ...]:
        """Return the nearest other words, the nearest first; of equally near ones the first.

        A word without a vector is looked up in lower case; without one still it has none.
        """
        place = self._places.get(word, self._places.get(word.lower()))
        if place is None:
            return ()
        cosines = self.units @ self.units[place]
        cosines[place] = -np.inf
        order = np.argsort(-cosines, kind="stable")[: min(count, len(self.words) - 1)]
        return tuple(self.words[index] for index in order)


def read_vectors(path: Path) -> Neighbours:
    """Read word vectors: on each line a word and its numbers, blanks between.

    A first line of two whole numbers (word2vec's header) is left out; of a word that stands twice
    the first vector counts; a vector of zeros is near nothing and is left out.

    Raises:
        ConfigError: a line that holds no numbers or another count of them, or no vector at all.
        TaskError: the file cannot be read.
    """
    words: dict[str, NDArray[np.float32]] = {}
    size = 0
    for number, line in enumerate(read_lines(path), start=1):
        parts = line.rstrip().split(" ")
        if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
            continue
        try:
            vector = np.array(parts[1:], dtype=np.float32)
        except ValueError:
            vector = np.zeros(0, dtype=np.float32)
        size = size or len(vector)
        if not size or len(vector) != size or not np.isfinite(vector).all():
            raise ConfigError(
                f"`settings=word_vectors={path}:{number}`",
                found=f"{len(parts) - 1} values behind {parts[0]!r}",
                expected=f"{size} finite numbers" if size else "a word and its numbers",
                remedy="only the text format of GloVe and word2vec is read",
            )
        if parts[0] not in words and vector.any():
            words[parts[0]] = vector / np.linalg.norm(vector)
    if not words:
        raise ConfigError(f"`settings=word_vectors={path}`", found="holds no vector")
    return Neighbours(tuple(words), np.stack(list(words.values())))
