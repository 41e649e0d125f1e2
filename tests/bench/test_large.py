"""Large inputs: many rows, many students, many classes; time and memory of a whole comparison.

Each runs in a process of its own, from predictions files to the four files of a comparison. The
accuracies and agreements in `metrics.csv` are asserted against those of the arrays. Growth is
asserted between three sizes: what a further row, pair of models or class costs must not rise.
`KDPROBE_LARGE=.25` takes a quarter of the rows, students or classes.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.bench.rows import BenchRows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

PART = float(os.environ.get("KDPROBE_LARGE", "1"))
COMPARE = """
import json, sys, time
from kdprobe import compare
from kdprobe.extract.fresh_process import resident_peak
folder, models, only = sys.argv[1], int(sys.argv[2]), sys.argv[3]
files = [f"{folder}/m{number}.csv" for number in range(models)]
wall, processor = time.perf_counter(), time.process_time()
compare(files[0], files[1:], task=f"{folder}/task.csv", output=f"{folder}/out",
        **({"only": (only,)} if only else {}))
print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - processor,
                  "peak": resident_peak() / 2**20}))
"""


class Size(NamedTuple):
    """What is compared: examples, models (the teacher is one), classes."""

    examples: int
    models: int
    classes: int

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.examples:,} examples, {self.models} models, {self.classes:,} classes"


class Measured(NamedTuple):
    """Seconds of wall and processor, and the most memory in MB."""

    wall: float
    cpu: float
    peak: float


def write_files(folder: Path, size: Size) -> list[np.ndarray]:
    """Write a task and predictions files, and return gold and predicted classes of each."""
    generator = np.random.Generator(np.random.PCG64(0))
    n, classes = size.examples, size.classes
    gold = generator.integers(0, classes, n)
    names = [f"c{number}" for number in range(classes)]
    base = generator.normal(size=(n, classes)).astype(np.float32)
    base[np.arange(n), gold] += 2
    head = "id,text,label"
    rows = [f"{row},text number {row},{names[label]}" for row, label in enumerate(gold.tolist())]
    (folder / "task.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    columns = ",".join(f"prob:{name}" for name in names)
    answers = [gold]
    for model in range(size.models):
        logits = base + generator.normal(size=base.shape).astype(np.float32) * (
            0.3 + 0.05 * model if model else 0.0
        )
        values = np.exp(logits - logits.max(axis=1, keepdims=True))
        values = (values / values.sum(axis=1, keepdims=True)).round(6)
        best = values.argmax(axis=1)
        with (folder / f"m{model}.csv").open("w", encoding="utf-8") as file:
            file.write(f"{head},prediction,{columns}\n")
            for row, label, line in zip(rows, best.tolist(), values, strict=True):
                file.write(f"{row},{names[label]},{','.join(map(repr, line.tolist()))}\n")
        answers.append(best)
    return answers


def compared(folder: Path, size: Size, *, only: str = "") -> Measured:
    """Compare in a process of its own, and check accuracies and agreements against the arrays."""
    gold, *answers = write_files(folder, size)
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, str(folder), str(size.models), only],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    with (folder / "out" / "metrics.csv").open(encoding="utf-8") as file:
        rows = {
            (row["metric"], row["model_a"], row["model_b"]): float(row["value"])
            for row in csv.DictReader(file)
            if row["subset"] == "all" and row["value"]
        }
    for number, answer in enumerate(answers):
        assert rows["accuracy", f"m{number}", ""] == pytest.approx(
            (answer == gold).mean(), abs=1e-12
        )
        if number and not only:
            same = (answer == answers[0]).mean()
            assert rows["agreement", "m0", f"m{number}"] == pytest.approx(same, abs=1e-12)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


AGREEMENT = "accuracies and agreements within 1e-12"
ROWS = (
    ("many students", Size(1_000, 31, 3), "", 60.0, 30.0, None),
    ("many rows", Size(1_000_000, 3, 3), "", 180.0, 90.0, 4096.0),
    ("many rows, task_scores alone", Size(1_000_000, 3, 3), "task_scores", 40.0, 20.0, 2048.0),
    ("57 classes", Size(5_000, 3, 57), "", 15.0, 10.0, None),
    ("1,000 classes", Size(5_000, 3, 1_000), "", None, None, None),
)


@pytest.mark.parametrize(("what", "size", "only", "must", "goal", "memory"), ROWS)
def test_large(
    what: str, size: Size, only: str, must: float | None, goal: float | None,
    memory: float | None, tmp_path: Path, bench_row: BenchRows,
):  # fmt: skip
    """Guards against a step that grows with the square of rows, students or classes."""
    if PART != 1:
        size = Size(
            int(size.examples * PART) if "rows" in what else size.examples,
            max(2, int(size.models * PART)) if "students" in what else size.models,
            max(2, int(size.classes * PART)) if "classes" in what else size.classes,
        )
        must = goal = memory = None
    spent = compared(tmp_path, size, only=only)
    bench_row(f"{what}: {size}", spent.cpu, unit="s", agreement=AGREEMENT, must=must, goal=goal)
    bench_row(f"{what}: peak memory", spent.peak, unit="MB", agreement="–", must=memory)
    document = (tmp_path / "out" / "results.json").stat().st_size / 1e6
    page = (tmp_path / "out" / "report.html").stat().st_size / 1e6
    bench_row(f"{what}: results.json", document, unit="MB", agreement="–",
              must=6.0 if what == "57 classes" and PART == 1 else None)  # fmt: skip
    bench_row(f"{what}: report.html", page, unit="MB", agreement="–",
              must=3.0 if what == "many students" and PART == 1 else None)  # fmt: skip


class Growth(NamedTuple):
    """Three sizes, and what grows in them: `units` are rows, pairs of models, or classes."""

    what: str
    sizes: tuple[Size, Size, Size]
    units: tuple[int, int, int]
    steeper: float
    """How much more a unit may cost between the larger two than between the smaller two."""


GROWTH = (
    Growth("rows", tuple(Size(n, 3, 3) for n in (100_000, 250_000, 500_000)),  # type: ignore[arg-type]
           (100_000, 250_000, 500_000), 1.4),
    Growth("pairs of models", tuple(Size(500, m, 3) for m in (11, 21, 31)),  # type: ignore[arg-type]
           (55, 210, 465), 1.4),
    # What grows with the square of classes costs four times as much a class there.
    Growth("classes", tuple(Size(5_000, 2, c) for c in (57, 250, 1_000)),  # type: ignore[arg-type]
           (57, 250, 1_000), 2.0),
)  # fmt: skip


@pytest.mark.parametrize("growth", GROWTH, ids=lambda growth: growth.what)
def test_growth(growth: Growth, tmp_path: Path, bench_row: BenchRows):
    """Guards against time or memory that grows with the square of what there is more of."""
    measured = []
    for place, size in enumerate(growth.sizes):
        (tmp_path / str(place)).mkdir()
        measured.append(compared(tmp_path / str(place), size))
        bench_row(f"growth: {size}", measured[-1].cpu, unit="s", agreement=AGREEMENT)
        bench_row(f"growth: {size}: peak memory", measured[-1].peak, unit="MB", agreement="–")
    a, b, c = growth.units
    for name, (one, two, three) in (
        ("seconds", tuple(each.cpu for each in measured)),
        ("memory", tuple(each.peak for each in measured)),
    ):
        early, late = max(0.0, two - one) / (b - a), max(0.0, three - two) / (c - b)
        least = 0.1 * one / a  # what hardly grows at first may grow a little later
        assert late <= growth.steeper * max(early, least), (name, growth.what, measured)
