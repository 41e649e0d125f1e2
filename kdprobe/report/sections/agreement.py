"""Agreement: do the models say the same, fail on the same examples, and believe it as strongly?

Does: show agreement with its confusion matrices, shared mistakes, and confidences. Does not:
compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _Agreement:
    name: str = "agreement"
    title: str = "Agreement"
    order: int = 42
    reads: tuple[str, ...] = (
        "agreement",
        "per_label",
        "overlap",
        "confidence",
        "design_effect",
    )

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _Agreement()
