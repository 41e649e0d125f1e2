"""What was lost, laid out once: a row a part and student, grouped by what kind of part it is.

Does: group the gaps of a document by kind, keep those of the
layers apart, draw each gap with its interval on one axis. Does not: rank, test or compute a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.plain_text import printable
from kdprobe.report.axes import Scale, padded
from kdprobe.report.svg import tag
from kdprobe.report.table_view import OPEN_ROWS, capital
from kdprobe.results.losses import LOST, PROBING, certainty, is_pairs, part_name
from kdprobe.results.schema import Gap, ResultsDocument

WIDE, HIGH, COLOURS = 150.0, 16.0, 7
TEXT = 90


@dataclass(frozen=True)
class SampleText:
    """An example of a gap: its id where it is one of the split, and its text, which may be cut."""

    example: str
    text: str


@dataclass(frozen=True)
class LostRow:
    """A gap as it is shown; `more` is folded away, `sure` is lost beyond noise."""

    part: str
    gap: Gap
    bar: Markup
    samples: tuple[SampleText, ...]
    sure: bool
    more: bool


@dataclass(frozen=True)
class LostGroup:
    """The rows of one kind of part."""

    title: str
    rows: tuple[LostRow, ...]

    @property
    def more(self) -> bool:
        """Whether no row of it stands open."""
        return all(row.more for row in self.rows)


def kind_title(gap: Gap, split: str) -> str:
    """Return what kind of part a gap is of, as a heading."""
    if gap.kind == PROBING:
        return "Layers, by probing task"
    if is_pairs(gap):
        return "Minimal pairs, by phenomenon"
    by = f"{capital(split)} split, by {gap.kind.replace('_', ' ')}"
    return "Recall by label" if gap.kind == "label" else by


def _bar(gap: Gap, x: Scale, colour: int, *, sure: bool) -> Markup:
    """Draw a gap with its interval; filled where it is lost beyond noise."""
    middle = HIGH / 2
    marks = tag("line", {"class": "axis", "x1": x(0), "x2": x(0), "y1": 0, "y2": HIGH})
    if gap.low is not None and gap.high is not None:
        ends = {"x1": x(gap.low), "x2": x(gap.high), "y1": middle, "y2": middle}
        marks += tag("line", {"class": "whisker", **ends})
    dot = {"class": "mark" if sure else "hollow", "cx": x(gap.gap), "cy": middle, "r": 4}
    box = f"0 0 {WIDE:.0f} {HIGH:.0f}"
    inner = tag("g", {"class": f"s{colour % COLOURS}"}, marks + tag("circle", dot))
    frame: dict[str, str | float | int] = {"class": "gapbar", "viewBox": box, "width": WIDE,
                                           "height": HIGH, "aria-hidden": "true"}  # fmt: skip
    return Markup(tag("svg", frame, inner))


def _samples(gap: Gap, texts: Mapping[str, str]) -> tuple[SampleText, ...]:
    named = [SampleText(key, printable(texts.get(key, ""), limit=TEXT)) for key in gap.examples]
    quoted = [SampleText("", printable(quote, limit=2 * TEXT)) for quote in gap.quotes]
    return (*named, *quoted)


def _standing(parts: Sequence[Sequence[Gap]], gaps: Sequence[Gap]) -> set[int]:
    """Choose what stands open: the surest parts, each with all its students, to a few rows."""
    members = {id(gap): part for part in parts for gap in part}
    chosen: set[int] = set()
    for gap in gaps:
        new = [id(one) for one in members[id(gap)] if id(one) not in chosen]
        if new and len(chosen) + len(new) > OPEN_ROWS:
            return chosen or set(new[:OPEN_ROWS])
        chosen.update(new)
    return chosen


def lost_groups(
    document: ResultsDocument, gaps: Sequence[Gap], texts: Mapping[str, str]
) -> list[LostGroup]:
    """Group gaps by kind, those of one part beside each other; the surest stand open.

    Args:
        document: names split and students.
        gaps: surest first, as the analysis ranked them.
        texts: of the examples, by id.
    """
    if not gaps:
        return []
    ends = [end for gap in gaps for end in (gap.gap, gap.low, gap.high) if end is not None]
    x = Scale(*padded([0.0, *ends]), 4, WIDE - 4)
    colours = {model.name: index for index, model in enumerate(document.students)}
    kinds: dict[str, dict[str, list[Gap]]] = {}
    for gap in gaps:
        parts = kinds.setdefault(kind_title(gap, document.task.split), {})
        parts.setdefault(part_name(gap, document.task.split), []).append(gap)
    standing = _standing([members for parts in kinds.values() for members in parts.values()], gaps)
    return [
        LostGroup(
            title,
            tuple(
                LostRow(
                    part=part,
                    gap=gap,
                    bar=_bar(gap, x, colours.get(gap.student, 0), sure=certainty(gap) == LOST),
                    samples=_samples(gap, texts),
                    sure=certainty(gap) == LOST,
                    more=id(gap) not in standing,
                )
                for part, members in parts.items()
                for gap in members
            ),
        )
        for title, parts in kinds.items()
    ]


def probing_layers(document: ResultsDocument) -> dict[tuple[str, str], str]:
    """Return the layers at which a probing gap was measured, by student and task."""
    result = document.analysis(PROBING)
    table = next((t for t in result.tables if t.name == "best_layers"), None) if result else None
    if table is None:
        return {}
    at = {column.name: place for place, column in enumerate(table.columns)}
    if not {"model", "task", "layer"} <= set(at):
        return {}
    best: dict[tuple[str, str], str] = {}
    for row in table.rows:
        best.setdefault((str(row[at["model"]]), str(row[at["task"]])), str(row[at["layer"]]))
    return {
        (student, task): f"teacher {best[document.teacher.name, task]}, student {layer}"
        for (student, task), layer in best.items()
        if (document.teacher.name, task) in best
    }


def split_gaps(gaps: Iterable[Gap]) -> tuple[list[Gap], list[Gap]]:
    """Part what a user of a model loses from what its layers hold less of."""
    behaviour: list[Gap] = []
    layers: list[Gap] = []
    for gap in gaps:
        (layers if gap.kind == PROBING else behaviour).append(gap)
    return behaviour, layers
