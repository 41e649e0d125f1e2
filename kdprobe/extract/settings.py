"""How texts are explained to every model of a comparison.

Does: hold the methods with their options, what is explained, how words are left out, and the seed.
Does not: explain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from kdprobe.extract.coalitions import Output, Removal


@dataclass(frozen=True)
class ExplanationSettings:
    """How everything is explained; see `observed_words.Attributions` and `coalitions`.

    Args:
        methods: name -> options, in the order of the report.
        output: see `coalitions.Output`.
        removal: `delete` or `mask`.
        seed: of all sampling.
        deletion: whether rankings are also measured by deletion.
        beam: the width of the search for the limits of all orders of deletions of texts whose
            coalitions no method enumerates; 0: none.
    """

    methods: Mapping[str, BaseModel]
    output: Output = "log-odds"
    removal: Removal = "delete"
    seed: int = 0
    deletion: bool = True
    beam: int = 0
