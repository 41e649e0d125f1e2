"""Layer by layer: what the student's layers share with the teacher's.

Does: show heat maps, lines by depth and the best matches. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Similarity:
    name: str = "similarity"
    title: str = "Similarity of layers"
    order: int = 45
    reads: tuple[str, ...] = ("similarity",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Similarity()
