"""Judged minimal pairs, as arrays; an observation of a `Study`.

Does: hold the pairs and every model's margins in a frozen type. Does not: know a model, a file or
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdprobe.stats.arrays import Floats


@dataclass(frozen=True)
class MinimalPairs:
    """Pairs of an acceptable and a damaged sentence, with the margin of every model.

    Args:
        ids: unique pair ids, `[m]`.
        phenomena: the phenomenon of each pair, `[m]`.
        fields: the wider field of each pair (syntax, morphology …), `[m]`.
        good, bad: the two sentences of each pair.
        acceptable: the class index that means acceptable.
        margins: model name -> float64 `[runs, m]`, log P(acceptable | good) minus
            log P(acceptable | bad); positive means the pair is judged rightly.
        origin: where the pairs come from (`BLiMP`, `grammar`).
    """

    ids: tuple[str, ...]
    phenomena: tuple[str, ...]
    fields: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    acceptable: int
    margins: Mapping[str, Floats]
    origin: str
