"""What models kept in bfloat16 must give: layers, probes, every explanation, and scores.

Families are listed by `students.py`, explainers by their registry. No processor is read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.extract.attributions import explain_model
from kdprobe.extract.features import extract_features
from kdprobe.extract.method import METHODS
from kdprobe.extract.probes.fits import ProbeOptions
from kdprobe.extract.probes.groups import fit_probes
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.hidden import LayerReader
from kdprobe.models.reparametrised_embeddings import FORMS, fold
from kdprobe.models.words import split_words
from kdprobe.progress import Silent
from kdprobe.tasks.probing.sets import make_set
from tests.contracts.students import FAMILIES, begin, finite, split_of
from tests.distillers.builders import TASK
from tests.models.tiny import SENTENCES

# One beginning of an architecture is like another once it is a folder.
OPENED = [name for name in FAMILIES if not name.endswith(("principal", "random", "projection"))]
QUICK: dict[str, dict[str, Any]] = {
    "lime": {"samples": 40}, "shap": {"permutations": 2},
    "integrated_gradients": {"steps": 8, "most_steps": 8},
}  # fmt: skip
POOLINGS = ("mean", "max", "last")
BOUND = 0.1
"""Of the largest number; bfloat16 keeps 8 bits, and layers add up what they round."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("half")


@cache
def _saved(name: str, folder: Path) -> Path:
    place = folder / name.replace(" ", "-").replace(",", "")
    _, student, _ = begin(FAMILIES[name], folder)
    fold(student.model, *FORMS)
    student.model.save_pretrained(place)
    student.tokenizer.save_pretrained(place)
    return place


def opened(name: str, folder: Path, dtype: str) -> HfModel:
    place = _saved(name, folder)
    return open_hf(str(place), name="m", task=TASK, device="cpu", dtype=dtype)


def near(found: Any, right: Any) -> None:
    """Assert that numbers are finite and near the float32 ones, relative to their size."""
    assert finite(found)
    np.testing.assert_allclose(found, right, atol=BOUND * float(np.abs(right).max()) + 1e-3)


@pytest.mark.parametrize("name", OPENED)
def test_outputs_and_layers(name: str, folder: Path) -> None:
    """Guards evaluation and extraction with half-precision weights: no crash, no other numbers."""
    full, half = (opened(name, folder, dtype) for dtype in ("float32", "bfloat16"))
    assert next(half.model.parameters()).dtype == torch.bfloat16
    split = split_of(FAMILIES[name])
    ours, theirs = (
        one.outputs(split, batch_size=8, advance=lambda _: None).values for one in (half, full)
    )
    near(ours, theirs)
    cells = []
    for one in (half, full):
        reader = LayerReader(one, POOLINGS)
        with extract_features(reader, SENTENCES, cache=None, progress=Silent()) as made:
            rows = made.rows(SENTENCES)
            cells.append([made.take(rows, [at])[0] for at in range(len(made.cells))])
    assert len(cells[0]) == len(cells[1]) > 3
    for found, right in zip(*cells, strict=True):
        near(found, right)


@pytest.mark.parametrize("method", METHODS.names())
@pytest.mark.parametrize("name", [name for name in OPENED if not FAMILIES[name].pairs])
def test_explanations(name: str, method: str, folder: Path) -> None:
    """Guards explainers: finite scores; those of gradients are the ones of the rounded weights."""
    half, rounded = opened(name, folder, "bfloat16"), opened(name, folder, "float32")
    rounded.model.to(torch.bfloat16).to(torch.float32)
    text = "she likes a funny film"
    asked = [Sentence("0", (text,), split_words(text), 1)]
    options = METHODS.load(method).options(**QUICK.get(method, {}))
    setting = ExplanationSettings({method: options}, deletion=False)
    scores, same = (
        explain_model(one, asked, setting, cache=None, progress=Silent())[method][0].scored.scores
        for one in (half, rounded)
    )
    assert scores.shape == (5,)
    assert finite(scores)
    if method in ("lime", "shap", "occlusion"):
        return  # differences of rounded logits: bounded where weights are wide (test_attributions)
    np.testing.assert_allclose(scores, same, atol=1e-6)


def test_probes(folder: Path) -> None:
    """Guards probes of half-precision states: as many hits as of float32 ones, but for a few."""
    verbs = ("sleeps", "sings", "is old", "is new", "was good", "can run")
    nouns = ("dog", "cat", "man", "film", "book", "idea")
    texts = [f"the {noun} {verb}" for noun in nouns for verb in verbs]
    first = ("dog", "film", "idea")
    rows = [("a" if text.split()[1] in first else "b", text) for text in texts]
    asked = make_set(
        "nouns", {"tr": rows[::2], "va": rows[1::4], "te": rows[3::4]}, origin="made here"
    )
    hits = []
    for dtype in ("float32", "bfloat16"):
        reader = LayerReader(opened("bert, copied layers", folder, dtype), POOLINGS)
        with extract_features(reader, texts, cache=None, progress=Silent()) as made:
            fitted = fit_probes(made, asked, ProbeOptions(probe="logistic", seeds=1))
        assert finite(fitted.dev)
        hits.append(fitted.hits.astype(float).mean())
    assert hits[1] == pytest.approx(hits[0], abs=0.1)
    assert hits[0] > 0.6
