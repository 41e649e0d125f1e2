"""A whole comparison of real classifiers: the time a person waits for, and where it goes.

Three models on CoLA's dev set, 200 attributed sentences by three methods with ceiling and floor,
ten probing tasks at 2,000 sentences on all layers, an empty cache; in bfloat16 gradients are, too
(`integrated_gradients.gradients=model`). `KDPROBE_ENCODER` names the teacher's folder,
`KDPROBE_STUDENTS` the students' with commas between, `KDPROBE_DATA` that of CoLA.
`KDPROBE_WHOLE_JOBS` is the number of processes (default: the cores). For a busy machine
`KDPROBE_WHOLE=.1` takes a tenth, and half of it, in one process, and says by stage what all of it
would take in CPU seconds.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import kdprobe
from kdprobe.collectors.attributions.options import DEFAULT_METHODS, AttributionRequest
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.comparison.result import Comparison
from kdprobe.config.probing import probing_task_names
from kdprobe.models.hf import open_hf
from kdprobe.models.precision import has_bfloat16
from kdprobe.progress import ProgressStage, Silent
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.workers.room import cores
from tests.bench.explaining import predict_of
from tests.bench.peak import operations, share_of_peak
from tests.bench.rows import BenchRows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(2 * 3600)]

PART = float(os.environ.get("KDPROBE_WHOLE", "1"))
JOBS = int(os.environ.get("KDPROBE_WHOLE_JOBS", cores()))
ATTRIBUTED, PROBED = 200, 2000
COUNTED = 0.05
"""Of all of it, what is run once more to count its operations, which grow with the sentences."""
MUST = {"float32": (720.0, 300.0), "bf16": (360.0, 180.0)}
KINDS = {"float32": torch.float32, "bf16": torch.bfloat16}
SHOWN = 6


class StageClock(Silent):
    """A display that keeps how many seconds of a clock each stage was open, by its title."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        """Open a stage and add its time up."""
        started = self.clock()
        with super().stage(title, total) as shown:
            yield shown
        self.seconds[title] = self.seconds.get(title, 0.0) + self.clock() - started


class Spent(NamedTuple):
    """Wall and CPU seconds of a run, of its stages, and what came out of it."""

    wall: float
    cpu: float
    stages: dict[str, float]
    result: Comparison


def folders() -> list[str]:
    """The teacher's folder and the students', or a skip that says what is missing."""
    names = ("KDPROBE_ENCODER", "KDPROBE_STUDENTS", "KDPROBE_DATA")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} name no classifiers of CoLA, or not CoLA")
    return [os.environ["KDPROBE_ENCODER"], *os.environ["KDPROBE_STUDENTS"].split(",")]


def compared(models: list[str], folder: Path, *, part: float, jobs: int, dtype: str) -> Spent:
    """Compare a part of the sentences with an empty cache."""
    clock = StageClock(time.perf_counter if jobs > 1 else time.process_time)
    wall, cpu = time.perf_counter(), _cpu()
    result = kdprobe.compare(
        models[0], models[1:], task="cola", device="cpu", offline=True, dtype=dtype, jobs=jobs,
        cache=folder / "cache", output=folder / "out", progress=clock,
        probing=ProbingRequest(sentences=int(PROBED * part)),
        attributions=AttributionRequest(
            sentences=int(ATTRIBUTED * part),
            options={} if dtype == "float32" else {"integrated_gradients": {"gradients": "model"}},
        ),
    )  # fmt: skip
    wall = time.perf_counter() - wall
    return Spent(wall, _cpu() - cpu, clock.seconds, result)


def _cpu() -> float:
    """CPU seconds of this process and of those it has waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def whole(part: float, half: float, share: float) -> float:
    """What all takes if a `share` of it took `part` seconds, and half of that share `half`.

    >>> round(whole(12.0, 7.0, 0.1), 9)  # 2 to begin with, 100 for all
    102.0
    """
    slope = max(part - half, 0.0) / (share / 2)
    return part + slope * (1 - share)


@pytest.mark.parametrize("dtype", ["float32", "bf16"])
def test_whole_comparison(dtype: str, tmp_path: Path, bench_row: BenchRows) -> None:
    """Guards against a stage that takes the time of all, and one that is fast as it is left out.

    The accuracies are those of a plain loop over the models; probes must have numbers of every
    model, and explanations of every student.
    """
    models = folders()
    if dtype == "bf16" and not has_bfloat16("cpu"):
        pytest.skip("this processor multiplies bfloat16 by way of float32")
    jobs = JOBS if PART == 1 else 1
    spent = compared(models, tmp_path / "all", part=PART, jobs=jobs, dtype=dtype)
    agreement = agreed(spent.result, models, exact=dtype == "float32")
    seconds, stages = spent.wall, spent.stages
    must, goal = MUST[dtype] if PART == 1 else (None, None)
    what = f"{jobs} processes, wall"
    if PART != 1:
        half = compared(models, tmp_path / "half", part=PART / 2, jobs=1, dtype=dtype)
        stages = {
            title: whole(took, half.stages.get(title, 0.0), PART)
            for title, took in spent.stages.items()
        }
        seconds = whole(spent.cpu, half.cpu, PART)
        what = f"CPU time of one process, estimated from {PART:g} of it"
    part = min(PART, COUNTED)
    work = operations(
        lambda: compared(models, tmp_path / "counted", part=part, jobs=1, dtype=dtype)
    )
    share = share_of_peak(work / part, spent.cpu if PART == 1 else seconds, KINDS[dtype])
    bench_row(
        f"whole comparison of {len(models)} models, {dtype}, {what}",
        seconds, unit="s", agreement=agreement, must=must, goal=goal,
        share=share, limits=shares(stages, seconds),
    )  # fmt: skip
    bench_row(
        f"whole comparison, {dtype}, {jobs} processes, CPU time of {PART:g} of it", spent.cpu,
        unit="s", agreement=agreement,
    )  # fmt: skip


def shares(stages: dict[str, float], seconds: float) -> str:
    """Name the longest kinds of stages, each with its share of all."""
    kinds: dict[str, float] = {}
    for title, took in stages.items():
        kind = title.partition(" of ")[0]
        kinds[kind] = kinds.get(kind, 0.0) + took
    longest = sorted(kinds.items(), key=lambda item: -item[1])[:SHOWN]
    return ", ".join(f"{kind} {took / seconds:.0%}" for kind, took in longest)


def agreed(result: Comparison, models: list[str], *, exact: bool) -> str:
    """Check what came out against a plain loop, and that nothing was left out."""
    split = load_split(open_task("cola"), "dev", offline=True)
    rows, differ = result.metrics, []
    rows = rows[rows.value.notna()]
    names = [model.name for model in result.document.models]
    for name, place in zip(names, models, strict=True):
        handle = open_hf(place, name=name, task=split.task, device="cpu")
        plain = predict_of(handle)(list(split.texts)).argmax(1)
        accuracy = float((plain == np.asarray(split.labels)).mean())
        shown = result.get("task_scores.accuracy", name).value
        assert shown is not None
        differ.append(abs(shown - accuracy))
        own = rows[rows.model_a == name]
        assert set(own[own.analysis == "probing"].subset) >= set(probing_task_names())
    explained = rows[rows.analysis == "attribution_agreement"]
    assert set(explained.model_b) >= set(names[1:])
    assert set(explained.method) >= set(DEFAULT_METHODS)
    assert max(differ) <= (1e-12 if exact else 0.01)
    return f"accuracies within {max(differ):.0e} of a plain loop's"
