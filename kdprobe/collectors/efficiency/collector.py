"""What every model costs: size, operations, time and memory.

Does: count what each model holds and computes, have all of them answer in turn, and open each in a
process of its own. Does not: keep any of it for another run (times belong to a machine and its load
on that day), or judge; the analysis `efficiency` does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from kdprobe.collectors.efficiency.options import EfficiencyOptions
from kdprobe.collectors.guarding import unable_or_failed
from kdprobe.collectors.protocol import Collected
from kdprobe.collectors.session import ComparedModel, Session
from kdprobe.models.handle import Capability, ModelHandle
from kdprobe.observations.efficiency import COUNTS, SPEED, Efficiency, ModelCost, Times
from kdprobe.progress import Progress
from kdprobe.results.schema import Skipped

if TYPE_CHECKING:
    from kdprobe.models.hf import HfModel

ROUNDS = {1: 300, 32: 20, 128: 10}
"""Sentences handed over at once -> how often, at most."""
NAME = "efficiency"
_NO_FILE = "it has no weight file on disk"
_NO_PATH = "it is an object of the running process, which a fresh one cannot open"
_UNKNOWN = "it does not say how many it has"


class PreparedEfficiency(NamedTuple):
    """The options, and why models cannot be measured."""

    options: EfficiencyOptions
    lacking: Mapping[str, str]


@dataclass
class _Costs:
    """What is known of one model so far."""

    model: ComparedModel
    counts: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    times: Times | None = None

    @property
    def handle(self) -> ModelHandle:
        """Its first run: runs of several seeds differ in nothing that costs."""
        return self.model.runs[0]

    def note(self, name: str, value: float | None, reason: str) -> None:
        """Keep a number, or the reason why there is none."""
        if value is None:
            self.reasons[name] = reason
        else:
            self.counts[name] = float(value)

    def frozen(self) -> ModelCost:
        """Return it as the observation holds it."""
        return ModelCost(self.model.name, self.counts, self.reasons, self.times)


@dataclass(frozen=True)
class EfficiencyCollector:
    """Counts, times and memory of the first run of every model."""

    name: str = NAME
    kind: type[Efficiency] = Efficiency
    options: type[EfficiencyOptions] = EfficiencyOptions
    needs: frozenset[Capability] = frozenset({"texts"})
    after: tuple[str, ...] = ("predictions", "minimal_pairs")
    by_default: bool = False

    def prepare(
        self, session: Session, options: EfficiencyOptions
    ) -> PreparedEfficiency | Skipped | None:
        """Find out which models can be asked anything; a reason where none can."""
        if not options.measure:
            return None
        lacking = session.lacking(self.needs)
        if len(lacking) == len(session.models):
            reason = "; ".join(dict.fromkeys(lacking.values()))
            return Skipped(what=self.name, reason=reason, models=tuple(lacking))
        return PreparedEfficiency(options, lacking)

    def collect(
        self, session: Session, prepared: PreparedEfficiency, progress: Progress
    ) -> Collected[Efficiency]:
        """Measure what can be measured; a model that fails is listed."""
        started, options = time.perf_counter(), prepared.options
        skipped: list[Skipped] = []
        everyone = [_Costs(model) for model in session.models]
        costs = [each for each in everyone if each.model.name not in prepared.lacking]
        for each in everyone:
            reason = prepared.lacking.get(each.model.name)
            each.reasons |= dict.fromkeys((*COUNTS, SPEED), reason) if reason else {}
        for each in costs:
            skipped += _count(each, session)
        conditions, failures = _time(costs, session, options, progress)
        skipped += failures
        if options.memory:
            _weigh(costs, session, progress)
        if not any(each.times for each in costs):
            return Collected(None, tuple(skipped))
        seconds = {"efficiency": time.perf_counter() - started}
        observation = Efficiency(tuple(each.frozen() for each in everyone), conditions)
        return Collected(observation, tuple(skipped), seconds)


def _count(cost: _Costs, session: Session) -> list[Skipped]:
    """Count weights, bytes and operations; what fails inside a model is listed."""
    from kdprobe.models.handle import lacking

    handle = cost.handle
    cost.note("parameters", handle.parameters, _UNKNOWN)
    cost.note("bytes", handle.disk_bytes, _NO_FILE)
    lacks = lacking(handle, frozenset({"operations"}))
    names = ("parameters_without_embeddings", "multiply_adds", "tokens")
    if lacks is not None:
        cost.reasons |= dict.fromkeys(names, lacks)
        return []
    from kdprobe.extract.operations import embedding_parameters, operations_of

    model = cast("HfModel", handle)
    try:
        counted = operations_of(model, session.split)
    except Exception as error:
        line = unable_or_failed(NAME, f"operations of {handle.name}", error, model=handle.name)
        cost.reasons |= dict.fromkeys(names[1:], line.reason)
        return [line]
    cost.note("multiply_adds", counted.multiply_adds, counted.reason)
    cost.note("tokens", counted.mean, "")
    if handle.parameters is not None:
        cost.note(names[0], handle.parameters - embedding_parameters(model), "")
    return []


def _time(
    costs: list[_Costs], session: Session, options: EfficiencyOptions, progress: Progress
) -> tuple[tuple[str, ...], list[Skipped]]:
    """Time all models that answer a first text; return how it was done, and what failed."""
    import torch

    from kdprobe.extract.efficiency import Pace, machine, measure_speed

    able, skipped = {}, []
    for each in costs:
        try:
            each.handle.outputs(session.split.take([0]), batch_size=1, advance=lambda done: None)
            able[each.model.name] = each
        except Exception as error:
            line = unable_or_failed(NAME, each.model.name, error, model=each.model.name)
            each.reasons[SPEED] = line.reason
            skipped.append(line)
    if not able:
        return (), skipped
    pace = Pace(ROUNDS, torch.get_num_threads(), options.seconds)
    measured = measure_speed(
        {name: each.handle for name, each in able.items()}, session.split,
        pace=pace, seed=session.seed, progress=progress,
    )  # fmt: skip
    for name, each in able.items():
        each.times = measured.times[name]
    device = next((cast("HfModel", each.handle).device.type for each in able.values()
                   if "operations" in each.handle.capabilities), "cpu")  # fmt: skip
    return (f"Machine: {machine()}.", measured.pace.sentence(device=device)), skipped


def _weigh(costs: list[_Costs], session: Session, progress: Progress) -> None:
    """Open each model that a path names in a process of its own, one after the other."""
    import torch

    from kdprobe.errors import CapabilityError
    from kdprobe.extract.fresh_process import peak_memory

    names = ("peak_memory", "model_memory")
    with progress.stage("memory in fresh processes", len(costs)) as stage:
        for each in costs:
            paths = each.model.spec.paths
            try:
                if not paths:
                    raise CapabilityError(each.model.name, found=_NO_PATH)
                peak = peak_memory(
                    paths[0], session.split, name=each.model.name, opening=session.opening,
                    threads=torch.get_num_threads(),
                )  # fmt: skip
            except CapabilityError as error:
                each.reasons |= dict.fromkeys(names, error.found)
            else:
                each.note(names[0], peak.process, "")
                each.note(names[1], peak.model, "")
            stage.advance(note=each.model.name)


COLLECTOR = EfficiencyCollector()
