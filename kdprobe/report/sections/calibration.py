"""Calibration: does a confidence mean what it says?

Does: show calibration errors and reliability diagrams with counts. Does not: compute;
the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Calibration:
    name: str = "calibration"
    title: str = "Calibration"
    order: int = 44
    reads: tuple[str, ...] = ("calibration",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Calibration()
