"""The encoders that probing reads, and how long reading them takes.

Does: make a reader of every run and of every architecture with random weights, and estimate the
time before it starts. Does not: read all sentences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.comparison.guarding import unable_or_failed
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped
from kdprobe.seeds import derive_seed

if TYPE_CHECKING:
    from kdprobe.cache import CacheKey
    from kdprobe.comparison.probing_begun import Begun
    from kdprobe.config.probing import ProbingTask
    from kdprobe.extract.probes.fits import Fitted, ProbeOptions
    from kdprobe.models.handle import ModelHandle
    from kdprobe.models.hidden import LayerReader
    from kdprobe.tasks.probing.sets import ProbingSet


class Named(NamedTuple):
    """A model of the comparison with its runs."""

    name: str
    members: Sequence[ModelHandle]


class Reader(NamedTuple):
    """One encoder to read: a run of a model, or its architecture with random weights."""

    model: str
    run: int
    random: bool
    reader: LayerReader


class Asked(NamedTuple):
    """One task with its sentences, and its control task."""

    task: ProbingTask
    set: ProbingSet
    control: ProbingSet | None


class Missing(NamedTuple):
    """A task whose probes are not known yet."""

    asked: Asked
    options: ProbeOptions
    key: CacheKey


class Work(NamedTuple):
    """What is to be done for one encoder."""

    reader: Reader
    known: dict[str, Fitted]
    missing: list[Missing]
    chosen: list[Asked]
    """Whose sentences are read: those of what is missing, and what a killed run read with them."""
    begun: Begun | None
    """Where that is kept; None without a cache."""

    @property
    def texts(self) -> list[str]:
        """The different sentences that must be read."""
        return sentences_of(self.chosen)


def sentences_of(asked: Sequence[Asked]) -> list[str]:
    """Give the different sentences of some tasks, in their order."""
    parts = (part for one in asked for part in one.set.parts)
    return list(dict.fromkeys(sentence for part in parts for sentence in part.sentences))


def readers_of(
    models: Sequence[Named], poolings: tuple[str, ...], *, seed: int
) -> tuple[list[Reader], tuple[Skipped, ...]]:
    """Every run of every model, and each model's architecture once with random weights.

    Returns:
        The encoders, and those that a library could not make, with what was raised: of a model none
        of its runs is read then, of an architecture no random weights.
    """
    from kdprobe.models.hidden import LayerReader

    drawn = derive_seed(seed, "random weights") % 2**31
    readers: list[Reader] = []
    unread: list[Skipped] = []
    for model in models:
        where = model.name
        try:
            readers += [
                Reader(model.name, run, False, LayerReader(member, poolings))
                for run, member in enumerate(model.members)
            ]
            where = f"{model.name} with random weights"
            random = LayerReader(model.members[0], poolings, random_seed=drawn)
        except Exception as error:
            unread.append(unable_or_failed("probing", where, error, model=model.name))
            continue
        readers.append(Reader(model.name, 0, True, random))
    return readers, tuple(unread)


def tell_estimate(work: Sequence[Work], progress: Progress) -> None:
    """Say how much is to be read and fitted, and how long it takes, measured on a little of it."""
    open_work = [each for each in work if each.missing]
    if not open_work:
        return
    texts = max((each.texts for each in open_work), key=len)
    reading = sum(_reading_seconds(each) for each in open_work)
    fitting = sum(_fitting_seconds(each) for each in open_work)
    probes = sum(len(each.missing) * len(each.reader.reader.cells) for each in open_work)
    seeds = max(one.options.seeds for each in open_work for one in each.missing)
    starts = f", from {seeds} seeds each" if seeds > 1 else ""
    disk = max(2 * sum(each.reader.reader.widths) * len(each.texts) for each in open_work)
    progress.say(
        f"Probing reads {len(texts):,} sentences with {len(open_work)} encoders, random weights "
        f"included ({disk / 1e6:,.0f} MB on disk at a time): about {_duration(reading)}; then "
        f"{probes:,} probes, one a task, layer and pooling{starts}: about {_duration(fitting)}."
    )


def _reading_seconds(work: Work) -> float:
    """Measure a few sentences; 0 for an encoder that cannot run them, as its reading will tell."""
    reader, texts = work.reader.reader, work.texts
    few = texts[:: max(len(texts) // 48, 1)][:48]
    try:
        ids = reader.encode(few)
        reader.read(ids[0][None])  # the first call is slower
        started = time.perf_counter()
        for row in ids[::4]:
            reader.read(row[None].repeat(4, axis=0))
    except Exception as error:
        unable_or_failed("probing", work.reader.model, error, model=work.reader.model)
        return 0.0
    return (time.perf_counter() - started) / len(few) * len(texts)


def _fitting_seconds(work: Work) -> float:
    from kdprobe.extract.probes.cost import fit_seconds

    widths = work.reader.reader.widths
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
