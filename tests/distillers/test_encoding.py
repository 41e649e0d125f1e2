"""Tests of token ids, batches and their order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.distillers.encoding import (
    Encoded,
    GroupedByLength,
    RowNumbers,
    encode,
    steps_per_epoch,
)
from kdprobe.models.shapes import NewShape, build_new
from kdprobe.models.text_model import TextModel
from kdprobe.tasks.task import Split
from tests.distillers.builders import TASK, toy_split
from tests.models.tiny import Architecture, tiny_tokenizer


def text_model(arch: Architecture = "bert") -> TextModel:
    """An untrained model of an architecture with its tokenizer."""
    tokenizer = tiny_tokenizer(arch)
    model = build_new(NewShape(1, 16, 32, 2), TASK, tokenizer=tokenizer)
    return TextModel(model, tokenizer, name="m", together="right")


def test_batches_equal_the_tokenizers_own_padding() -> None:
    """Guards padding, masks and segments against what the tokenizer itself would give."""
    text = text_model()
    tokenizer = text.tokenizer
    split = toy_split(9)
    pairs = Split(TASK, "p", split.ids, split.texts, pairs=split.texts[::-1])
    encoded = encode(text, pairs, max_length=64)
    rows = [4, 0, 7]
    batch = encoded.batch(rows)
    expected = tokenizer(
        [pairs.texts[row] for row in rows],
        [split.texts[::-1][row] for row in rows],
        padding=True,
        return_tensors="pt",
    )
    assert set(batch) == {"input_ids", "token_type_ids", "attention_mask"}
    for name, tensor in batch.items():
        assert torch.equal(tensor, expected[name])


def test_left_padding_and_other_pad_ids() -> None:
    """Guards tokenizers that pad on the left, or with another id than 0."""
    columns = {"input_ids": [[5, 6], [7]], "attention_mask": [[1, 1], [1]]}
    left = Encoded(columns, {"input_ids": 9, "attention_mask": 0}, left=True)
    assert left.batch([0, 1])["input_ids"].tolist() == [[5, 6], [9, 7]]
    right = Encoded(columns, {"input_ids": 9, "attention_mask": 0})
    assert right.batch([1, 0])["attention_mask"].tolist() == [[1, 0], [1, 1]]
    assert encode(text_model("roberta"), toy_split(2), max_length=20).padding["input_ids"] == 1


def test_truncation_is_counted() -> None:
    """Guards texts that are read in part only: an exact fit is no truncation."""
    texts = ("the dog", "the dog the cat the dog", "the dog the")
    split = Split(TASK, "t", ("a", "b", "c"), texts)
    encoded = encode(text_model(), split, max_length=5)
    assert encoded.lengths.tolist() == [4, 5, 5]
    assert encoded.truncated == 1


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=300),
    size=st.integers(1, 9),
    epoch=st.integers(0, 3),
)
def test_every_row_once(lengths: list[int], size: int, epoch: int) -> None:
    """Guards the order: each row once an epoch, the same again, another in another epoch."""
    sampler = GroupedByLength(np.array(lengths), batch=size, seed=1)
    sampler.set_epoch(epoch)
    rows = list(sampler)
    assert sorted(rows) == list(range(len(lengths))) == list(range(len(sampler)))
    assert list(sampler) == rows
    if len(lengths) > 50:
        sampler.set_epoch(epoch + 1)
        assert list(sampler) != rows


def test_batches_hold_alike_lengths() -> None:
    """Guards the point of grouping: padding shrinks to a tenth of that of random batches."""
    lengths = np.random.Generator(np.random.PCG64(0)).integers(4, 60, 3200)
    rows = np.array(list(GroupedByLength(lengths, batch=32, seed=0)))
    spread = np.ptp(lengths[rows].reshape(-1, 32), axis=1)
    assert spread.mean() < 4
    longest = lengths[rows].reshape(-1, 32).max(axis=1)
    assert abs(np.corrcoef(longest, np.arange(100))[0, 1]) < 0.3  # not sorted over the epoch


def test_evaluation_batches_and_counts() -> None:
    """Guards the evaluation: every row once, the longest first, little padding."""
    encoded = Encoded({"input_ids": [[1], [1] * 8, [1] * 7, [1, 2]]}, {"input_ids": 0})
    assert list(encoded.batches(2)) == [[1, 2], [3], [0]]
    assert (len(RowNumbers(3)), RowNumbers(3)[2]) == (3, 2)
    assert steps_per_epoch(100, 8, 4) == pytest.approx(4)
