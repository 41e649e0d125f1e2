"""Tests of the width and depth multipliers: the tables and the parameter counts of the thesis."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from kdprobe.errors import ConfigError
from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.models.scaling import bert_sizes, lstm_sizes
from kdprobe.models.shapes import NewShape, build_new, parse_student
from kdprobe.tasks.task import Task
from tests.models.tiny import tiny_tokenizer

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
# Sucik 2020, table 5.1: W, width, inner width, heads; then D, layers.
BERT_WIDTHS = (
    ("1/16", 13, 47, 1), ("1/8", 26, 94, 1), ("1/4", 51, 188, 1), ("1/3", 68, 250, 1),
    ("1/2", 102, 375, 2), ("1", 204, 750, 3), ("2", 408, 1500, 6), ("3", 612, 2250, 9),
    ("4", 816, 3000, 12),
)  # fmt: skip
BERT_DEPTHS = (("1/4", 1), ("1/3", 2), ("1/2", 3), ("1", 5), ("2", 10), ("3", 15))
# Table 5.2: W, width of a direction, of the layer above; D is the number of layers.
LSTM_WIDTHS = (
    ("1/32", 9, 13), ("1/16", 19, 25), ("1/8", 37, 50), ("1/4", 75, 100), ("1/2", 150, 200),
    ("1", 300, 400), ("2", 600, 800), ("3", 900, 1200), ("4", 1200, 1600), ("5", 1500, 2000),
)  # fmt: skip


def test_tables_of_the_thesis() -> None:
    """Guards the rounding: a student called W1/4 must be the one the thesis calls so."""
    for factor, *sizes in BERT_WIDTHS:
        assert list(bert_sizes(Fraction(factor), Fraction(1))[1:]) == sizes, factor
    for factor, layers in BERT_DEPTHS:
        assert bert_sizes(Fraction(1), Fraction(factor)).layers == layers, factor
    for factor, *sizes in LSTM_WIDTHS:
        assert list(lstm_sizes(Fraction(factor), Fraction(1))[:2]) == sizes, factor
    assert [lstm_sizes(Fraction(1), Fraction(d)).layers for d in range(1, 6)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("bert:W1/16,D1/4", 2_272),  # "2272 non-embedding parameters"
        ("bert:W1,D1", 2_417_070 + 410),  # 2.417 M and the outputs of two classes
        ("bert:W4,D3", 114_000_000),  # "~114 million"
        ("bert:W4,D2", 76_400_000),  # printed as 76.4 M with 5 layers; it is that of 10
        ("bilstm:W=1/64", 24_360),  # "24,360 non-embedding parameters"
        ("bilstm:W=2,D=2", 15_400_000),
        ("bilstm:W=5,D=5", 247_000_000),
    ],
)
def test_parameters_of_the_thesis(words: str, count: int) -> None:
    """Guards what a multiplier builds: counts printed in the text, embeddings left out."""
    shape = parse_student(words)
    with torch.device("meta"):
        if isinstance(shape, LstmShape):  # two channels of word2vec, 300 wide each
            both = LstmShape(shape.hidden, shape.fc, shape.layers, 600, "random")
            model = build_lstm(both, TASK, tokenizer=tiny_tokenizer("bert"))
        else:
            assert isinstance(shape, NewShape)
            model = build_new(shape, TASK, tokenizer=tiny_tokenizer("bert"))
    found = sum(w.numel() for name, w in model.named_parameters() if "embeddings" not in name)
    assert found == count if count % 1000 else found == pytest.approx(count, rel=5e-3)


def test_fractions_and_decimals_agree() -> None:
    """Guards spellings: 0.5 and 1/2 are one student, and W alone keeps the depth."""
    assert parse_student("bert:W0.5,D0.25") == parse_student("bert:W1/2,D1/4")
    assert parse_student("bert:W1/2") == NewShape(5, 102, 375, 2)
    assert parse_student("bert:W1,V900") == NewShape(5, 204, 750, 3, 900)
    assert parse_student("bilstm:W=1/2,D=2") == LstmShape(150, 200, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bert:W0", "`student`: W is '0', expected a number above 0, like 2, 0.5 or 1/3"),
        ("bert:D1/0", "`student`: D is '1/0', expected a number above 0, like 2, 0.5 or 1/3"),
        ("bilstm:W=x", "`student`: W is 'x', expected a number above 0, like 2, 0.5 or 1/3"),
        (
            "bert:W2,H100",
            "`student`: H beside a multiplier in bert:W2,H100, expected W and D, or L, H, I, A one "
            "by one",
        ),
        (
            "bilstm:D=2,layers=2",
            "`student`: layers beside a multiplier in bilstm:D=2,layers=2, expected W and D, or "
            "hidden, fc, layers one by one",
        ),
        ("bert:W0.75", "`student`: 2 heads for a width of 153, expected heads that divide it"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    """Guards every message about a multiplier."""
    with pytest.raises(ConfigError) as caught:
        parse_student(text)
    assert str(caught.value) == message
