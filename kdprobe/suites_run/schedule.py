"""The order in which the steps of a plan are run.

Does: give steps to an executor as soon as what they hang on is there, run one address once, mark
what hangs on a step that failed, and go on with the rest. Does not: run a step.
"""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from kdprobe.plain_files import expanded
from kdprobe.progress import Progress
from kdprobe.suites_run.estimate import CostEstimator
from kdprobe.suites_run.plan import Step, SuitePlan
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
    """

    state: State
    reason: str = ""
    made: bool = False


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
        name: states.get(name, StepState("left out", "`only` does not name it"))
        for name in plan.steps
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
        self._states: dict[str, StepState] = {}
        self._running: dict[str, list[Step]] = {}  # by address; steps of one address share a run
        self._ready: list[Step] = []

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
            finished = [n for n in self._states if n in graph]
            if not self._settle(sorter, finished, graph) and self._running:
                for ended in self._executor.wait():
                    self._end(ended)
        return self._states

    def _in_order(self, names: Collection[str]) -> list[str]:
        return [name for name in self._plan.steps if name in names]

    def _settle(
        self,
        sorter: graphlib.TopologicalSorter[str],
        finished: list[str],
        graph: dict[str, tuple[str, ...]],
    ) -> bool:
        """Tell the sorter which steps are settled; whether there were any."""
        for name in finished:
            sorter.done(name)
            del graph[name]
        return bool(finished)

    def _look_at(self, step: Step) -> None:
        """Settle a step that is there or cannot be made; queue any other."""
        broken = next((name for name in step.parents if self._states[name].state != "done"), None)
        if broken is not None:
            earlier = self._states[broken]
            reason = (
                earlier.reason if earlier.state == "waits" else f"hangs on {broken}, which failed"
            )
            self._states[step.name] = StepState("waits", reason)
        elif step.failed:
            self._fail(step, step.failed)
        elif self._store.record(step.address) is not None:
            self._states[step.name] = StepState("done")
        else:
            self._ready.append(step)

    def _begin(self, total: int) -> None:
        """Give steps to free slots, the first of the plan first."""
        waiting: list[Step] = []
        for step in self._ready:
            if step.address in self._running:
                self._running[step.address].append(step)
            elif len(self._running) < self._executor.slots:
                self._running[step.address] = [step]
                place = len(self._states) + len(self._running)
                self._progress.say(f"{place} of {total}: {step.name} ({step.kind})")
                self._executor.submit(self._job(step))
            else:
                waiting.append(step)
        self._ready = waiting

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
        address = self._plan.steps[ended.name].address
        failed = ended.died or ended.result
        for step in self._running.pop(address):
            if failed:
                self._fail(step, failed)
            else:
                self._states[step.name] = StepState("done", made=step.name == ended.name)

    def _fail(self, step: Step, reason: str) -> None:
        self._progress.say(f"{step.name} failed: {reason}")
        self._states[step.name] = StepState("failed", reason)


def _as_workers_see(name: str) -> str:
    """Return a folder's whole path, as a worker begins elsewhere; any other name as it is."""
    place = expanded(name)
    return str(place.absolute()) if place.is_dir() else name
