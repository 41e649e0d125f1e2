"""What is to be read and fitted for each encoder, and how long that takes.

Does: hold which tasks are in the cache and which are missing, and estimate the time before it
starts. Does not: read all sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.probes.encoders import Encoder, TaskData, sentences_of
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.workers.room import SharedTime, free_bytes, shared_time

if TYPE_CHECKING:
    from kdprobe.cache import CacheKey
    from kdprobe.collectors.probes.begun import Begun
    from kdprobe.extract.probes.fits import Fitted, ProbeOptions
    from kdprobe.models.hidden import LayerReader


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
    chosen: list[TaskData]
    """Whose sentences are read: those of what is missing, and what a killed run read with them."""
    begun: Begun | None
    """Where that is kept; None without a cache."""

    @property
    def texts(self) -> list[str]:
        """The different sentences that must be read."""
        return sentences_of(self.chosen)


def say_estimate(work: Sequence[Work], progress: Progress, *, jobs: int = 1) -> None:
    """Show how much is to be read and fitted, and how long it takes, measured on a little of it.

    Args:
        work: of every encoder.
        progress: told of it.
        jobs: the most processes that share it.
    """
    from kdprobe.models.precision import bfloat16_advice

    open_work = list({each.encoder.shape: each for each in work if each.missing}.values())
    if not open_work:
        return
    texts = max((each.texts for each in open_work), key=len)
    reading = sum(_reading_seconds(each) for each in open_work)
    layers = reading_time(reading, [each.encoder.reader for each in open_work], jobs)
    fits = shared_time(
        sum(_fitting_seconds(each) for each in open_work), jobs, model=0, free=free_bytes()
    )
    probes = sum(len(each.missing) * len(each.encoder.reader.cells) for each in open_work)
    seeds = max(one.options.seeds for each in open_work for one in each.missing)
    first = open_work[0].encoder.reader.handle
    starts = f", from {seeds} seeds each" if seeds > 1 else ""
    disk = max(2 * sum(each.encoder.reader.widths) * len(each.texts) for each in open_work)
    progress.say(
        f"Probing reads {how_many(len(texts), 'sentence')} with "
        f"{how_many(len(open_work), 'encoder')}, random weights included "
        f"({disk / 1e6:,.0f} MB on disk at a time): about {duration(layers.seconds)} in "
        f"{layers.where}; then {how_many(probes, 'probe')}, one a task, layer and pooling{starts}: "
        f"about {duration(fits.seconds)} in {fits.where}."
        + bfloat16_advice(reading, first.precision, first.device.type)
    )


def reading_time(seconds: float, readers: Sequence[LayerReader], jobs: int) -> SharedTime:
    """Return how long layers take to read that one process reads in so many seconds.

    Args:
        seconds: of one process, of all readers.
        readers: whose layers are read.
        jobs: the most processes; those on a GPU are read in one.
    """
    on_cpu = all(reader.handle.device.type == "cpu" for reader in readers)
    largest = max(4 * (reader.handle.parameters or 0) for reader in readers)
    return shared_time(seconds, jobs if on_cpu else 1, model=largest, free=free_bytes())


def _reading_seconds(work: Work) -> float:
    """Measure a few sentences; 0 for an encoder that cannot run them, as its reading will tell."""
    from kdprobe.extract.features import reading_seconds

    try:
        return reading_seconds(work.encoder.reader, work.texts)
    except Exception as error:
        unable_or_failed("probes", work.encoder.model, error, model=work.encoder.model)
        return 0.0


def _fitting_seconds(work: Work) -> float:
    from kdprobe.extract.probes.cost import fit_seconds

    widths = work.encoder.reader.widths
    return sum(
        fit_seconds(len(one.set.train), len(one.set.labels), widths, options)
        for one, options, _ in work.missing
    )


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> [duration(seconds) for seconds in (1.2, 12.3, 300.0, 9000.0)]
    ['1 second', '12 seconds', '5 minutes', '2.5 hours']
    """
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    if seconds >= 90:
        return f"{seconds / 60:.0f} minutes"
    return how_many(round(seconds), "second")
