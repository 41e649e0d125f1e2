"""Distillation recipes: what a student learns from, and how it is trained.

Does: define the shape of `suites/recipes/*.toml`, find a recipe by name or path, and apply
`--set key=value`. Does not: know the options of any objective; they are checked where the
objectives are loaded.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from kdprobe.config.base import Options, parse, read_toml
from kdprobe.errors import ConfigError
from kdprobe.registry import unknown_name

BestBy = Literal["score", "loss", "agreement", "kl", "last"]


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


class TrainingSettings(Options):
    """How a model is trained, whatever it learns from.

    Args:
        epochs: passes over the training examples; a fraction ends inside a pass.
        batch_size: examples whose gradient is computed at once.
        gradient_accumulation: such batches to one optimiser step.
        learning_rate: of AdamW (beta .9 and .999, epsilon 1e-8) at its peak.
        warmup: below 1 the share of all steps, otherwise the number of steps, over which the
            learning rate rises from 0.
        schedule: what the learning rate does afterwards.
        weight_decay: of AdamW; biases and normalisation weights have none.
        max_grad_norm: gradients are scaled down to this norm; 0 switches it off.
        max_length: tokens read of an example, special tokens included.
        best_by: which checkpoint is kept: the best task `score` (the default), the lowest `loss`
            on the gold labels, the highest `agreement` with or lowest `kl` to the teacher
            (distillation only), or the `last`. Ties go to the earlier one; an undefined score
            ranks lowest.
        early_stopping: stop after this many evaluations without a better one; None never stops.
        evaluate_every: optimiser steps between evaluations; None evaluates after each epoch, and
            several times in one that is longer than 1,000 steps.
    """

    epochs: Annotated[float, Field(gt=0)] = 3.0
    batch_size: Annotated[int, Field(ge=1)] = 32
    gradient_accumulation: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    warmup: Annotated[float, Field(ge=0)] = 0.1
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    max_length: Annotated[int, Field(ge=4)] = 128
    best_by: BestBy = "score"
    early_stopping: Annotated[int, Field(ge=1)] | None = None
    evaluate_every: Annotated[int, Field(ge=1)] | None = None


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
        tasks: for a task's name, settings of its own, written as `--set` takes them.
    """

    name: str
    title: str = ""
    source: str = ""
    requires: str = ""
    student: str = "layers=3"
    layer_map: str = "copied"
    reduction: Literal["example", "token"] = "example"
    objectives: Annotated[tuple[ObjectiveSetting, ...], Field(min_length=1)]
    training: TrainingSettings = TrainingSettings()
    tasks: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _always_something(self) -> Recipe:
        reached = 0.0
        for start, end in sorted(each.during for each in self.objectives if each.weight):
            if start > reached:
                break
            reached = max(reached, end)
        if reached < 1:
            raise ValueError(f"nothing is learnt from {reached:g} of the training on")
        return self

    @model_validator(mode="after")
    def _once_each(self) -> Recipe:
        names = [setting.name for setting in self.objectives]
        if len(set(names)) != len(names):
            raise ValueError("an objective stands twice in the recipe")
        return self


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
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    return read_toml(Recipe, _shipped() / f"{name}.toml")


def _value(text: JsonValue) -> JsonValue:
    """Read a value as TOML does, and anything TOML does not know as a plain string."""
    if not isinstance(text, str):
        return text
    try:
        parsed: JsonValue = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return parsed if isinstance(parsed, bool | int | float | str | list) else text


def setting_names(recipe: Recipe, option_names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Give the full names of everything that `--set` can change in a recipe."""
    keys = ["student", "layer_map", "reduction"]
    keys += [f"training.{name}" for name in TrainingSettings.model_fields]
    for setting in recipe.objectives:
        names = ("weight", *option_names[setting.name])
        keys += [f"objectives.{setting.name}.{name}" for name in names]
    return tuple(keys)


def _resolve(key: str, known: tuple[str, ...]) -> str:
    """Find the one full key that a person's short form means."""
    hits = [full for full in known if full == key or full.endswith("." + key)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise ConfigError(
            f"--set {key}", found=f"is short for {' and '.join(hits)}", expected="one of them"
        )
    tails = {full.rsplit(".", 1)[-1]: full for full in known}
    close = difflib.get_close_matches(key.rsplit(".", 1)[-1], tails, n=1, cutoff=0.5)
    raise ConfigError(
        f"--set {key}",
        found="the recipe has no such setting",
        expected="one of " + ", ".join(known),
        remedy=f"did you mean {tails[close[0]]!r}?" if close else "",
    )


def with_settings(
    recipe: Recipe,
    settings: Mapping[str, JsonValue],
    *,
    option_names: Mapping[str, Sequence[str]],
    where: str = "--set",
) -> Recipe:
    """Give the recipe with some of its values changed.

    Args:
        recipe: what to start from.
        settings: `--set` keys and values; a key may be shortened to its last parts while only one
            setting ends so (`temperature`, `soft_targets.weight`, `training.epochs`); a value that
            is text is read as TOML.
        option_names: the option names of each objective in the recipe.
        where: the option that says so, for messages about values.

    Raises:
        ConfigError: an unknown or ambiguous key, or a value of the wrong kind.

    >>> recipe = Recipe(name="r", objectives=(ObjectiveSetting(name="soft_targets"),))
    >>> names = {"soft_targets": ("temperature",)}
    >>> with_settings(recipe, {"temperature": "4"}, option_names=names).objectives[0].options
    {'temperature': 4}
    """
    known = setting_names(recipe, option_names)
    data = recipe.model_dump()
    for key, text in settings.items():
        parts = _resolve(key, known).split(".")
        if parts[0] == "training":
            data["training"][parts[1]] = None if text == "none" else _value(text)
        elif parts[0] == "objectives":
            (entry,) = (item for item in data["objectives"] if item["name"] == parts[1])
            place = entry if parts[2] == "weight" else entry["options"]
            place[parts[2]] = _value(text)
        else:
            data[parts[0]] = text
    return parse(Recipe, data, where)


def for_task(recipe: Recipe, task: str, *, option_names: Mapping[str, Sequence[str]]) -> Recipe:
    """Give the recipe with the settings it has for a task.

    Args:
        recipe: what to start from.
        task: the task's name; one without settings of its own changes nothing.
        option_names: the option names of each objective in the recipe.

    Raises:
        ConfigError: an unknown or ambiguous key in the recipe's table, or a wrong value.
    """
    if task not in recipe.tasks:
        return recipe
    return with_settings(recipe, recipe.tasks[task], option_names=option_names)
