"""A sentence whose words are explained.

Does: hold what every model reads of it, and give the keys its scores are kept and drawn under.
Does not: explain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kdprobe.models.tokens import Texts
from kdprobe.observations.attributions import Word


@dataclass(frozen=True)
class Sentence:
    """One text or pair to explain: what every model reads of it, its words, and the class."""

    id: str
    texts: Texts
    words: tuple[Word, ...]
    target: int

    @property
    def key(self) -> bytes:
        """Sixteen bytes of what the scores depend on: texts, the places of words read, class."""
        return self._digest(",".join(f"{w.segment}:{w.start}-{w.end}" for w in self.words))

    @property
    def seed(self) -> bytes:
        """Sixteen bytes that what is drawn for this sentence depends on."""
        return self._digest(str(len(self.words)))

    def _digest(self, words: str) -> bytes:
        parts = [*self.texts, str(self.target), words]
        digest = hashlib.sha256(str(len(parts)).encode())
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(f"\0{len(data)}\0".encode())
            digest.update(data)
        return digest.digest()[:16]
