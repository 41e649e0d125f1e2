"""Tests of the small language of `runs`."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.config.sweep import SIZES, Axis, Variant, check_keys, parse_sweep, variants
from kdprobe.errors import ConfigError
from kdprobe.models.shapes import CopyShape, parse_student

SETTINGS = ("layer_map", "training.epochs", "training.learning_rate",
            "objectives.soft_targets.temperature", "objectives.soft_targets.weight",
            "objectives.hard_labels.weight")  # fmt: skip


def test_reads_what_the_issue_shows() -> None:
    """Guards the order of the runs: the last setting changes fastest, values stay as written."""
    axes = parse_sweep("layers=3,6;hidden=192,384;seed=1,2,3")
    assert [axis.key for axis in axes] == ["layers", "hidden", "seed"]
    made = variants(axes)
    assert len(made) == 12
    assert made[0].name == "layers-3_hidden-192_seed-1"
    assert made[-1].values == {"layers": "6", "hidden": "384", "seed": "3"}
    assert made[1].configuration == made[0].configuration == "layers=3, hidden=192"
    assert made[4].student("heads=4", recipe="x") == "heads=4,layers=3,hidden=384"
    assert (made[1].seed(9), Variant({}, "x").seed(9)) == (2, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "`runs`: names no setting, expected something like "
             "layers=3,6;hidden=192,384;seed=1,2,3"),
        ("layers", "`runs`: 'layers', expected SETTING=VALUE,VALUE; as in "
                   "layers=3,6;hidden=192,384;seed=1,2,3"),
        ("=3", "`runs`: '=3', expected SETTING=VALUE,VALUE; as in "
               "layers=3,6;hidden=192,384;seed=1,2,3"),
        ("layers=3,", "`runs` layers: a value is empty, expected VALUE,VALUE"),
        ("layers=3,3", "`runs` layers: 3 stands twice, expected each value once"),
        ("seed=1,-2", "`runs` seed: '-2', expected whole numbers from 0"),
        ("seed=1;seed=2", "`runs`: seed stands twice, expected each setting once"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, message: str) -> None:
    """Guards against a sweep of something else than was meant."""
    with pytest.raises(ConfigError) as caught:
        parse_sweep(text)
    assert str(caught.value) == message


def test_keys_are_settings_there_are() -> None:
    """Guards a misspelt key: it must not become a run that changes nothing."""
    assert check_keys(parse_sweep("layers=1;seed=2;epochs=3"), SETTINGS) == {
        "layers": "layers", "seed": "seed", "epochs": "training.epochs",
    }  # fmt: skip
    for key, message in (
        ("layer", "the recipe has no such setting, expected one of layers, heads, hidden, "
                  "intermediate, init, mode, student, seed, recipe, layer_map, training.epochs, "
                  "training.learning_rate, objectives.soft_targets.temperature, "
                  "objectives.soft_targets.weight, objectives.hard_labels.weight; "
                  "did you mean 'layers'?"),
        ("weight", "is short for objectives.soft_targets.weight and objectives.hard_labels.weight, "
                   "expected one of them"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            check_keys(parse_sweep(f"{key}=1"), SETTINGS)
        assert str(caught.value) == f"`runs` {key}: {message}"
    with pytest.raises(ConfigError) as caught:
        check_keys(parse_sweep("epochs=1;training.epochs=2"), SETTINGS)
    assert str(caught.value) == "`runs`: training.epochs stands twice, expected each setting once"
    with pytest.raises(ConfigError) as caught:
        check_keys(parse_sweep("lrate=1"), SETTINGS, where="`settings`")
    assert str(caught.value).startswith("`settings` lrate: the recipe has no such setting")
    assert str(caught.value).endswith("did you mean 'training.learning_rate'?")


def test_sizes_are_those_a_student_has() -> None:
    """Guards drift: each size of the language is one that `student` reads, and takes its place."""
    assert set(SIZES) == {field.name for field in fields(CopyShape)} - {"which"}
    recipe = "layers=3,heads=4,hidden=8,intermediate=9,init=projection"
    before = parse_student(recipe)
    assert isinstance(before, CopyShape)
    values = dict.fromkeys(SIZES, "2") | {"init": "projection", "mode": "static"}
    for size in SIZES:
        base = recipe.replace("projection", "copy") if size == "init" else recipe
        student = Variant({size: values[size]}, "x").student(None, recipe=base)
        value: Any = values[size] if size in ("init", "mode") else int(values[size])
        assert parse_student(str(student)) == replace(before, **{size: value})


@pytest.mark.parametrize("base", ["bilstm:hidden=300,fc=400", "bert:L2,H32", "out/s6"])
def test_sizes_of_students_that_have_their_own(base: str) -> None:
    """Guards a swept size that would be ignored, or would make another kind of student."""
    with pytest.raises(ConfigError) as caught:
        Variant({"layers": "2"}, "x").student(base, recipe="layers=3")
    assert str(caught.value) == (
        f"`runs` layers: the student is {base}, whose sizes are its own, expected a student made "
        "from its teacher, like `student=layers=3`; sweep whole students instead: "
        "student=bilstm:hidden=150|bilstm:hidden=300"
    )
    assert Variant({"seed": "2"}, "x").student(base, recipe="layers=3") == base
    assert Variant({"student": base}, "x").student(None, recipe="layers=3") == base


def test_settings_are_what_is_no_student_and_no_seed() -> None:
    """Guards a swept setting that never reaches the recipe."""
    made = Variant({"layers": "2", "training.epochs": "3", "recipe": "ckd", "seed": "1"}, "x")
    assert made.settings == {"training.epochs": "3"}


words = st.text(alphabet="aB1./:\\é-_+ ü*", min_size=1, max_size=6).map(lambda w: f"{w.strip()}")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(words, min_size=1, max_size=3, unique=True), min_size=1, max_size=3))
def test_folders_are_apart_and_safe(values: list[list[str]]) -> None:
    """Guards two runs in one folder, and a folder outside the output: `..`, `/`, `a=b`."""
    axes = [Axis(f"key{place}", tuple(some)) for place, some in enumerate(values)]
    made = variants(axes)
    names = [variant.name for variant in made]
    assert len(made) == math.prod(len(some) for some in values)
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert not set(name) & set("/\\=,:|; ")
        assert not name.startswith((".", "-"))
        assert name.isascii()
