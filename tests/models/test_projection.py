"""Tests of students that read with their teacher's embeddings through a learned map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AlbertConfig, AutoModelForSequenceClassification

from kdprobe.errors import CapabilityError
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.projection import learn_projection
from kdprobe.models.reparametrised_embeddings import FORMS, ProjectedEmbedding, fold
from kdprobe.models.shapes import CopyShape
from kdprobe.models.surgery import empty_student
from tests.models.test_narrowing import TASK, TEXTS, logits, opened
from tests.models.tiny import Architecture


def student_of(loaded: Any, width: int, mode: Any) -> tuple[Any, str]:
    shape = CopyShape(hidden=width, heads=1, intermediate=8)
    torch.manual_seed(0)
    model = empty_student(shape, loaded.model, TASK, layers=1)
    return model, learn_projection(model, loaded.model, loaded.tokenizer, TEXTS, mode=mode)


@pytest.mark.parametrize("mode", ["static", "non-static", "multichannel"])
@pytest.mark.parametrize("arch", ["bert", "roberta", "distilbert"])
def test_saved_it_is_a_plain_folder(tmp_path: Path, arch: Architecture, mode: Any) -> None:
    """Guards the folder: the teacher's table must not be in it, nor change a logit by leaving."""
    loaded = opened(tmp_path / "t", arch, width=16)
    model, note = student_of(loaded, 8, mode)
    words = model.get_input_embeddings()
    assert isinstance(words, ProjectedEmbedding)
    trained = words.channels.tuned is not None
    assert trained == (mode != "static")
    for table in words.channels.tables:
        assert torch.equal(table.weight, loaded.model.get_input_embeddings().weight)
    assert note.startswith("reads with the other model's embeddings (word, position")
    assert "through a learned projection of 16 to 8 columns" in note
    before = logits(model, loaded)
    fold(model, *FORMS)
    assert torch.allclose(logits(model, loaded), before, atol=1e-6)
    model.save_pretrained(tmp_path / "s")
    loaded.tokenizer.save_pretrained(tmp_path / "s")
    again = load_classifier(str(tmp_path / "s"), task=TASK).model
    assert torch.equal(logits(again, loaded), logits(model, loaded))


def test_it_begins_with_the_principal_directions(tmp_path: Path) -> None:
    """Guards the start: distances between words in the map's image are those of the teacher."""
    loaded = opened(tmp_path, width=16)
    for mode in ("non-static", "multichannel"):
        model, _ = student_of(loaded, 16, mode)
        table = loaded.model.get_input_embeddings().weight
        assert torch.allclose(model.get_input_embeddings().weight, table, atol=1e-6)
    wide, note = student_of(loaded, 24, "static")
    ours = wide.get_input_embeddings().weight
    assert torch.allclose(torch.cdist(ours, ours), torch.cdist(table, table), atol=1e-3)
    assert "which stay as they are, through a learned projection of 16 to 24 columns" in note


def test_every_map_is_trained(tmp_path: Path) -> None:
    """Guards a map without a gradient: it would stay where it began."""
    loaded = opened(tmp_path, width=16)
    model, _ = student_of(loaded, 8, "static")
    batch = loaded.tokenizer(TEXTS[:4], padding=True, return_tensors="pt")
    model(**batch).logits.sum().backward()
    parts = [part for part in model.modules() if isinstance(part, ProjectedEmbedding)]
    assert len(parts) == 3
    for part in parts:
        assert part.projection.weight.grad is not None
        assert part.projection.weight.grad.abs().sum() > 0
        assert not any(weight.requires_grad for weight in part.channels.parameters())
    assert all(weight.grad is None for weight in loaded.model.parameters())


def test_unknown_architecture() -> None:
    """Guards the message of a teacher whose embeddings have another build."""
    albert = AutoModelForSequenceClassification.from_config(
        AlbertConfig(vocab_size=50, embedding_size=8, hidden_size=8, num_attention_heads=2,
                     intermediate_size=8)
    )  # fmt: skip
    with pytest.raises(CapabilityError) as caught:
        learn_projection(albert, albert, None, TEXTS, mode="static")
    assert str(caught.value) == (
        "AlbertForSequenceClassification: the embeddings of the architecture 'albert' cannot be "
        "taken, expected one of bert, camembert, distilbert, roberta, xlm-roberta; let them start "
        "at random: init=random, or bert:L4,H128 without embeddings=teacher"
    )
