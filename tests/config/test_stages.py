"""Tests of recipes in parts: what a stage inherits, and who teaches whom."""

from __future__ import annotations

from typing import Any

import pytest

from kdprobe.config.recipe import ObjectiveSetting, Recipe, Stage, open_recipe
from kdprobe.config.recipe_changes import with_settings, with_training
from kdprobe.config.stages import parts_of
from kdprobe.config.training import TrainingSettings
from kdprobe.errors import ConfigError

LEARNT = (ObjectiveSetting(name="soft_targets"),)
NAMES = {"soft_targets": ("temperature",), "hard_labels": ()}


def stage(name: str, **more: Any) -> Stage:
    return Stage(name=name, objectives=LEARNT, **more)


def recipe(*stages: Stage, **more: Any) -> Recipe:
    return Recipe(name="r", stages=stages, training=TrainingSettings(epochs=9), **more)


def test_one_part_without_stages() -> None:
    """Guards the common recipe: it is its own only part."""
    vanilla = open_recipe("vanilla")
    (part,) = parts_of(vanilla)
    assert part.recipe == vanilla
    assert (part.stage_label, part.teacher, part.goes_on) == ("", None, False)


def test_stages_inherit_and_go_on() -> None:
    """Guards settings that a stage does not name: they are the recipe's."""
    parts = parts_of(recipe(stage("a", training={"epochs": 2}, reduction="token"), stage("b")))
    assert [part.recipe.training.epochs for part in parts] == [2, 9]
    assert [part.recipe.reduction for part in parts] == ["token", "example"]
    assert [part.goes_on for part in parts] == [False, True]
    assert parts[0].folder == "1-a"
    assert parts[1].stage_label == ", stage b"


def test_a_chain_of_three() -> None:
    """Guards teacher-assistant chains: each link is a new student of the one before."""
    parts = parts_of(
        recipe(
            stage("one", student="layers=9"),
            stage("two", student="layers=6", teacher="one"),
            stage("three", teacher="two"),
        )
    )
    assert [part.teacher for part in parts] == [None, 0, 1]
    assert not any(part.goes_on for part in parts)
    assert [part.recipe.student for part in parts] == ["layers=9", "layers=6", "layers=3"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            lambda: parts_of(recipe(stage("a", teacher="b"), stage("b"))),
            "recipe r, stage a: teacher 'b', expected an earlier stage (there is none)",
        ),
        (
            lambda: parts_of(recipe(stage("a"), stage("b", student="layers=1"))),
            "recipe r, stage b: student 'layers=1' in the last stage, expected none, or the "
            "recipe's ('layers=3')",
        ),
        (
            lambda: parts_of(recipe(stage("a", training={"epoch": 2}))),
            "recipe r, stage a, training: unknown key 'epoch', expected one of "
            + ", ".join(TrainingSettings.model_fields)
            + "; did you mean 'epochs'?",
        ),
    ],
)
def test_what_cannot_be(made: Any, message: str) -> None:
    """Guards chains and stages that were mistyped: told before anything is trained."""
    with pytest.raises(ConfigError) as caught:
        made()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": (stage("a"),), "objectives": LEARNT}, "either objectives or stages"),
        ({}, "either objectives or stages"),
        ({"stages": (stage("a"), stage("a"))}, "two stages have the same name"),
    ],
)
def test_recipes_that_contradict_themselves(options: Any, message: str) -> None:
    """Guards a recipe of which one half would be ignored."""
    with pytest.raises(ValueError, match=message):
        Recipe(name="r", **options)


def test_changes_reach_the_stage_they_name() -> None:
    """Guards `settings` and the options of the command: one stage, or every one, never none."""
    staged = recipe(stage("a", training={"epochs": 2, "learning_rate": 1e-3}), stage("b"))
    one = with_settings(staged, {"stages.a.training.epochs": "5"}, option_names=NAMES)
    assert [part.recipe.training.epochs for part in parts_of(one)] == [5, 9]
    every = with_settings(staged, {"training.epochs": "5"}, option_names=NAMES)
    assert [part.recipe.training.epochs for part in parts_of(every)] == [5, 5]
    assert parts_of(every)[0].recipe.training.learning_rate == 1e-3
    typed = with_training(staged, {"epochs": 1}, student="layers=1")
    assert [part.recipe.training.epochs for part in parts_of(typed)] == [1, 1]
    assert parts_of(typed)[1].recipe.student == "layers=1"
    warm = with_settings(staged, {"a.objectives.soft_targets.temperature": "3"}, option_names=NAMES)
    assert warm.stages[0].objectives[0].options == {"temperature": 3}
    assert warm.stages[1].objectives[0].options == {}
    with pytest.raises(ConfigError) as caught:
        with_settings(staged, {"temperature": "3"}, option_names=NAMES)
    assert str(caught.value) == (
        "`settings` temperature: is short for stages.a.objectives.soft_targets.temperature and "
        "stages.b.objectives.soft_targets.temperature, expected one of them"
    )
