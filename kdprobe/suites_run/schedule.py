"""The order in which the steps of a plan are run.

Does: give steps to an executor as soon as what they hang on is there, run one address once, mark
what hangs on a step that failed, and go on with the rest, a comparison with the students that are
there. Does not: run a step.
"""

from __future__ import annotations

import graphlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kdprobe.plain_files import expanded
from kdprobe.progress import Progress
from kdprobe.suites_run.estimate import CostEstimator
from kdprobe.suites_run.plan import Step, SuitePlan
from kdprobe.suites_run.planning import addressed
from kdprobe.suites_run.steps import StepJob
from kdprobe.suites_run.store import ResultStore
from kdprobe.workers.jobs import EndedJob, Executor

State = Literal["done", "failed", "waits", "left out"]


@dataclass(frozen=True)
class StepState:
    """What became of a step.

    Args:
        state: `done`; `failed`; `waits` for a step that failed; `left out` by `only`.
        reason: why it is not done.
        made: whether this run made it; else it was there.
        step: of a comparison some of whose students failed, the one of the others in its place.
    """

    state: State
    reason: str = ""
    made: bool = False
    step: Step | None = None


def as_run(plan: SuitePlan, states: Mapping[str, StepState]) -> SuitePlan:
    """Return a plan with the comparisons that stood in for others, as they were run."""
    instead = {name: state.step for name, state in states.items() if state.step is not None}
    return replace(plan, steps={**plan.steps, **instead})


def run_steps(
    plan: SuitePlan,
    store: ResultStore,
    executor: Executor[str],
    *,
    chosen: Collection[str],
    machine: Mapping[str, object],
    progress: Progress,
) -> dict[str, StepState]:
    """Run the chosen steps that are not there yet.

    Args:
        plan: all steps.
        store: where results lie.
        executor: where steps run.
        chosen: names of steps; with each all its parents.
        machine: keywords of every step that decide no result.
        progress: a display.

    Returns:
        The state of every step of the plan, in its order.
    """
    run = _Walk(plan, store, executor, machine, progress)
    states = run.all_states(chosen)
    return {
        name: states.get(name, StepState("left out", "left out of this run")) for name in plan.steps
    }


class _Walk:
    """One walk over the steps of a plan."""

    def __init__(
        self,
        plan: SuitePlan,
        store: ResultStore,
        executor: Executor[str],
        machine: Mapping[str, object],
        progress: Progress,
    ) -> None:
        self._plan, self._store, self._executor = plan, store, executor
        self._machine, self._progress = machine, progress
        self._estimator = CostEstimator(plan)
        self._places = {name: place for place, name in enumerate(plan.steps)}
        self._states: dict[str, StepState] = {}
        self._without: dict[str, Step] = {}  # comparisons some of whose students failed
        self._settled: list[str] = []  # whose children may begin, since the sorter was last asked
        # By address: steps of one address share a run.
        self._queued: OrderedDict[str, list[Step]] = OrderedDict()
        self._running: dict[str, list[Step]] = {}

    def all_states(self, chosen: Collection[str]) -> dict[str, StepState]:
        """Run until nothing is left that can be run."""
        graph = {n: s.parents for n, s in self._plan.steps.items() if n in chosen}
        sorter = graphlib.TopologicalSorter(graph)
        sorter.prepare()
        total = len(graph)
        while sorter.is_active():
            for name in self._in_order(sorter.get_ready()):
                self._look_at(self._plan.steps[name])
            self._begin(total)
            if not self._settled and self._running:
                for ended in self._executor.wait():
                    self._end(ended)
            sorter.done(*self._settled)
            self._settled.clear()
        return self._states

    def _in_order(self, names: Collection[str]) -> list[str]:
        return sorted(names, key=self._places.__getitem__)

    def _settle(self, name: str, state: StepState) -> None:
        self._states[name] = state
        self._settled.append(name)

    def _look_at(self, step: Step) -> None:
        """Settle a step that is there or cannot be made; queue any other."""
        broken = next((name for name in step.parents if self._states[name].state != "done"), None)
        rest = self._of_the_rest(step) if broken is not None else None
        if rest is not None:
            self._without[step.name] = step = rest
        elif broken is not None:
            earlier = self._states[broken]
            reason = (
                earlier.reason if earlier.state == "waits" else f"hangs on {broken}, which failed"
            )
            self._settle(step.name, StepState("waits", reason))
            return
        if step.failed:
            self._fail(step, step.failed)
        elif self._store.record(step.address) is not None:
            self._done(step, made=False)
        elif step.address in self._running:
            self._running[step.address].append(step)
        else:
            self._queued.setdefault(step.address, []).append(step)

    def _of_the_rest(self, step: Step) -> Step | None:
        """Return a comparison of those students whose every seed is there, or None."""
        if step.kind != "compare":
            return None
        kept = tuple(
            one for one in step.inputs
            if all(self._states[name].state == "done" for name in one.steps)
        )  # fmt: skip
        if len(kept) < 2 or kept[0] != step.inputs[0]:  # the teacher stands first
            return None
        return addressed(replace(step, inputs=kept, failed=""), self._plan.steps)

    def _done(self, step: Step, *, made: bool) -> None:
        instead = self._without.get(step.name)
        reason = ""
        if instead is not None:
            names = {one.role for one in self._plan.steps[step.name].inputs}
            absent = ", ".join(sorted(names - {one.role for one in instead.inputs}))
            reason = f"compared without {absent}"
        self._settle(step.name, StepState("done", reason, made, instead))

    def _begin(self, total: int) -> None:
        """Give steps to free slots, the first of the plan first."""
        while self._queued and len(self._running) < self._executor.slots:
            address, steps = self._queued.popitem(last=False)
            self._running[address] = steps
            place = len(self._states) + len(self._running)
            self._progress.say(f"{place} of {total}: {steps[0].name} ({steps[0].kind})")
            self._executor.submit(self._job(steps[0]))

    def _job(self, step: Step) -> StepJob:
        steps = self._plan.steps
        return StepJob(
            name=step.name, kind=step.kind, address=step.address, root=str(self._store.root),
            keywords={
                key: _as_workers_see(value) if key in ("model", "student") else value
                for key, value in step.keywords.items()
            },
            inputs=tuple(
                (one.role, tuple(map(_as_workers_see, one.outside)) or tuple(
                    str(self._store.result(steps[name].address, steps[name].kind))
                    for name in one.steps
                ))
                for one in step.inputs
            ),
            machine=self._machine, memory=self._estimator.cost(step).memory or 0,
        )  # fmt: skip

    def _end(self, ended: EndedJob[str]) -> None:
        step = self._without.get(ended.name) or self._plan.steps[ended.name]
        address = step.address
        failed = ended.died or ended.result
        for step in self._running.pop(address):
            if failed:
                self._fail(step, failed)
            else:
                self._done(step, made=step.name == ended.name)

    def _fail(self, step: Step, reason: str) -> None:
        self._progress.say(f"{step.name} failed: {reason}")
        self._settle(step.name, StepState("failed", reason))


def _as_workers_see(name: str) -> str:
    """Return a folder's whole path, as a worker begins elsewhere; any other name as it is."""
    place = expanded(name)
    return str(place.absolute()) if place.is_dir() else name
