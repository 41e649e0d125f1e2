"""Telling examples: who is right on what, and the examples worth reading.

Does: show buckets, lists and exemplars, linked to the browser. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Lists:
    name: str = "lists"
    title: str = "Telling examples"
    order: int = 76
    reads: tuple[str, ...] = (
        "buckets",
        "lists",
        "exemplars",
    )

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Lists()
