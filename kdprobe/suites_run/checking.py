"""Whether the options of a step can be used, before anything is trained.

Does: hold a step's keywords against those of the function that makes it, and say which versions of
code it asks. Does not: read examples or models, which stop a step, not the suite.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from kdprobe.analysis.protocol import ANALYSES
from kdprobe.augmentation import AugmentCall
from kdprobe.augmenters.augmenter import AUGMENTERS
from kdprobe.collectors.protocol import code_versions
from kdprobe.comparison.analyses import chosen_analyses
from kdprobe.comparison.collect import collectors_of
from kdprobe.comparison.options import compare_options
from kdprobe.config.commands import DistillOptions, FinetuneOptions
from kdprobe.config.recipe import open_recipe
from kdprobe.distillation import adapted_recipe
from kdprobe.distillers.run_options import CallObjects, RunOptions
from kdprobe.errors import ConfigError, UsageError
from kdprobe.models.shapes import parse_student
from kdprobe.suites_run.addresses import StepKind
from kdprobe.suites_run.evidence import part_evidence
from kdprobe.tasks.open import open_task

OF_THE_RUN = ("output", "force", "resume", "dry_run", "data_dir", "device", "threads", "offline")
"""Keywords that decide no result: the run has them, not the suite."""
Versions = Mapping[str, Mapping[str, int]]


class StepChecks:
    """The checks of the steps of one plan; steps that differ in their seeds alone share one."""

    def __init__(self) -> None:
        self._known: dict[str, Versions] = {}

    def versions(
        self, kind: StepKind, keywords: Mapping[str, Any], *, where: str, readable: bool
    ) -> Versions:
        """Check the keywords of a step.

        Args:
            kind: of the step.
            keywords: of its function.
            where: the file and the part, for messages.
            readable: whether its task can be opened.

        Returns:
            The versions of the plug-ins that a comparison or transfer set asks, by kind and name;
            of a training none.

        Raises:
            UsageError: a keyword that there is not, a value that is wrong, or one of the run.
        """
        key = json.dumps([kind, readable, {**keywords, "seed": None}], sort_keys=True)
        if key not in self._known:
            for name in OF_THE_RUN:
                if name in keywords:
                    raise ConfigError(
                        where, found=f"{name} is named", expected="only what decides a result",
                        remedy="the command line has it for all steps",
                    )  # fmt: skip
            try:
                self._known[key] = _CHECKS[kind](dict(keywords), readable)
            except UsageError as error:
                raise error.inside(where) from error
            except TypeError as error:  # a keyword that there is not
                raise ConfigError(where, found=str(error)) from error
        return self._known[key]


def _finetune(named: dict[str, Any], readable: bool) -> Versions:
    named.pop("model", None)
    own = RunOptions.of("finetune", FinetuneOptions, CallObjects(), "model", named).own
    if own.student is not None:
        parse_student(own.student)
    return {}


def _distill(named: dict[str, Any], readable: bool) -> Versions:
    options = RunOptions.of("distill", DistillOptions, CallObjects(), "model", named)
    recipe = open_recipe(options.own.recipe)
    if readable:
        task = open_task(options.data.task, **options.data.columns)
        recipe = adapted_recipe(recipe, task.name, options)
    parse_student(recipe.student)
    return {}


def _augment(named: dict[str, Any], readable: bool) -> Versions:
    call = AugmentCall.of("texts.tsv", named, None, None)
    augmenter = AUGMENTERS.load(call.own.method)
    call.method_options(augmenter)
    return {"augmenters": {augmenter.name: augmenter.version}}


def _compare(named: dict[str, Any], readable: bool) -> Versions:
    others, evidence = part_evidence(named)
    options = compare_options(others, task=others.pop("task"), collectors=evidence)
    analyses = chosen_analyses(options.analyses)
    collectors = collectors_of(analyses.names, options.evidence, only=analyses.only)
    evidence_versions = {name: code_versions(name, held) for name, held in collectors.items()}
    return {
        "analyses": {name: ANALYSES.load(name).version for name in analyses.names},
        **{name: held for name, held in evidence_versions.items() if held},
    }


_CHECKS: Mapping[StepKind, Callable[[dict[str, Any], bool], Versions]] = {
    "finetune": _finetune,
    "distill": _distill,
    "augment": _augment,
    "compare": _compare,
}
