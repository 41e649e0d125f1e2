"""Heat maps, lines and tables of attention.

Does: lay out draws that were computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kdprobe.analysis.attention_similarity.draws import AttentionDraws
from kdprobe.observations.attention import AttentionMap
from kdprobe.results.schema import Cell, Column, Curve, Matrix, Series, Table
from kdprobe.stats.arrays import Floats
from kdprobe.stats.attention import STATISTICS
from kdprobe.stats.bootstrap import interval

Draws = Mapping[str, AttentionDraws]
"""By the student's name."""

MAPS = "attention_maps"
LEVELS = "0123456789abcdef"


def heat_map(name: str, student: str, draws: AttentionDraws) -> Matrix:
    """Draw the divergence of all pairs of layers; the rows name the nearest."""
    values = draws.layers[:, :, 0]
    beside = {other: one for one, other in draws.diagonal()}
    return Matrix(
        name=name,
        title=f"Divergence of the teacher's attention and {student}'s",
        caption="Lower is more alike. A row names the student's most similar layer, a column the "
        "teacher's layer at the same relative depth. Layers are counted from 1.",
        row_title="teacher's layer",
        column_title=f"layer of {student}",
        rows=tuple(
            f"{layer + 1} (best {int(row.argmin()) + 1})" for layer, row in enumerate(values)
        ),
        columns=tuple(f"{layer + 1} (at {beside[layer] + 1})" for layer in range(values.shape[1])),
        values=tuple(tuple(map(float, row)) for row in values),
        unit="nats",
    )


def _line(name: str, depth: int, points: Sequence[tuple[int, Floats]], *, bands: bool) -> Series:
    bounds = [interval(draws) if bands else None for _, draws in points]
    return Series(
        name=name,
        x=tuple((layer + 1) / depth for layer, _ in points),
        y=tuple(float(draws[0]) for _, draws in points),
        low=tuple(b[0] if b else None for b in bounds) if bands else (),
        high=tuple(b[1] if b else None for b in bounds) if bands else (),
        labels=tuple(f"layer {layer + 1}" for layer, _ in points),
    )


def divergence_line(students: Draws, random: Draws, ceiling: AttentionDraws | None) -> Curve:
    """Draw the divergence at equal depth: students, random weights, the teacher's other seeds."""

    def points(draws: AttentionDraws) -> list[tuple[int, Floats]]:
        return [(other, draws.layers[one, other]) for one, other in draws.diagonal()]

    lines = [
        _line(name, draws.layers.shape[1], points(draws), bands=True)
        for name, draws in students.items()
    ]
    shapes: dict[int, tuple[list[str], AttentionDraws]] = {}
    for name, draws in random.items():
        same = next(
            (at for at, (_, held) in shapes.items() if np.array_equal(held.layers, draws.layers)),
            len(shapes),
        )
        shapes.setdefault(same, ([], draws))[0].append(name)
    lines += [
        _line(f"{', '.join(names)}: random weights", draws.layers.shape[1], points(draws),
              bands=False)
        for names, draws in shapes.values()
    ]  # fmt: skip
    if ceiling is not None:
        name = "the teacher's other seeds"
        lines.append(_line(name, ceiling.layers.shape[1], points(ceiling), bands=False))
    return Curve(
        name="divergence-by-depth",
        title="Divergence of attention by depth",
        caption="For each layer of the student the teacher's layer at the same relative depth. "
        "Bands are 95 % intervals.",
        kind="line",
        x_title="relative depth in the student (1: last layer)",
        y_title="nats",
        series=tuple(lines),
    )


_TITLES = {
    "entropy": ("Entropy of attention by depth", "nats"),
    "distance": ("Distance to the diagonal by depth", "tokens"),
    "to_first": ("Attention to the first token by depth", "share"),
    "to_separators": ("Attention to separators by depth", "share"),
}


def statistic_lines(teacher: str, students: Draws) -> list[Curve]:
    """Draw where heads look, layer by layer, of teacher and students."""
    first = next(iter(students.values()))
    curves = []
    for statistic, (title, unit) in _TITLES.items():
        at = STATISTICS.index(statistic)
        held = {teacher: first.teacher_layers[at]}
        held |= {name: draws.own_layers[at] for name, draws in students.items()}
        curves.append(
            Curve(
                name=f"{statistic}-by-depth",
                title=title,
                caption="Means over heads; intervals are 95 %, over examples.",
                kind="line",
                x_title="relative depth (1: last layer)",
                y_title=unit,
                series=tuple(
                    _line(name, len(layers), list(enumerate(layers)), bands=True)
                    for name, layers in held.items()
                ),
            )
        )
    return curves


def _columns(*named: tuple[str, str], numbers: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    return (
        *(Column(name=name, label=label) for name, label in named),
        *(Column(name=name, label=label, kind="number") for name, label in numbers),
    )


_LOOKS = (
    ("entropy", "entropy, nats"), ("distance", "distance, tokens"),
    ("to_first", "to the first token"), ("to_separators", "to separators"),
    ("to_itself", "to itself"), ("to_previous", "to the token before"),
    ("to_next", "to the token after"),
)  # fmt: skip
_MOST = 0.5


def named(looks: Floats) -> str:
    """Name where more than half of a head's attention goes; empty: nowhere so.

    Args:
        looks: `STATISTICS` of the head, `[7]`.

    >>> named(np.array([1.0, 2.0, 0.6, 0.1, 0.0, 0.2, 0.1]))
    'the first token'
    """
    most = int(looks[2:].argmax()) + 2
    return _LOOKS[most][1].removeprefix("to ") if looks[most] > _MOST else ""


def lost_table(students: Draws, random: Draws) -> Table:
    """List the teacher's heads without a counterpart, those farthest from any first."""
    rows: list[tuple[float, tuple[Cell, ...]]] = []
    for student, draws in students.items():
        floor = random.get(student)
        if floor is None:
            continue
        for layer, head in zip(*np.nonzero(without_counterpart(draws, floor)), strict=True):
            near = float(draws.nearest[layer, head, 0])
            place = draws.first.nearest[layer, head] + 1
            looks = draws.first.teacher_heads[:, layer, head]
            nearest = f"layer {place[0]}, head {place[1]}"
            numbers = (near, float(floor.nearest[layer, head, 0]), *map(float, looks))
            where = (student, f"{layer + 1}", f"{head + 1}", named(looks), nearest)
            rows.append((near, (*where, *numbers)))
    return Table(
        name="heads_without_counterpart",
        title="The teacher's heads without a counterpart",
        caption="The student's nearest head is not surely nearer than the nearest of the student "
        "before training. Farthest first; where it looks is said of the teacher's head.",
        columns=_columns(
            ("student", "student"), ("layer", "teacher's layer"), ("head", "head"),
            ("most", "most of it to"),
            ("nearest", "nearest in the student"),
            numbers=(("js", "divergence"), ("floor", "random weights"), *_LOOKS),
        ),
        rows=tuple(row for _, row in sorted(rows, key=lambda each: -each[0])),
    )  # fmt: skip


def without_counterpart(draws: AttentionDraws, floor: AttentionDraws) -> Floats:
    """Return 1 for each of the teacher's heads not surely nearer than random, `[layers, heads]`."""
    nearer = floor.nearest - draws.nearest
    lost: Floats = np.zeros(nearer.shape[:2])
    for place in np.ndindex(*lost.shape):
        bounds = interval(nearer[place])
        lost[place] = bounds is None or bounds[0] <= 0
    return lost


def heads_table(teacher: str, students: Draws) -> Table:
    """List where every head of every model looks."""
    first = next(iter(students.values())).first
    held = {teacher: first.teacher_heads}
    held |= {name: draws.first.heads for name, draws in students.items()}
    return Table(
        name="heads",
        title="Where every head looks",
        caption="Of the first run of each model, means over examples; no intervals. Named is "
        "where more than half of the words' attention goes.",
        columns=_columns(
            ("model", "model"),
            ("layer", "layer"),
            ("head", "head"),
            ("most", "most of it to"),
            numbers=_LOOKS,
        ),
        rows=tuple(
            (
                name,
                f"{layer + 1}",
                f"{head + 1}",
                named(looks[:, layer, head]),
                *map(float, looks[:, layer, head]),
            )
            for name, looks in held.items()
            for layer, head in np.ndindex(*looks.shape[1:])
        ),
    )


def maps_table(
    maps: Sequence[AttentionMap], teacher: str, students: Draws, texts: Mapping[str, str]
) -> Table:
    """Write the attention of every head to a few examples, a digit of 16 levels a number.

    A student's heads stand in the order of the teacher's heads that they are matched with, in the
    layer that is most like theirs; those without a match come last.
    """
    rows: list[tuple[Cell, ...]] = []
    for one in maps:
        draws = students.get(one.model)
        if draws is None and one.model != teacher:
            continue
        for layer, heads in enumerate(one.maps):
            order, beside = list(range(len(heads))), ""
            if draws is not None:
                at = draws.best()[layer]
                beside = f"{at + 1}"
                matched = [head for head in draws.first.matches[at, layer].tolist() if head >= 0]
                order = [*matched, *(head for head in order if head not in matched)]
            levels = np.clip((heads[order] * len(LEVELS)).astype(np.int64), 0, len(LEVELS) - 1)
            digits = " ".join("".join(LEVELS[level] for level in head.ravel()) for head in levels)
            names = " ".join(f"{head + 1}" for head in order)
            rows.append(
                (one.example, texts[one.example], one.model, f"{layer + 1}", beside, names,
                 "\n".join(one.tokens), digits)
            )  # fmt: skip
    return Table(
        name=MAPS,
        title="Attention of every head",
        caption="From row to column, special tokens with them; dark is much. A student's heads "
        "stand under the teacher's heads that they are matched with, in the layer most like "
        "theirs.",
        columns=(
            Column(name="example", label="example", kind="example"),
            Column(name="text", label="text"),
            Column(name="model", label="model"),
            Column(name="layer", label="layer"),
            Column(name="beside", label="beside the teacher's layer"),
            Column(name="heads", label="heads"),
            Column(name="tokens", label="tokens"),
            Column(name="maps", label="sixteenths, row by row"),
        ),
        rows=tuple(rows),
    )
