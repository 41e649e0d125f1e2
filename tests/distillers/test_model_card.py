"""Tests of the card and of what is told before the first step."""

from __future__ import annotations

import pytest

from kdprobe.distillers.model_card import CardFacts, card_text
from kdprobe.distillers.preflight import Preflight, layer_table, refuse_chance
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.distillers.validation_scores import Score
from kdprobe.errors import CheckpointError


def test_card_escapes_and_gives_reasons() -> None:
    """Guards the card against names that break its tables, and against a score of None."""
    result = TrainingResult(
        folder=None, task="t", eval_split="dev", scores={"mcc": None, "loss": 0.5},
        undefined={"mcc": "one label is predicted for every example"}, history=(), best_step=3,
        steps=9, seconds=1.0, preflight=Preflight((), layer_table(((1, 1), (2, 3)), (0, 2))),
    )  # fmt: skip
    facts = CardFacts(
        kind="distill", headline="A student.", sections={"Data": {"file|name": "a|b\x1b[31m"}},
        command="kdprobe distill t", precision="float32", recipe="Somebody 2020", notes=("noted",),
    )  # fmt: skip
    card = card_text("s", result, facts)
    assert "| mcc | undefined: one label is predicted for every example |" in card
    assert "| file\\|name | a\\|b\ufffd[31m |" in card
    assert "| 2 | 3 | copied |" in card
    assert "Kept: the weights of step 3 of 9" in card
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    assert "- knowledge-distillation" in card
    assert card.count("\n## ") == 6


def test_undefined_teacher_is_refused_with_the_reason() -> None:
    """Guards a teacher that always says the same: its MCC is undefined, not zero."""
    with pytest.raises(CheckpointError) as caught:
        refuse_chance("t", score="mcc", reached=Score(None, "one label"), chance=0.0, split="dev")
    assert str(caught.value).startswith(
        "t: the teacher's mcc on dev is undefined (one label), no better than always giving the "
        "same answer (0.0000)"
    )
    refuse_chance("t", score="mcc", reached=Score(0.3), chance=0.0, split="dev")
