"""Models whose explanations can be worked by hand, seen through the same `Reader` as real ones.

Does: wrap a linear model of word vectors, or a small LSTM, in what `Reader` asks of a handle. Does
not: train.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.method import ExplanationInput
from kdprobe.models.hf import HfModel
from kdprobe.models.reader import Reader
from kdprobe.models.text_model import TextModel
from kdprobe.models.words import split_words, word_shares
from tests.models.tiny import tiny_tokenizer


class Linear(nn.Module):
    """logits = sum of the word vectors times a matrix: every score is known in closed form."""

    def __init__(self, words: int, classes: int = 2) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.config = SimpleNamespace(type_vocab_size=1)
        self.table = nn.Embedding(words, 4)
        self.head = nn.Parameter(torch.randn(4, classes, generator=generator))
        with torch.no_grad():
            self.table.weight.copy_(torch.randn(words, 4, generator=generator))

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        summed = (self.table(input_ids) * attention_mask[..., None]).sum(dim=1)
        return SimpleNamespace(logits=summed @ self.head)


class Recurrent(nn.Module):
    """A word-level LSTM with mean pooling, as small as it goes."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(type_vocab_size=1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            self.table = nn.Embedding(words, 8)
            self.rnn = nn.LSTM(8, 8, batch_first=True, bidirectional=True)
            self.head = nn.Linear(16, 2)

    def get_input_embeddings(self) -> nn.Module:
        return self.table

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        lengths = attention_mask.sum(dim=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.table(input_ids), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        mask = attention_mask[:, : states.shape[1], None]
        return SimpleNamespace(logits=self.head((states * mask).sum(dim=1) / mask.sum(dim=1)))


def reader_of(
    model: nn.Module, tokenizer: PreTrainedTokenizerBase | None = None, name: str = "toy"
) -> Reader:
    """See any module that takes ids and a mask as explainers see a checkpoint."""
    own = tokenizer or tiny_tokenizer("bert")
    handle = SimpleNamespace(
        name=name,
        tokenizer=own,
        text=TextModel(model, own, name=name),
        columns=(0, 1),
        device=torch.device("cpu"),
        model=model.eval(),
        precision="float32",
        capabilities=frozenset({"tokens", "gradients"}),
    )
    return Reader(cast(HfModel, handle))


def linear_reader() -> Reader:
    """The linear model with the tiny WordPiece tokenizer."""
    return reader_of(Linear(len(tiny_tokenizer("bert"))))


def asked_of(reader: Reader, text: str, target: int = 1, *, seed: int = 0) -> ExplanationInput:
    """Put one text to a model."""
    words = split_words(text)
    encoded = reader.encode((text,))
    shares = word_shares(words, encoded.pieces)
    return ExplanationInput(
        "x", words, encoded, shares, target, ValueFunction(reader, (text,), words), seed
    )


def odds_of_tokens(reader: Reader, asked: ExplanationInput) -> np.ndarray:
    """What each token of a linear model adds to the difference of the logits, float64 `[t]`."""
    model = reader.model
    vectors = model.table.weight[list(asked.encoded.ids)]
    sides = (vectors @ model.head).double()
    other = 1 - asked.target
    return (sides[:, asked.target] - sides[:, other]).detach().numpy()
