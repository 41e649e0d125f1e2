"""How layers are compared, as a person sets it.

Does: check the options before any model is opened. Does not: collect.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from kdprobe.collectors.protocol import CollectorOptions
from kdprobe.config.flags import Flag, Panel


class SimilarityOptions(CollectorOptions):
    """How layers are compared.

    Args:
        sentences: of the split, at most; a seeded choice.
        poolings: how the words of a layer are made one vector; summaries show the first.
        biased: whether CKA keeps its bias, which makes any two layers alike when their width is
            near the number of sentences; for comparison with published numbers.
        permutations: how often one side's sentences are shuffled for the test; 0: no test.
    """

    group: ClassVar[str] = "similarity"
    panel: ClassVar[Panel] = "what to compare"
    asks: ClassVar[tuple[str, ...]] = ("sentences",)

    sentences: Annotated[
        int,
        Field(ge=5, le=1_000_000),
        Flag(
            "Compare all layers of teacher and students on N sentences (CKA, Procrustes).",
            name="similarity", metavar="N",
        ),
    ] = 1000  # fmt: skip
    poolings: Annotated[
        tuple[str, ...],
        Flag("mean, max, cls, last.", name="similarity-pooling", metavar="NAME,...", reads="names"),
    ] = ("mean",)
    biased: Annotated[bool, Flag("CKA without debiasing.", name="similarity-biased")] = False
    permutations: Annotated[
        int,
        Field(ge=0, le=100_000),
        Flag("Shufflings of the permutation test.", name="similarity-permutations", metavar="N"),
    ] = 499

    @field_validator("poolings")
    @classmethod
    def _known_poolings(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from kdprobe.models.hidden import check_poolings

        return check_poolings(names, option="similarity.poolings")


OPTIONS = SimilarityOptions
