"""How large models are and how fast they answer, measured side by side.

Does: count parameters and bytes, time single sentences and batches of several models in turn, in
one process. Does not: measure memory, or compare with times taken on another day; a machine is
never twice the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdprobe.models.handle import ModelHandle
from kdprobe.progress import Progress
from kdprobe.results.schema import Estimate, Metric
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.task import Split

WARM_UP = 2

METRICS: tuple[Metric, ...] = (
    Metric(
        name="parameters",
        label="Parameters",
        definition="The number of weights, shared ones counted once, embeddings included.",
        unit="parameters",
        minimum=0.0,
        higher_is_better=False,
    ),
    Metric(
        name="bytes",
        label="Bytes",
        definition="The size of the weight files (safetensors) on disk.",
        unit="bytes",
        minimum=0.0,
        higher_is_better=False,
    ),
    Metric(
        name="throughput",
        label="Sentences a second",
        definition="From texts to outputs, tokenising included, several texts handed over at once "
        "and run in batches of nearly equal length; the median. In brackets the middle half of the "
        "measurements. Models take turns in one process.",
        unit="sentences/s",
        minimum=0.0,
        higher_is_better=True,
    ),
    Metric(
        name="latency_p50",
        label="Latency, median",
        definition="From one text to its outputs, tokenising included, one at a time; the median "
        "sentence. In brackets the middle half. Models take turns in one process.",
        unit="ms",
        minimum=0.0,
        higher_is_better=False,
    ),
)


@dataclass(frozen=True)
class Pace:
    """How speed is measured.

    Args:
        batch_size: sentences handed over at once.
        batches: how often, for each model.
        sentences: sentences of each model timed one at a time.
        threads: CPU threads of torch while it is measured.
    """

    batch_size: int = 32
    batches: int = 15
    sentences: int = 100
    threads: int = 1

    def sentence(self, *, device: str) -> str:
        """Return it as one sentence."""
        where = f"{self.threads} CPU thread{'s' if self.threads > 1 else ''}"
        where = where if device == "cpu" else f"{device}, and {where}"
        return (
            f"Speed: on {where}; {self.batches} batches of {self.batch_size} sentences and "
            f"{self.sentences} single sentences of the split, the same for all models, which take "
            f"turns in one process after {WARM_UP} rounds of warming up."
        )


@dataclass(frozen=True)
class Times:
    """Seconds a sentence: in each batch, and of each single one, in the order taken."""

    batches: Floats
    singles: Floats


def weight_bytes(folder: Path) -> int:
    """Return the size of a folder's weight files in bytes."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def measure_speed(
    models: Mapping[str, ModelHandle],
    split: Split,
    *,
    pace: Pace,
    seed: int,
    progress: Progress,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Time several models on the same sentences.

    Definition: in each round every model answers the same batch (then the same sentence) once, the
    round's first model another each time, so that whatever slows the machine down falls on all of
    them alike; the first rounds are not counted.

    Args:
        models: by name; all of them are in memory at once.
        split: where the sentences are drawn from, with replacement where it is small.
        pace: how many, and on how many threads.
        seed: of the draw.
        progress: told of every round.
        clock: gives seconds.

    Returns:
        By the models' names.
    """
    draw = derive_generator(seed, "efficiency", "sentences")
    sizes = [pace.batch_size] * (WARM_UP + pace.batches) + [1] * (WARM_UP + pace.sentences)
    taken: dict[str, list[float]] = {name: [] for name in models}
    names = list(models)
    with _threads(pace.threads), progress.stage("measure speed", len(sizes)) as stage:
        for turn, size in enumerate(sizes):
            piece = _distinct(split, draw.integers(0, len(split), size=size).tolist())
            for place in range(len(names)):
                name = names[(turn + place) % len(names)]
                started = clock()
                # The outputs come back as numbers: a device has finished when they are there.
                models[name].outputs(piece, batch_size=size, advance=lambda done: None)
                taken[name].append((clock() - started) / len(piece))
            stage.advance()
    half = WARM_UP + pace.batches
    return {
        name: Times(np.array(times[WARM_UP:half]), np.array(times[half + WARM_UP :]))
        for name, times in taken.items()
    }


def _distinct(split: Split, rows: Sequence[int]) -> Split:
    """Take rows once each: ids are unique, and a small split is drawn from with replacement."""
    return split.take(sorted(set(rows)))


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def speed_estimates(name: str, times: Times) -> tuple[Estimate, Estimate]:
    """Return a model's median throughput and latency, each with the middle half of its timings.

    >>> times = Times(np.array([0.125, 0.25, 0.5]), np.array([0.010, 0.020, 0.030]))
    >>> [number.value for number in speed_estimates("s", times)]
    [4.0, 20.0]
    """
    return (
        _middle("throughput", name, 1.0 / times.batches, what="batches"),
        _middle("latency_p50", name, 1000.0 * times.singles, what="sentences"),
    )


def _middle(metric: str, name: str, values: Floats, *, what: str) -> Estimate:
    low, middle, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75]))
    return Estimate(
        metric=metric,
        model_a=name,
        value=middle,
        low=low,
        high=high,
        level=0.5,
        interval=f"middle half of {len(values)} {what}",
        n=len(values),
    )
