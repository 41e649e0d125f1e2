"""The loop over the collectors: which run, in which order, and what came of each.

Does: choose the collectors that the analyses to run read from, prepare all of them, then collect
one after the other; one that fails is listed with what was raised, the others go on. Does not:
know what any of them observes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import JsonValue

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.collectors.guarding import failure
from kdprobe.collectors.protocol import COLLECTORS, Collected, Collector, CollectorOptions
from kdprobe.collectors.session import Session
from kdprobe.errors import ConfigError
from kdprobe.observations.predictions import Populations
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped


class CollectedEvidence(NamedTuple):
    """What the collectors gave.

    Args:
        session: with every observation.
        skipped: what could not be collected, by the analyses that read it.
        seconds: how long it took, in words for the reader.
        options: for the protocol card, of every collector, also of those that did not run.
        requested: the analyses that read what a person asked for.
    """

    session: Session
    skipped: tuple[Skipped, ...]
    seconds: Mapping[str, float]
    options: Mapping[str, JsonValue]
    requested: tuple[str, ...]


def reads(analysis: str) -> tuple[type, ...]:
    """Return the types of observation that an analysis cannot run without."""
    return tuple(getattr(ANALYSES.load(analysis), "reads", ()))


def readers(kind: type) -> tuple[str, ...]:
    """Return the analyses that cannot run without an observation of this type."""
    return tuple(name for name in ANALYSES.names() if kind in reads(name))


def collectors_of(
    analyses: Sequence[str], given: Mapping[str, CollectorOptions], *, only: Sequence[str] = ()
) -> dict[str, CollectorOptions]:
    """Return the options of the collectors to run, by name and in order.

    A cheap collector runs by default. An expensive one runs when its options were given, or when an
    analysis that reads it was named. None runs whose only readers are left out.

    Args:
        analyses: the analyses that will run.
        given: options of collectors by name.
        only: the analyses that a person named.

    Raises:
        ConfigError: collectors that come after each other.
    """
    chosen: dict[str, CollectorOptions] = {}
    read_by = {analysis: reads(analysis) for analysis in ANALYSES.names()}
    for name in _in_order(COLLECTORS.names()):
        collector = COLLECTORS.load(name)
        readers_here = {each for each, kinds in read_by.items() if collector.kind in kinds}
        if readers_here and not readers_here & set(analyses):
            continue
        if collector.by_default or name in given or readers_here & set(only):
            chosen[name] = given.get(name, collector.options())
    return chosen


def collect(
    session: Session,
    chosen: Mapping[str, CollectorOptions],
    progress: Progress,
    *,
    given: Mapping[str, CollectorOptions] | None = None,
) -> CollectedEvidence:
    """Make every observation.

    Args:
        session: the opened comparison.
        chosen: options of the collectors to run, in order; see `collectors_of`.
        progress: where to show progress.
        given: the options that a person gave; analyses that read what they ask for are listed as
            requested.

    Raises:
        UsageError: a file or an option that cannot be used, before any model is asked.
        Exception: the models cannot be asked at all; see also `failure`.
    """
    skipped: dict[str, list[Skipped]] = {name: [] for name in chosen}
    prepared: dict[str, Any] = {}
    for name, options in chosen.items():
        collector = COLLECTORS.load(name)
        try:
            ready = collector.prepare(session, options)
        except Exception as error:
            ready = failure(name, error)
        if isinstance(ready, Skipped):
            skipped[name].append(ready)
        elif ready is not None:
            prepared[name] = ready
    seconds: dict[str, float] = {}
    for name, ready in prepared.items():
        collector = COLLECTORS.load(name)
        result = _guarded(collector, session, ready, progress)
        if isinstance(result, Skipped):
            skipped[name].append(result)
            continue
        skipped[name] += result.skipped
        seconds.update(result.seconds)
        if result.observation is not None:
            session = session.with_observation(result.observation)
    by_option = [
        name for name, each in (given or {}).items() if name in chosen and _asks(name, each)
    ]
    return CollectedEvidence(
        session=session,
        skipped=tuple(line for name in skipped for line in _by_reader(name, skipped[name])),
        seconds=seconds,
        options=_described(chosen),
        requested=tuple(each for name in by_option for each in readers(COLLECTORS.load(name).kind)),
    )


def _guarded(
    collector: Collector[Any], session: Session, prepared: Any, progress: Progress
) -> Collected[Any] | Skipped:
    """Collect; a failure is a reason, unless without it there is nothing to analyse."""
    try:
        result = collector.collect(session, prepared, progress)
    except Exception as error:
        if collector.kind is Populations:
            raise
        return failure(collector.name, error)
    return result if isinstance(result, Collected | Skipped) else Collected(result)


def _by_reader(name: str, skipped: Sequence[Skipped]) -> list[Skipped]:
    """Return what could not be collected, a line for each analysis that reads it."""
    others = readers(COLLECTORS.load(name).kind) or (name,)
    return [
        line.model_copy(update={"what": what})
        for line in skipped
        for what in (others if line.what == name else (line.what,))
    ]


def _asks(name: str, options: CollectorOptions) -> bool:
    """Return whether options ask for the observation, and not only say how it is made."""
    by_default = COLLECTORS.load(name).by_default
    return not by_default or not options.model_fields_set.isdisjoint(options.asks)


def _described(chosen: Mapping[str, CollectorOptions]) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {}
    for name in _in_order(COLLECTORS.names()):
        described |= COLLECTORS.load(name).options.described(chosen.get(name))
    return described


def _in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sort collectors so that each comes after those that it names in `after`."""
    ordered: list[str] = []

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise ConfigError(name, found=f"comes after itself: {' -> '.join((*path, name))}")
        for earlier in COLLECTORS.load(name).after:
            if earlier in names:
                place(earlier, (*path, name))
        ordered.append(name)

    for name in names:
        place(name, ())
    return tuple(ordered)
