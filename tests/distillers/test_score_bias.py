"""Attention of a family that adds to its scores by position (MPNet), as objectives see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MPNetConfig, MPNetForSequenceClassification

from kdprobe.distillation import distill
from kdprobe.distillers.forward import read, shape_of
from kdprobe.distillers.masked import log_softmax_over
from kdprobe.distillers.objective import BIAS, GROUPS, Batch, ModelPair, Need, View
from kdprobe.distillers.objectives._attention import head_scores
from kdprobe.distillers.objectives.attention_probs import OBJECTIVE, AttentionProbsOptions
from kdprobe.finetuning import finetune
from kdprobe.tasks.open import open_task
from tests.contracts.families import FAMILIES, build
from tests.distillers.conftest import Toy

HEADS, LAYERS = 4, 2
TASK = open_task("grammar").task()


@pytest.fixture
def model() -> MPNetForSequenceClassification:
    """A tiny MPNet whose table of distances says much."""
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=64, max_position_embeddings=40, num_labels=2,
    )  # fmt: skip
    config._attn_implementation = "eager"
    made = MPNetForSequenceClassification(config).eval()
    with torch.no_grad():
        made.mpnet.encoder.relative_attention_bias.weight.normal_(std=2.0)
    return made


def batch() -> dict[str, torch.Tensor]:
    mask = torch.ones(3, 7, dtype=torch.long)
    mask[1, 4:] = 0
    ids = torch.arange(21).reshape(3, 7) % 50 + 5
    return {"input_ids": torch.where(mask.bool(), ids, 1), "attention_mask": mask}


def pair_of(model: MPNetForSequenceClassification) -> ModelPair:
    """The model as its own teacher."""
    shape = shape_of(model)
    return ModelPair(TASK, shape, shape, ((1, 1), (2, 2)))


def needs(model: MPNetForSequenceClassification) -> frozenset[Need]:
    """What the objective itself asks for of both layers."""
    return OBJECTIVE.needs(pair_of(model), AttentionProbsOptions(layers="map")).student


def test_rows_are_those_of_the_model(model: MPNetForSequenceClassification) -> None:
    """Products of queries and keys alone are not where this family looks."""
    inputs, wanted = batch(), needs(model)
    assert BIAS in wanted
    values = read(model, inputs, wanted)
    own = model(**inputs, output_attentions=True).attentions
    mask = inputs["attention_mask"].bool()
    for layer in (1, 2):
        rows = log_softmax_over(head_scores(View(values, inputs), layer, HEADS), mask).exp()
        keys = mask[:, None, None, :].expand_as(rows) & mask[:, None, :, None]
        assert torch.allclose(rows[keys], own[layer - 1][keys], atol=1e-5)
        without = {need: value for need, value in values.items() if need != BIAS}
        bare = log_softmax_over(head_scores(View(without, inputs), layer, HEADS), mask).exp()
        assert (bare[keys] - own[layer - 1][keys]).abs().max() > 0.05


def test_texts_that_are_run_apart(model: MPNetForSequenceClassification) -> None:
    """Padding would shift what belongs to a distance, or batches of one would be too few rows."""
    inputs, wanted = batch(), needs(model)
    together = read(model, inputs, wanted)
    apart = read(model, {**inputs, GROUPS: torch.tensor([0, 1, 0])}, wanted)
    mask = inputs["attention_mask"].bool()
    square = (mask[:, None, :, None] & mask[:, None, None, :]).expand_as(together[BIAS])
    assert apart[BIAS].shape == together[BIAS].shape == (3, HEADS, 7, 7)
    assert torch.allclose(apart[BIAS][square], together[BIAS][square])


def test_no_hook_is_left_and_the_table_learns(model: MPNetForSequenceClassification) -> None:
    """A student whose distances cannot move could not look where its teacher does."""
    inputs = batch()
    table = model.mpnet.encoder.relative_attention_bias
    pair = pair_of(model)
    options = AttentionProbsOptions(layers="map", divergence="kl")
    values = read(model, inputs, needs(model))
    teacher = View({need: value.detach() for need, value in values.items()}, inputs)
    moved = {need: value + 0.1 * torch.randn_like(value) for need, value in values.items()}
    whole = Batch(inputs["attention_mask"].bool(), None, models=pair)
    same = OBJECTIVE.loss_sum(View(values, inputs), teacher, whole, options)
    assert torch.allclose(same, torch.zeros(3), atol=1e-5)
    OBJECTIVE.loss_sum(View(moved, inputs), teacher, whole, options).sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad.abs().sum() > 0
    assert not table._forward_hooks


@pytest.mark.parametrize("student", ["layers=1", "layers=1,heads=1"])
def test_a_whole_training(tmp_path: Path, toy: Toy, student: str) -> None:
    """What a teacher gives is held against its texts alone before: a part without a check stops."""
    made, tokenizer = build(FAMILIES["MPNet"])
    made.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    same: dict[str, Any] = {
        "task": toy.task, "device": "cpu", "bf16": False, "threads": 1, "offline": True,
        "learning_rate": 3e-3,
    }  # fmt: skip
    teacher = tmp_path / "teacher"
    finetune(str(tmp_path / "encoder"), output=teacher, epochs=4, **same)
    result = distill(
        str(teacher), output=tmp_path / "out", student=student, recipe="limes-attention-last",
        epochs=1, **same,
    )  # fmt: skip
    facts = dict(result.preflight.facts)
    assert "at every step: what is added to attention by position is not kept" in facts.values()
    agreement = result.scores["agreement"]
    assert agreement is not None
    assert 0.5 < agreement <= 1
