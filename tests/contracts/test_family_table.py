"""Every family, from a saved folder to its row in docs/models.md.

Outputs are held against the `text-classification` pipeline of `transformers` itself; the rest of
the row is what ran on a text with emoji, or was refused with a reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

import kdprobe
from kdprobe.models.hf import HfModel
from tests.contracts.families import FAMILIES, SINGLE, Opened
from tests.contracts.family_table import EMOJI, row_of, rows_in_page
from tests.contracts.test_families import TEXTS, every_family, outputs, split_of

QUICKLY = ("BERT", "GPT-2", "ModernBERT")
"""Families whose rows are made in the quick run too: each runs every method of explanation."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(tmp_path_factory.mktemp("families"))


def piped(folder: Path, handle: HfModel) -> np.ndarray:
    """Outputs by transformers' own pipeline, opened by itself, in the task's label order."""
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    settings: dict[str, Any] = {"truncation": True, "max_length": handle.text.limit}
    if "token_type_ids" not in handle.text.sent:  # the pipeline itself would ask for missing rows
        settings["return_token_type_ids"] = False
    run = hf.pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device=torch.device("cpu"),
        top_k=None, function_to_apply="none",
    )  # fmt: skip
    rows = []
    for text in TEXTS:
        given = {each["label"]: each["score"] for each in run(text, **settings)}
        rows.append([given[label] for label in SINGLE.labels])
    return np.array(rows)


@every_family
def test_predictions_are_those_of_the_pipeline(name: str, opened: Opened) -> None:
    """Guards a model that kdprobe opens otherwise than its users do."""
    handle = opened.of(name)
    if handle.model.config.model_type != "bilstm":
        folder = opened.place(name)
        found = outputs(handle, split_of(SINGLE), 4)
        np.testing.assert_allclose(found, piped(folder, handle), atol=1e-5)
    if "words" not in FAMILIES[name].refused:
        (one,) = kdprobe.attribute(str(opened.place(name)), EMOJI, methods="occlusion")
        assert one.words == tuple(EMOJI.split())


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICKLY else pytest.mark.slow) for n in FAMILIES]
)
def test_the_page_says_what_a_family_can(name: str, opened: Opened) -> None:
    """Guards a table that promises what does not run; rewrite it by `family_table`."""
    assert row_of(name, opened) == rows_in_page()[name]


def test_the_page_names_every_family() -> None:
    """Guards rows of families that are tested no more."""
    assert list(rows_in_page()) == list(FAMILIES)
