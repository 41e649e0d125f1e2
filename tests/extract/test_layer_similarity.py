"""Layers of real architectures, read in 16 bits from disk, against plain transformers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.extract.features import extract_features
from kdprobe.extract.layer_similarity import (
    SimilaritySettings,
    compare_layers,
    comparing_seconds,
    layer_vectors,
    pair_count,
    similarity_key,
)
from kdprobe.models.hf import HfModel
from kdprobe.models.hidden import LayerReader
from kdprobe.progress import Silent
from kdprobe.stats.arrays import Floats
from tests.contracts.families import Opened
from tests.models.tiny import SENTENCES, WORDS
from tests.stats.test_layer_similarity import naive_cka, naive_procrustes

TEXTS = (*SENTENCES, *(f"the {noun} likes {noun} and {verb}" for noun, verb in zip(
    WORDS[20:36], WORDS[60:76], strict=True)))  # fmt: skip


def compared(
    one: LayerReader, other: LayerReader, settings: SimilaritySettings, texts: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """The arrays of two encoders, without a cache."""
    with (
        extract_features(one, texts, cache=None, progress=Silent()) as left,
        extract_features(other, texts, cache=None, progress=Silent(), rows=3) as right,
    ):
        x, y = (layer_vectors(side, texts, biased=settings.biased) for side in (left, right))
        return compare_layers(x, y, settings)


def plain(handle: HfModel, pooling: str) -> list[Floats]:
    """Each layer's vectors, one text at a time, as transformers gives them."""
    rows = []
    for text in TEXTS:
        inputs = handle.tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
        words = inputs.pop("special_tokens_mask")[0] == 0
        with torch.no_grad():
            states = handle.model(**inputs, output_hidden_states=True).hidden_states
        pick = (lambda state: state.mean(0)) if pooling == "mean" else (lambda state: state[-1])
        rows.append([pick(state[0][words]).double().numpy() for state in states])
    return [np.stack(layer) for layer in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    ("student", "pooling"), [("DistilBERT", "mean"), ("BiLSTM", "mean"), ("GPT-2", "last")]
)
def test_layers_of_any_two_families_compare_as_their_states_do(
    tmp_path: Path, student: str, pooling: str
):
    """Guards rows of two files in two orders, columns of another layer, and widths that differ."""
    opened = Opened(tmp_path)
    handles = opened.of("BERT"), opened.of(student)
    one, other = (LayerReader(handle, [pooling]) for handle in handles)
    arrays = compared(one, other, SimilaritySettings(), TEXTS)
    teacher, mate = (plain(handle, pooling) for handle in handles)
    assert arrays["cka"].shape == (len(one.cells), len(other.cells))
    assert len(teacher) == len(one.layers)
    for row, x in enumerate(teacher):
        for column, y in enumerate(mate):
            assert arrays["cka"][row, column] == pytest.approx(naive_cka(x, y), abs=5e-3)
            expected = naive_procrustes(x, y)
            assert arrays["procrustes"][row, column] == pytest.approx(expected, abs=5e-3)
    assert np.isfinite(arrays["cka"]).all()  # the heads too
    assert arrays["cka_influence"].shape == (*arrays["cka"].shape, len(TEXTS))


def test_poolings_are_compared_with_their_like_and_the_head_with_all(tmp_path: Path):
    """Guards a mean set against a maximum, and a first token before block 1 that is a constant."""
    reader = LayerReader(Opened(tmp_path).of("BERT"), ["mean", "cls"])
    arrays = compared(reader, reader, SimilaritySettings(permutations=19), TEXTS)
    names = [(cell.layer, cell.pooling) for cell in reader.cells]
    assert arrays["flat_rows"].tolist() == [name == ("0", "cls") for name in names]
    count = 0
    for row, (_, one) in enumerate(names):
        for column, (_, other) in enumerate(names):
            alike = one == other or "" in (one, other)
            count += alike
            flat = ("0", "cls") in (names[row], names[column])
            assert np.isfinite(arrays["cka"][row, column]) == (alike and not flat)
            assert np.isfinite(arrays["p_values"][row, column]) == (alike and not flat)
    assert pair_count(reader, reader) == count
    kept = ~arrays["flat_rows"]
    assert arrays["cka"].diagonal()[kept] == pytest.approx(1.0)
    assert (arrays["p_values"].diagonal()[kept] == 0.05).all()


def test_the_order_of_sentences_moves_no_number(tmp_path: Path):
    """Guards sentences that are joined by their place in a file.

    Layers are kept in float16: where sums depend on the place in a batch, a value between
    two steps falls to the other side (1e-4 of a CKA on the lowest kernels).
    """
    opened = Opened(tmp_path)
    readers = [LayerReader(opened.of(name), ["mean"]) for name in ("BERT", "BiLSTM")]
    there = compared(readers[0], readers[1], SimilaritySettings(), TEXTS)
    back = compared(readers[0], readers[1], SimilaritySettings(), TEXTS[::-1])
    for name in ("cka", "procrustes"):
        np.testing.assert_allclose(there[name], back[name], atol=1e-4)
    np.testing.assert_allclose(there["cka_influence"], back["cka_influence"][..., ::-1], atol=1e-3)


def test_the_key_changes_with_all_that_moves_a_number(tmp_path: Path):
    """Guards numbers of an earlier run that were computed otherwise."""
    opened = Opened(tmp_path)
    bert, lstm = opened.of("BERT"), opened.of("BiLSTM")
    one, other = LayerReader(bert, ["mean"]), LayerReader(lstm, ["mean"])
    usual = SimilaritySettings()
    keys = {
        similarity_key(*readers, texts, settings).digest
        for readers, texts, settings in (
            ((one, other), TEXTS, usual),
            ((other, one), TEXTS, usual),
            ((one, one), TEXTS, usual),
            ((one, LayerReader(lstm, ["mean"], random_seed=1)), TEXTS, usual),
            ((one, LayerReader(lstm, ["mean"], random_seed=2)), TEXTS, usual),
            ((one, LayerReader(lstm, ["max"])), TEXTS, usual),
            ((one, other), TEXTS[1:], usual),
            ((one, other), TEXTS, replace(usual, biased=True)),
            ((one, other), TEXTS, replace(usual, permutations=9)),
            ((one, other), TEXTS, replace(usual, seed=1)),
        )
    }
    assert len(keys) == 10


def test_the_estimate_grows_with_the_work(tmp_path: Path):
    """Guards a note of seconds before an hour: ten times the sentences, about ten times as long."""
    reader = LayerReader(Opened(tmp_path).of("BERT"), ["mean"])
    few, many = (
        comparing_seconds(reader, reader, count, SimilaritySettings(permutations=99))
        for count in (1000, 1_000_000)
    )
    assert 0 < few < many


def test_features_leave_no_file(tmp_path: Path):
    """Guards megabytes a layer that stay in the cache after the numbers were made."""
    reader = LayerReader(Opened(tmp_path / "m").of("BERT"), ["mean"])
    cache = Cache(tmp_path / "cache")
    with extract_features(reader, TEXTS, cache=cache, progress=Silent()) as features:
        vectors = layer_vectors(features, TEXTS)
        compare_layers(vectors, vectors, SimilaritySettings())
    assert not list(cache.root.rglob("*.features"))
