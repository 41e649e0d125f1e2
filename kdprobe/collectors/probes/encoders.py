"""The encoders that probing reads, and how long reading them takes.

Does: make a reader of every run and of every architecture with random weights, and estimate the
time before it starts. Does not: read all sentences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.comparison.session import OpenedModel
from kdprobe.progress import Progress
from kdprobe.seeds import derive_seed

if TYPE_CHECKING:
    from kdprobe.cache import CacheKey
    from kdprobe.config.probing import ProbingTask
    from kdprobe.extract.probes.fits import Fitted, ProbeOptions
    from kdprobe.models.hidden import LayerReader
    from kdprobe.tasks.probing.sets import ProbingSet


class Encoder(NamedTuple):
    """One encoder to read: a run of a model, or its architecture with random weights."""

    model: str
    run: int
    random: bool
    reader: LayerReader


class TaskData(NamedTuple):
    """One task with its sentences, and its control task."""

    task: ProbingTask
    set: ProbingSet
    control: ProbingSet | None


class Missing(NamedTuple):
    """A task whose probes are not known yet."""

    data: TaskData
    options: ProbeOptions
    key: CacheKey


class Work(NamedTuple):
    """What is to be done for one encoder."""

    encoder: Encoder
    known: dict[str, Fitted]
    missing: list[Missing]

    @property
    def texts(self) -> list[str]:
        """The different sentences that must be read."""
        parts = (part for each in self.missing for part in each.data.set.parts)
        return list(dict.fromkeys(sentence for part in parts for sentence in part.sentences))


def encoders_of(
    models: Sequence[OpenedModel], poolings: tuple[str, ...], *, seed: int
) -> list[Encoder]:
    """Return every run of every model, and each model's architecture once with random weights."""
    from kdprobe.models.hidden import LayerReader

    drawn = derive_seed(seed, "random weights") % 2**31
    encoders = []
    for model in models:
        encoders += [
            Encoder(model.name, number, False, LayerReader(run, poolings))
            for number, run in enumerate(model.runs)
        ]
        random = LayerReader(model.runs[0], poolings, random_seed=drawn)
        encoders.append(Encoder(model.name, 0, True, random))
    return encoders


def say_estimate(work: Sequence[Work], progress: Progress) -> None:
    """Show how much is to be read and fitted, and how long it takes, measured on a little of it."""
    open_work = [each for each in work if each.missing]
    if not open_work:
        return
    texts = max((each.texts for each in open_work), key=len)
    reading = sum(_reading_seconds(each) for each in open_work)
    fitting = sum(_fitting_seconds(each) for each in open_work)
    probes = sum(len(each.missing) * len(each.encoder.reader.cells) for each in open_work)
    seeds = max(one.options.seeds for each in open_work for one in each.missing)
    starts = f", from {seeds} seeds each" if seeds > 1 else ""
    disk = max(2 * sum(each.encoder.reader.widths) * len(each.texts) for each in open_work)
    progress.say(
        f"Probing reads {len(texts):,} sentences with {len(open_work)} encoders, random weights "
        f"included ({disk / 1e6:,.0f} MB on disk at a time): about {_duration(reading)}; then "
        f"{probes:,} probes, one a task, layer and pooling{starts}: about {_duration(fitting)}."
    )


def _reading_seconds(work: Work) -> float:
    reader, texts = work.encoder.reader, work.texts
    few = texts[:: max(len(texts) // 48, 1)][:48]
    ids = reader.encode(few)
    reader.read(ids[0][None])  # the first call is slower
    started = time.perf_counter()
    for row in ids[::4]:
        reader.read(row[None].repeat(4, axis=0))
    return (time.perf_counter() - started) / len(few) * len(texts)


def _fitting_seconds(work: Work) -> float:
    from kdprobe.extract.probes.cost import fit_seconds

    widths = work.encoder.reader.widths
    return sum(
        fit_seconds(len(one.set.train), len(one.set.labels), widths, options)
        for one, options, _ in work.missing
    )


def _duration(seconds: float) -> str:
    """Say a time as people do.

    >>> [_duration(seconds) for seconds in (12.3, 300.0, 9000.0)]
    ['12 seconds', '5 minutes', '2.5 hours']
    """
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
