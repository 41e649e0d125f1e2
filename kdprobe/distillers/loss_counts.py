"""What the loss of an example is a mean over: nothing, or its real tokens.

Does: answer two questions of the protocol `objective.Objective` for objectives that train nothing
beside the student. Does not: know what they compare.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from kdprobe.distillers.masked import ones, token_counts
from kdprobe.distillers.objective import Batch, ModelPair


@dataclass(frozen=True)
class WithoutProjection:
    """An objective that trains nothing beside the student."""

    def projection(self, models: ModelPair, options: object) -> None:
        """Nothing else is trained."""
        return


@dataclass(frozen=True)
class PerExample(WithoutProjection):
    """An objective with one value an example."""

    def loss_count(self, batch: Batch, options: object) -> Tensor:
        """One an example."""
        return ones(batch)


@dataclass(frozen=True)
class PerToken(WithoutProjection):
    """An objective whose value is the mean over an example's real tokens."""

    def loss_count(self, batch: Batch, options: object) -> Tensor:
        """The real tokens."""
        return token_counts(batch)
