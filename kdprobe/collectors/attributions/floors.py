"""What models with random weights say of words: the floor of agreement.

Does: ask the random model of each shape once in a comparison. Does not: draw its weights or explain
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kdprobe.extract.attributions import Explained, ExplanationRequest
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel
from kdprobe.models.random_init import random_twin

FloorKey = tuple[object, ...]


@dataclass(frozen=True)
class Floors:
    """The explanations of models with random weights, one for all students of a shape.

    Args:
        seed: of the comparison.
        open: what was asked and is not explained yet.
        known: what is.
    """

    seed: int
    open: dict[FloorKey, ExplanationRequest] = field(default_factory=dict)
    known: dict[FloorKey, Explained] = field(default_factory=dict)

    def ask(
        self, model: HfModel, sentences: Sequence[Sentence], setting: ExplanationSettings
    ) -> FloorKey:
        """Ask the random model of a model's shape about sentences; give what it is known under."""
        twin = random_twin(model, seed=self.seed)
        asks = (tuple(setting.methods), tuple(one.key for one in sentences))
        key = (twin.fingerprint, twin.reading, *asks)
        if key not in self.known:
            self.open.setdefault(key, ExplanationRequest(twin, sentences, setting))
        return key

    def learn(self, explained: Sequence[Explained]) -> None:
        """Take up the explanations of what is open, in its order."""
        self.known.update(zip(self.open, explained, strict=True))
        self.open.clear()
