"""How large encoders are, of which nothing is open.

Does: count the weights of a size; name the sizes of the public encoders that the shipped suites
begin with. Does not: read a folder or a shape; `estimate.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class ModelSize(NamedTuple):
    """The sizes of an encoder: layers, width, inner width, vocabulary."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int

    @property
    def inner(self) -> int:
        """The weights of the layers."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.intermediate)

    @property
    def whole(self) -> int:
        """All weights."""
        return self.inner + self.vocabulary * self.hidden


PUBLIC: Mapping[str, ModelSize] = {
    "bert-base-cased": ModelSize(12, 768, 3072, 28_996),
    "bert-base-uncased": ModelSize(12, 768, 3072, 30_522),
    "bert-large-uncased": ModelSize(24, 1024, 4096, 30_522),
    "distilbert-base-cased": ModelSize(6, 768, 3072, 28_996),
    "roberta-base": ModelSize(12, 768, 3072, 50_265),
    "sentence-transformers/all-MiniLM-L6-v2": ModelSize(6, 384, 1536, 30_522),
    "sentence-transformers/all-mpnet-base-v2": ModelSize(12, 768, 3072, 30_527),
}
"""Sizes as their configurations on the hub have them."""
_SMALL_BERT = re.compile(r"google/bert_uncased_L-(\d+)_H-(\d+)_A-\d+")


def public_size(name: str) -> ModelSize | None:
    """Return the size of a public encoder by its hub id; None: not known here.

    >>> public_size("google/bert_uncased_L-6_H-768_A-12") == ModelSize(6, 768, 3072, 30_522)
    True
    >>> public_size("somebody/bert") is None
    True
    """
    small = _SMALL_BERT.fullmatch(name)
    if small is None:
        return PUBLIC.get(name)
    layers, hidden = map(int, small.groups())
    return ModelSize(layers, hidden, 4 * hidden, 30_522)
