"""ONNX folders: a graph put together by hand, and what torch's own exporter makes of a BERT.

Right values are sums that can be added up token by token (`graphs.by_hand`), and the outputs of the
model that was exported.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import kdprobe
from kdprobe.comparison.parity import largest_gap
from kdprobe.errors import CheckpointError, ConfigError, MissingExtraError, UsageError
from kdprobe.models.hf import HfModel
from kdprobe.models.open import open_model
from kdprobe.models.path_options import parse_path
from kdprobe.tasks.task import Split
from tests.contracts.families import FAMILIES, OUTPUTS, PAIRS, SINGLE, build
from tests.models.graphs import COLUMNS, bag_of_words, by_hand, export, quantised, renamed_labels

pytest.importorskip("onnx", reason="graphs are put together by the package onnx")
pytest.importorskip("onnxruntime", reason="ONNX folders need the extra onnx")

TEXTS = ("the dog sleeps in the garden", "an", "she likes a funny film .", "they saw him today")
SECONDS = ("a great story", "he laughs .", "an", "the dog")
PLACES = [OUTPUTS.index(label) for label in SINGLE.labels]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bag_of_words(tmp_path_factory.mktemp("graphs") / "bag")


def opened(place: Path | str, task: Any = SINGLE) -> HfModel:
    handle = open_model(parse_path(str(place)), name="m", task=task, device="cpu")
    assert isinstance(handle, HfModel)
    return handle


def values(handle: HfModel, task: Any = SINGLE, size: int = 64) -> np.ndarray:
    pairs = SECONDS if task.has_pairs else None
    split = Split(task, "dev", tuple("0123"), TEXTS, pairs)
    return handle.outputs(split, batch_size=size, advance=lambda done: None).values


def test_outputs_are_the_graphs_own(bag: Path) -> None:
    """Guards segments, padding or the order of labels lost on the way into a graph and back."""
    handle = opened(bag)
    right = np.stack([by_hand(handle.tokenizer, text) for text in TEXTS])[:, PLACES]
    for size in (1, 3, 64):
        np.testing.assert_allclose(values(handle, size=size), right, rtol=1e-6)
    pairs = opened(bag, PAIRS)
    both = zip(TEXTS, SECONDS, strict=True)
    right = np.stack([by_hand(pairs.tokenizer, *each) for each in both])[:, PLACES]
    np.testing.assert_allclose(values(pairs, PAIRS), right, rtol=1e-6)
    assert not handle.alarms


def test_what_a_graph_can_be_asked(bag: Path) -> None:
    """Guards gradients asked of a graph, and a model described as if it were one of torch."""
    handle = opened(bag)
    assert handle.capabilities == {"logits", "tokens", "texts"}
    assert "has no gradients" in handle.lacks["gradients"]
    assert "its layers cannot be read" in handle.lacks["hidden_states"]
    assert (handle.source, handle.precision) == ("ONNX folder", "float32")
    assert handle.architecture == "BertForSequenceClassification, ONNX graph"
    assert handle.parameters == 3 * len(handle.tokenizer) + 2 * 3
    assert "its graph model.onnx was run by onnxruntime on the CPU" in handle.notes
    assert handle.disk_bytes == (bag / "model.onnx").stat().st_size
    other = bag_of_words(bag.parent / "other", order=(0, 2, 1))
    assert opened(other).fingerprint != handle.fingerprint


def test_words_explained_are_those_of_the_sum(bag: Path) -> None:
    """Guards explainers that ask a graph about other tokens than it reads."""
    text = "she likes funny films"
    out = kdprobe.attribute(str(bag), text, methods=["occlusion", "lime", "shap"], label="good")
    (one,) = tuple(out)
    tokenizer = opened(bag).tokenizer
    place, words = OUTPUTS.index("good"), text.split()

    def odds(kept: list[str]) -> float:
        logits = by_hand(tokenizer, " ".join(kept))
        return float(logits[place] - np.logaddexp.reduce(np.delete(logits, place)))

    right = [odds(words) - odds(words[:at] + words[at + 1 :]) for at in range(4)]
    scores = {each.method: each.scores for each in one.methods}
    np.testing.assert_allclose(np.array(scores["occlusion"], dtype=float), right, atol=1e-5)
    assert set(scores) == {"occlusion", "lime", "shap"}
    with pytest.raises(UsageError, match="has no gradients"):
        kdprobe.attribute(str(bag), text, methods="integrated_gradients")


def test_a_graph_without_its_columns_is_told_of(tmp_path: Path) -> None:
    """Guards an export that reads both texts of a pair as one, without a word."""
    handle = opened(bag_of_words(tmp_path / "bag", columns=COLUMNS[:2]), PAIRS)
    assert "its graph takes no token_type_ids, which its tokenizer sends" in handle.notes
    table = pd.DataFrame({"text": TEXTS, "text_pair": SECONDS, "label": [*SINGLE.labels, "bad"]})
    whole = bag_of_words(tmp_path / "whole")
    named = f"{tmp_path / 'bag'}?original={whole}"
    result = kdprobe.compare(
        str(whole), {"broken": named}, task=table, text_pair="text_pair", resamples=100
    )
    (notice,) = [each for each in result.document.warnings if each.code == "parity"]
    assert notice.severity == "alarm"
    assert "token_type_ids" in notice.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"columns": (*COLUMNS, "position_ids")},
            "its graph asks for input_ids, attention_mask",
        ),
        ({"length": 12}, "batches of texts texts of 12 tokens only"),
    ],
)
def test_graphs_that_are_no_classifiers(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    """Guards a traceback of onnxruntime where the export was made for something else."""
    folder = bag_of_words(tmp_path / "bag", **change)
    with pytest.raises(CheckpointError) as caught:
        opened(folder)
    assert words in str(caught.value)
    assert "export it again" in str(caught.value)


def test_folders_that_cannot_be_opened(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards tracebacks: no such graph, one cut off, other labels, options of other folders."""
    with pytest.raises(CheckpointError, match=r"has no graph q8.onnx, expected one of model.onnx"):
        opened(f"{bag}?file=q8.onnx")
    with pytest.raises(ConfigError, match=r"the option dtype=bf16 of an ONNX folder, expected one"):
        opened(f"{bag}?dtype=bf16")
    broken = bag_of_words(tmp_path / "broken")
    graph = broken / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:200])
    with pytest.raises(CheckpointError, match=r"model.onnx: cannot be opened"):
        opened(broken)
    fewer = bag_of_words(tmp_path / "fewer")
    renamed_labels(fewer, ("bad", "good"))
    with pytest.raises(CheckpointError, match="its head has 2 outputs"):
        opened(fewer)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it fails then
    with pytest.raises(MissingExtraError, match=r"pip install 'kdprobe\[onnx\]'"):
        opened(bag)


def test_the_largest_gap_by_hand() -> None:
    """Guards a mean in place of the maximum, and a tolerance that does not grow with the logits."""
    original = np.array([[1.0, -3.0], [0.5, 0.0]])
    moved = original + np.array([[0.0, 0.25], [0.0, 0.0]])
    gap, allowed = largest_gap(moved, original, precision="float32")
    assert (gap, allowed) == (0.25, 0.004)


@pytest.mark.slow
def test_exports_by_torch_are_held_against_their_original(tmp_path: Path) -> None:
    """Guards an export with labels in another order, or without segments, compared as if true."""
    pytest.importorskip("onnxscript", reason="torch's exporter needs onnxscript")
    teacher = tmp_path / "teacher"
    model, tokenizer = build(FAMILIES["BERT"])
    model.save_pretrained(teacher)
    tokenizer.save_pretrained(teacher)
    true = export(teacher, tmp_path / "true")
    swapped = export(teacher, tmp_path / "swapped", order=(0, 2, 1))
    blind = export(teacher, tmp_path / "blind", columns=COLUMNS[:2])
    handle = opened(true, PAIRS)
    with torch.no_grad():
        right = np.stack(
            [
                model(**tokenizer(*each, return_tensors="pt")).logits[0].double().numpy()
                for each in zip(TEXTS, SECONDS, strict=True)
            ]
        )[:, PLACES]
    np.testing.assert_allclose(values(handle, PAIRS), right, atol=1e-5)
    table = pd.DataFrame({"text": TEXTS, "text_pair": SECONDS, "label": [*SINGLE.labels, "bad"]})
    result = kdprobe.compare(
        str(teacher), {"true": str(true), "swapped": str(swapped), "blind": str(blind)},
        task=table, text_pair="text_pair", resamples=100,
    )  # fmt: skip
    told = {each.models[0]: each for each in result.document.warnings if each.code == "parity"}
    assert {name: each.severity for name, each in told.items()} == {
        "true": "note", "swapped": "alarm", "blind": "alarm",
    }  # fmt: skip
    assert "order of its labels" in told["swapped"].message
    both = quantised(true, tmp_path / "both")
    eight = opened(f"{both}?file=model_quantized.onnx", PAIRS)
    assert (eight.precision, opened(both, PAIRS).precision) == ("int8", "float32")
    assert eight.fingerprint != opened(both, PAIRS).fingerprint
    single = [values(eight, PAIRS, size) for size in (1, 64)]
    np.testing.assert_allclose(single[0], single[1], atol=1e-6)
    assert 0 < np.abs(single[0] - right).max() < 0.25 * (1 + np.abs(right).max())
    assert result.get("agreement", "true").value == 1.0
