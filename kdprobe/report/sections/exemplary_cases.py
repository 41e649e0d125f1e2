"""Telling examples: who is right on what, and the examples worth reading.

Does: show correctness groups, exemplary cases and exemplars, linked to the browser. Does not:
compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _ExemplaryCases:
    name: str = "exemplary_cases"
    title: str = "Telling examples"
    order: int = 80
    reads: tuple[str, ...] = (
        "correctness_groups",
        "exemplary_cases",
        "exemplars",
    )

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _ExemplaryCases()
