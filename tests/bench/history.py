"""Rows of several `make bench JSON=FILE` side by side: `python -m tests.bench.history FILE...`.

Does: print the machine of each file, and a table of the rows that any has, for
docs/performance.md. Does not: measure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.rows import short


def history(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Lay runs out, the earliest first: a line on each machine, then a row a line.

    >>> row = {"name": "LIME", "median": 4.0, "unit": "times", "must": 5.0}
    >>> history([{"machine": {"cores": 2}, "rows": [row]}, {"machine": {"cores": 8}, "rows": []}])
    ['1: cores 2', '2: cores 8', '| row | must | 1 | 2 |', '|---|---|---|---|', \
'| LIME, times | 5 | 4 | – |']
    """
    lines = []
    values: dict[tuple[str, str], dict[int, float]] = {}
    musts: dict[tuple[str, str], float | None] = {}
    for number, run in enumerate(runs, start=1):
        machine = ", ".join(f"{name} {value}" for name, value in run["machine"].items())
        lines.append(f"{number}: {machine}")
        for row in run["rows"]:
            key = row["name"], row["unit"]
            values.setdefault(key, {})[number] = row["median"]
            musts[key] = row["must"]
    numbers = range(1, len(runs) + 1)
    lines.append("| " + " | ".join(["row", "must", *map(str, numbers)]) + " |")
    lines.append("|---" * (2 + len(runs)) + "|")
    for key, held in values.items():
        must = musts[key]
        medians = [short(held[number]) if number in held else "–" for number in numbers]
        cells = [", ".join(key), "–" if must is None else short(must), *medians]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


if __name__ == "__main__":
    read = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    print("\n".join(history(read)))
