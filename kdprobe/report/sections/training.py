"""Training: how the students came to be what they are.

Does: show the learning curves. Does not: compute; the histories were read when the models
were compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analysis_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Training:
    name: str = "training"
    title: str = "How the students were trained"
    order: int = 86
    reads: tuple[str, ...] = ("training",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analysis_block(document, self.reads[0], heading=False)


SECTION = _Training()
