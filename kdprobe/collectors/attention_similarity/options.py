"""How attention is compared, as a person sets it.

Does: check the options before any model is opened. Does not: collect.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel


class AttentionOptions(CollectorOptions):
    """How attention is compared.

    Args:
        examples: of the split, at most; a seeded choice.
        tokens: `words`: attention among words, renormalised; `all`: special tokens with them,
            which take most of the attention of many heads.
        maps: of how many short examples the page shows every head.
    """

    group: ClassVar[str] = "attention_similarity"
    panel: ClassVar[Panel] = "what to compare"
    asks: ClassVar[tuple[str, ...]] = ("examples",)

    examples: Annotated[
        int,
        Field(ge=2, le=1_000_000),
        Flag(
            "Compare the attention of all heads of teacher and students on N examples.",
            name="attention", metavar="N",
        ),
    ] = 500  # fmt: skip
    tokens: Annotated[
        Literal["words", "all"], Flag("Attention among words, or all.", name="attention-tokens")
    ] = "words"
    maps: Annotated[
        int,
        Field(ge=0, le=20),
        Flag("Show every head on N examples.", name="attention-maps", metavar="N"),
    ] = 3


OPTIONS = AttentionOptions
