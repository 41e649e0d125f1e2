"""Multiply-adds against counts by hand, and what torch's own counter leaves out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

from kdprobe.extract.operations import (
    count_multiply_adds,
    embedding_parameters,
    operations_of,
)
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
LENGTH, WIDTH, INNER, CLASSES = 9, 32, 64, 2
LAYER = (
    4 * LENGTH * WIDTH * WIDTH  # query, key, value, output
    + 2 * LENGTH * LENGTH * WIDTH  # scores, and their products with the values
    + 2 * LENGTH * WIDTH * INNER  # feed-forward, up and down
)
BERT_HEAD = WIDTH * WIDTH + WIDTH * CLASSES  # pooler and classifier, of the first token


def bert(layers: int, attention: str) -> BertForSequenceClassification:
    config = BertConfig(
        num_hidden_layers=layers, hidden_size=WIDTH, intermediate_size=INNER, vocab_size=50,
        num_attention_heads=4, num_labels=CLASSES, attn_implementation=attention,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


def run(model: nn.Module) -> Callable[[], object]:
    ids = torch.ones(1, LENGTH, dtype=torch.long)
    return lambda: model(input_ids=ids, attention_mask=torch.ones_like(ids))


def plain_count(call: Callable[[], object]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_one_bert_layer_by_hand(attention: str) -> None:
    """Guards attention that is left out: torch has no rule for its own kernel on a CPU."""
    one, two = (count_multiply_adds(run(bert(layers, attention))) for layers in (1, 2))
    assert one == (LAYER + BERT_HEAD, "")
    assert two == (2 * LAYER + BERT_HEAD, "")
    expected = LAYER + BERT_HEAD - (2 * LENGTH**2 * WIDTH if attention == "sdpa" else 0)
    assert plain_count(run(bert(1, attention))) == expected


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("cut", [0, 3])
def test_lstm_layers_by_hand(both: bool, cut: int) -> None:
    """Guards an LSTM that costs nothing: torch's counter knows no rule for it.

    Each of four gates multiplies input and state with a matrix of its own, in each direction.
    """
    width, inner = 8, 5
    layer = nn.LSTM(width, inner, batch_first=True, bidirectional=both)
    states = torch.ones(2, LENGTH, width)
    lengths = torch.tensor([LENGTH, LENGTH - cut])

    def packed() -> object:
        rows = nn.utils.rnn.pack_padded_sequence(states, lengths, batch_first=True)
        return layer(rows)

    step = (2 if both else 1) * 4 * inner * (width + inner)
    assert count_multiply_adds(lambda: layer(states)) == (2 * LENGTH * step, "")
    if not cut:
        assert count_multiply_adds(packed) == (2 * LENGTH * step, "")
    assert plain_count(lambda: layer(states)) == 0


def test_an_int8_model_computes_what_its_original_does() -> None:
    """Guards packed weights counted as nothing, which would make int8 the fastest of all."""
    model = bert(1, "eager")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
        assert plain_count(run(small)) == 2 * LENGTH**2 * WIDTH
        assert count_multiply_adds(run(small)) == (LAYER + BERT_HEAD, "")


def test_what_nobody_has_a_rule_for_is_a_reason() -> None:
    """Guards a count that is too small and looks right."""
    count, reason = count_multiply_adds(lambda: torch.fft.fft(torch.ones(4, 8)))
    assert count is None
    assert reason == "torch has no rule for what aten._fft_r2c computes"
    assert count_multiply_adds(lambda: torch.ones(3) + 1) == (0, "")


def opened(folder: Path) -> HfModel:
    return open_hf(str(folder), name="m", task=TASK, device="cpu")


def split(*texts: str) -> Split:
    return Split(TASK, "dev", tuple(map(str, range(len(texts)))), texts)


def test_the_example_nearest_to_the_mean_is_counted(tmp_path: Path) -> None:
    """Guards a count on the longest text, and a mean without special tokens."""
    tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = opened(tmp_path / "m")
    texts = ("the", "the dog the", "the dog the dog the dog the dog")
    lengths = handle.text.encode(list(texts)).lengths.tolist()
    middle = operations_of(handle, split(*texts))
    assert (middle.tokens, middle.mean) == (lengths[1], sum(lengths) / 3)
    alone = operations_of(handle, split(texts[1]))
    assert alone.multiply_adds == middle.multiply_adds
    assert middle.reason == ""


def test_a_bilstm_by_hand(tmp_path: Path) -> None:
    """Guards a BiLSTM whose layers, fully connected layer or outputs are left out."""
    tiny_lstm(tmp_path / "m", labels=TASK.labels, layers=2)
    handle = opened(tmp_path / "m")
    counted = operations_of(handle, split("the dog sleeps"))
    first, second = 2 * 32 * (12 + 8), 2 * 32 * (16 + 8)
    expected = counted.tokens * (first + second) + 16 * 10 + 10 * 2
    assert counted.multiply_adds == expected
    rows = handle.model.config.vocab_size
    assert embedding_parameters(handle) == rows * 12


def test_embeddings_are_all_tables_once(tmp_path: Path) -> None:
    """Guards positions and segments counted as weights that compute."""
    tiny_checkpoint(tmp_path / "m", labels=TASK.labels)
    handle = opened(tmp_path / "m")
    config = handle.model.config
    rows = config.vocab_size + config.max_position_embeddings + config.type_vocab_size
    assert embedding_parameters(handle) == rows * config.hidden_size
