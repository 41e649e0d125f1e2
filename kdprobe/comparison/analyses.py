"""Which analyses run, and in which order.

Does: choose by name, order by what reads what, run, and list what could not run with the reason.
Does not: know what any analysis computes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from kdprobe.analysis.clusters import result_by_cluster
from kdprobe.analysis.protocol import ANALYSES, Analysis, examples_for
from kdprobe.collectors.guarding import failure
from kdprobe.comparison.options import AnalysisOptions
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.observations.label_sets import LabelOutputs
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.results.schema import AnalysisResult, Skipped

TRAINING = "training"
"""The learning curves: no analysis, but left out like one."""


def choose(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the analyses to run, those they read from before them.

    Args:
        only: names that `analysis_names` gave; empty: all.
        skip: likewise, of those that are left out.

    Raises:
        ConfigError: nothing is left to run.
    """
    known = ANALYSES.names()
    wanted = [name for name in (only or known) if name not in skip]
    if not wanted:
        raise ConfigError("`only`/`skip`", found="no analysis is left to run")
    ordered: list[str] = []

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in ordered:
            return
        if name in path:
            raise ConfigError(name, found=f"reads itself through {' -> '.join((*path, name))}")
        for earlier in ANALYSES.load(name).after:
            if earlier in known and earlier not in skip:
                place(earlier, (*path, name))
        ordered.append(name)

    for name in wanted:
        place(name, ())
    return tuple(ordered)


def analysis_names(names: Sequence[str], *, option: str) -> tuple[str, ...]:
    """Return the analyses that are meant by names as typed under `option` (`only`, `skip`).

    Raises:
        UnknownNameError: a name is no analysis; the learning curves (`training`) can be skipped.
    """
    apart = (TRAINING,) if option == "skip" else ()
    return tuple(
        name if name in apart else ANALYSES.find(name, option=option)
        for name in dict.fromkeys(names)
    )


def metrics_of() -> dict[str, tuple[str, ...]]:
    """Return the names of the metrics of every analysis, without running one."""
    return {name: tuple(getattr(ANALYSES.load(name), "defines", ())) for name in ANALYSES.names()}


class ChosenAnalyses(NamedTuple):
    """Which analyses run, in order, and with which options.

    Args:
        names: those that run, those that are read from before those that read.
        only: those that a person named; empty: all.
        skip: those that are left out.
        options: of those whose options were given.
    """

    names: tuple[str, ...]
    only: tuple[str, ...]
    skip: tuple[str, ...]
    options: Mapping[str, BaseModel]


def chosen_analyses(options: AnalysisOptions) -> ChosenAnalyses:
    """Check every name and option of analyses, before anything is opened.

    Raises:
        UnknownNameError: a name that is no analysis; the nearest are offered.
        ConfigError: nothing is left to run, an unknown option, or a value of the wrong kind.
    """
    only = analysis_names(options.only, option="only")
    skip = analysis_names(options.skip, option="skip")
    return ChosenAnalyses(choose(only, skip), only, skip, analysis_options(options.settings))


class Ran(NamedTuple):
    """What came of the analyses.

    Args:
        names: those that were to run, in order.
        requested: those that a person asked for.
        results: of those that ran, in order.
        skipped: the others, and why.
        seconds: how long each took, in words for the reader.
    """

    names: tuple[str, ...]
    requested: tuple[str, ...]
    results: tuple[AnalysisResult, ...]
    skipped: tuple[Skipped, ...]
    seconds: dict[str, float]


def analysis_options(settings: Mapping[str, Mapping[str, object]]) -> dict[str, BaseModel]:
    """Check the options that were given to analyses, before anything is computed.

    Args:
        settings: `{"calibration": {"bins": 10}}`.

    Raises:
        UnknownNameError: a name that is no analysis.
        ConfigError: an unknown option of one, or a value of the wrong kind.
    """
    named = {ANALYSES.find(name, option="settings"): chosen for name, chosen in settings.items()}
    return {
        name: parse(ANALYSES.load(name).options, dict(chosen), f"`settings={name}`")
        for name, chosen in named.items()
    }


def run_all(
    study: Study,
    chosen: ChosenAnalyses,
    *,
    requested: Sequence[str],
    progress: Progress,
) -> Ran:
    """Run analyses in order; one that fails is listed with what was raised, the others go on.

    Args:
        study: the observations.
        chosen: which, in order, and with which options; others have their defaults.
        requested: those that were asked for, by name or by options of what they read.
        progress: where to show progress.

    Raises:
        UsageError: what an analysis was given cannot be used.
    """
    done: dict[str, AnalysisResult] = {}
    skipped: list[Skipped] = []
    seconds: dict[str, float] = {}
    with progress.stage("Analyses", len(chosen.names)) as stage:
        for name in chosen.names:
            stage.advance(0, note=name)
            analysis: Analysis = ANALYSES.load(name)
            started = time.perf_counter()
            try:
                examples = examples_for(analysis, study)
                reason = analysis.skip_reason(examples)
                if reason is not None and (
                    name in requested or not _of_other_kind(analysis, study)
                ):
                    skipped.append(Skipped(what=name, reason=reason, requested=name in requested))
                elif reason is None:
                    options = chosen.options.get(name, analysis.options())
                    result = analysis.run(examples, options, done)
                    reads = getattr(analysis, "reads", ())
                    done[name] = result_by_cluster(result, examples, reads=reads)
                    seconds[f"analysis {name}"] = time.perf_counter() - started
            except Exception as error:
                skipped.append(failure(name, error))
            stage.advance()
    return Ran(chosen.names, tuple(requested), tuple(done.values()), tuple(skipped), seconds)


def _of_other_kind(analysis: Analysis, study: Study) -> bool:
    """Whether an analysis is of several labels at once and the task has one: no part of it."""
    return LabelOutputs in getattr(analysis, "reads", ()) and not study.has(LabelOutputs)
