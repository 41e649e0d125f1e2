"""What was lost: what the teacher has and a student does not, once, in one list.

Does: show the gaps of slices, labels and minimal pairs by kind, with their examples, and those of
the layers apart. Does not: rank.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analysis_block
from kdprobe.report.examples import kept_examples, links
from kdprobe.report.leads import lost_of
from kdprobe.report.lost import lost_groups, probing_layers, split_gaps
from kdprobe.report.markup import fill
from kdprobe.results.schema import ResultsDocument


@dataclass(frozen=True)
class _StudentGaps:
    name: str = "student_gaps"
    title: str = "What was lost"
    order: int = 30
    reads: tuple[str, ...] = ("student_gaps",)

    def render(self, document: ResultsDocument) -> Markup | None:
        gaps = [gap for result in document.analyses for gap in result.gaps]
        if not gaps:
            return analysis_block(document, self.reads[0], heading=False)
        behaviour, layers = split_gaps(gaps)
        result = document.analysis(self.reads[0])
        texts = {example.id: example.text for example in kept_examples(document)}
        lost = {gap.student for gap in gaps}
        return fill(
            "student_gaps.html",
            behaviour=lost_groups(document, behaviour, texts),
            layers=lost_groups(document, layers, texts),
            layers_lead=lost_of(document, layers, "probing"),
            at=probing_layers(document),
            students=[model.name for model in document.students if model.name in lost],
            error=document.task.kind == "regression",
            caption=result.caption if result else "",
            notes=result.notes if result else (),
            links=links(document),
        )


SECTION = _StudentGaps()
