"""Tests of the BiLSTM student: round trip, padding, states, embedding modes, and its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape, parse_lstm
from kdprobe.models.checkpoint import describe, load_classifier
from kdprobe.models.shapes import parse_student
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, tiny_tokenizer

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
VECTORS = torch.randn(len(tiny_tokenizer("bert")), 12, generator=torch.Generator().manual_seed(0))


def built(*, layers: int = 1, mode: str = "non-static", pairs: bool = False) -> torch.nn.Module:
    torch.manual_seed(0)
    shape = LstmShape(8, 10, layers, mode=mode)  # type: ignore[arg-type]
    model: torch.nn.Module = build_lstm(
        shape, TASK, tokenizer=tiny_tokenizer("bert"), vectors=VECTORS, pairs=pairs
    )
    return model


def batch(texts: list[str], others: list[str] | None = None) -> dict[str, Tensor]:
    return dict(tiny_tokenizer("bert")(texts, others, padding=True, return_tensors="pt"))


@pytest.mark.parametrize("mode", ["static", "non-static", "multichannel"])
def test_round_trip(tmp_path: Path, mode: str) -> None:
    """Guards saving: one weight made anew on loading would quietly be another model."""
    model = built(layers=2, mode=mode)
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    tiny_tokenizer("bert").save_pretrained(tmp_path)
    inputs = batch(list(SENTENCES))
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path, use_safetensors=True)
    assert torch.allclose(again.eval()(**inputs).logits, model(**inputs).logits, atol=1e-6)
    loaded = load_classifier(str(tmp_path), task=TASK)
    assert loaded.columns == (0, 1)
    assert describe(loaded.model) == "BiLstmForSequenceClassification, 2 layers, 16 wide"
    fresh = load_classifier(str(tmp_path), task=TASK, new_head=True).model
    assert not torch.equal(fresh(**inputs).logits, model(**inputs).logits)
    assert torch.equal(fresh.bilstm(**inputs).pooler_output, model.bilstm(**inputs).pooler_output)  # type: ignore[operator]


@pytest.mark.parametrize("pairs", [False, True])
def test_padding_changes_nothing(pairs: bool) -> None:
    """Guards packing: a text alone, beside longer ones, and padded on the left gives the same."""
    model = built(layers=2, pairs=pairs)
    others = list(reversed(SENTENCES)) if pairs else None
    together = model(**batch(list(SENTENCES), others)).logits
    for row, text in enumerate(SENTENCES):
        alone = batch([text], None if others is None else [others[row]])
        assert torch.allclose(model(**alone).logits[0], together[row], atol=1e-6)
        left = {name: torch.nn.functional.pad(ids, (3, 0)) for name, ids in alone.items()}
        assert torch.allclose(model(**left).logits[0], together[row], atol=1e-6)


def test_states_are_those_of_torch() -> None:
    """Guards which states are read: the last two rows of h_n, not those of the first layer."""
    model = built(layers=2)
    inputs = batch([SENTENCES[0]])
    reference = torch.nn.LSTM(12, 8, num_layers=2, batch_first=True, bidirectional=True)
    for layer, lstm in enumerate(model.bilstm.layers):  # type: ignore[union-attr, arg-type]
        for name, weight in lstm.named_parameters():
            getattr(reference, name.replace("l0", f"l{layer}")).data.copy_(weight.data)
    output, (ends, _) = reference(VECTORS[inputs["input_ids"]])
    found = model.bilstm(**inputs, output_hidden_states=True)  # type: ignore[operator]
    assert torch.allclose(found.pooler_output, torch.cat([ends[-2], ends[-1]], -1), atol=1e-6)
    assert torch.allclose(found.last_hidden_state, output, atol=1e-6)
    assert len(found.hidden_states) == 3
    assert torch.equal(found.hidden_states[0], VECTORS[inputs["input_ids"]])


def test_frozen_channels_stay() -> None:
    """Guards the two channels: made from one tensor they would share storage and move together."""
    for mode, frozen, tuned in (("static", 1, 0), ("non-static", 0, 1), ("multichannel", 1, 1)):
        model = built(mode=mode).train()
        channels: Any = model.bilstm.embeddings  # type: ignore[union-attr]
        before = VECTORS.clone()
        optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
        model(**batch(list(SENTENCES))).logits.square().sum().backward()
        optimiser.step()
        assert (channels.frozen is not None, channels.tuned is not None) == (frozen, tuned)
        if channels.frozen is not None:
            assert torch.equal(channels.frozen.weight, before)
        if channels.tuned is not None:
            assert not torch.equal(channels.tuned.weight, before)
        assert torch.equal(before, VECTORS)


def test_pairs_are_compared() -> None:
    """Guards the siamese form: [a; b; |a - b|; a b], and equal texts differ in nothing."""
    model = built(pairs=True)
    inputs = batch(["a great story"], ["a great story"])
    ends = model.bilstm(**inputs).pooler_output.view(4, 16)  # type: ignore[operator]
    assert ends.abs().sum(1).min().item() > 0
    assert torch.allclose(ends[2], (ends[0] - ends[1]).abs())
    assert torch.allclose(ends[3], ends[0] * ends[1])
    assert not built().config.siamese  # type: ignore[union-attr]


def test_sucik_and_tang_sizes() -> None:
    """Guards the shape: the LSTM student of the 2020 thesis counts 2.406 M without embeddings."""
    shape = parse_student("bilstm:hidden=300,fc=400,layers=1,mode=multichannel")
    assert isinstance(shape, LstmShape)
    vectors = torch.zeros(5, 300)
    model = build_lstm(shape, TASK, tokenizer=tiny_tokenizer("bert"), vectors=vectors)
    count = sum(w.numel() for name, w in model.named_parameters() if "embeddings" not in name)
    assert round(count / 1e6, 3) == 2.406


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "hiden=3",
            UnknownNameError,
            "`student`: no setting of a student is called 'hiden', "
            "expected one of hidden, fc, layers, embed, "
            "W, D, embeddings, mode, sentence; did you mean 'hidden'?",
        ),
        ("fc=0", ConfigError, "`student`: fc is '0', expected a whole number from 1"),
        ("fc=3,fc=4", ConfigError, "`student`: fc twice in bilstm:fc=3,fc=4, expected once each"),
        (
            "mode=statik",
            UnknownNameError,
            "`student`: no mode is called 'statik', "
            "expected one of static, non-static, multichannel; "
            "did you mean 'static' or 'non-static'?",
        ),
        (
            "embeddings=word2vec",
            UnknownNameError,
            "`student`: no kind of embeddings is called 'word2vec', "
            "expected one of teacher, random, a "
            "file of word vectors",
        ),
        (
            "embed=50,embeddings=glove.txt",
            ConfigError,
            "`student`: embed=50 with embeddings=glove.txt, expected no embed: the file's "
            "embeddings have their width",
        ),
        (
            "embed=50,embeddings=teacher",
            ConfigError,
            "`student`: embed=50 with embeddings=teacher, expected no embed: the teacher's "
            "embeddings have their width",
        ),
        (
            "embed=50,mode=static",
            ConfigError,
            "`student`: mode=static with random embeddings, expected mode=non-static: what is "
            "drawn at random and never trained says nothing",
        ),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    """Guards every message about a BiLSTM's words."""
    with pytest.raises(kind) as caught:
        parse_lstm(text, where="`student`")
    assert str(caught.value) == message


def test_a_maximum_reads_no_padding_and_vectors_stand_for_ids() -> None:
    """Guards `sentence=max` against padding, and gradients at the embeddings against other ids."""
    torch.manual_seed(0)
    shape = parse_lstm("hidden=8,fc=10,embed=5,sentence=max", where="`student`")
    model = build_lstm(shape, TASK, tokenizer=tiny_tokenizer("bert"))
    inputs = batch(list(SENTENCES))
    together = model(**inputs)
    for row, text in enumerate(SENTENCES):
        assert torch.allclose(model(**batch([text])).logits[0], together.logits[row], atol=1e-6)
    ids = inputs.pop("input_ids")
    vectors = model.bilstm.embeddings(ids).detach().requires_grad_()
    again = model(inputs_embeds=vectors, **inputs)
    assert torch.equal(again.logits, together.logits)
    again.logits.sum().backward()
    assert torch.isfinite(vectors.grad).all()
    with pytest.raises(
        UnknownNameError, match="no sentence vector is called 'mean', expected one of last"
    ):
        parse_lstm("sentence=mean", where="`student`")
