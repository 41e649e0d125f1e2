"""The verdict: a row of pictures per student, score against agreement, one plain sentence each.

Does: show the first screen with its warnings in few words. Does not: choose its numbers
(`results/headline.py`), write its cells (`results/screen.py`) or draw (`verdict_pictures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.chart_standing import draw_standing
from kdprobe.report.markup import fill
from kdprobe.report.verdict_pictures import Pictures
from kdprobe.results.headline import headline
from kdprobe.results.notices import all_notices, joined, of_the_teacher
from kdprobe.results.readings import readings
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.screen import screen
from kdprobe.results.unable import unable


@dataclass(frozen=True)
class _Chip:
    severity: str
    words: str
    place: int


@dataclass(frozen=True)
class _Verdict:
    name: str = "verdict"
    title: str = "Verdict"
    order: int = 10
    reads: tuple[str, ...] = ()

    def render(self, document: ResultsDocument) -> Markup | None:
        head = headline(document)
        shown = screen(head)
        chips = [
            _Chip(group.severity, group.few_words, place)
            for place, group in enumerate(joined(all_notices(document, head)), start=1)
            if group.severity != "note"
        ]
        unrun = [item for item in unable(document.skipped) if not item.requested]
        return fill(
            "verdict.html",
            screen=shown,
            pictures=Pictures(head),
            chart=draw_standing(head),
            chips=chips,
            unrun=unrun,
            names=[name for item in unrun for name in item.names.replace("_", " ").split(", ")],
            task=document.task,
            n=head.n,
            added=of_the_teacher(document, head),
            reading=readings(shown, head),
        )


SECTION = _Verdict()
