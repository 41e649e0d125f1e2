"""Changes to a recipe: `settings`, the options of the command, and a task's own settings.

Does: find the one setting a short key means, and put values of the right kind in. Does not: know
the options of any objective; their names are handed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from kdprobe.config.base import parse
from kdprobe.config.recipe import ObjectiveSetting, Recipe
from kdprobe.config.training import TrainingSettings
from kdprobe.errors import ConfigError
from kdprobe.plain_files import toml_value

_MOST_TOLD = 40


def _value(text: JsonValue) -> JsonValue:
    """Read a value as TOML does, and anything TOML does not know as a plain string."""
    if not isinstance(text, str):
        return text
    parsed: JsonValue = toml_value(text)
    return parsed if isinstance(parsed, bool | int | float | str | list) else text


def setting_names(recipe: Recipe, option_names: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the full names of everything that `settings` can change in a recipe."""
    places: list[tuple[str, Sequence[ObjectiveSetting]]] = [("", recipe.objectives)]
    places += [(f"stages.{stage.name}.", stage.objectives) for stage in recipe.stages]
    keys: list[str] = []
    for place, objectives in places:
        keys += [f"{place}{name}" for name in ("student", "layer_map", "reduction")]
        keys += [f"{place}training.{name}" for name in TrainingSettings.model_fields]
        for setting in objectives:
            names = ("weight", *option_names[setting.name])
            keys += [f"{place}objectives.{setting.name}.{name}" for name in names]
    return tuple(keys)


def resolve_setting(key: str, known: tuple[str, ...], *, where: str = "`settings`") -> str:
    """Find the one full key that a person's short form means.

    Args:
        key: a full key, or the last parts of one.
        known: the full keys.
        where: the option that names it, for messages.

    Raises:
        ConfigError: an unknown key, the nearest known one is offered; or one with several meanings.
    """
    if key in known:
        return key
    hits = [full for full in known if full.endswith("." + key)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise ConfigError(
            f"{where} {key}", found=f"is short for {' and '.join(hits)}", expected="one of them"
        )
    tails: dict[str, str] = {}
    for full in known:
        tails.setdefault(full.rsplit(".", 1)[-1], full)
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    close = close or difflib.get_close_matches(key.rsplit(".", 1)[-1], tails, n=1, cutoff=0.5)
    raise ConfigError(
        f"{where} {key}",
        found="the recipe has no such setting",
        # A recipe in stages has every setting once more for each: their short names will do.
        expected="one of " + ", ".join(known if len(known) <= _MOST_TOLD else tails),
        remedy=f"did you mean {tails.get(close[0], close[0])!r}?" if close else "",
    )


def with_settings(
    recipe: Recipe,
    settings: Mapping[str, JsonValue],
    *,
    option_names: Mapping[str, Sequence[str]],
    where: str = "`settings`",
) -> Recipe:
    """Return the recipe with some of its values changed.

    Args:
        recipe: what to start from.
        settings: keys and values; a key may be shortened to its last parts while only one setting
            ends so (`temperature`, `soft_targets.weight`, `training.epochs`); a value that
            is text is read as TOML. `training.epochs` and the like hold for every stage,
            `stages.NAME.training.epochs` for one.
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
        parts = resolve_setting(key, known).split(".")
        place = data
        if parts[0] == "stages":
            (place,) = (item for item in data["stages"] if item["name"] == parts[1])
            parts = parts[2:]
        if parts[0] == "training":
            value = None if text == "none" else _value(text)
            if place is data:
                _train_throughout(data, {parts[1]: value})
            else:
                place["training"][parts[1]] = value
        elif parts[0] == "objectives":
            (entry,) = (item for item in place["objectives"] if item["name"] == parts[1])
            (entry if parts[2] == "weight" else entry["options"])[parts[2]] = _value(text)
        else:
            place[parts[0]] = text
    return parse(Recipe, data, where)


def _train_throughout(data: dict[str, Any], changes: Mapping[str, JsonValue]) -> None:
    """Change training settings of a recipe's data, for every stage of it."""
    data["training"] |= changes
    for stage in data["stages"]:
        stage["training"] = {k: v for k, v in stage["training"].items() if k not in changes}


def with_training(recipe: Recipe, changes: Mapping[str, Any], *, student: str | None) -> Recipe:
    """Return the recipe with the options of the command, which hold for every stage.

    Args:
        recipe: what to start from.
        changes: values by the names of `TrainingSettings`.
        student: the student of the recipe; None leaves it.

    Raises:
        ConfigError: a value of the wrong kind.
    """
    data = recipe.model_dump()
    _train_throughout(data, changes)
    if student is not None:
        data["student"] = student
    return parse(Recipe, data, f"recipe {recipe.name}")


def for_task(recipe: Recipe, task: str, *, option_names: Mapping[str, Sequence[str]]) -> Recipe:
    """Return the recipe with the settings it has for a task.

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
