"""Distillation recipes: what a student learns from, and how it is trained.

Does: define the shape of `suites/recipes/*.toml`, find a recipe by name or path, and apply
`settings`. Does not: know the options of any objective; they are checked where the
objectives are loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from kdprobe.config.base import Options, read_toml
from kdprobe.config.training import TrainingSettings
from kdprobe.registry import known_name

MOST_STAGES = 20
"""Trainings of one recipe; published ones have at most four."""


class ObjectiveSetting(Options):
    """One objective of a recipe.

    Args:
        name: a file of `distillers/objectives/`.
        weight: the factor before its value; 0 leaves it out.
        options: the objective's own options; what is left out has its default.
        during: the part of the training in which it counts, as shares of all optimiser steps from
            0 to 1, for recipes in stages.
    """

    name: str
    weight: Annotated[float, Field(ge=0)] = 1.0
    options: dict[str, JsonValue] = Field(default_factory=dict)
    during: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _some_time(self) -> ObjectiveSetting:
        start, end = self.during
        if not 0 <= start < end <= 1:
            raise ValueError(f"during = [{start:g}, {end:g}] is no part of 0 to 1")
        return self


class Stage(Options):
    """A part of a recipe with settings of its own.

    A stage goes on with the student of the stage before it when both have the same student and
    teacher; otherwise its student is a new one.

    Args:
        name: one word, for `settings`, folders and messages.
        objectives: what is learnt from in it.
        student: what is trained; None: the recipe's student.
        teacher: the name of an earlier stage, whose student teaches here (a teacher assistant);
            None: the teacher of the command.
        layer_map: None: the recipe's.
        reduction: None: the recipe's.
        training: settings that differ from the recipe's, by name.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    objectives: Annotated[tuple[ObjectiveSetting, ...], Field(min_length=1)]
    student: str | None = None
    teacher: str | None = None
    layer_map: str | None = None
    reduction: Literal["example", "token"] | None = None
    training: dict[str, JsonValue] = Field(default_factory=dict)


class Recipe(Options):
    """A recipe.

    Args:
        name: the word on the command line.
        title: one line for people.
        source: where the settings were published, and what is this project's own choice.
        requires: what a person must have for it, in words; empty: a teacher and gold labels.
        student: the student when none is asked for.
        layer_map: which layer of the teacher belongs to which of the student's; see
            `distillers.layer_map`.
        reduction: `example`, the mean over examples of each one's own mean; or `token`, the sum
            over all examples divided by the sum of all denominators (long texts weigh more).
        objectives: what the student learns from; the loss is their weighted sum.
        training: how it is trained.
        stages: parts that follow each other, each with its own objectives, in place of
            `objectives`; see `stages.parts_of`.
        tasks: for a task's name, settings of its own, written as `settings` takes them.
        aliases: other words on the command line; no part of what a training did.
    """

    name: str
    aliases: tuple[str, ...] = Field(default=(), exclude=True)
    title: str = ""
    source: str = ""
    requires: str = ""
    student: str = "layers=3"
    layer_map: str = "copied"
    reduction: Literal["example", "token"] = "example"
    objectives: tuple[ObjectiveSetting, ...] = ()
    training: TrainingSettings = TrainingSettings()
    stages: tuple[Stage, ...] = ()
    tasks: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _always_something(self) -> Recipe:
        if bool(self.objectives) == bool(self.stages):
            raise ValueError("a recipe has either objectives or stages")
        for objectives in self.mixtures:
            reached = 0.0
            for start, end in sorted(each.during for each in objectives if each.weight):
                if start > reached:
                    break
                reached = max(reached, end)
            if reached < 1:
                raise ValueError(f"nothing is learnt from {reached:g} of the training on")
        return self

    @model_validator(mode="after")
    def _once_each(self) -> Recipe:
        for objectives in self.mixtures:
            names = [setting.name for setting in objectives]
            if len(set(names)) != len(names):
                raise ValueError("an objective stands twice in the recipe")
        if len(self.stages) > MOST_STAGES:
            raise ValueError(f"{len(self.stages)} stages are more than {MOST_STAGES}")
        stages = [stage.name for stage in self.stages]
        if len(set(stages)) != len(stages):
            raise ValueError("two stages have the same name")
        return self

    @property
    def mixtures(self) -> tuple[tuple[ObjectiveSetting, ...], ...]:
        """The objectives that are learnt from at the same time, stage by stage."""
        return tuple(stage.objectives for stage in self.stages) or (self.objectives,)

    @property
    def all_objectives(self) -> tuple[ObjectiveSetting, ...]:
        """The objectives of all stages."""
        return tuple(setting for objectives in self.mixtures for setting in objectives)


def recipe_names() -> tuple[str, ...]:
    """Name the recipes that ship with kdprobe, sorted."""
    return tuple(sorted(path.stem for path in _shipped().glob("*.toml")))


def _shipped() -> Path:
    """The folder of recipes: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "suites"
    return (inside if inside.is_dir() else package.parent / "suites") / "recipes"


def open_recipe(name: str | Path) -> Recipe:
    """Open a recipe by its name, or by the path of a TOML file.

    Raises:
        UnknownNameError: no shipped recipe has this name; neighbours are listed.
        ConfigError: the file cannot be read or is no recipe.
    """
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name:
        return read_toml(Recipe, Path(name))
    names = recipe_names()
    if name not in names:
        name = known_name("recipe", name, names, aliases=_recipe_aliases(names))
    return read_toml(Recipe, _shipped() / f"{name}.toml")


def _recipe_aliases(names: tuple[str, ...]) -> dict[str, str]:
    """Return the other names of the shipped recipes, as their files say."""
    recipes = [read_toml(Recipe, _shipped() / f"{name}.toml") for name in names]
    return {alias: recipe.name for recipe in recipes for alias in recipe.aliases}
