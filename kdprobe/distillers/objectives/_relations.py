"""What objectives have in common that compare relations within the hidden states of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.distillers.denominators import PerExample
from kdprobe.distillers.objective import Needs, Situation, needs_of_pairs


@dataclass(frozen=True)
class OfHiddenStates(PerExample):
    """An objective that reads the hidden states of matched layers, one value an example."""

    def needs(self, situation: Situation, options: object) -> Needs:
        """Hidden states of the matched layers."""
        return needs_of_pairs(situation.layer_pairs, "hidden")
