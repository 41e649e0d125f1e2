"""Students of "What is Lost in Knowledge Distillation?": the shapes count what its table prints."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForSequenceClassification, RobertaConfig

from kdprobe.models.shapes import CopyShape, parse_student
from kdprobe.models.surgery import make_student
from kdprobe.tasks.task import Task

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
ROBERTA = RobertaConfig(
    vocab_size=50265,
    max_position_embeddings=514,
    type_vocab_size=1,
    layer_norm_eps=1e-5,
    pad_token_id=1,
    bos_token_id=0,
    eos_token_id=2,
)


@pytest.mark.parametrize(
    ("words", "millions"),
    [
        ("layers=0+1+3+5+7+8+9+10+11", 103.4),
        ("layers=6:distilbert", 82.1),
        ("layers=0+4+11", 60.9),
        ("heads=8", 124.6),
        ("heads=4", 124.6),
        ("hidden=516,intermediate=2064", 64.9),
        ("hidden=384,intermediate=1536", 40.9),
        ("layers=6,hidden=384,intermediate=1536", 30.3),
    ],
)
def test_parameters(words: str, millions: float) -> None:
    """Guards every size a shape changes; counted without weights, on the meta device."""
    shape = parse_student(words)
    assert isinstance(shape, CopyShape)
    with torch.device("meta"):
        teacher = AutoModelForSequenceClassification.from_config(ROBERTA)
        student = make_student(shape, teacher, TASK, columns=None).model
    assert all(weight.is_meta for weight in student.parameters())
    count = sum(weight.numel() for weight in student.parameters())
    assert round(count / 1e6, 1) == pytest.approx(millions)
