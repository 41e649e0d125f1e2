"""The picture of docs/architecture.md: which room imports which, read from the code.

Does: draw a square with a line for each room and a mark where it imports another; as imports point
one way, all marks lie below the diagonal. Does not: judge; `tests/test_layers.py` does.

`python -m tests.architecture` writes docs/architecture.svg anew.
"""

from __future__ import annotations

import ast
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from tests.test_layers import PACKAGE, ROWS

PICTURE = PACKAGE.parent / "docs" / "architecture.svg"
SIDE, LABELS, TOP, BAND = 17, 150, 112, 24


class Room(NamedTuple):
    """A folder of the package, or a file beside the folders, and its row."""

    name: str
    row: int
    is_folder: bool


def rooms() -> list[Room]:
    """Return the rooms by row; within a row what is imported comes before what imports it."""
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    files = {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    known = [Room(name, row, name in folders) for name, row in ROWS.items()]

    def depth(name: str) -> int:
        below = [other for one, other in imports() if one == name and ROWS.get(other) == ROWS[name]]
        return max((depth(other) + 1 for other in below), default=0)

    return sorted(
        (room for room in known if room.name in folders | files),
        key=lambda room: (room.row, depth(room.name), room.is_folder, room.name),
    )


@cache
def imports() -> frozenset[tuple[str, str]]:
    """Return the pairs (importing room, imported room)."""
    pairs = set()
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                head, _, rest = name.partition(".")
                if head == "kdprobe" and rest:
                    pairs.add((room, rest.split(".")[0]))
    return frozenset((one, other) for one, other in pairs if one != other)


def draw() -> str:
    """Return the picture as SVG; equal code gives equal bytes."""
    listed, pairs = rooms(), imports()
    place = {room.name: number for number, room in enumerate(listed)}
    side = len(listed) * SIDE
    width, height = LABELS + BAND + side + 44, TOP + side + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Which room of kdprobe imports which" '
        f'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    left = LABELS + BAND
    for number, room in enumerate(listed):
        y, x = TOP + number * SIDE, left + number * SIDE
        shade = "#eef2f7" if room.row % 2 else "#fff"
        weight = ' font-weight="600"' if room.is_folder else ""
        name = escape(room.name + ("/" if room.is_folder else ""))
        parts += [
            f'<rect x="0" y="{y}" width="{left + side}" height="{SIDE}" fill="{shade}"/>',
            f'<text x="{LABELS - 6}" y="{y + 12.5}" text-anchor="end"{weight}>{name}</text>',
            f'<text x="{LABELS + BAND / 2}" y="{y + 12.5}" text-anchor="middle" '
            f'fill="#667">{room.row}</text>',
            f'<text transform="translate({x + 12.5},{TOP - 6}) rotate(-60)"{weight}>{name}</text>',
            f'<rect x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" fill="#c3ccd9"/>',
        ]
    for one, other in sorted(pairs):
        if one in place and other in place:
            across, down = (place[name] * SIDE + SIDE / 2 for name in (other, one))
            title = f"<title>{escape(one)} imports {escape(other)}</title>"
            parts.append(
                f'<circle cx="{left + across}" cy="{TOP + down}" r="4.5" fill="#1d4f91">'
                f"{title}</circle>"
            )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(PICTURE).write_text(draw(), encoding="utf-8")
