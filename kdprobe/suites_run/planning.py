"""From a suite at one scale to its plan.

Does: lay out the steps of every model, transfer set and comparison with their parents and
addresses, in an order in which they can be run. Does not: run them, or read a result.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdprobe.collectors.protocol import COLLECTORS
from kdprobe.config.suite import MOST_STEPS, SuiteComparison, SuiteModel, SuiteTexts
from kdprobe.config.suite_scale import ScaledSuite, model_for
from kdprobe.errors import ConfigError, UsageError
from kdprobe.suites_run.addresses import (
    DataIndex,
    StepKind,
    address_of,
    file_identity,
    forget_contents,
    model_identity,
    recipe_content,
)
from kdprobe.suites_run.checking import StepChecks
from kdprobe.suites_run.evidence import placed, read_by
from kdprobe.suites_run.metrics import check_metrics
from kdprobe.suites_run.plan import Input, Step, SuitePlan

_OF_TRAINING = ("train_split", "eval_split", "eval_limit")


def plan_suite(suite: ScaledSuite, *, data: DataIndex) -> SuitePlan:
    """Plan every step of a suite.

    Data that cannot be read and models that are not there stop the steps that need them, not the
    plan.

    Raises:
        UsageError: models that hang on each other in a circle, too many steps, an option that
            cannot be used, or a metric that there is none of.
    """
    check_metrics(suite.file, where=suite.where)
    forget_contents()
    planner = _Planner(suite, data)
    steps = {step.name: step for step in planner.checked_steps()}
    if len(steps) > MOST_STEPS:
        raise ConfigError(
            suite.where, found=f"{len(steps):,} steps", expected=f"at most {MOST_STEPS:,}"
        )
    try:
        order = list(
            graphlib.TopologicalSorter({s.name: s.parents for s in steps.values()}).static_order()
        )
    except graphlib.CycleError as error:
        raise ConfigError(
            suite.where, found="hangs on itself: " + " <- ".join(error.args[1]),
            expected="models that are made one after the other",
        ) from error  # fmt: skip
    ordered: dict[str, Step] = {}
    for name in order:
        ordered[name] = addressed(steps[name], ordered)
    return SuitePlan(suite, ordered, planner.absent)


class _Planner:
    """Lays out the steps of a suite, addresses left out."""

    def __init__(self, suite: ScaledSuite, data: DataIndex) -> None:
        self.suite = suite
        self.absent: dict[str, str] = dict(suite.left_out)
        self._data = data
        self._models = {model.name: model for model in suite.file.models}
        self._texts = {texts.name: texts for texts in suite.file.texts}
        self._checks = StepChecks()

    def checked_steps(self) -> Iterator[Step]:
        """Yield every step; a misspelt option is refused now, not after the trainings.

        Raises:
            UsageError: the first option of the file that cannot be used.
        """
        for step in self._all_steps():
            versions = self._checks.versions(
                step.kind, step.keywords, where=f"{self.suite.where}: {step.part!r}",
                readable=not step.data.failed,
            )  # fmt: skip
            yield replace(step, versions=versions)

    def _all_steps(self) -> Iterator[Step]:
        """Yield every step, parts in the order of the file."""
        for task in self.suite.tasks:
            for texts in self._texts.values():
                if self._made(texts, task):
                    yield self._augment(texts, task)
            for model in self._models.values():
                if model.make != "folder" and self._made(model, task):
                    yield from self._trainings(model_for(model, task), task)
            for comparison in self.suite.file.comparisons:
                if self._made(comparison, task):
                    yield from self._compare(comparison, task)

    def _made(self, part: SuiteModel | SuiteTexts | SuiteComparison, task: str) -> bool:
        return not part.tasks or task in part.tasks

    def _seeds(self, model: SuiteModel) -> tuple[int, ...]:
        return model.seeds if model.seeds is not None else self.suite.scale.seeds

    def _name(self, part: str, task: str, seeds: Sequence[int], seed: int) -> str:
        return f"{task}/{part}" + (f"/seed-{seed}" if len(seeds) > 1 else "")

    def _result(self, role: str, name: str, task: str, seed: int) -> Input:
        """Return one result of a model: of the same seed where it has it, else of its first."""
        if name in self._texts:
            return Input(role, steps=(f"{task}/{name}",))
        model = self._models[name]
        if model.make == "folder":
            return Input(role, outside=(model.model,))
        seeds = self._seeds(model)
        return Input(
            role,
            steps=(self._name(name, task, seeds, seed if seed in seeds else seeds[0]),),
        )

    def _missing(self, part: str, needs: Sequence[str], task: str) -> bool:
        """Note a part whose teacher, student or texts are not made here."""
        for name in filter(None, needs):
            held = self._models.get(name) or self._texts.get(name)
            if held is None or not self._made(held, task) or f"{task}/{name}" in self.absent:
                reason = self.absent.get(name) or self.absent.get(f"{task}/{name}")
                self.absent[f"{task}/{part}"] = f"{name} is not made here" + (
                    f": {reason}" if reason else ""
                )
                return True
        return False

    def _augment(self, texts: SuiteTexts, task: str) -> Step:
        data = self.suite.data(task)
        facts = self._data.facts(data)
        named = {
            **{key: value for key, value in data.items() if key not in _OF_TRAINING},
            "method": texts.method, "n": texts.n, "model": texts.model,
            **self.suite.scale.augment, **texts.options,
        }  # fmt: skip
        return Step(
            f"{task}/{texts.name}", "augment", texts.name, task, 0, _without_none(named), (), facts
        )

    def _trainings(self, model: SuiteModel, task: str) -> Iterator[Step]:
        needs = (model.teacher, model.like, model.transfer)
        if self._missing(model.name, needs, task):
            return
        seeds = self._seeds(model)
        data = self.suite.data(task)
        kind: StepKind = "distill" if model.make == "distill" else "finetune"
        general = self.suite.scale.distill if kind == "distill" else self.suite.scale.finetune
        for seed in seeds:
            named = {**data, "student": model.student, "seed": seed, "sample_seed": 0,
                     **general, **model.options}  # fmt: skip
            inputs = []
            if kind == "distill":
                named |= {
                    "recipe": self.suite.beside(model.recipe),
                    "settings": dict(model.settings),
                }
                inputs.append(self._result("teacher", model.teacher, task, seed))
                if model.transfer:
                    inputs.append(self._result("transfer_set", model.transfer, task, seed))
            else:
                named["model"] = model.model or None
                if model.like:
                    inputs.append(self._result("like", model.like, task, seed))
            yield Step(
                self._name(model.name, task, seeds, seed), kind, model.name, task, seed,
                _without_none(named), tuple(inputs), self._data.facts(data),
            )  # fmt: skip

    def _compare(self, comparison: SuiteComparison, task: str) -> Iterator[Step]:
        if self._missing(comparison.name, (comparison.teacher,), task):
            return
        students = [
            name for name in comparison.students
            if name in self._models and self._made(self._models[name], task)
            and f"{task}/{name}" not in self.absent
        ]  # fmt: skip
        if not students:
            self.absent[f"{task}/{comparison.name}"] = "none of its students is made here"
            return
        data = self.suite.data(task)
        named: dict[str, Any] = {
            "task": data["task"], "split": data.get("eval_split"),
            "limit": data.get("eval_limit"), "sample_seed": data.get("sample_seed", 0),
            **{key: data[key] for key in ("text", "text_pair", "label", "labels") if key in data},
            **self.suite.scale.compare, **comparison.options,
            **comparison.by_task.get(task, {}),
        }  # fmt: skip
        for name in ("probing", *COLLECTORS.names()):
            if named.get(name) is False:  # this comparison has none, though the scale asks for it
                del named[name]
        named = placed(named, self.suite.place)
        inputs = tuple(
            self._all_runs(name, task, first=role == "teacher")
            for role, name in [("teacher", comparison.teacher), *(("", s) for s in students)]
        )
        yield Step(
            f"{task}/{comparison.name}", "compare", comparison.name, task, 0,
            _without_none(named), inputs, self._data.facts(data),
        )  # fmt: skip

    def _all_runs(self, name: str, task: str, *, first: bool) -> Input:
        model = self._models[name]
        if model.make == "folder":
            return Input(name, outside=(model.model,))
        seeds = self._seeds(model)
        kept = seeds[:1] if first else seeds
        return Input(name, steps=tuple(self._name(name, task, seeds, seed) for seed in kept))


def _without_none(named: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in named.items() if value is not None}


def addressed(step: Step, before: Mapping[str, Step]) -> Step:
    """Give a step its address, or the reason why it has none.

    Args:
        step: as it is laid out.
        before: at least its parents, with their addresses.
    """
    if step.data.failed:
        return replace(step, failed=step.data.failed)
    for name in step.parents:
        if name not in before:
            return replace(step, failed=f"{name} is not made here")
        if not before[name].address:
            return replace(step, failed=f"{name} cannot be made")
    try:
        return replace(step, address=address_of(step.kind, _content(step, before)))
    except UsageError as error:
        return replace(step, failed=str(error))


def _content(step: Step, before: Mapping[str, Step]) -> dict[str, Any]:
    """Return everything that decides the result of a step."""
    keywords = dict(step.keywords)
    task = keywords.pop("task")
    held: dict[str, Any] = {
        "task": Path(str(task)).name,
        "inputs": [
            [one.role, [before[name].address for name in one.steps],
             [model_identity(name) for name in one.outside]]
            for one in step.inputs
        ],
        "data": [step.data.evaluation] if step.kind == "compare"
        else [step.data.train, step.data.evaluation],
    }  # fmt: skip
    if step.kind == "distill":
        held["recipe"] = recipe_content(str(keywords.pop("recipe")), str(task))
    for key in ("model", "student"):
        if isinstance(keywords.get(key), str):
            keywords[key] = model_identity(str(keywords[key]))
    if step.data.definition:
        held["definition"] = step.data.definition
    if step.kind == "compare":
        files = [file_identity(place) for place in read_by(keywords)]
        held |= {"files": files} if files else {}
        keywords = placed(keywords, lambda name: file_identity(Path(name)))
    if step.versions:
        held["versions"] = step.versions
    return held | {"keywords": keywords}
