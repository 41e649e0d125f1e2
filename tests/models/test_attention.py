"""Attention of families, read in plain attention, and the model left as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.errors import CapabilityError
from kdprobe.models.attention import AttentionReader, eager_attention, word_tokens
from tests.contracts.families import Opened
from tests.models.tiny import SENTENCES


def implementations(model: torch.nn.Module) -> list[str]:
    """The attention of every part that has one of its own."""
    return [
        str(getattr(config, "_attn_implementation", ""))
        for part in model.modules()
        if (config := getattr(part, "config", None)) is not None
    ]


@pytest.mark.parametrize(
    "family",
    ["BERT", "RoBERTa", "DistilBERT", "DeBERTa-v2", "GPT-2", "BART", "T5", "XLNet", "Llama"],
)
def test_attention_is_what_transformers_gives_alone(tmp_path: Path, family: str):
    """Guards attention of padding, of a decoder for the encoder's, and a model left switched."""
    handle = Opened(tmp_path).of(family)
    before = implementations(handle.model)
    reader = AttentionReader(handle)
    tokens = reader.encode(SENTENCES, None, longest=reader.text.limit)
    assert implementations(handle.model) == before
    layers, heads = reader.shape
    for row, text in enumerate(SENTENCES[:4]):
        with eager_attention(reader.model):
            maps = reader.read(tokens.columns, [row])
        assert implementations(handle.model) == before
        with eager_attention(handle.model), torch.no_grad():
            out = handle.model(
                **{name: value for name, value in
                   handle.tokenizer(text, return_tensors="pt").items() if name in reader.text.sent},
                output_attentions=True,
            )  # fmt: skip
        own = out.encoder_attentions if family in ("BART", "T5") else out.attentions
        expected = torch.stack(list(own))[:, 0].numpy()
        assert maps.shape == (layers, heads, 1, *expected.shape[-2:])
        np.testing.assert_allclose(maps[:, :, 0], expected, atol=1e-5)
        np.testing.assert_allclose(maps.sum(axis=-1), 1.0, atol=1e-4)


def test_the_batch_moves_no_number(tmp_path: Path):
    """Guards rows that see each other's tokens."""
    reader = AttentionReader(Opened(tmp_path).of("BERT"))
    tokens = reader.encode(SENTENCES[:1] * 3, None, longest=20)
    with eager_attention(reader.model):
        together = reader.read(tokens.columns, [0, 1, 2])
        alone = reader.read(tokens.columns, [1])
    np.testing.assert_allclose(together[:, :, 1], alone[:, :, 0], atol=1e-6)


def test_plain_attention_is_put_back_on_an_error(tmp_path: Path):
    """Guards a model that stays slow, with other last digits, because one pass failed."""
    handle = Opened(tmp_path).of("BERT")
    handle.model.set_attn_implementation("sdpa")
    held: list[str] = []

    def fail() -> None:
        with eager_attention(handle.model):
            held.extend(implementations(handle.model))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert set(held) == {"eager"}
    assert set(implementations(handle.model)) == {"sdpa"}


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("BiLSTM", "it gives no attention"),
        ("FNet", "it gives no attention"),
        ("Longformer", "its attention is not from every token to every token"),
        ("Funnel", "its attention is not from every token to every token"),
    ],
)
def test_what_gives_no_such_attention_is_refused_in_words(tmp_path: Path, family: str, reason: str):
    """Guards a traceback out of a model's forward, and windows read as if they were all tokens."""
    handle = Opened(tmp_path).of(family)
    before = implementations(handle.model)
    with pytest.raises(CapabilityError) as caught:
        AttentionReader(handle)
    assert caught.value.found == reason
    assert implementations(handle.model) == before


def test_random_weights_are_those_of_probing(tmp_path: Path):
    """Guards a floor of other weights than those that probing and layers are held against."""
    from kdprobe.models.hidden import LayerReader

    handle = Opened(tmp_path).of("BERT")
    one, other = (
        AttentionReader(handle, random_seed=3),
        LayerReader(handle, ["mean"], random_seed=3),
    )
    assert one.key == other.key
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    assert all(torch.equal(left, right) for left, right in pairs)


def test_an_unknown_word_is_a_word(tmp_path: Path):
    """Guards [UNK] left out of a row because it is a special token."""
    reader = AttentionReader(Opened(tmp_path).of("BERT"))
    tokenizer = reader.handle.tokenizer
    ids = [tokenizer.cls_token_id, tokenizer.unk_token_id, 20, tokenizer.sep_token_id]
    assert word_tokens(reader, ids).tolist() == [False, True, True, False]
