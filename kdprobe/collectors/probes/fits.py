"""The probes of one encoder on every task, and what is kept of them when one fails.

Does: read the sentences of all tasks in one pass and fit; where reading fails, task by task; and
gather the fits of all encoders. Does not: choose tasks or encoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from kdprobe.cache import Cache
from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.probes.encoders import Encoder, TaskData
from kdprobe.collectors.probes.work import Missing, Work
from kdprobe.observations.probes import ProbeFit
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.extract.probes.fits import Fitted

Failures = dict[str, Exception]
"""Task -> what was raised."""


def probe(
    work: Work, tasks: Sequence[TaskData], cache: Cache | None, batch_size: int, progress: Progress
) -> tuple[list[ProbeFit], Failures]:
    """Fit all tasks of one encoder; tasks in the cache are not read again.

    Returns:
        The fits in the order of the tasks, and for each task without one what was raised.

    Raises:
        Exception: see `guarding.unable_or_failed`.
    """
    from kdprobe.extract.features import forget_features

    encoder, reader, fits = work.encoder, work.encoder.reader, dict(work.known)
    failed: Failures = {}
    if work.missing:
        rows = 4 * batch_size
        if work.begun is not None:
            work.begun.begin(work.chosen)
        try:
            failed = _fit(work, work.missing, fits, cache, rows, progress)
        except Exception as error:
            _skipped(encoder, "", error)  # raises what ends the comparison
            if cache is not None:
                forget_features(reader, work.texts, cache=cache)
            failed = _one_by_one(work, fits, cache, rows, progress, error)
    if work.begun is not None:
        work.begun.end()
    done = [
        fits[each.task.name].as_fit(
            reader.cells, model=encoder.model, run=encoder.run,
            weights="random" if encoder.random else "trained", task=each.task.name,
        )
        for each in tasks
        if each.task.name in fits
    ]  # fmt: skip
    return done, failed


def _one_by_one(
    work: Work,
    fits: dict[str, Fitted],
    cache: Cache | None,
    rows: int,
    progress: Progress,
    error: Exception,
) -> Failures:
    """Fit the tasks apart after all of them together failed; one that was alone has failed."""
    from kdprobe.extract.features import forget_features

    if len(work.missing) == 1:
        return {work.missing[0].data.task.name: error}
    failed: Failures = {}
    for one in work.missing:
        alone = work._replace(missing=[one], chosen=[one.data])
        if one.data.task.name in fits:
            continue
        try:
            failed |= _fit(alone, alone.missing, fits, cache, rows, progress)
        except Exception as caught:
            _skipped(work.encoder, one.data.task.name, caught)
            if cache is not None:
                forget_features(work.encoder.reader, alone.texts, cache=cache)
            failed[one.data.task.name] = caught
    return failed


def _fit(
    work: Work,
    missing: Sequence[Missing],
    fits: dict[str, Fitted],
    cache: Cache | None,
    rows: int,
    progress: Progress,
) -> Failures:
    """Read the sentences of some tasks in one pass and fit each into `fits`."""
    from kdprobe.extract.features import extract_features
    from kdprobe.extract.probes.fits import fit_probes, store_fits

    encoder, reader = work.encoder, work.encoder.reader
    failed: Failures = {}
    title = f"probes of {encoder.model}{', random weights' if encoder.random else ''}"
    with (
        extract_features(reader, work.texts, cache=cache, progress=progress, rows=rows) as features,
        progress.stage(title, len(missing) * len(reader.cells)) as stage,
    ):
        for data, options, key in missing:
            name = data.task.name
            control = data.control if options.control else None
            tell = partial(stage.advance, note=name)
            try:
                fitted = fit_probes(features, data.set, options, control=control, tell=tell)
            except Exception as error:
                _skipped(encoder, name, error)
                failed[name] = error
                continue
            store_fits(cache, key, fitted, described=f"probes of {encoder.model} on {name}")
            fits[name] = fitted
    return failed


def _skipped(encoder: Encoder, tasks: str, error: Exception) -> Skipped:
    """Return what failed of one encoder; see `guarding.unable_or_failed`."""
    kind = " (random weights)" if encoder.random else ""
    where = f"{encoder.model}{kind} on {tasks}"
    return unable_or_failed("probes", where, error, model=encoder.model)


@dataclass
class GatheredFits:
    """The fits of all encoders that can be compared, and what failed."""

    _fits: list[ProbeFit] = field(default_factory=list)
    _lost: set[tuple[str, str]] = field(default_factory=set)
    _skipped: list[Skipped] = field(default_factory=list)

    def add(self, work: Work, fits: Sequence[ProbeFit], failed: Failures) -> None:
        """Take up the fits of one encoder; tasks that failed in one way are listed together.

        Args:
            work: of the encoder.
            fits: what `probe` gave for it, or for another model of its shape where both have
                random weights.
            failed: likewise.
        """
        encoder = work.encoder
        self._fits += (replace(fit, model=encoder.model) for fit in fits)
        groups: dict[str, tuple[list[str], Exception]] = {}
        for task, error in failed.items():
            groups.setdefault(_skipped(encoder, "", error).reason, ([], error))[0].append(task)
            if not encoder.random:
                self._lost.add((encoder.model, task))
        for tasks, error in groups.values():
            self._skipped.append(_skipped(encoder, ", ".join(tasks), error))

    @property
    def fits(self) -> tuple[ProbeFit, ...]:
        """The fits of models whose every run gave one; a baseline alone says nothing."""
        return tuple(fit for fit in self._fits if (fit.model, fit.task) not in self._lost)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What failed, each reason of a model once."""
        return tuple(dict.fromkeys(self._skipped))
