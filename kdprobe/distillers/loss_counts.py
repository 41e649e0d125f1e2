"""What the loss of an example is a mean over: nothing, its real tokens, or its words.

Does: answer two questions of the protocol `objective.Objective` for objectives that have one of
these counts. Does not: know what they compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from kdprobe.distillers.alignment import Level, places
from kdprobe.distillers.masked import ones, token_counts
from kdprobe.distillers.objective import Batch, ModelPair


class OfLevel(Protocol):
    """Options that say what is compared."""

    @property
    def level(self) -> Level:
        """Tokens, or words."""


@dataclass(frozen=True)
class WithoutProjection:
    """An objective that trains nothing beside the student, unless it says otherwise."""

    def projection(self, models: ModelPair, options: Any) -> nn.Module | None:
        """Return None: nothing else is trained."""
        return None


@dataclass(frozen=True)
class PerExample(WithoutProjection):
    """An objective with one loss an example."""

    def loss_count(self, batch: Batch, options: object) -> Tensor:
        """One an example, float32 `[B]`."""
        return ones(batch)


@dataclass(frozen=True)
class PerToken(WithoutProjection):
    """An objective whose loss is the mean over an example's real tokens."""

    def loss_count(self, batch: Batch, options: object) -> Tensor:
        """The real tokens, float32 `[B]`."""
        return token_counts(batch)


@dataclass(frozen=True)
class PerPlace(WithoutProjection):
    """An objective whose loss is the mean over an example's tokens, or over its words."""

    def loss_count(self, batch: Batch, options: OfLevel) -> Tensor:
        """The real tokens, or 1; float32 `[B]`."""
        return places(batch, options.level)
