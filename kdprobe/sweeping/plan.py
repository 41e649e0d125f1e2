"""The runs of a sweep, checked before anything is opened.

Does: turn the axes and the fixed options into runs, each with its student, recipe, settings and
seed, and refuse contradictions. Does not: open the teacher or the data, or train.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kdprobe.config.commands import DistillOptions
from kdprobe.config.flags import FlagOptions
from kdprobe.config.flat import gathered
from kdprobe.config.keywords import DistillKeywords
from kdprobe.config.options import (
    DataOptions,
    Runtime,
    TrainingDataOptions,
    TrainingOutput,
    TrainingRuntime,
)
from kdprobe.config.recipe import Recipe, open_recipe
from kdprobe.config.recipe_changes import for_task, setting_names, with_settings
from kdprobe.config.stages import parts_of
from kdprobe.config.sweep import WHERE, Axis, Variant, check_keys, parse_sweep, variants
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.teacher_source import TeacherSource
from kdprobe.distillers.weighted_loss import build_weighted_loss, option_names
from kdprobe.errors import ConfigError
from kdprobe.models.shapes import parse_student
from kdprobe.registry import unknown_name
from kdprobe.tasks.open import open_task

NOTHING: Mapping[str, Any] = MappingProxyType({})
_OWN = ("teacher", "task", "output", "student", "recipe", "settings", "seed", "sample_seed",
        "resume", "force", "dry_run", "progress")  # fmt: skip
_CHANGE_NOTHING = ("offline", "data_dir", "jobs")


@dataclass(frozen=True)
class SweepRequest:
    """What is the same for all runs.

    Args:
        teacher: one source for all runs, so that a function is asked about each text once.
        task, student, recipe, settings: as `distill` takes them.
        seed: of every run when seeds are not swept, and of the samples that limits take.
        options: any other keyword of `distill`.

    Raises:
        UnknownNameError: an option that `distill` does not have.
    """

    teacher: TeacherSource
    task: str
    student: str | None
    recipe: str
    settings: Mapping[str, str]
    seed: int
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Check the names of the options."""
        known = tuple(name for name in DistillKeywords.__annotations__ if name not in _OWN)
        for name in self.options:
            if name not in known:
                raise unknown_name("option", name, known)

    @property
    def columns(self) -> dict[str, Any]:
        """How a table is read, as `open_task` takes it."""
        columns = {name: self.options.get(name) for name in ("text", "text_pair", "label")}
        return columns | {"labels": self.options.get("labels") or ()}

    def record(self, fingerprint: str) -> dict[str, Any]:
        """Return everything that decides the results and is not swept, as JSON values."""
        kept = {
            name: _plain(value)
            for name, value in self.options.items()
            if name not in _CHANGE_NOTHING and value is not None
        }
        return {
            "command": "distill --sweep", "teacher": self.teacher.name, "fingerprint": fingerprint,
            "task": self.task, "student": self.student, "recipe": self.recipe,
            "settings": dict(self.settings), "seed": self.seed, "options": kept,
        }  # fmt: skip


def _plain(value: Any) -> Any:
    """Return an option as JSON can hold it: paths as text, tuples as lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def same_options(
    named: Mapping[str, Any],
    data: DataOptions | None,
    training: TrainingSettings | None,
    runtime: Runtime | None,
) -> dict[str, Any]:
    """Return the keywords of `distill` that are the same for all runs; defaults are left out.

    Raises:
        TypeError: a keyword that does not exist, or stands in an object too.
        ConfigError: a value that is wrong.
    """
    parts: dict[str, FlagOptions] = gathered("sweep", named, {
        "own": (DistillOptions, None), "data": (TrainingDataOptions, data),
        "training": (TrainingSettings, training), "runtime": (TrainingRuntime, runtime),
        "output": (TrainingOutput, None),
    })  # fmt: skip
    return {
        name: getattr(part, name)
        for part in parts.values()
        for name, info in type(part).model_fields.items()
        if name in part.model_fields_set
        and (isinstance(part, TrainingSettings) or getattr(part, name) != info.default)
    }


@dataclass(frozen=True)
class PlannedRun:
    """One run: its values of what is swept, and its arguments of `distill`."""

    variant: Variant
    student: str | None
    recipe: str
    settings: Mapping[str, str]
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.variant.name


@dataclass(frozen=True)
class SweepPlan:
    """A sweep: the axes by their full names, and its runs in the order they are trained."""

    axes: tuple[Axis, ...]
    runs: tuple[PlannedRun, ...]


def plan_sweep(text: str, request: SweepRequest) -> SweepPlan:
    """Read `runs` and check every run as far as names and values can be checked.

    Raises:
        ConfigError: an unknown setting or a value of the wrong kind; a setting that is swept and
            given beside it.
        UnknownNameError: an unknown recipe, student or objective.
    """
    axes = parse_sweep(text)
    swept = {axis.key: axis.values for axis in axes}
    recipes = {name: _open(name, request) for name in swept.get("recipe", (request.recipe,))}
    full: dict[str, str] = {}
    for recipe in recipes.values():
        full = check_keys(axes, setting_names(recipe, option_names(recipe.all_objectives)))
        _refuse_both(full, request, recipe)
    named = tuple(Axis(full[axis.key], axis.values) for axis in axes)
    runs = tuple(_planned(variant, request, recipes) for variant in variants(named))
    return SweepPlan(named, runs)


def _open(name: str, request: SweepRequest) -> Recipe:
    recipe = open_recipe(name)
    names = option_names(recipe.all_objectives)
    return for_task(recipe, open_task(request.task, **request.columns).name, option_names=names)


def _refuse_both(full: Mapping[str, str], request: SweepRequest, recipe: Recipe) -> None:
    """Refuse a swept setting that an option or `settings` would override for every run."""
    names = option_names(recipe.all_objectives)
    fixed = check_keys(
        [Axis(key, (value,)) for key, value in request.settings.items()],
        setting_names(recipe, names),
        where="`settings`",
    )
    sources = {name: f"`settings={key}`" for key, name in fixed.items()}
    for option, value in request.options.items():
        if value is not None:
            sources[f"training.{option}"] = f"`{option}`"
    if request.student is not None:
        sources["student"] = "`student`"
    for key, name in full.items():
        if name in sources:
            raise ConfigError(
                f"{WHERE} {key}",
                found=f"is given by {sources[name]} too",
                expected="one of the two",
            )


def _planned(variant: Variant, request: SweepRequest, recipes: Mapping[str, Recipe]) -> PlannedRun:
    name = variant.values.get("recipe", request.recipe)
    recipe = recipes[name]
    settings = {**request.settings, **variant.settings}
    names = option_names(recipe.all_objectives)
    changed = with_settings(recipe, settings, option_names=names, where=WHERE)
    for part in parts_of(changed):
        build_weighted_loss(part.recipe.objectives, reduction=part.recipe.reduction, where=WHERE)
    student = variant.student(request.student, recipe=changed.student)
    parse_student(student or changed.student, where=WHERE)
    return PlannedRun(variant, student, name, settings, variant.seed(request.seed))
