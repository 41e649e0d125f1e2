"""Causal use: which properties a model needs, and what a student kept without using it.

Does: show the heat maps by property and layer and both lists. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _CausalUse:
    name: str = "causal_use"
    title: str = "Causal use"
    order: int = 64
    reads: tuple[str, ...] = ("causal_use",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _CausalUse()
