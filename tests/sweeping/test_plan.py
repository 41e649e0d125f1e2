"""Tests of what is refused before a sweep opens anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdprobe.distillers.teacher_source import TeacherSource
from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.sweeping.plan import SweepRequest, plan_sweep


def request(**more: Any) -> SweepRequest:
    given: dict[str, Any] = {
        "teacher": TeacherSource.of("sweep", "t"), "task": "cola", "student": None,
        "recipe": "vanilla", "settings": {}, "seed": 5, "options": {},
    }  # fmt: skip
    return SweepRequest(**(given | more))


def test_what_distill_is_told() -> None:
    """Guards the way from the words to `distill`: full names, fixed settings kept beside them."""
    plan = plan_sweep(
        "recipe=vanilla,limes-logits;hidden=32;epochs=1,2",
        request(settings={"layer_map": "uniform"}),
    )
    assert [axis.key for axis in plan.axes] == ["recipe", "hidden", "training.epochs"]
    first, last = plan.runs[0], plan.runs[-1]
    assert (first.recipe, first.student, first.seed) == ("vanilla", "layers=3,hidden=32", 5)
    assert first.settings == {"layer_map": "uniform", "training.epochs": "1"}
    assert (last.recipe, last.settings["training.epochs"]) == ("limes-logits", "2")
    assert first.name == "recipe-vanilla_hidden-32_epochs-1"


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("epochs=1,2", {"options": {"epochs": 3}},
         "`runs` epochs: is given by `epochs` too, expected one of the two"),
        ("training.epochs=1,2", {"settings": {"epochs": "3"}},
         "`runs` training.epochs: is given by `settings=epochs` too, expected one of the two"),
        ("student=layers=1|layers=2", {"student": "layers=3"},
         "`runs` student: is given by `student` too, expected one of the two"),
        ("epochs=few", {}, "`runs`: training.epochs is 'few'; "),
        ("temperature=0", {}, "`runs`, objective soft_targets: temperature is 0; "),
        ("layers=x", {}, "`runs`: layers is 'x', expected a whole number from 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(text: str, more: dict[str, Any], message: str) -> None:
    """Guards hours of training that a fixed option, or a wrong value, would have made worthless."""
    with pytest.raises(ConfigError) as caught:
        plan_sweep(text, request(**more))
    assert str(caught.value).startswith(message)


def test_unknown_names() -> None:
    """Guards a misspelt recipe and a misspelt keyword: the nearest name is offered."""
    with pytest.raises(UnknownNameError, match=r"no recipe is called 'vanila'.*mean 'vanilla'"):
        plan_sweep("recipe=vanila,ckd", request())
    with pytest.raises(UnknownNameError, match=r"no option is called 'limt'.*mean 'limit'"):
        request(options={"limt": 3})
    with pytest.raises(
        ConfigError, match=r"`runs` epoch: the recipe has no such setting.*mean 'train"
    ):
        plan_sweep("epoch=1", request())


def test_the_record_leaves_out_what_moves_nothing() -> None:
    """Guards going on after the data were moved, or without a network: the same sweep."""
    here = request(options={"data_dir": "/a", "offline": True, "limit": 5, "epochs": None})
    there = request(options={"data_dir": "/b", "offline": False, "limit": 5})
    assert here.record("f") == there.record("f")
    assert here.record("f")["options"] == {"limit": 5}
    assert here.record("f") != here.record("g")
    placed = request(options={"label_map": {"a": "b"}, "train_split": Path("x")}).record("f")
    assert json.loads(json.dumps(placed)) == placed
    assert placed["options"] == {"label_map": {"a": "b"}, "train_split": "x"}
