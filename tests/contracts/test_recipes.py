"""What every recipe of `suites/recipes` must keep; a new file there is met without a word here.

Sizes that a tiny teacher does not have (heads, widths, layers) are made small by the name of the
option, whatever the recipe.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from kdprobe.config.recipe import Recipe, open_recipe, recipe_names
from kdprobe.config.recipe_changes import for_task, setting_names
from kdprobe.config.stages import parts_of
from kdprobe.distillation import distill
from kdprobe.distillers.layer_map import read_layer_map
from kdprobe.distillers.objective import ModelPair, ModelShape
from kdprobe.distillers.weighted_loss import build_weighted_loss, option_names
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.layer_choice import spread_layers
from kdprobe.models.shapes import CopyShape, NewShape, parse_student
from tests.distillers.builders import TASK
from tests.distillers.conftest import Toy, make_toy

NAMES = recipe_names()
BASE = ModelShape(12, 768, 12)
SIZES = {"heads": "2", "relation_heads": "2", "corners": "4"}
"""Options of any objective, in the sizes of a teacher of three layers, 32 wide, with two heads."""
SMALL = {"L": 2, "H": 16, "I": 32, "A": 2, "hidden": 6, "fc": 8}
EXAMPLES, BATCH = 32, 8


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("recipes"))


def adapted(name: str, task: str) -> Recipe:
    recipe = open_recipe(name)
    return for_task(recipe, task, option_names=option_names(recipe.all_objectives))


def small_student(spec: str, layers: int = 2) -> str:
    """Return the same kind of student in the sizes of a tiny teacher.

    >>> small_student("layers=6:skip"), small_student("bert:L5,H204,I750,A3,embeddings=teacher")
    ('layers=2', 'bert:L2,H16,I32,A2,embeddings=teacher')
    """
    if isinstance(parse_student(spec), CopyShape):
        return f"layers={layers}"
    return re.sub(r"\b(L|H|I|A|hidden=|fc=)\d+", lambda m: f"{m[1]}{SMALL[m[1].rstrip('=')]}", spec)


def small_settings(recipe: Recipe) -> dict[str, str]:
    """Return what makes a recipe fit a tiny teacher, as `settings` takes it."""
    keys = setting_names(recipe, option_names(recipe.all_objectives))
    sizes = {key: SIZES[key.rpartition(".")[2]] for key in keys if key.rpartition(".")[2] in SIZES}
    own = {
        f"stages.{stage.name}.student": small_student(stage.student, 3)
        for stage in recipe.stages
        if stage.student is not None and stage.student != recipe.student
    }
    return {**sizes, **own}


def stages_of_last_student(recipe: Recipe) -> int:
    """Count the stages that train the last student; those of its teachers are left out."""
    stages = 1
    for part in reversed(parts_of(recipe)):
        if not part.goes_on:
            break
        stages += 1
    return stages


def student_shape(spec: str, teacher: ModelShape) -> tuple[ModelShape, tuple[int, ...] | None]:
    """Return a recipe's own student of a base-sized teacher, and the layers it is copied from."""
    shape = parse_student(spec)
    if isinstance(shape, CopyShape):
        assert isinstance(shape.which, str)
        copied = spread_layers(shape.layers or teacher.layers, teacher.layers, shape.which)
        return ModelShape(len(copied), 768, 12), copied
    if isinstance(shape, NewShape):
        return ModelShape(shape.layers, shape.hidden, shape.heads), None
    assert isinstance(shape, LstmShape)
    return ModelShape(1, 2 * shape.hidden, 0, projections=False), None


def skip_reasons(recipe: Recipe, student: ModelShape, models: ModelPair) -> list[str]:
    loss = build_weighted_loss(recipe.objectives, reduction=recipe.reduction, where=recipe.name)
    reasons = [term.objective.skip_reason(models, term.options) for term in loss.terms]
    return [reason for reason in reasons if reason is not None]


@pytest.mark.parametrize("name", NAMES)
def test_each_fits_a_base_sized_teacher(name: str) -> None:
    """Guards options and layer maps: each has a value for its own student of BERT-base."""
    for task in ("other", *open_recipe(name).tasks):
        students: list[ModelShape] = []
        for part in parts_of(adapted(name, task)):
            teacher = BASE if part.teacher is None else students[part.teacher]
            student, copied = student_shape(part.recipe.student, teacher)
            students.append(student)
            layer_map = read_layer_map(
                part.recipe.layer_map, student=student.layers, teacher=teacher.layers,
                copied=copied,
            )  # fmt: skip
            models = ModelPair(TASK, student, teacher, layer_map, same_tokens=True)
            assert skip_reasons(part.recipe, student, models) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_trains(name: str, toy: Toy, tmp_path: Path) -> None:
    """Guards the whole way: preflight, four steps, a folder, finite numbers for every term."""
    recipe = open_recipe(name)
    result = distill(
        toy.teacher, task=toy.task, output=tmp_path / "out", recipe=name,
        student=small_student(recipe.student), settings=small_settings(recipe),
        limit=EXAMPLES, eval_limit=16, epochs=1, batch_size=BATCH, learning_rate=1e-3,
        best_by="last", device="cpu", bf16=False, threads=1, offline=True,
    )  # fmt: skip
    assert result.steps == EXAMPLES // BATCH * stages_of_last_student(recipe)
    assert result.folder is not None
    assert (result.folder / "model.safetensors").is_file()
    assert all(math.isfinite(value) for value in result.history[-1].values())
    if recipe.layer_map.startswith("emb+"):
        assert result.preflight.layer_map[0][:2] == (0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_each_names_its_source(name: str) -> None:
    """Guards a recipe that nobody can check: its paper or code is named, in words."""
    source = open_recipe(name).source
    assert len(source.split()) > 8
    assert re.search(r"\b(19|20)\d\d\b|arXiv|[0-9a-f]{7}|paper|project", source)
