"""The probes of one encoder on every task, and what is kept of them when one fails.

Does: read the sentences of all tasks in one pass and fit; where reading fails, task by task; and
gather the fits of all encoders. Does not: choose tasks or encoders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from kdprobe.cache import Cache
from kdprobe.comparison.guarding import unable_or_failed
from kdprobe.comparison.probing_readers import Asked, Missing, Reader, Work
from kdprobe.observations.probes import ProbeFit
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.extract.probes.fits import Fitted

Failures = dict[str, Exception]
"""Task -> what was raised."""


def probe(
    work: Work, asked: Sequence[Asked], cache: Cache | None, batch_size: int, progress: Progress
) -> tuple[list[ProbeFit], Failures]:
    """Fit all tasks of one encoder; tasks that are known are not read again.

    Returns:
        The fits in the order of the tasks, and for each task without one what was raised.

    Raises:
        Exception: see `guarding.unable_or_failed`.
    """
    from kdprobe.extract.features import forget_features

    each, reader, made = work.reader, work.reader.reader, dict(work.known)
    failed: Failures = {}
    if work.missing:
        rows = 4 * batch_size
        if work.begun is not None:
            work.begun.begin(work.chosen)
        try:
            failed = _fit(work, work.missing, made, cache, rows, progress)
        except Exception as error:
            _listed(each, "", error)  # raises what ends the comparison
            if cache is not None:
                forget_features(reader, work.texts, cache=cache)
            failed = _one_by_one(work, made, cache, rows, progress, error)
    if work.begun is not None:
        work.begun.end()
    fits = [
        made[one.task.name].as_fit(
            reader.cells, model=each.model, run=each.run,
            weights="random" if each.random else "trained", task=one.task.name,
        )
        for one in asked
        if one.task.name in made
    ]  # fmt: skip
    return fits, failed


def _one_by_one(
    work: Work,
    made: dict[str, Fitted],
    cache: Cache | None,
    rows: int,
    progress: Progress,
    error: Exception,
) -> Failures:
    """Fit the tasks apart after all of them together failed; one that was alone has failed."""
    from kdprobe.extract.features import forget_features

    if len(work.missing) == 1:
        return {work.missing[0].asked.task.name: error}
    failed: Failures = {}
    for one in work.missing:
        alone = work._replace(missing=[one], chosen=[one.asked])
        if one.asked.task.name in made:
            continue
        try:
            failed |= _fit(alone, alone.missing, made, cache, rows, progress)
        except Exception as caught:
            _listed(work.reader, one.asked.task.name, caught)
            if cache is not None:
                forget_features(work.reader.reader, alone.texts, cache=cache)
            failed[one.asked.task.name] = caught
    return failed


def _fit(
    work: Work,
    missing: Sequence[Missing],
    made: dict[str, Fitted],
    cache: Cache | None,
    rows: int,
    progress: Progress,
) -> Failures:
    """Read the sentences of some tasks in one pass and fit each into `made`."""
    from kdprobe.extract.features import extract_features
    from kdprobe.extract.probes.fits import fit_probes, store_fits

    each, reader = work.reader, work.reader.reader
    failed: Failures = {}
    title = f"probes of {each.model}{', random weights' if each.random else ''}"
    with (
        extract_features(reader, work.texts, cache=cache, progress=progress, rows=rows) as features,
        progress.stage(title, len(missing) * len(reader.cells)) as stage,
    ):
        for one, options, key in missing:
            name = one.task.name
            control = one.control if options.control else None
            tell = partial(stage.advance, note=name)
            try:
                fitted = fit_probes(features, one.set, options, control=control, tell=tell)
            except Exception as error:
                _listed(each, name, error)
                failed[name] = error
                continue
            store_fits(cache, key, fitted, described=f"probes of {each.model} on {name}")
            made[name] = fitted
    return failed


def _listed(each: Reader, tasks: str, error: Exception) -> Skipped:
    """List what failed of one encoder; see `guarding.unable_or_failed`."""
    kind = " (random weights)" if each.random else ""
    where = f"{each.model}{kind} on {tasks}"
    return unable_or_failed("probing", where, error, model=each.model)


@dataclass
class Gathered:
    """The fits of all encoders that can be compared, and what failed."""

    _fits: list[ProbeFit] = field(default_factory=list)
    _lost: set[tuple[str, str]] = field(default_factory=set)
    _skipped: list[Skipped] = field(default_factory=list)

    def add(self, work: Work, fits: Sequence[ProbeFit], failed: Failures) -> None:
        """Take up the fits of one encoder; tasks that failed in one way are listed together."""
        each = work.reader
        self._fits += fits
        groups: dict[str, tuple[list[str], Exception]] = {}
        for task, error in failed.items():
            groups.setdefault(_listed(each, "", error).reason, ([], error))[0].append(task)
            if not each.random:
                self._lost.add((each.model, task))
        for tasks, error in groups.values():
            self._skipped.append(_listed(each, ", ".join(tasks), error))

    @property
    def fits(self) -> tuple[ProbeFit, ...]:
        """The fits of models whose every run gave one; a baseline alone says nothing."""
        return tuple(fit for fit in self._fits if (fit.model, fit.task) not in self._lost)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What failed, each reason of a model once."""
        return tuple(dict.fromkeys(self._skipped))
