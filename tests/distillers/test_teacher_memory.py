"""Tests of what is kept of a teacher: the same as asking it, checked, and never too large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.config.recipe import ObjectiveSetting, open_recipe
from kdprobe.distillation import distill
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.forward import prepare, shape_of
from kdprobe.distillers.objective import Batch, ModelPair, ModelShape, Need
from kdprobe.distillers.teacher_memory import CachedTeacher, Kept, TeacherCache
from kdprobe.distillers.teacher_quantities import LIMIT, teacher_quantities
from kdprobe.distillers.teacher_signal import LiveTeacher
from kdprobe.distillers.teacher_store import TeacherFile
from kdprobe.distillers.weighted_loss import WeightedLoss, build_weighted_loss
from kdprobe.models.checkpoint import Loaded
from kdprobe.models.shapes import NewShape, build_new
from tests.distillers.builders import TASK, toy_split
from tests.distillers.conftest import Toy
from tests.distillers.test_teacher_store import Listener
from tests.models.tiny import tiny_tokenizer

CPU = torch.device("cpu")
BASE = ModelPair(
    TASK,
    ModelShape(6, 768, 12),
    ModelShape(12, 768, 12),
    tuple((layer, 2 * layer) for layer in range(7)),
    same_tokens=True,
)


def weighted_loss(*names: str, **options: Any) -> WeightedLoss:
    settings = [ObjectiveSetting(name=name, options=options) for name in names]
    return build_weighted_loss(settings, reduction="example", where="test")


def test_sizes_decide() -> None:
    """Guards a disk: hidden states of 800,000 sentences are refused with their size.

    By hand: 6 matched layers x 800,000 x 32 tokens x 768 x 4 bytes = 471.9 GB; the first tokens of
    5 layers of 8,500 sentences 130.6 MB; two maps of 8,500 x 32 tokens 2.2 MB.
    """
    many, few = np.full(800_000, 32), np.full(8_500, 32)
    refused = teacher_quantities(weighted_loss("hidden_states"), BASE, many)
    assert refused.quantities == ()
    assert refused.live == (
        "hidden 2, hidden 4, hidden 6, hidden 8, hidden 10, hidden 12 of 800,000 examples would "
        "take 471.9 GB, more than 536.9 MB"
    )
    first = teacher_quantities(weighted_loss("patience"), BASE, few)
    assert first.summary == (
        "once, before the first step: logits, first 2, first 4, first 6, first 8, first 10 "
        "(130.6 MB)"
    )
    maps = teacher_quantities(weighted_loss("attribution"), BASE, few)
    assert maps.summary == "once, before the first step: logits, attribution maps (2.2 MB)"
    assert teacher_quantities(weighted_loss("soft_targets"), BASE, many).summary == (
        "once, before the first step: logits"
    )
    assert teacher_quantities(weighted_loss("attention_probs"), BASE, few).live is not None
    assert (
        teacher_quantities(weighted_loss("jacobian"), BASE, few).live
        == "jacobian reads the teacher itself"
    )
    with pytest.raises(ValueError, match="a teacher's memory without a teacher"):
        teacher_quantities(weighted_loss("patience"), replace(BASE, teacher=None), few)


class Scene:
    """A teacher with reversed labels, its examples, and recipes that read much of it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        tokenizer = tiny_tokenizer("bert")
        model = build_new(NewShape(3, 16, 32, 2), TASK, tokenizer=tokenizer).eval()
        model.requires_grad_(False)
        self.split = toy_split(40)
        self.encoded = encode_for(model, tokenizer, self.split, max_length=32)
        self.loaded = Loaded(model, tokenizer, (1, 0), ())
        shape = shape_of(model)
        student = replace(shape, layers=2)
        self.models = ModelPair(TASK, student, shape, ((0, 0), (1, 2), (2, 3)), True)
        self.weighted_loss = weighted_loss(
            "patience", "hidden_states", "attribution", "attention_relations"
        )
        file = TeacherFile("f" * 64, self.split, 32, (1, 0), CPU)
        self.teacher_cache = TeacherCache(self.loaded, self.encoded, self.split, self.models, file)


def mixture_of(scene: Scene) -> WeightedLoss:
    settings = [ObjectiveSetting(name=name) for name in ("patience", "hidden_states")]
    settings.append(ObjectiveSetting(name="attribution", options={"steps": 2, "layer": "uniform"}))
    relations = {"relation_heads": 2, "relations": "v2"}
    settings.append(ObjectiveSetting(name="attention_relations", options=relations))
    return build_weighted_loss(settings, reduction="example", where="test")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_remembered_is_what_is_said(scene: Scene, tmp_path: Path) -> None:
    """Guards rows, padding and label order: a kept quantity is what the teacher says of the row."""
    recipe = mixture_of(scene)
    wanted_quantities = teacher_quantities(recipe, scene.models, scene.encoded.lengths)
    assert wanted_quantities.live is None
    kept = scene.teacher_cache.recall(
        wanted_quantities.quantities, cache=Cache(tmp_path), progress=Listener()
    )
    needs = recipe.needs(scene.models)
    prepare(scene.loaded.model, needs.teacher, gradients=True)
    live = LiveTeacher(scene.loaded.model, scene.encoded, needs.teacher, (1, 0), True)
    everything = live.view(range(40), CPU)
    memory = CachedTeacher(everything.logits, scene.encoded, kept)
    rows = [17, 3, 30, 8]
    ours, theirs = memory.view(rows, CPU), live.view(rows, CPU)
    assert {n.quantity for n in theirs.values} >= {"logits", "first", "hidden", "query", "value"}
    mask = theirs.inputs["attention_mask"].bool()
    batch = Batch(mask, torch.tensor([1, 1, 0, 0]), models=scene.models)
    for need, said in theirs.values.items():
        value = ours.values[need]
        if said.ndim == 3:
            said = said * mask[..., None]
        assert torch.allclose(value, said, atol=1e-5), need
    for term in recipe.terms:
        if term.name == "attribution":
            maps = term.objective.lasting(theirs, batch, term.options)  # type: ignore[attr-defined]
            assert ours.lasting["attribution"].shape == maps.shape == (4, 4, mask.shape[1])
            assert torch.allclose(ours.lasting["attribution"], maps, atol=1e-5)
    assert ours.model is None


def test_found_is_checked(scene: Scene, tmp_path: Path) -> None:
    """Guards a stale store: a second run asks about a few rows only, a changed teacher is seen."""
    wanted_quantities = teacher_quantities(mixture_of(scene), scene.models, scene.encoded.lengths)
    cache, display = Cache(tmp_path), Listener()
    first = scene.teacher_cache.recall(wanted_quantities.quantities, cache=cache, progress=display)
    sizes: list[int] = []
    hook = scene.loaded.model.register_forward_hook(
        lambda module, args, output: sizes.append(len(output.logits))
    )
    again = scene.teacher_cache.recall(wanted_quantities.quantities, cache=cache, progress=display)
    hook.remove()
    assert set(sizes) == {16}
    assert display.said == []
    for quantity, kept in first.items():
        assert np.array_equal(kept.values, again[quantity].values)
    with torch.no_grad():
        for weight in scene.loaded.model.parameters():
            weight.mul_(1.5)
    changed = scene.teacher_cache.recall(
        wanted_quantities.quantities[:1], cache=cache, progress=display
    )
    label = wanted_quantities.quantities[0].label
    assert display.said == [
        f"The stored {label} is not what the teacher gives now; computed again."
    ]
    assert not np.allclose(
        changed[wanted_quantities.quantities[0]].values,
        first[wanted_quantities.quantities[0]].values,
    )


def test_padding_on_the_left() -> None:
    """Guards tokenizers that pad on the left: the values must stand under their tokens."""
    kept = Kept(np.arange(5, dtype=np.float32)[:, None], np.array([0, 2, 5]))
    right = kept.of([0, 1], longest=3, left=False)[..., 0].tolist()
    left = kept.of([0, 1], longest=3, left=True)[..., 0].tolist()
    assert right == [[0, 1, 0], [2, 3, 4]]
    assert left == [[0, 0, 1], [2, 3, 4]]
    whole = Kept(np.eye(3, dtype=np.float32), None)
    assert whole.of([2, 0], longest=9, left=False).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_recipe_that_remembers_trains_the_same(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the store as a whole: the student is that of a teacher who is asked at every step."""
    results = []
    for name, limit in (("kept", LIMIT), ("live", 0)):
        monkeypatch.setattr(teacher_quantities, "__kwdefaults__", {"limit": limit})
        result = distill(
            toy.teacher, task=toy.task, output=tmp_path / name, recipe="pkd-skip",
            student="layers=2", limit=32, eval_limit=16, epochs=1, batch_size=8, device="cpu",
            learning_rate=1e-3, settings={"epsilon": "1e-4"}, bf16=False, threads=1, offline=True,
        )  # fmt: skip
        asks = dict(result.preflight.facts)["asks the teacher"]
        assert asks.startswith("once" if limit else "at every step: first 1 of 32 examples")
        results.append([entry["loss"] for entry in result.history if "loss" in entry])
    assert results[0] == pytest.approx(results[1], rel=1e-4)
    assert open_recipe("pkd-skip").objectives[2].name == "patience"
    assert Need("first", 2) in weighted_loss("patience").needs(BASE).teacher
