"""Tests of recipes: those that ship, and how they are changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.config.recipe import ObjectiveSetting, Recipe, open_recipe, recipe_names
from kdprobe.config.recipe_changes import with_settings
from kdprobe.errors import ConfigError, UnknownNameError

NAMES = {
    "hard_labels": (),
    "soft_targets": ("temperature", "scale_by_temperature", "divergence"),
}


def changed(**settings: str) -> Recipe:
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    return with_settings(open_recipe("vanilla"), dotted, option_names=NAMES)


def test_every_shipped_recipe_opens_and_tells_its_source() -> None:
    """Guards the folder: the file's name is the recipe's, and a source is given."""
    assert "vanilla" in recipe_names()
    for name in recipe_names():
        recipe = open_recipe(name)
        assert recipe.name == name
        assert len(recipe.source) > 40


def test_vanilla_is_what_it_says() -> None:
    """Guards the default: KL at T = 2 and gold labels, a half each."""
    recipe = open_recipe("vanilla")
    assert [(term.name, term.weight) for term in recipe.objectives] == [
        ("hard_labels", 0.5),
        ("soft_targets", 0.5),
    ]
    assert recipe.objectives[1].options["temperature"] == 2.0
    assert (recipe.training.learning_rate, recipe.training.epochs) == (5e-5, 10)


def test_settings_reach_their_place() -> None:
    """Guards `settings`: short keys, full keys, numbers, words and none."""
    recipe = changed(
        temperature="4", soft_targets__weight="0.9", training__epochs="1.5",
        divergence="reverse", student="layers=2", scale_by_temperature="false",
        early_stopping="3",
    )  # fmt: skip
    soft = recipe.objectives[1]
    assert soft.weight == 0.9
    assert soft.options == {
        "temperature": 4, "scale_by_temperature": False, "divergence": "reverse"
    }  # fmt: skip
    assert (recipe.training.epochs, recipe.training.early_stopping) == (1.5, 3)
    assert recipe.student == "layers=2"
    assert changed(early_stopping="none").training.early_stopping is None
    assert open_recipe("vanilla").training.epochs == 10


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "weight",
            "1",
            "`settings` weight: is short for objectives.hard_labels.weight and "
            "objectives.soft_targets.weight, expected one of them",
        ),
        ("epochs", "many", "`settings`: training.epochs is 'many'; Input should be a valid number, "
         "unable to parse string as a number"),
        ("epochs", "-1", "`settings`: training.epochs is -1; Input should be greater than 0"),
    ],
)  # fmt: skip
def test_bad_settings(key: str, value: str, message: str) -> None:
    """Guards against a value that lands in the wrong place or is quietly left out."""
    with pytest.raises(ConfigError) as caught:
        with_settings(open_recipe("vanilla"), {key: value}, option_names=NAMES)
    assert str(caught.value) == message


def test_unknown_setting_offers_its_neighbour() -> None:
    """Guards a misspelt key, which would train with the default."""
    with pytest.raises(ConfigError) as caught:
        changed(temprature="3")
    message = str(caught.value)
    assert message.startswith(
        "`settings` temprature: the recipe has no such setting, expected one of "
    )
    assert message.endswith("; did you mean 'objectives.soft_targets.temperature'?")


def test_unknown_setting_of_a_recipe_in_stages() -> None:
    """Guards a wall of sixty names, and an offer to change one stage where all were meant."""
    recipe = open_recipe("tinybert")
    names = {setting.name: ("temperature",) for setting in recipe.all_objectives}
    with pytest.raises(ConfigError) as caught:
        with_settings(recipe, {"training.epoch": "2"}, option_names=names)
    message = str(caught.value)
    assert message.endswith("; did you mean 'training.epochs'?")
    assert "stages.intermediate.training" not in message
    assert ", epochs, batch_size, " in message


def test_unknown_recipe() -> None:
    """Guards a misspelt recipe."""
    with pytest.raises(UnknownNameError) as caught:
        open_recipe("vanila")
    assert str(caught.value).startswith("`recipe`: no recipe is called 'vanila', expected one of ")
    assert str(caught.value).endswith("did you mean 'vanilla'?")


def test_recipe_file_with_an_objective_twice(tmp_path: Path) -> None:
    """Guards a recipe whose second term would overwrite the first in every log."""
    path = tmp_path / "r.toml"
    entry = '[[objectives]]\nname = "hard_labels"\n'
    path.write_text('name = "r"\n' + entry + entry)
    with pytest.raises(ConfigError) as caught:
        open_recipe(str(path))
    assert "an objective stands twice in the recipe" in str(caught.value)
    path.write_text('name = "r"\n' + entry)
    assert open_recipe(path).objectives == (ObjectiveSetting(name="hard_labels"),)
