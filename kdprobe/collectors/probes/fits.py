"""The probes of one encoder on every task, and what is kept of them when one fails.

Does: read the sentences of all tasks in one pass and fit; where reading fails, task by task; and
gather the fits of all encoders. Does not: choose tasks or encoders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, cast

from kdprobe.cache import Cache
from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.probes.encoders import Encoder, TaskData
from kdprobe.collectors.probes.work import Missing, Work
from kdprobe.observations.probes import ProbeFit
from kdprobe.progress import Progress, ProgressStage
from kdprobe.results.schema import Skipped
from kdprobe.workers.pieces import FailedWork, Held, WorkPiece
from kdprobe.workers.pool import Workers

if TYPE_CHECKING:
    from kdprobe.extract.layer_features import LayerFeatures
    from kdprobe.extract.probes.fits import Fitted
    from kdprobe.extract.probes.groups import FittedGroup

Failures = dict[str, Exception]
"""Task -> what was raised."""


class KeptBy(NamedTuple):
    """Where layers and probes are kept, and how they are made.

    Args:
        cache: where, or None.
        rows: the most sentences in one forward pass.
        workers: the processes that share the work.
    """

    cache: Cache | None
    rows: int
    workers: Workers


def probe(
    work: Work, tasks: Sequence[TaskData], kept: KeptBy, progress: Progress
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
        if work.begun is not None:
            work.begun.begin(work.chosen)
        try:
            failed = _fit(work, work.missing, fits, kept, progress)
        except Exception as error:
            _skipped(encoder, "", error)  # raises what ends the comparison
            if kept.cache is not None:
                forget_features(reader, work.texts, cache=kept.cache)
            failed = _one_by_one(work, fits, kept, progress, error)
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
    kept: KeptBy,
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
            failed |= _fit(alone, alone.missing, fits, kept, progress)
        except Exception as caught:
            _skipped(work.encoder, one.data.task.name, caught)
            if kept.cache is not None:
                forget_features(work.encoder.reader, alone.texts, cache=kept.cache)
            failed[one.data.task.name] = caught
    return failed


def _fit(
    work: Work,
    missing: Sequence[Missing],
    fits: dict[str, Fitted],
    kept: KeptBy,
    progress: Progress,
) -> Failures:
    """Read the sentences of some tasks in one pass and fit each into `fits`."""
    from kdprobe.extract.features import extract_features
    from kdprobe.extract.probes.fits import store_fits
    from kdprobe.extract.probes.groups import join_groups

    encoder, cache = work.encoder, kept.cache
    failed: Failures = {}
    kind = ", random weights" if encoder.random else ""
    title = f"probes of {encoder.model}{kind}"
    with (
        extract_features(
            encoder.reader, work.texts, cache=cache, progress=progress, rows=kept.rows,
            workers=kept.workers,
        ) as features,
        progress.stage(title, len(missing) * len(encoder.reader.cells)) as stage,
    ):  # fmt: skip
        for one, groups in _fitted_tasks(features, missing, title, kept.workers, stage):
            name = one.data.task.name
            errors = [group.error for group in groups if isinstance(group, FailedWork)]
            if errors:
                _skipped(encoder, name, errors[0])
                failed[name] = errors[0]
                continue
            fits[name] = join_groups(cast("Sequence[FittedGroup]", groups))
            described = f"probes of {encoder.model} on {name}"
            store_fits(cache, one.key, fits[name], described=described)
    return failed


def _fitted_tasks(
    features: LayerFeatures,
    missing: Sequence[Missing],
    title: str,
    workers: Workers,
    stage: ProgressStage,
) -> Iterator[tuple[Missing, Sequence[FittedGroup | FailedWork]]]:
    """Fit tasks by groups of layers, whoever has a hand free; yield each task as it is done."""
    from kdprobe.extract.probes.groups import fit_group, fit_requests

    requests = [
        (number, request)
        for number, (data, options, _) in enumerate(missing)
        for request in fit_requests(
            features, data.set, options, data.control if options.control else None
        )
    ]
    held = Held(features, title, size=max(each.bytes(features) for _, each in requests))
    pieces = [WorkPiece(held, request, request.bytes(features)) for _, request in requests]
    groups: list[dict[int, FittedGroup | FailedWork]] = [{} for _ in missing]
    wanted = Counter(number for number, _ in requests)
    with closing(workers.outcomes(fit_group, pieces)) as outcomes:
        for place, result in outcomes:
            number, request = requests[place]
            stage.advance(len(request.cells), note=missing[number].data.task.name)
            groups[number][place] = result
            if len(groups[number]) == wanted[number]:
                yield missing[number], [group for _, group in sorted(groups[number].items())]
    held.forget()


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
