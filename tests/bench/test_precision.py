"""What bfloat16 does to students of each family: the table of `distillers/precision.py`, anew.

Each training is a process of its own, so that kernels can be capped. The embedded task needs no
data; CoLA needs `KDPROBE_DATA`, copied layers need `KDPROBE_MODELS` (and CoLA's teacher
`KDPROBE_ENCODER`): what is missing is skipped, with the reason.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kdprobe.distillers.precision import (
    PrecisionEvidence,
    compare_precisions,
    is_shown_equal,
    price,
)
from tests.bench.precisions import FAMILIES, Trained
from tests.bench.rows import BenchRows

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 5
NO_BFLOAT16 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
BOTH = ("float32", "bfloat16")


def trained(
    family: str, task: str, seeds: range, more: Mapping[str, str]
) -> dict[tuple[str, int], Trained]:
    """Train one family with every seed in both precisions."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.precisions", family, task, ",".join(BOTH),
         ",".join(map(str, seeds))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **more}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = (line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 6)
    return {
        (precision, int(seed)): Trained(float(score), float(loss), float(seconds))
        for _, _, precision, seed, score, loss, seconds in rows
    }


def missing(family: str, task: str) -> str | None:
    """Say what a family needs that is not here."""
    wanted = {"KDPROBE_DATA"} if task == "cola" else set()
    if FAMILIES[family].student is not None:
        wanted.add("KDPROBE_ENCODER" if task == "cola" else "KDPROBE_MODELS")
    absent = sorted(name for name in wanted if not os.environ.get(name))
    return f"{family} on {task} needs {', '.join(absent)}" if absent else None


@pytest.mark.bench
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("task", ["grammar", "cola"])
@pytest.mark.parametrize("family", FAMILIES)
def test_precisions(family: str, task: str, bench_row: BenchRows) -> None:
    """Guards `auto`: a family that is trained in bfloat16 by itself must be equal here too.

    An undefined score (all examples in one class) counts as 0, which is what guessing is worth.
    """
    reason = missing(family, task)
    if reason is not None:
        pytest.skip(reason)
    runs = trained(family, task, range(SEEDS), {})
    capped = trained(family, task, range(1), NO_BFLOAT16)
    scores = {
        name: tuple(0.0 if runs[name, seed].score != runs[name, seed].score
                    else runs[name, seed].score for seed in range(SEEDS))
        for name in BOTH
    }  # fmt: skip
    seconds = [statistics.median(runs[name, s].seconds for s in range(SEEDS)) for name in BOTH]
    emulated = [capped[name, 0].seconds for name in BOTH]
    budget = ", ".join(f"{key} {value:g}" for key, value in FAMILIES[family].budgets[task].items())
    row = PrecisionEvidence(
        family, task, budget, scores["float32"], scores["bfloat16"],
        (seconds[0], seconds[1]), (emulated[0], emulated[1]),
    )  # fmt: skip
    print(f"{row!r}\n{price(row)}")
    found = compare_precisions(row.float32, row.bfloat16)
    bench_row(
        f"training {family} in bfloat16 on {task}, score moved",
        abs(100 * found.mean),
        unit="points",
        agreement="equal" if found.equal else "not shown equal",
    )
    assert found.equal or not is_shown_equal(family)
