"""A WordPiece BERT, a byte-level BPE RoBERTa and word-level BiLSTMs explain the same words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from kdprobe.extract.coalitions import output_of
from kdprobe.extract.method import METHODS, Attribution, ExplanationInput
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.reader import Reader
from kdprobe.models.token_text import fold
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.models.words import SPECIAL
from kdprobe.tasks.task import Task
from tests.extract.linear import asked_of, reader_of
from tests.models.test_words import word_level
from tests.models.tiny import SENTENCES

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")
TEXTS = (
    "the dog doesn't sleep .",
    "she likes the café , the naïve one !",
    "well-known  dogs laugh 👍🏽 ?",
    "unbelievable",
)
KINDS = ("bert", "roberta", "static", "non-static", "multichannel")


def byte_level() -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on a few sentences, with RoBERTa's special tokens."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator([*SENTENCES, *TEXTS[:2]] * 3, trainer)
    made.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", unk_token="<unk>", pad_token="<pad>", mask_token="<mask>",
        model_max_length=64, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def model_of(kind: str, tokenizer: Any) -> torch.nn.Module:
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer), "num_hidden_layers": 2, "hidden_size": 32,
        "num_attention_heads": 2, "intermediate_size": 64, "initializer_range": 0.2,
    }  # fmt: skip
    if kind == "bert":
        return BertForSequenceClassification(BertConfig(**shape))
    if kind == "roberta":
        config = RobertaConfig(
            **shape, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
            max_position_embeddings=66,
        )  # fmt: skip
        return RobertaForSequenceClassification(config)
    shape_of = LstmShape(8, 10, 1, mode=kind)  # type: ignore[arg-type]
    model: torch.nn.Module = build_lstm(shape_of, TASK, tokenizer=tokenizer)
    return model


@pytest.fixture(scope="module")
def readers() -> dict[str, Reader]:
    found = {}
    for kind in KINDS:
        tokenizer: Any = word_level()
        if kind == "bert":
            tokenizer = train_tokenizer([*SENTENCES, *TEXTS] * 2, vocabulary=200)
        elif kind == "roberta":
            tokenizer = byte_level()
        with torch.random.fork_rng():
            torch.manual_seed(4)
            model = model_of(kind, tokenizer)
        found[kind] = reader_of(model, tokenizer, kind)
    return found


def explained(reader: Reader, text: str, name: str) -> tuple[ExplanationInput, Attribution]:
    method = METHODS.load(name)
    asked = asked_of(reader, text)
    (found,) = method.explain([asked], reader, method.options(), "log-odds")
    return asked, found


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_of_every_kind_stand_in_the_same_words(text: str, readers: dict[str, Reader]):
    """Guards against byte-level blanks and pieces of letters that shift scores to a neighbour."""
    words = {kind: asked_of(reader, text).words for kind, reader in readers.items()}
    assert len(set(words.values())) == 1
    for kind, reader in readers.items():
        asked = asked_of(reader, text)
        reached = {word for shares in asked.shares for word, _ in shares}
        assert reached == set(range(len(asked.words))), kind
        for piece, shares in zip(asked.encoded.pieces, asked.shares, strict=True):
            if piece.segment == SPECIAL:
                continue
            assert sum(share for _, share in shares) == pytest.approx(1.0)
            letters = fold(text[piece.start : piece.end])
            inside = fold("".join(asked.words[word].text for word, _ in shares))
            assert all(letter in inside for letter in letters), (kind, piece)


def end_logits(reader: Reader, asked: ExplanationInput) -> np.ndarray:
    """Logits of the text, and of [PAD] in the place of its words.

    By word vectors: RoBERTa counts positions past ids that are [PAD], and these are not.
    """
    inputs = reader.tensors([(asked.encoded.ids, asked.encoded.types)])
    special = torch.tensor([[piece.segment == SPECIAL for piece in asked.encoded.pieces]])
    with reader.evaluating(), torch.no_grad():
        vectors = reader.table(inputs["input_ids"])
        pad = reader.table(torch.full_like(inputs["input_ids"], int(reader.tokenizer.pad_token_id)))
        empty = torch.where(special[..., None], vectors, pad)
        ends = [reader.run_embedded(one, inputs).double() for one in (vectors, empty)]
    return torch.cat(ends).numpy()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_every_kind_add_up(kind: str, text: str, readers: dict[str, Reader]):
    """Guards against mass lost between tokens and words, and a channel that is not integrated."""
    reader = readers[kind]
    asked, found = explained(reader, text, "integrated_gradients")
    assert found.gap < 0.01
    ends = output_of(end_logits(reader, asked), 1)
    change = ends[0] - ends[1]
    assert abs(change) > 1e-3
    assert found.scores.sum() == pytest.approx(change, rel=0.01, abs=1e-4)
    values = asked.game.values(np.zeros((1, asked.game.n), dtype=np.bool_), 1)
    _, exact = explained(reader, text, "shap")
    assert exact.scores.sum() == pytest.approx(ends[0] - values[0], abs=1e-6)
