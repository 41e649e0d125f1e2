"""What models with random weights say of words: the floor of agreement.

Does: explain the random model of each shape once in a comparison. Does not: draw its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kdprobe.cache import Cache
from kdprobe.progress import Progress

if TYPE_CHECKING:
    from kdprobe.extract.attributions import Explained
    from kdprobe.extract.sentence import Sentence
    from kdprobe.extract.settings import ExplanationSettings
    from kdprobe.models.hf import HfModel


@dataclass(frozen=True)
class Floors:
    """The explanations of models with random weights, one for all students of a shape.

    Args:
        seed: of the comparison.
        cache, progress: as in `explain_model`.
    """

    seed: int
    cache: Cache | None
    progress: Progress
    _known: dict[tuple[object, ...], Explained] = field(default_factory=dict)

    def explained(
        self, model: HfModel, sentences: Sequence[Sentence], setting: ExplanationSettings
    ) -> Explained:
        """Return what the random model of a model's shape gives for these sentences."""
        from kdprobe.extract.attributions import explain_model
        from kdprobe.models.random_init import random_twin

        twin = random_twin(model, seed=self.seed)
        asks = (tuple(setting.methods), tuple(one.key for one in sentences))
        key = (twin.fingerprint, twin.reading, *asks)
        if key not in self._known:
            self._known[key] = explain_model(
                twin, sentences, setting, cache=self.cache, progress=self.progress
            )
        return self._known[key]
