"""What was lost: the ranked list of what the teacher has and a student does not.

Does: show the gaps of every analysis in their own order, with their examples; those within noise
apart and folded. Does not: rank.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.plain_text import printable
from kdprobe.report.blocks import analysis_block
from kdprobe.report.examples import kept_examples, links
from kdprobe.report.markup import fill
from kdprobe.results.losses import NOISE, certainty
from kdprobe.results.schema import ResultsDocument

MOST = 8
TEXT = 90


@dataclass(frozen=True)
class _StudentGaps:
    name: str = "student_gaps"
    title: str = "What was lost"
    order: int = 30
    reads: tuple[str, ...] = ("student_gaps",)

    def render(self, document: ResultsDocument) -> Markup | None:
        gaps = [gap for result in document.analyses for gap in result.gaps]
        rest = analysis_block(document, "student_gaps", heading=False)
        if not gaps:
            return rest
        texts = {
            example.id: printable(example.text, limit=TEXT) for example in kept_examples(document)
        }
        return fill(
            "student_gaps.html",
            gaps=[gap for gap in gaps if certainty(gap) != NOISE],
            noise=[gap for gap in gaps if certainty(gap) == NOISE],
            most=MOST,
            links=links(document),
            texts=texts,
            rest=rest or Markup(),
        )


SECTION = _StudentGaps()
