"""Task scores: how good each model is, and whether the differences are more than chance.

Does: show scores and the paired tests of their differences. Does not: compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Scores:
    name: str = "scores"
    title: str = "Task scores"
    order: int = 40
    reads: tuple[str, ...] = (
        "task_scores",
        "paired_tests",
    )

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Scores()
