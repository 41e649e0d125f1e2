"""Selective agreement: where the student may answer itself, and whom to suspect where it may not.

Does: show coverage against agreement, the threshold with its guarantee, and the suspects. Does not:
compute; the analyses do.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analyses_block
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _SelectiveAgreement:
    name: str = "selective_agreement"
    title: str = "Where the student may answer itself"
    order: int = 46
    reads: tuple[str, ...] = ("selective_agreement",)

    def render(self, document: ResultsDocument) -> Markup | None:
        return analyses_block(document, self.reads, self.title)


SECTION = _SelectiveAgreement()
