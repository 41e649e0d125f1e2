"""What explainers see of a model: tokens put together from pieces, logits, word vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.errors import CapabilityError
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.random_init import random_twin
from kdprobe.models.reader import Reader
from kdprobe.models.words import split_words
from kdprobe.tasks.task import Task
from tests.extract.linear import Linear, reader_of
from tests.models.test_words import word_level
from tests.models.tiny import SENTENCES, tiny_checkpoint

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


@pytest.fixture(scope="module")
def handles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HfModel]:
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for arch in ("bert", "distilbert", "roberta"):
        place = tiny_checkpoint(folder / arch, labels=TASK.labels, arch=arch)
        made[arch] = open_hf(str(place), name=arch, task=TASK, device="cpu")
    return made


@pytest.mark.parametrize("arch", ["bert", "distilbert", "roberta"])
def test_shortened_texts_have_the_tokenizers_own_ids(handles: dict[str, HfModel], arch: str):
    """Guards against coalitions of other tokens than the text they stand for."""
    reader = Reader(handles[arch])
    singles: list[tuple[str, ...]] = [(text,) for text in (*SENTENCES, "", "don't .")]
    doubles: list[tuple[str, ...]] = [(SENTENCES[0], text) for text in (*SENTENCES, "")]
    for samples in (singles, doubles):
        assert reader.is_exact(samples)


def test_pieces_that_are_not_the_tokenizers_are_found_out(handles: dict[str, HfModel]):
    """Guards against pieces put together where the tokenizer would merge them."""
    reader = Reader(handles["bert"])
    assert reader.is_exact([("the dog",)])
    reader._chunks.later["dog"] = (7,)
    assert not reader.is_exact([("the dog",)])


@pytest.mark.parametrize("arch", ["bert", "distilbert", "roberta"])
def test_word_vectors_give_the_logits_of_the_ids(handles: dict[str, HfModel], arch: str):
    """Guards against gradients of another function than the model (positions, segments)."""
    reader = Reader(handles[arch])
    rows = [(e.ids, e.types) for e in (reader.encode((text,)) for text in SENTENCES)]
    inputs = reader.tensors(rows)
    with reader.evaluating(), torch.no_grad():
        vectors = reader.table(inputs["input_ids"])
        given = reader.run_embedded(vectors, inputs)
        changed = reader.run_embedded(torch.zeros_like(vectors), inputs)
    np.testing.assert_allclose(given.numpy(), reader.logits(rows), atol=1e-6)
    assert float((given - changed).abs().max()) > 1e-4


def test_batches_move_nothing_and_the_model_is_left_as_it_was(handles: dict[str, HfModel]):
    """Guards against padding that counts, and against a model left frozen or in eval mode."""
    handle = handles["bert"]
    reader = Reader(handle)
    encoded = [reader.encode((text,)) for text in SENTENCES]
    alone = np.concatenate([reader.logits([(e.ids, e.types)]) for e in encoded])
    handle.model.train()
    together = reader.logits([(e.ids, e.types) for e in encoded])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert handle.model.training
    assert all(weight.requires_grad for weight in handle.model.parameters())
    handle.model.eval()
    assert reader.logits([]).shape == (0, 2)


def test_words_beyond_the_limit_are_not_read(handles: dict[str, HfModel]):
    """Guards against scores for words that the model never saw."""
    reader = Reader(handles["bert"])
    long = " ".join(["dog"] * 100)
    ((start, end),) = reader.words_read((long,), split_words(long))
    assert start == 0
    assert len(long[:end].split()) == 62  # 64 less the two special tokens
    assert reader.words_read(("the dog",), split_words("the dog")) == ((0, 7),)


def test_a_model_without_word_embeddings_is_refused_in_words():
    """Guards against a crash deep inside a gradient method."""
    model = Linear(10)
    model.get_input_embeddings = lambda: None  # type: ignore[assignment,method-assign,return-value]
    with pytest.raises(CapabilityError) as caught:
        reader_of(model).table  # noqa: B018
    assert str(caught.value) == (
        "toy: does not say which of its parts are the word embeddings, expected "
        "get_input_embeddings(), for methods that use gradients; use lime, shap or occlusion"
    )


def test_bfloat16_weights_are_explained_in_float32(tmp_path: Path):
    """Guards against gradients in half precision, which change the ranking."""
    place = tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = open_hf(str(place), name="m", task=TASK, device="cpu", dtype="bf16")
    assert next(Reader(handle).model.parameters()).dtype is torch.float32
    assert next(handle.model.parameters()).dtype is torch.bfloat16


def test_a_twin_has_the_shape_and_nothing_else(handles: dict[str, HfModel]):
    """Guards against a floor that keeps trained weights, or that moves the global generator."""
    before = torch.random.get_rng_state()
    one, two = (random_twin(handles["bert"], seed=1) for _ in range(2))
    other = random_twin(handles["bert"], seed=2)
    assert torch.equal(before, torch.random.get_rng_state())

    def flat(handle: Any) -> torch.Tensor:
        return torch.cat([weight.detach().ravel() for weight in handle.model.parameters()])

    assert torch.equal(flat(one), flat(two))
    assert not torch.equal(flat(one), flat(other))
    assert flat(one).shape == flat(handles["bert"]).shape
    assert not torch.equal(flat(one), flat(handles["bert"]))
    assert len({one.fingerprint, other.fingerprint, handles["bert"].fingerprint}) == 3


def test_a_word_level_tokenizer_is_read_too():
    """Guards against a reader that needs [CLS] and [SEP]."""
    reader = reader_of(Linear(200), word_level())
    assert reader.is_exact([("the dog sleeps .",), ("",)])
