"""Slices: where the gap between teacher and student is wide.

Does: show the gap on each slice as a forest plot. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Slices:
    name: str = "slices"
    title: str = "Slices"
    order: int = 70
    reads: tuple[str, ...] = ("slices",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Slices()
