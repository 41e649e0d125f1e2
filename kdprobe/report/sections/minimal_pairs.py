"""Minimal pairs: which grammatical phenomena each model still tells apart.

Does: show accuracy by phenomenon. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _MinimalPairs:
    name: str = "minimal_pairs"
    title: str = "Minimal pairs"
    order: int = 72
    reads: tuple[str, ...] = ("minimal_pairs",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _MinimalPairs()
