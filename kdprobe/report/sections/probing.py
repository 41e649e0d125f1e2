"""Probing: what every layer of the teacher and the students knows.

Does: show small multiples by task, the heat map of the gaps and the best layers. Does not: compute;
the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Probing:
    name: str = "probing"
    title: str = "Probing"
    order: int = 60
    reads: tuple[str, ...] = ("probing",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Probing()
