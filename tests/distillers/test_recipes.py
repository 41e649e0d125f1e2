"""Tests of the recipes that ship: published settings, messages and names.

What every recipe must keep is tested in `tests/contracts/test_recipes.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kdprobe.config.recipe import Recipe, open_recipe, recipe_names
from kdprobe.config.recipe_changes import for_task
from kdprobe.distillation import distill
from kdprobe.distillers.weighted_loss import build_weighted_loss, option_names
from kdprobe.errors import CapabilityError, ConfigError, UnknownNameError
from tests.distillers.conftest import Toy

PUBLISHED = {
    "adkd@code", "adkd@paper", "ckd", "ckd@code", "distilbert", "hard-distillation",
    "hidden-states", "limes-attention-first", "limes-attention-last", "limes-logits",
    "lost-in-kd", "mgskd",
    "mgskd@code", "minilmv2", "pkd-last", "pkd-skip", "sucik-bert", "sucik-bilstm",
    "tang-bilstm", "teacher-assistant", "tinybert", "vanilla",
}  # fmt: skip


def adapted(name: str, task: str) -> Recipe:
    recipe = open_recipe(name)
    return for_task(recipe, task, option_names=option_names(recipe.all_objectives))


def test_the_list_is_whole() -> None:
    """Guards the names that people type: a recipe that was renamed or lost."""
    assert set(recipe_names()) >= PUBLISHED


def test_adkds_tables() -> None:
    """Guards the settings of each task: the appendix of the paper, annealing in the code only."""
    for name in ("adkd@paper", "adkd@code"):
        cola, qqp, mnli = (adapted(name, task) for task in ("cola", "qqp", "mnli"))
        terms = {term.name: term for term in qqp.objectives}
        assert terms["hard_labels"].weight == 0
        assert terms["attribution"].weight == 50
        assert terms["attribution"].options["top_dimensions"] == 734
        assert (qqp.training.learning_rate, qqp.training.epochs) == (4e-5, 8)
        assert len(build_weighted_loss(qqp.objectives, reduction="example", where="r").terms) == 2
        assert [term.weight for term in cola.objectives] == [0.1, 0.9, 1.0]
        assert mnli.training.batch_size == 64
        soft = {term.name: term for term in mnli.objectives}["soft_targets"]
        assert soft.options["temperature"] == 3
        assert soft.options.get("anneal", False) is (name == "adkd@code")
        assert adapted(name, "unheard-of") == open_recipe(name)


def refused(toy: Toy, tmp_path: Path, **changes: Any) -> str:
    given = {"recipe": "minilmv2", "student": "layers=2", "settings": {}} | changes
    with pytest.raises((CapabilityError, ConfigError, UnknownNameError)) as caught:
        distill(
            toy.teacher, task=toy.task, output=tmp_path / "out", limit=16, eval_limit=16,
            device="cpu", bf16=False, threads=1, offline=True, **given,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def test_what_has_no_value_is_refused(toy: Toy, tmp_path: Path) -> None:
    """Guards messages a person meets: unequal heads and widths, layer maps, misspelt keys."""
    assert refused(toy, tmp_path) == (
        "objective attention_relations: relation_heads = 48 does not divide the student's width "
        "of 32; leave it out of the recipe, or choose another student"
    )
    assert refused(toy, tmp_path, settings={"layer_map": "9:1"}) == (
        "layer_map: layer 9 of the teacher in 9:1, expected 0 (the embeddings) to 3"
    )
    assert refused(toy, tmp_path, settings={"relation_head": "2"}).endswith(
        "did you mean 'objectives.attention_relations.relation_heads'?"
    )
    assert refused(toy, tmp_path, recipe="pkd-skip", student="hidden=16").startswith(
        "objective patience: the student is 16 wide and the teacher 32; hidden_states learns"
    )
    assert refused(toy, tmp_path, recipe="minilm").endswith("did you mean 'minilmv2'?")
    lstm = refused(toy, tmp_path, recipe="limes-attention-first", student="bilstm:hidden=4")
    assert lstm.startswith(
        "objective attention_probs: the queries and keys of the student's architecture cannot be "
        "read"
    )


def test_dry_run_shows_remarks_and_the_table(toy: Toy, tmp_path: Path) -> None:
    """Guards the preflight: unequal heads and degenerate views are said before training."""
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "out", recipe="limes-attention-last",
        student="layers=2,heads=4", limit=16, eval_limit=16, device="cpu", bf16=False,
        threads=1, offline=True, dry_run=True,
    )  # fmt: skip
    shown = "\n".join(result.preflight.lines())
    assert "student layer 2 <- teacher layer 3 (copied)" in shown
    assert "the student has 4 heads and the teacher 2" in shown


def test_a_recipe_that_stops_teaching(tmp_path: Path) -> None:
    """Guards stages: a gap between them would train on nothing."""
    text = 'name = "gap"\n[[objectives]]\nname = "hard_labels"\nduring = [0.0, 0.5]\n'
    (tmp_path / "gap.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_recipe(tmp_path / "gap.toml")
    assert str(caught.value) == (
        f"{tmp_path / 'gap.toml'}: nothing is learnt from 0.5 of the training on"
    )
    (tmp_path / "back.toml").write_text(text.replace("[0.0, 0.5]", "[0.5, 0.1]"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        open_recipe(tmp_path / "back.toml")
    assert "during = [0.5, 0.1] is no part of 0 to 1" in str(caught.value)
