"""Occlusion: how far the output falls when one word is left out.

Does: v(all) - v(all but i) for every word. Does not: see words that stand in for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.config.base import Options
from kdprobe.extract.coalitions import Output, fill
from kdprobe.extract.method import Attribution, ExplanationInput
from kdprobe.models.handle import Capability
from kdprobe.models.texts_reader import TextsReader
from kdprobe.stats.arrays import Bools, Floats


class OcclusionOptions(Options):
    """None: the value function is shared by all methods that leave words out."""


def coalitions(n: int) -> Bools:
    """All words, then all but each; bool `[n + 1, n]`."""
    return np.vstack([np.ones((1, n), dtype=np.bool_), ~np.eye(n, dtype=np.bool_)])


@dataclass(frozen=True)
class Occlusion:
    """Leave one word out (Zeiler and Fergus 2014; Li et al. 2016)."""

    name: str = "occlusion"
    version: int = 1
    needs: frozenset[Capability] = frozenset({"logits"})
    options: type[OcclusionOptions] = OcclusionOptions

    def passes(self, n: int, options: OcclusionOptions) -> float:
        """Return how many passes of a whole text of n words are asked for."""
        return n + 1.0

    def explain(
        self,
        sentences: Sequence[ExplanationInput],
        reader: TextsReader,
        options: OcclusionOptions,
        output: Output,
    ) -> list[Attribution]:
        """Explain texts; one model call a word."""
        fill([(one.game, coalitions(one.game.n)) for one in sentences])
        return [Attribution(self._scores(one, output)) for one in sentences]

    def _scores(self, one: ExplanationInput, output: Output) -> Floats:
        values = one.game.values(coalitions(one.game.n), one.target, output)
        scores: Floats = values[0] - values[1:]
        return scores


ALIASES = ("leave_one_out", "loo")
METHOD = Occlusion()
