"""What an explainer is, and where they are found.

Does: name the protocol each file of `methods/` answers, and its registry. Does not: explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from kdprobe.extract.coalitions import Output, ValueFunction
from kdprobe.models.chunk_tokens import EncodedText
from kdprobe.models.handle import Capability
from kdprobe.observations.attributions import Word
from kdprobe.registry import Plugins
from kdprobe.stats.arrays import Floats


@dataclass(frozen=True)
class ExplanationInput:
    """One text to explain to one model.

    Args:
        id: the example's id.
        words: the words that every model reads.
        encoded: the text's tokens for this model.
        shares: for each token its words and their shares; see `models.words.word_shares`.
        target: the class to explain.
        game: v(S) of this text and model.
        seed: of everything the method draws for this example.
    """

    id: str
    words: tuple[Word, ...]
    encoded: EncodedText
    shares: tuple[tuple[tuple[int, float], ...], ...]
    target: int
    game: ValueFunction
    seed: int


@dataclass(frozen=True)
class Attribution:
    """What a method found of one text.

    Args:
        scores: float64 `[n]`, positive speaks for the explained class; NaN: the model has no token
            of this word; empty: the method found no finite scores.
        special: share of the absolute mass that lies on special tokens; NaN where there is none.
        gap: |sum of scores - change of the output| over that change; NaN where not defined.
        sampled: whether the scores hold sampling noise (another seed gives others).
        errors: standard errors `[n]` where they are known.
        itself: of sampled scores, the rank correlation expected with those of another seed (see
            `methods._draws`); NaN: not known from these draws.
        drawn: of sampled scores, the share of the most draws that were needed; NaN: not known.
    """

    scores: Floats
    special: float = float("nan")
    gap: float = float("nan")
    sampled: bool = False
    errors: Floats | None = None
    itself: float = float("nan")
    drawn: float = float("nan")


class Method(Protocol):
    """One file of `methods/`: texts and a model in, word scores out."""

    @property
    def name(self) -> str:
        """The file's name."""

    @property
    def version(self) -> int:
        """Raised when its scores change."""

    @property
    def needs(self) -> frozenset[Capability]:
        """What a model must be capable of: `logits` of new texts, or its `gradients` too."""

    @property
    def options(self) -> type[BaseModel]:
        """The frozen model of its options; all have defaults."""

    def explain(
        self, sentences: Sequence[ExplanationInput], reader: Any, options: Any, output: Output
    ) -> list[Attribution]:
        """Explain texts to one model, in the order given.

        `reader` is a `TextsReader`, and a `Reader` where the method needs gradients.
        """


METHODS: Plugins[Method] = Plugins(
    package="kdprobe.extract.methods",
    attribute="METHOD",
    kind="method",
    entry_points="kdprobe.methods",
)
