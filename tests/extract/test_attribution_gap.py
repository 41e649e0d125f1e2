"""Distances of attribution maps: by captum, by their bounds, and refused across tokenizers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation

from kdprobe.extract.attribution_gap import OTHER_TOKENS, map_gaps, obstacle
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, Architecture, tiny_checkpoint

TASK = Task("toy", 1, "classification", ("a", "b", "c"), "accuracy")
TEXTS = [(sentence,) for sentence in SENTENCES]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HfModel]:
    folder = tmp_path_factory.mktemp("maps")
    made = {}
    kinds: tuple[tuple[str, Architecture, int], ...] = (
        ("t", "bert", 1), ("s", "bert", 2), ("r", "roberta", 3),
    )  # fmt: skip
    for name, arch, seed in kinds:
        tiny_checkpoint(folder / name, arch=arch, labels=TASK.labels, seed=seed)
        made[name] = open_hf(str(folder / name), name=name, task=TASK, device="cpu")
    return made


def by_captum(
    handle: HfModel, texts: Sequence[tuple[str, ...]], *, top: int = 0
) -> list[np.ndarray]:
    """Unit maps of every class, one text at a time, by another library."""
    model = handle.model.eval()
    found = []
    for (text,) in texts:
        inputs = handle.tokenizer(text, return_tensors="pt")

        def probabilities(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return torch.softmax(model(input_ids=ids, attention_mask=mask).logits, -1)

        layer = LayerGradientXActivation(probabilities, model.base_model.embeddings)
        maps = []
        for target in range(3):
            product = layer.attribute(
                inputs["input_ids"], target=target,
                additional_forward_args=(inputs["attention_mask"],),
            )[0].detach().abs().numpy().astype(np.float64)  # fmt: skip
            if top:
                product = np.sort(product, axis=-1)[:, -top:]
            sizes = np.sqrt((product**2).sum(-1))
            maps.append(sizes / np.sqrt((sizes**2).sum()))
        found.append(np.concatenate(maps))
    return found


@pytest.mark.parametrize("top", [0, 3])
def test_the_distance_is_captums(models: dict[str, HfModel], top: int):
    """Guards against padding in a map, a class left out, and K taken of the student."""
    teacher = by_captum(models["t"], TEXTS, top=top)
    student = by_captum(models["s"], TEXTS)
    wanted = [float(np.linalg.norm(a - b)) for a, b in zip(teacher, student, strict=True)]
    counted: list[int] = []
    gaps = map_gaps(models["t"], models["s"], TEXTS, top=top, advance=counted.append)
    np.testing.assert_allclose(gaps, wanted, rtol=2e-3, atol=1e-5)
    assert sum(counted) == len(TEXTS)


def test_a_model_has_no_gap_to_itself_and_none_beyond_the_largest(models: dict[str, HfModel]):
    """Guards against dropout in one of the two, and against maps that are not of unit norm."""
    assert map_gaps(models["t"], models["t"], TEXTS).max() < 1e-5
    gaps = map_gaps(models["t"], models["s"], TEXTS, steps=4)
    assert gaps.min() > 0
    assert gaps.max() <= np.sqrt(2 * len(TASK.labels))
    assert not any(weight.grad is not None for weight in models["t"].model.parameters())


def test_what_has_no_common_places_is_refused(models: dict[str, HfModel]):
    """Guards against positions of two tokenizers compared as if they were the same tokens."""
    assert obstacle(models["t"], models["s"], TEXTS) is None
    assert obstacle(models["t"], models["r"], TEXTS) == OTHER_TOKENS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models["s"].model.base_model, "embeddings", None)
        patch.setattr(models["s"].model, "get_input_embeddings", lambda: None)
        assert obstacle(models["t"], models["s"], TEXTS) == (
            "s: does not say which of its parts are the embeddings"
        )
