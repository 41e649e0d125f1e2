"""The rows that `make bench` prints as one table.

Does: hold a row's measured values, agreement, must and goal; lay rows out as a table and as JSON,
with a line on the machine. Does not: measure.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch

from kdprobe.version import __version__
from tests.bench.peak import peak

Unit = Literal["times", "coverage", "rank agreement", "s", "ms", "MB", "points"]
_MORE_IS_BETTER = ("times", "coverage", "rank agreement")


@dataclass(frozen=True)
class Row:
    """One row: `times` as fast as a peer, a `coverage` …, or `s`, `ms`, `MB` and `points` at most.

    Args:
        name: what was measured, against whom.
        values: one of each round.
        unit: of the values, of must and of goal.
        agreement: in words, how far the two gave the same; the test itself asserts it.
        must: what the specification asks for; None where it asks for nothing.
        goal: what it hopes for.
        share: of the peak of matrix products (`peak.py`) that ours reached; None: not counted.
        limits: what else its time goes to, in words.
    """

    name: str
    values: tuple[float, ...]
    unit: Unit
    agreement: str
    must: float | None = None
    goal: float | None = None
    share: float | None = None
    limits: str = ""

    @property
    def median(self) -> float:
        """The median over rounds."""
        return statistics.median(self.values)

    def holds(self, limit: float | None) -> bool | None:
        """Return whether the median is as good as a limit; None without one.

        >>> Row("r", (2.0, 3.0, 9.0), "times", "", must=3.0).holds(3.0)
        True
        """
        if limit is None:
            return None
        more = self.unit in _MORE_IS_BETTER
        return self.median >= limit if more else self.median <= limit


@dataclass
class BenchRows:
    """Takes rows as tests measure them; the fixture `bench_row` gives the session's."""

    rows: list[Row] = field(default_factory=list)

    def __call__(
        self,
        name: str,
        values: float | Sequence[float],
        *,
        agreement: str,
        unit: Unit = "times",
        must: float | None = None,
        goal: float | None = None,
        share: float | None = None,
        limits: str = "",
    ) -> Row:
        """Take a row, and return it.

        >>> import numpy as np
        >>> row = BenchRows()("r", np.float64(2.0), agreement="", must=np.float64(1.0))
        >>> row.holds(row.must) is True
        True
        """
        each = tuple(map(float, values)) if isinstance(values, Sequence) else (float(values),)
        # A number of numpy has comparisons of numpy, which no JSON takes.
        must, goal, share = (None if one is None else float(one) for one in (must, goal, share))
        row = Row(name, each, unit, agreement, must, goal, share, limits)
        self.rows.append(row)
        return row


def machine() -> dict[str, str | int | float]:
    """Say where rows were measured: processor, cores, load, peaks, versions and day.

    Peaks are those of one product of matrices in this process, in 1e9 operations a second.
    """
    names = [line.partition(":")[2].strip() for line in _processor() if "model name" in line]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "float32 GF/s": round(peak() / 1e9),
        "bfloat16 GF/s": round(peak(torch.bfloat16) / 1e9),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "kdprobe": __version__,
        "day": datetime.date.today().isoformat(),
    }


def _processor() -> list[str]:
    place = Path("/proc/cpuinfo")
    return place.read_text(encoding="utf-8").splitlines() if place.exists() else []


def table(rows: Sequence[Row]) -> list[str]:
    """Lay rows out: median (least to most), agreement, must, goal, what is held, what limits it.

    >>> row = Row("LIME", (4.0, 5.0, 6.0), "times", "1e-7", 4.0, 6.0, 0.6, "drawing masks")
    >>> table([row])[-1]
    '| LIME | 5 times (4–6) | 1e-7 | 4 held | 6 missed | 60 % of peak; drawing masks |'
    """
    lines = [
        "| row | median (min–max) | agreement | must | goal | what limits it |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        least, most = min(row.values), max(row.values)
        spread = f" ({short(least)}–{short(most)})" if len(row.values) > 1 else ""
        shown = f"{short(row.median)} {row.unit}{spread}"
        columns = (
            row.name, shown, row.agreement, _limit(row, row.must), _limit(row, row.goal),
            _limits(row),
        )  # fmt: skip
        lines.append("| " + " | ".join(columns) + " |")
    return lines


def _limits(row: Row) -> str:
    share = [] if row.share is None else [f"{100 * row.share:.0f} % of peak"]
    return "; ".join([*share, *filter(None, [row.limits])]) or "–"


def _limit(row: Row, limit: float | None) -> str:
    if limit is None:
        return "–"
    return f"{short(limit)} {'held' if row.holds(limit) else 'missed'}"


def short(value: float) -> str:
    """Write a number in three digits.

    >>> short(1234.5), short(0.12345)
    ('1,234', '0.123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_json(rows: Sequence[Row]) -> dict[str, object]:
    """Return the rows and the machine, for tracking."""
    listed = [
        {**asdict(row), "median": row.median, "held": row.holds(row.must),
         "reached": row.holds(row.goal)}
        for row in rows
    ]  # fmt: skip
    return {"machine": machine(), "rows": listed}
