"""Which analyses run, and in which order.

Does: choose by name, order by what reads what, run, and list what could not run with the reason.
Does not: know what any analysis computes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kdprobe.analysis._protocol import ANALYSES, Analysis, given
from kdprobe.comparison.histories import TRAINING
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.observations import Study
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


def run_all(
    study: Study,
    names: Sequence[str],
    *,
    requested: Sequence[str],
    settings: Mapping[str, Mapping[str, object]],
    progress: Progress,
) -> Ran:
    """Run analyses in order."""
    done: dict[str, AnalysisResult] = {}
    skipped: list[Skipped] = []
    seconds: dict[str, float] = {}
    with progress.stage("Analyses", len(names)) as stage:
        for name in names:
            stage.advance(0, note=name)
            analysis: Analysis = ANALYSES.load(name)
            examples = given(analysis, study)
            reason = analysis.unmet(examples)
            if reason is not None:
                skipped.append(Skipped(what=name, reason=reason, requested=name in requested))
                stage.advance()
                continue
            options = parse(analysis.options, dict(settings.get(name, {})), f"--set {name}")
            started = time.perf_counter()
            done[name] = analysis.run(examples, options, done)
            seconds[f"analysis {name}"] = time.perf_counter() - started
            stage.advance()
    return Ran(tuple(done.values()), tuple(skipped), seconds)
