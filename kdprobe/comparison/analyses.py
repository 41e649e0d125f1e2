"""Which analyses run, and in which order.

Does: choose by name, order by what reads what, run, and list what could not run with the reason.
Does not: know what any analysis computes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from kdprobe.analysis.protocol import ANALYSES, Analysis, examples_for
from kdprobe.comparison.guarding import failure
from kdprobe.comparison.histories import TRAINING
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.observations.study import Study
from kdprobe.progress import Progress
from kdprobe.results.schema import AnalysisResult, Skipped


def choose(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    """Give the names of the analyses to run, those they read from before them.

    Args:
        only: names that `analysis_names` gave; empty: all.
        skip: likewise, of those that are left out.

    Raises:
        ConfigError: nothing is left to run.
    """
    known = ANALYSES.names()
    wanted = [name for name in (only or known) if name not in skip]
    if not wanted:
        raise ConfigError("--only/--skip", found="no analysis is left to run")
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
    """Give the analyses that are meant by names as typed under `option` (`only`, `skip`).

    Raises:
        UnknownNameError: a name is no analysis; the learning curves (`training`) can be skipped.
    """
    apart = (TRAINING,) if option == "skip" else ()
    return tuple(
        name if name in apart else ANALYSES.find(name, option=option)
        for name in dict.fromkeys(names)
    )


def metrics_of() -> dict[str, tuple[str, ...]]:
    """Give the names of the metrics of every analysis, without running one."""
    return {name: tuple(getattr(ANALYSES.load(name), "defines", ())) for name in ANALYSES.names()}


class Ran(NamedTuple):
    """What came of the analyses: results in order, what was skipped, the seconds of each."""

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
    named = {ANALYSES.find(name, option="set"): chosen for name, chosen in settings.items()}
    return {
        name: parse(ANALYSES.load(name).options, dict(chosen), f"--set {name}")
        for name, chosen in named.items()
    }


def run_all(
    study: Study,
    names: Sequence[str],
    *,
    requested: Sequence[str],
    options: Mapping[str, BaseModel],
    progress: Progress,
) -> Ran:
    """Run analyses in order; one that fails is listed with what was raised, the others go on.

    Args:
        study: what was observed.
        names: which, those that are read from before those that read.
        requested: the names a person gave.
        options: of analyses by name, as `analysis_options` read them; others have their defaults.
        progress: told of every analysis.

    Raises:
        UsageError: what an analysis was given cannot be used.
    """
    done: dict[str, AnalysisResult] = {}
    skipped: list[Skipped] = []
    seconds: dict[str, float] = {}
    with progress.stage("Analyses", len(names)) as stage:
        for name in names:
            stage.advance(0, note=name)
            analysis: Analysis = ANALYSES.load(name)
            started = time.perf_counter()
            try:
                examples = examples_for(analysis, study)
                reason = analysis.skip_reason(examples)
                if reason is not None:
                    skipped.append(Skipped(what=name, reason=reason, requested=name in requested))
                else:
                    chosen = options.get(name, analysis.options())
                    done[name] = analysis.run(examples, chosen, done)
                    seconds[f"analysis {name}"] = time.perf_counter() - started
            except Exception as error:
                skipped.append(failure(name, error))
            stage.advance()
    return Ran(tuple(done.values()), tuple(skipped), seconds)
