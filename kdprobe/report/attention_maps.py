"""Attention of every head in a few examples, as small pictures.

Does: read the table that the analysis writes, and draw a strip of heads for each layer: one line
for each level of attention. Does not: compute; `analysis/attention_similarity` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from kdprobe.report.svg import tag, title
from kdprobe.results.schema import Cell, Table

MAPS = "attention_maps"
_CELL, _GAP = 5, 2
"""Pixels of a number, and numbers between two heads."""
_LEVELS = 16


@dataclass(frozen=True)
class Strip:
    """One layer of one model: its heads beside each other."""

    model: str
    layer: str
    beside: str
    heads: tuple[str, ...]
    picture: Markup


@dataclass(frozen=True)
class MappedExample:
    """One example with the strips of all layers, model after model."""

    example: str
    text: str
    tokens: tuple[str, ...]
    strips: tuple[Strip, ...]


def mapped_examples(table: Table) -> list[MappedExample]:
    """Read the examples of a table; a strip that does not fit its tokens is an error.

    Raises:
        ValueError: a map of another size than tokens x tokens.
    """
    columns = [column.name for column in table.columns]
    rows = [dict(zip(columns, row, strict=True)) for row in table.rows]
    examples: dict[str, MappedExample] = {}
    for key, held in groupby(sorted(rows, key=lambda row: _order(rows, row)), _example):
        strips = list(held)
        tokens = tuple(str(strips[0]["tokens"]).split("\n"))
        examples[key] = MappedExample(
            key, str(strips[0]["text"]), tokens, tuple(_strip(row, len(tokens)) for row in strips)
        )
    return list(examples.values())


def by_layer(examples: Iterable[MappedExample]) -> dict[str, list[MappedExample]]:
    """Sort strips by the teacher's layer: it, and below it the students' layers most like it.

    Args:
        examples: as `mapped_examples` gives them.

    Returns:
        Teacher's layer, in rising order -> the examples, each with the strips of that layer alone.
    """
    layers: dict[str, list[MappedExample]] = {}
    for example in examples:
        ordered = sorted(example.strips, key=_teacher_layer)
        for layer, strips in groupby(ordered, key=_teacher_layer):
            held = replace(example, strips=tuple(strips))
            layers.setdefault(str(layer), []).append(held)
    return dict(sorted(layers.items(), key=lambda item: int(item[0])))


def _teacher_layer(strip: Strip) -> int:
    return int(strip.beside or strip.layer)


def _example(row: dict[str, Cell]) -> str:
    return str(row["example"])


def _order(rows: list[dict[str, Cell]], row: dict[str, Cell]) -> int:
    """Return where an example first stands, so that the strips of its models come together."""
    return next(at for at, one in enumerate(rows) if _example(one) == _example(row))


def _strip(row: dict[str, Cell], tokens: int) -> Strip:
    heads = tuple(str(row["heads"]).split())
    maps = str(row["maps"]).split()
    if len(heads) != len(maps) or any(len(one) != tokens**2 for one in maps):
        raise ValueError(f"{MAPS}: the maps of {row['example']} do not fit its {tokens} tokens")
    label = f"{row['model']}, layer {row['layer']}: heads {', '.join(heads)}"
    return Strip(
        str(row["model"]), str(row["layer"]), str(row["beside"]), heads,
        Markup(_picture(maps, tokens, label)),
    )  # fmt: skip


def _picture(maps: list[str], tokens: int, label: str) -> str:
    """Draw heads beside each other, each level of all of them as one path of horizontal lines."""
    step = tokens + _GAP
    runs: dict[int, list[tuple[int, int, int]]] = {}
    for place, one in enumerate(maps):
        for row in range(tokens):
            for column, length, level in _runs(one[row * tokens : (row + 1) * tokens]):
                if level:
                    runs.setdefault(level, []).append((place * step + column, row, length))
    width = len(maps) * step - _GAP
    frames = "".join(
        tag("rect", {"x": place * step, "y": 0, "width": tokens, "height": tokens,
                     "fill": "currentColor", "fill-opacity": "0.06"})
        for place in range(len(maps))
    )  # fmt: skip
    paths = "".join(
        tag("path", {"d": _lines(lines), "stroke-opacity": f"{level / (_LEVELS - 1):.2f}"})
        for level, lines in sorted(runs.items())
    )
    marks = tag("g", {"stroke": "currentColor", "fill": "none"}, paths)
    return tag(
        "svg",
        {"viewBox": f"0 0 {width} {tokens}", "width": width * _CELL, "height": tokens * _CELL,
         "role": "img", "shape-rendering": "crispEdges"},
        title(label) + frames + marks,
    )  # fmt: skip


def _lines(lines: Iterable[tuple[int, int, int]]) -> str:
    """Write lines of `(column, row, length)` as a path of steps, which are shorter than places.

    >>> _lines([(4, 0, 2), (9, 0, 1), (0, 1, 3)])
    'm4 .5h2m3 0h1m-10 1h3'
    """
    d, x, y = [], 0.0, 0.0
    for column, row, length in lines:
        d.append(f"m{column - x:g} {row + 0.5 - y:g}h{length}".replace(" 0.", " ."))
        x, y = column + length, row + 0.5
    return "".join(d)


def _runs(digits: str) -> Iterable[tuple[int, int, int]]:
    """Yield where equal digits begin, how many there are, and their level.

    >>> list(_runs("0ff1"))
    [(0, 1, 0), (1, 2, 15), (3, 1, 1)]
    """
    at = 0
    for digit, same in groupby(digits):
        length = len(list(same))
        yield at, length, int(digit, _LEVELS)
        at += length
