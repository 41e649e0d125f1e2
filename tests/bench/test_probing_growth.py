"""Probing of ever more sentences through the public command: seconds, memory and disk.

Each size is one comparison in a process of its own: two tiny encoders and their random twins, one
probing set in SentEval's format. `KDPROBE_PROBED=10000,100000,1000000` names other sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.bench.rows import BenchRows
from tests.models.tiny import WORDS, tiny_checkpoint

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

SIZES = tuple(map(int, os.environ.get("KDPROBE_PROBED", "10000,30000,100000").split(",")))
LABELS = ("bad", "good")
TELLING = ("dog", "garden", "sleeps", "sang", "funny", "never")
PROBE = """
import json, sys, threading, time
from pathlib import Path
import kdprobe
from kdprobe.extract.fresh_process import resident_peak
folder, sentences, poolings = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
most, stop = 0, threading.Event()
def watch():
    global most
    while not stop.wait(0.2):
        most = max(most, sum(p.stat().st_size for p in (folder / "cache").rglob("*.features")))
watcher = threading.Thread(target=watch)
watcher.start()
processor = time.process_time()
kdprobe.compare(
    str(folder / "teacher"), [str(folder / "student")], task=str(folder / "task.csv"), jobs=1,
    output=folder / "out", only=("probing",),
    probing=kdprobe.ProbingRequest(
        tasks=(str(folder / "telling.toml"),), sentences=sentences, poolings=tuple(poolings)
    ),
)
spent = time.process_time() - processor
stop.set()
watcher.join()
print(json.dumps({"cpu": spent, "disk": most / 1e6,
                  "peak": resident_peak() / 2**20}))
"""


class Measured(NamedTuple):
    """Processor seconds, the most memory and the most layers on disk at a time, in MB."""

    cpu: float
    peak: float
    disk: float


def write_set(folder: Path, train: int) -> None:
    """Write so many training sentences and a tenth each of dev and test: which word stands in it?

    All sentences differ: they begin with their number, in words.
    """
    generator = np.random.Generator(np.random.PCG64(0))
    others = [word for word in WORDS if word not in TELLING]
    digits = others[:10]
    (folder / "telling.toml").write_text(
        'name = "telling"\ngroup = "surface"\ndescription = "Which word?"\nfile = "telling.txt"\n',
        encoding="utf-8",
    )
    with (folder / "telling.txt").open("w", encoding="utf-8") as file:
        number = 0
        for part, count in (("tr", train), ("va", train // 10), ("te", train // 10)):
            for label in generator.integers(0, len(TELLING), size=count).tolist():
                words = generator.choice(others, size=int(generator.integers(3, 9))).tolist()
                words.insert(int(generator.integers(0, len(words) + 1)), TELLING[label])
                named = [digits[int(digit)] for digit in str(number)]
                file.write(f"{part}\t{TELLING[label]}\t{' '.join([*named, *words])}\n")
                number += 1


def probed(folder: Path, train: int, *, layers: int, width: int, poolings: str) -> Measured:
    """Probe every layer of two encoders, and check that the probes have learned something."""
    folder.mkdir()
    for seed, name in enumerate(("teacher", "student")):
        tiny_checkpoint(
            folder / name, labels=LABELS, layers=layers, width=width, heads=2, seed=seed
        )
    rows = [f"{row},the dog {word} {word},{LABELS[row % 2]}" for row, word in enumerate(WORDS)]
    (folder / "task.csv").write_text("\n".join(["id,text,label", *rows]) + "\n", encoding="utf-8")
    write_set(folder, train)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(folder), str(train), poolings],
        capture_output=True, text=True, check=True,
        env={**os.environ, "KDPROBE_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    document = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    estimates = [
        each
        for analysis in document["analyses"]
        if analysis["name"] == "probing"
        for each in analysis["estimates"]
        if each["metric"] == "accuracy" and each["model_a"] == "teacher"
    ]
    assert {each["n"] for each in estimates} == {train // 10}
    assert max(each["value"] for each in estimates) > 0.5  # guessing is right once in six
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(("layers", "width", "poolings"), [(2, 64, "mean,max"), (1, 32, "mean")])
def test_growth(layers: int, width: int, poolings: str, tmp_path: Path, bench_row: BenchRows):
    """Guards against cost that grows faster than sentences, and vectors held in memory."""
    measured = [
        probed(tmp_path / str(size), size, layers=layers, width=width, poolings=poolings)
        for size in SIZES
    ]
    for size, one in zip(SIZES, measured, strict=True):
        what = f"probing of {size:,} sentences, {layers + 1} layers x {poolings}"
        bench_row(
            what, one.cpu, unit="s", agreement=f"{one.disk:,.0f} MB of layers on disk",
            limits="reading, then fitting; KDPROBE_PROBED=10000,100000,1000000 for more",
        )  # fmt: skip
        bench_row(f"{what}: peak memory", one.peak, unit="MB", agreement="–")
    further = SIZES[-1] - SIZES[-2]
    grown = (measured[-1].peak - measured[-2].peak) * 2**20 / further
    print(f"each further sentence takes {grown:,.0f} bytes of memory: its text and its tokens")
    # Its vectors alone, of which a fit holds three copies in float32, would be several times that.
    assert grown < 3_000
    times = SIZES[-1] / SIZES[0]
    assert measured[-1].cpu / measured[0].cpu < 1.2 * times
    assert measured[-1].disk / measured[0].disk < 1.1 * times
