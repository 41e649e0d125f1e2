"""How fast models answer, measured side by side.

Does: time single sentences and batches of several models in turn, in one process, within a time
that is said beforehand. Does not: count (`operations.py`), measure memory (`fresh_process.py`),
or keep a time for another day: no cache holds one, as a machine is never twice the same.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kdprobe.models.handle import ModelHandle
from kdprobe.observations.efficiency import Times
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.results.numbers import show_duration
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Ints
from kdprobe.tasks.task import Split

WARM_UP = 2
WORTH_SAYING = 2.0
"""Seconds from which on an estimate is said."""
_FEWEST = {1: 30}
_FEWEST_BATCHES = 3

Round = Callable[[int, int], float]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Pace:
    """How speed is measured.

    Args:
        rounds: sentences handed over at once -> how often, for each model, at most.
        threads: CPU threads of torch while it is measured.
        seconds: for each model, at most, shared evenly among the sizes; each size gets a few
            rounds all the same (single sentences 30, batches 3). None: all rounds.
    """

    rounds: Mapping[int, int] = field(default_factory=lambda: {1: 100, 32: 15})
    threads: int = 1
    seconds: float | None = None

    def within(self, round_seconds: Mapping[int, float], models: int) -> Pace:
        """Return the pace that fits into its time.

        Args:
            round_seconds: sentences handed over at once -> what a round of all models takes.
            models: how many models there are.

        >>> Pace({1: 100, 32: 10}, seconds=4).within({1: 0.05, 32: 1.0}, models=2).rounds
        {1: 80, 32: 4}
        """
        if self.seconds is None:
            return self
        share = models * self.seconds / len(self.rounds)
        fitting = {
            size: min(most, max(_FEWEST.get(size, _FEWEST_BATCHES), int(share / max(taken, 1e-9))))
            for (size, most), taken in zip(self.rounds.items(), round_seconds.values(), strict=True)
        }
        return Pace(fitting, self.threads)

    def sentence(self, *, device: str) -> str:
        """Return it as one sentence."""
        where = f"{self.threads} CPU thread{'s' if self.threads > 1 else ''}"
        where = where if device == "cpu" else f"{device}, and {where}"
        kinds = [
            how_many(count, "single sentence")
            if size == 1
            else f"{how_many(count, 'batch', 'batches')} of {size} sentences"
            for size, count in self.rounds.items()
        ]
        return (
            f"Speed: on {where}; {' and '.join(kinds)} of the split, drawn with replacement, the "
            f"same for all models, which take turns in one process after {WARM_UP} rounds of "
            f"warming up."
        )


@dataclass(frozen=True)
class Measured:
    """The times of every model, by name, and how they were taken."""

    times: Mapping[str, Times]
    pace: Pace


def measure_speed(
    models: Mapping[str, ModelHandle],
    split: Split,
    *,
    pace: Pace,
    seed: int,
    progress: Progress,
    clock: Clock = time.perf_counter,
) -> Measured:
    """Time several models on the same sentences.

    Definition: in each round every model answers the same sentences once, the round's first model
    another each time, so that whatever slows the machine down falls on all of them alike; the
    first rounds of each size are not counted.

    Args:
        models: by name; all of them are in memory at once.
        split: where the sentences are drawn from, with replacement.
        pace: how many, and on how many threads.
        seed: of the draw.
        progress: told of every round, and how long all take where that is above two seconds.
        clock: gives seconds.

    Returns:
        By the models' names, in the order of `pace.rounds`.
    """
    drawn = derive_generator(seed, "efficiency", "sentences")
    names = list(models)

    def timed(size: int, turn: int) -> dict[str, float]:
        piece = _drawn(split, drawn.integers(0, len(split), size=size))
        seconds = {}
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            started = clock()
            # The outputs come back as numbers: a device has finished when they are there.
            models[name].outputs(piece, batch_size=size, advance=lambda done: None)
            seconds[name] = clock() - started
        return seconds

    taken: dict[str, dict[int, list[float]]] = {name: {} for name in names}
    with _threads(pace.threads):
        last: dict[int, float] = {}
        for size in pace.rounds:
            for turn in range(WARM_UP):
                last[size] = sum(timed(size, turn).values())
        chosen = pace.within(last, len(models))
        whole = sum(count * last[size] for size, count in chosen.rounds.items())
        if whole > WORTH_SAYING:
            progress.say(
                f"Speed of {how_many(len(models), 'model')} in turn: about {show_duration(whole)}."
            )
        steps = sum(size * count for size, count in chosen.rounds.items())
        with progress.stage("measure speed", steps) as stage:
            for size, count in chosen.rounds.items():
                for turn in range(count):
                    for name, seconds in timed(size, turn).items():
                        taken[name].setdefault(size, []).append(seconds / size)
                    stage.advance(size)
    times = {
        name: Times({size: np.array(seconds) for size, seconds in held.items()})
        for name, held in taken.items()
    }
    return Measured(times, chosen)


def _drawn(split: Split, rows: Ints) -> Split:
    """Take rows as often as they were drawn, under ids of their own."""
    chosen = rows.tolist()
    return Split(
        task=split.task,
        name=split.name,
        ids=tuple(map(str, range(len(chosen)))),
        texts=tuple(split.texts[row] for row in chosen),
        pairs=None if split.pairs is None else tuple(split.pairs[row] for row in chosen),
    )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def machine() -> str:
    """Return the processor and the number of its cores, for people."""
    processor = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        processor = next(named, "")
    processor = processor or platform.processor() or platform.machine()
    cores = os.cpu_count() or 1
    return f"{processor}, {cores} core{'s' if cores > 1 else ''}"
