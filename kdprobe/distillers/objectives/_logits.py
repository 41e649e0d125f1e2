"""What objectives have in common that compare the logits of two models."""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.distillers.compatibility import no_teacher
from kdprobe.distillers.loss_counts import PerExample
from kdprobe.distillers.objective import LOGITS, ModelPair, Needs


@dataclass(frozen=True)
class OfLogits(PerExample):
    """An objective that reads the logits of both models, one value an example."""

    def skip_reason(self, models: ModelPair, options: object) -> str | None:
        """It needs a teacher."""
        return no_teacher(models)

    def needs(self, models: ModelPair, options: object) -> Needs:
        """Both models' logits."""
        return Needs(student=frozenset({LOGITS}), teacher=frozenset({LOGITS}))
