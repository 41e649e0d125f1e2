"""What objectives have in common that compare the logits of two models."""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.distillers.compatibility import no_answers
from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.objective import LOGITS, ModelPair, Needs
from kdprobe.models.predictions.numbers import PROBABILITY_FLOOR
from kdprobe.observations.predictions import Scale


@dataclass(frozen=True)
class OfLogits(PerExample):
    """An objective that reads the outputs of both models, one value an example.

    Args:
        least: what it needs of a teacher that is known by its answers alone.
    """

    least: Scale = "log-probabilities"

    def skip_reason(self, models: ModelPair, options: object) -> str | None:
        """It needs a teacher that gives at least this."""
        return no_answers(models, self.least)

    def needs(self, models: ModelPair, options: object) -> Needs:
        """Both models' logits."""
        return Needs(student=frozenset({LOGITS}), teacher=frozenset({LOGITS}))


def scale_remark(objective: str, models: ModelPair) -> str | None:
    """Say which logits an objective reads of a teacher that is known by its probabilities."""
    if models.answers != "log-probabilities":
        return None
    return (
        f"{objective} reads logarithms of the teacher's probabilities as its logits: those logits "
        f"whose exponentials sum to 1 (a probability below {PROBABILITY_FLOOR:g} counts as that)"
    )
