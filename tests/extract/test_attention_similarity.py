"""Heads of real architectures on shared tokens, against plain transformers and scipy."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from kdprobe.extract import attention_similarity
from kdprobe.extract.attention_similarity import (
    TokenChoice,
    attention_key,
    attention_seconds,
    compare_attention,
    shared_tokens,
)
from kdprobe.models.attention import AttentionReader
from kdprobe.models.hf import HfModel
from tests.contracts.families import Opened
from tests.models.tiny import SENTENCES

TEXTS = (*SENTENCES, "dog", "good", *(f"the {word} sleeps" for word in ("dog", "cat", "child")))
CHOICES: tuple[TokenChoice, ...] = ("words", "all")


def compared(
    one: AttentionReader, other: AttentionReader, *, choice: TokenChoice = "words",
    texts: Sequence[str] = TEXTS, pairs: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:  # fmt: skip
    shared = shared_tokens(one, other, texts, pairs)
    assert shared is not None
    return compare_attention(one, other, shared, choice)


def plain(handle: HfModel, text: str, choice: TokenChoice) -> np.ndarray:
    """Attention of one text in float64, `[layers, heads, rows, columns]`."""
    inputs = handle.tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    words = (inputs.pop("special_tokens_mask")[0] == 0).numpy()
    before = handle.model.config._attn_implementation
    handle.model.set_attn_implementation("eager")
    with torch.no_grad():
        maps = handle.model(**inputs, output_attentions=True).attentions
    handle.model.set_attn_implementation(before)
    stacked = torch.stack(list(maps))[:, 0].double().numpy()
    if choice == "words":
        stacked = stacked[:, :, words][..., words]
        stacked /= stacked.sum(axis=-1, keepdims=True)
    return stacked


@pytest.mark.parametrize("choice", CHOICES)
def test_divergence_of_layers_is_that_of_plain_attention(tmp_path: Path, choice: TokenChoice):
    """Guards sentences out of order, padding in a row, and heads averaged before matching."""
    handles = [Opened(tmp_path).of(name) for name in ("BERT", "ELECTRA")]
    one, other = map(AttentionReader, handles)
    arrays = compared(one, other, choice=choice)
    tokenizer = handles[0].tokenizer
    kept = [text for text in TEXTS if len(tokenizer.tokenize(text)) > 1]
    assert len(kept) < len(TEXTS)
    assert arrays["layers"].shape == (2, 2, len(kept))
    apart = np.empty((2, 2, 2, 2, len(kept)))
    for at, text in enumerate(kept):
        left, right = (plain(handle, text, choice) for handle in handles)
        for row, head, column, mate in np.ndindex(2, 2, 2, 2):
            pairs = zip(left[row, head], right[column, mate], strict=True)
            apart[row, head, column, mate, at] = np.mean(
                [jensenshannon(*each) ** 2 for each in pairs]
            )
    means = apart.mean(axis=-1)
    for row, column in np.ndindex(2, 2):
        straight = means[row, 0, column, 0] + means[row, 1, column, 1]
        crossed = means[row, 0, column, 1] + means[row, 1, column, 0]
        order = (0, 1) if straight < crossed else (1, 0)
        assert arrays["matches"][row, column].tolist() == list(order)
        expected = np.mean([apart[row, head, column, order[head]] for head in (0, 1)], axis=0)
        np.testing.assert_allclose(arrays["layers"][row, column], expected, atol=1e-5)
    for row, head in np.ndindex(2, 2):
        assert arrays["nearest_js"][row, head].mean() == pytest.approx(
            means[row, head].min(), abs=1e-5
        )
        assert means[row, head][tuple(arrays["nearest"][row, head])] == means[row, head].min()


def shuffled(handle: HfModel, order: Sequence[int]) -> HfModel:
    """The same function with the heads of every layer in another order."""
    other = copy.copy(handle)
    other.model = copy.deepcopy(handle.model)
    other.text = copy.copy(handle.text)
    other.text.model = other.model
    width = handle.model.config.hidden_size // len(order)
    rows = np.concatenate([np.arange(head * width, (head + 1) * width) for head in order])
    for layer in other.model.bert.encoder.layer:
        for linear in (layer.attention.self.query, layer.attention.self.key,
                       layer.attention.self.value):  # fmt: skip
            linear.weight.data = linear.weight.data[rows]
            linear.bias.data = linear.bias.data[rows]
        dense = layer.attention.output.dense
        dense.weight.data = dense.weight.data[:, rows]
    return other


def test_heads_in_another_order_are_the_same_layer(tmp_path: Path):
    """Guards a student called different because its heads are numbered otherwise."""
    handle = Opened(tmp_path).of("BERT")
    arrays = compared(AttentionReader(handle), AttentionReader(shuffled(handle, (1, 0))))
    assert np.abs(arrays["layers"][[0, 1], [0, 1]]).max() < 1e-5
    assert arrays["matches"][0, 0].tolist() == [1, 0]
    assert arrays["nearest"].tolist() == [[[0, 1], [0, 0]], [[1, 1], [1, 0]]]
    np.testing.assert_allclose(arrays["teacher_heads"], arrays["heads"][:, :, [1, 0]], atol=1e-5)
    np.testing.assert_allclose(arrays["teacher_layers"], arrays["own_layers"], atol=1e-5)
    assert arrays["layers"][0, 1].mean() > 0.01


def test_batches_move_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards numbers that depend on how many texts fit into a pass."""
    one, other = (AttentionReader(Opened(tmp_path).of(name)) for name in ("BERT", "ELECTRA"))
    together = compared(one, other)
    monkeypatch.setattr(attention_similarity, "_ROWS", 1)
    alone = compared(one, other)
    for name, values in together.items():
        np.testing.assert_allclose(alone[name], values, atol=1e-5, err_msg=name)


def test_pairs_of_texts_have_their_separators_at_different_places(tmp_path: Path):
    """Guards words of one pair cut out where another's separator stands."""
    handle = Opened(tmp_path).of("BERT")
    reader = AttentionReader(handle)
    first, second = ("the dog sleeps", "the dog"), ("a cat", "a good cat")
    shared = shared_tokens(reader, reader, first, second)
    assert shared is not None
    assert [mask.tolist().index(False, 1) for mask in shared.words] == [4, 3]
    assert len(list(shared.batches())) == 2
    arrays = compared(reader, reader, texts=first, pairs=second)
    both = [compared(reader, reader, texts=[one], pairs=[other])
            for one, other in zip(first, second, strict=True)]  # fmt: skip
    for at, alone in enumerate(both):
        np.testing.assert_allclose(
            arrays["own_layers"][..., at], alone["own_layers"][..., 0], atol=1e-6
        )


def test_other_tokens_have_no_common_places(tmp_path: Path):
    """Guards rows of two tokenizers compared by their numbers."""
    opened = Opened(tmp_path)
    bert, gpt = AttentionReader(opened.of("BERT")), AttentionReader(opened.of("GPT-2"))
    assert shared_tokens(bert, gpt, TEXTS, None) is None
    renamed = copy.copy(bert)
    renamed.handle = copy.copy(bert.handle)
    renamed.handle.tokenizer = copy.deepcopy(bert.handle.tokenizer)
    names = renamed.handle.tokenizer.convert_ids_to_tokens
    renamed.handle.tokenizer.convert_ids_to_tokens = lambda ids: [f"{name}." for name in names(ids)]
    assert shared_tokens(bert, renamed, TEXTS, None) is None  # the same numbers for other words


def test_both_read_what_the_shorter_one_reads(tmp_path: Path):
    """Guards long texts called other tokens because one model reads fewer."""
    handle = Opened(tmp_path).of("BERT")
    one, other = AttentionReader(handle), AttentionReader(handle.limited(8))
    shared = shared_tokens(one, other, TEXTS, None)
    assert shared is not None
    assert max(shared.lengths) == 8


def test_the_key_changes_with_all_that_moves_a_number(tmp_path: Path):
    """Guards numbers of an earlier run that were computed otherwise."""
    handle = Opened(tmp_path).of("BERT")
    one, other = AttentionReader(handle), AttentionReader(handle, random_seed=1)
    words: TokenChoice = "words"
    settings: tuple[tuple[AttentionReader, AttentionReader, Any, Any, TokenChoice], ...] = (
        (one, other, TEXTS, None, words),
        (other, one, TEXTS, None, words),
        (one, AttentionReader(handle, random_seed=2), TEXTS, None, words),
        (one, other, TEXTS[1:], None, words),
        (one, other, TEXTS[:3], TEXTS[3:6], words),
        (one, other, TEXTS[:6], None, words),
        (one, other, TEXTS, None, "all"),
    )
    keys = {attention_key(*each).digest for each in settings}
    assert len(keys) == 7


def test_the_estimate_is_of_this_machine(tmp_path: Path):
    """Guards an estimate of 0, and one that leaves a model switched to plain attention."""
    handle = Opened(tmp_path).of("BERT")
    handle.model.set_attn_implementation("sdpa")
    reader = AttentionReader(handle)
    shared = shared_tokens(reader, reader, TEXTS, None)
    assert shared is not None
    assert attention_seconds(reader, reader, shared, "words") > 0
    assert handle.model.config._attn_implementation == "sdpa"
