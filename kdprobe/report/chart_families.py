"""Which curves and heat maps of an analysis are one chart: the same picture of each model.

Does: find those whose titles differ in a model's name only, lay students side by side (a series
each) and what was side by side apart (a panel each), and put curves of one shape into one chart.
Does not: draw, compute or change a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kdprobe.report.palette import Palette, is_baseline
from kdprobe.results.schema import Curve, Matrix, Series

_HOLE = "\x00"
KEPT = "kept: "
"""How the series of a checkpoint that was kept begins; it is drawn as a ring."""
_CROWD = 3
"""Above so many models baselines of each would hide what they are compared with."""


class _Titled(Protocol):
    @property
    def title(self) -> str:
        """The title, in which a model may be named."""


T = TypeVar("T", bound=_Titled)


@dataclass(frozen=True)
class Family:
    """Charts that are alike but for the model: in what words, and which member is whose."""

    title: str
    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Facet:
    """A panel: its title, its series, a reference line, and the model it is about, if it is one."""

    title: str
    series: tuple[Series, ...]
    reference: float | None = None
    model: str = ""


@dataclass(frozen=True)
class Plot:
    """One chart with axes: its panels, and what they share."""

    kind: str
    name: str
    title: str
    x_title: str
    y_title: str
    caption: str
    facets: tuple[Facet, ...]
    folded: str = ""


def _holes(title: str, models: Iterable[str]) -> list[tuple[str, str]]:
    """Return each model named in a title with the title less that one mention of it."""
    mentions = []
    for model in models:
        at = title.find(model) if model else -1
        while at >= 0:
            end = at + len(model)
            apart = not (title[at - 1 : at].isalnum() or title[end : end + 1].isalnum())
            if apart:
                mentions.append((model, title[:at] + _HOLE + title[end:]))
            at = title.find(model, at + 1)
    return mentions


def _worded(key: str, members: Sequence[str], teacher: str) -> str:
    """Write the title of a family: of each model, or of each student."""
    if len(members) == 1:
        return key.replace(_HOLE, members[0])
    each = "each model" if teacher in members else "each student"
    title = key.removeprefix(_HOLE + ": ").replace(_HOLE, each)
    return title[:1].upper() + title[1:]


def families(items: Sequence[T], palette: Palette) -> tuple[list[Family], list[int]]:
    """Group items whose titles differ in the name of one model only.

    Args:
        items: curves or heat maps of one kind and the same axes.
        palette: the models.

    Returns:
        The families, and the places of the items that belong to none.
    """
    keys: dict[str, dict[str, int]] = {}
    for i, item in enumerate(items):
        for model, key in _holes(item.title, palette.models):
            keys.setdefault(key, {}).setdefault(model, i)
    grouped, taken = [], set[int]()
    # The words that most models share are those of the family; others name two models at once.
    ranked = sorted(keys.items(), key=lambda entry: (-len(entry[1]), palette.teacher in entry[1]))
    for key, members in ranked:
        free = [(model, i) for model, i in members.items() if i not in taken]
        order = [pair for name in palette.models for pair in free if pair[0] == name]
        # A title may name two models: one curve then stands once, for the student.
        once = {i: (model, i) for model, i in order}
        # One name alone is chance ("words" is a name, too), unless there is but one student.
        if len(once) < 2 and not (once and len(palette.students) == 1):
            continue
        taken |= set(once)
        names = [model for model, _ in once.values()]
        grouped.append(Family(_worded(key, names, palette.teacher), tuple(once.values())))
    grouped.sort(key=lambda family: min(i for _, i in family.members))
    return grouped, [i for i in range(len(items)) if i not in taken]


def _blank(title: str, students: Iterable[str]) -> str:
    """Take students out of an axis' title, so that those of two students are the same."""
    for model in sorted(students, key=len, reverse=True):
        title = next((key for _, key in _holes(title, [model])), title)
    return title


def _axis(titles: Sequence[tuple[str, str]]) -> str:
    """Return the title that the axes of members share; where each names its own, a general one."""
    model, first = titles[0]
    if len({title for _, title in titles}) == 1:
        return first
    key = next((key for _, key in _holes(first, [model])), first)
    return key.replace(_HOLE, "the student")


def shared_caption(captions: Sequence[tuple[str, str]]) -> str:
    """Write captions that are mostly the same once, and what is each one's own after its title.

    Args:
        captions: title and caption of each.

    >>> shared_caption([("a", "bars are intervals; n = 3"), ("b", "bars are intervals; n = 4")])
    'bars are intervals. a: n = 3. b: n = 4'
    """
    split = [(title, [p.strip() for p in text.split(";") if p.strip()]) for title, text in captions]
    if len({tuple(parts) for _, parts in split}) <= 1:
        return captions[0][1] if captions else ""
    common = [part for part in split[0][1] if all(part in parts for _, parts in split)]
    own = [
        f"{title}: {'; '.join(part for part in parts if part not in common)}"
        for title, parts in split
        if any(part not in common for part in parts)
    ]
    return ". ".join(["; ".join(common), *own] if common else own)


def _renamed(series: Series, name: str) -> Series:
    return series.model_copy(update={"name": name})


def _transposed(curves: Sequence[tuple[str, Curve]]) -> tuple[Facet, ...]:
    """Make a panel of each quantity, with a series of each model; baselines stand in each."""
    quantities: dict[str, list[Series]] = {}
    baselines: dict[str, list[Series]] = {}
    for model, curve in curves:
        names = [series.name for series in curve.series]
        last = max((i for i, name in enumerate(names) if not is_baseline(name)), default=0)
        quantity = ""
        for i, series in enumerate(curve.series):
            if is_baseline(series.name):
                # Baselines after all quantities are those of each, others of the one before them.
                of = quantity if i < last else ""
                baselines.setdefault(of, []).append(_renamed(series, f"{model}: {series.name}"))
                continue
            quantity = series.name.removeprefix(KEPT)
            name = KEPT + model if quantity != series.name else model
            quantities.setdefault(quantity, []).append(_renamed(series, name))
    kept = baselines if len(curves) <= _CROWD else {}
    reference = curves[0][1].reference
    return tuple(
        Facet(name, (*drawn, *kept.get(name, ()), *kept.get("", ())), reference)
        for name, drawn in quantities.items()
    )


def _of_family(family: Family, curves: Sequence[Curve]) -> Plot:
    members = [(model, curves[i]) for model, i in family.members]
    first = members[0][1]
    x_title = _axis([(model, curve.x_title) for model, curve in members])
    y_title = _axis([(model, curve.y_title) for model, curve in members])
    if first.kind in ("scatter", "spread"):
        facets = tuple(Facet(m, c.series, c.reference, m) for m, c in members)
    elif all(len(curve.series) == 1 and curve.series[0].name == model for model, curve in members):
        merged = tuple(curve.series[0] for _, curve in members)
        facets = (Facet("", merged, first.reference),)
    else:
        facets = _transposed(members)
    caption = shared_caption([(model, curve.caption) for model, curve in members])
    return Plot(first.kind, first.name, family.title, x_title, y_title, caption, facets)


def _single(curve: Curve) -> Plot:
    facets: tuple[Facet, ...] = (Facet("", curve.series, curve.reference),)
    if curve.kind == "reliability" or (curve.kind == "bars" and len(curve.series) > _CROWD + 1):
        facets = tuple(Facet(s.name, (s,), curve.reference, s.name) for s in curve.series if s.x)
    return Plot(
        curve.kind, curve.name, curve.title, curve.x_title, curve.y_title, curve.caption, facets
    )  # fmt: skip


def _multiples(curves: Sequence[Curve], palette: Palette) -> list[Plot]:
    """Put lines of the same axes and models into one chart, a panel each."""
    groups: dict[tuple[object, ...], list[Curve]] = {}
    for i, curve in enumerate(curves):
        models = frozenset(series.name for series in curve.series) & set(palette.models)
        alone = i if curve.kind != "line" or not models else -1
        groups.setdefault((alone, curve.kind, curve.x_title, curve.y_title, models), []).append(
            curve
        )
    plots = []
    for held in groups.values():
        first = held[0]
        if len(held) == 1:
            plots.append(_single(first))
            continue
        title = f"{first.y_title[:1].upper()}{first.y_title[1:]} by {first.x_title}"
        facets = tuple(Facet(curve.title, curve.series, curve.reference) for curve in held)
        caption = shared_caption([(curve.title.split(" (")[0], curve.caption) for curve in held])
        plots.append(Plot("line", first.name, title, first.x_title, first.y_title, caption, facets))
    return plots


def _placed(curve: Curve) -> tuple[Series, ...]:
    """Empty the series of points without a height, which only a forest can place.

    The kept checkpoint of a curve's only line, which older documents do not name, gets its name.
    """
    nowhere: dict[str, object] = {
        "x": (), "low": (), "high": (), "counts": (), "labels": ()
    }  # fmt: skip
    lines = [series.name for series in curve.series if not is_baseline(series.name)]
    kept = f"{KEPT}{lines[0]}" if len(lines) == 2 and lines[1] == KEPT.strip(": ") else ""
    return tuple(
        (_renamed(series, kept) if kept and series.name == lines[1] else series)
        if series.y or curve.kind == "forest"
        else series.model_copy(update=nowhere)
        for series in curve.series
    )


def plots(curves: Sequence[Curve], palette: Palette) -> list[Plot]:
    """Lay out the curves of an analysis as charts, in the order of their first curves."""
    held = (curve.model_copy(update={"series": _placed(curve)}) for curve in curves)
    drawn = [curve for curve in held if any(series.x for series in curve.series)]
    place: dict[str, int] = {}
    for i, curve in enumerate(drawn):
        place.setdefault(curve.name, i)
    laid_out: list[Plot] = []
    kinds: dict[tuple[str, str, str], list[Curve]] = {}
    for curve in drawn:
        axes = (_blank(curve.x_title, palette.students), _blank(curve.y_title, palette.students))
        kinds.setdefault((curve.kind, *axes), []).append(curve)
    for alike in kinds.values():
        related, rest = families(alike, palette)
        laid_out += [_of_family(family, alike) for family in related]
        laid_out += _multiples([alike[i] for i in rest], palette)
    return sorted(laid_out, key=lambda plot: place[plot.name])


@dataclass(frozen=True)
class MatrixFamily:
    """Heat maps that are one chart: the title, and each with the model it is about."""

    title: str
    members: tuple[tuple[str, Matrix], ...]


def matrix_families(matrices: Sequence[Matrix], palette: Palette) -> list[MatrixFamily]:
    """Lay out the heat maps of an analysis as charts, in the order of their first ones."""
    drawn = [matrix for matrix in matrices if matrix.rows and matrix.columns]
    related, rest = families(drawn, palette)
    placed = [
        (min(i for _, i in family.members),
         MatrixFamily(family.title, tuple((model, drawn[i]) for model, i in family.members)))
        for family in related
    ]  # fmt: skip
    placed += [(i, MatrixFamily(drawn[i].title, (("", drawn[i]),))) for i in rest]
    return [family for _, family in sorted(placed, key=lambda pair: pair[0])]
