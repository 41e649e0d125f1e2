"""The steps of a suite, and the plan they make.

Does: hold steps with what each hangs on, and pick those that a person names. Does not: lay them out
(`planning.py`), run them (`schedule.py`), or read a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kdprobe.config.suite_scale import ScaledSuite
from kdprobe.registry import unknown_name
from kdprobe.suites_run.addresses import DataFacts, StepKind


@dataclass(frozen=True)
class Input:
    """What a step takes from others: results of steps, or models that exist.

    Args:
        role: `teacher`, `like`, `transfer`, or of a comparison a model's name.
        steps: the names of the steps whose results it is, one a seed.
        outside: folders or hub ids.
    """

    role: str
    steps: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One training, transfer set or comparison.

    Args:
        name: `TASK/PART`, and `/seed-N` where a part has several.
        kind: the public function that makes it.
        part: the name in the suite.
        task: the task's name in the suite.
        seed: of the training.
        keywords: of the function; they decide the result.
        inputs: what it takes from other steps.
        data: the examples.
        versions: of the plug-ins that it asks, by kind and name.
        address: names its result by content; empty: it cannot be made.
        failed: why it cannot be made, as far as is known before it is tried.
    """

    name: str
    kind: StepKind
    part: str
    task: str
    seed: int
    keywords: Mapping[str, Any]
    inputs: tuple[Input, ...] = ()
    data: DataFacts = field(default_factory=DataFacts)
    versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    address: str = ""
    failed: str = ""

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the steps it hangs on."""
        return tuple(name for one in self.inputs for name in one.steps)


@dataclass(frozen=True)
class SuitePlan:
    """The steps of a suite, in an order in which they can be run.

    Args:
        suite: the suite at its scale.
        steps: by name.
        absent: parts that are not made at this scale, with the reasons, by their name or
            `TASK/PART`.
    """

    suite: ScaledSuite
    steps: Mapping[str, Step]
    absent: Mapping[str, str]

    def runs(self, part: str, task: str) -> tuple[Step, ...]:
        """Return the steps of a model, texts or comparison for a task, one a seed."""
        return self._by_part.get((part, task), ())

    @cached_property
    def _by_part(self) -> Mapping[tuple[str, str], tuple[Step, ...]]:
        listed: dict[tuple[str, str], tuple[Step, ...]] = {}
        for step in self.steps.values():
            listed[step.part, step.task] = (*listed.get((step.part, step.task), ()), step)
        return listed

    def chosen(self, only: Sequence[str]) -> frozenset[str]:
        """Return the steps that `only` names, by step, part, task or table, and their parents'.

        Raises:
            UnknownNameError: a name of none of them.
        """
        if not only:
            return frozenset(self.steps)
        wanted: list[str] = []
        known = sorted({n for s in self.steps.values() for n in (s.name, s.part, s.task)})
        for name in only:
            if name not in known:
                raise unknown_name("step", name, tuple(known), option="only")
            wanted += [s.name for s in self.steps.values() if name in (s.name, s.part, s.task)]
        chosen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name not in chosen:
                chosen.add(name)
                wanted += self.steps[name].parents
        return frozenset(chosen)
