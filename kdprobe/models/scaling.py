"""Width and depth multipliers: one size for a family of students.

Does: give the sizes of a BERT or BiLSTM for a width W and a depth D. Does not: build either. Loads
no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from kdprobe.errors import ConfigError

_BERT_WIDTH, _BERT_INNER, _BERT_HEADS, _BERT_LAYERS = 204, 750, 3, 5
_LSTM_WIDTH, _LSTM_FC, _LSTM_LAYERS = 300, 400, 1
# Table 5.2 prints 37 where every other entry, here and in table 5.1, rounds halves up.
_LSTM_PRINTED = {Fraction(1, 8): 37}


class BertSizes(NamedTuple):
    """Sizes of a BERT encoder."""

    layers: int
    hidden: int
    intermediate: int
    heads: int


class LstmSizes(NamedTuple):
    """Sizes of a BiLSTM: width of a direction, of the layer above, and the number of layers."""

    hidden: int
    fc: int
    layers: int


def _times(size: int, factor: Fraction) -> int:
    """Scale and round, halves up; at least 1."""
    return max(1, math.floor(size * factor + Fraction(1, 2)))


def bert_sizes(width: Fraction, depth: Fraction) -> BertSizes:
    """Return the sizes of a scaled BERT student.

    Definition (Sucik 2020, table 5.1): 204 wide, 750 inside and 3 heads times W, 5 layers times D,
    halves rounded up, none below 1. W = D = 1 counts 2.4 million weights outside the embeddings;
    W = 1/16, D = 1/4 counts 2,272 with two classes.

    >>> bert_sizes(Fraction(1, 16), Fraction(1, 4))
    BertSizes(layers=1, hidden=13, intermediate=47, heads=1)
    """
    return BertSizes(
        _times(_BERT_LAYERS, depth),
        _times(_BERT_WIDTH, width),
        _times(_BERT_INNER, width),
        _times(_BERT_HEADS, width),
    )


def lstm_sizes(width: Fraction, depth: Fraction) -> LstmSizes:
    """Return the sizes of a scaled BiLSTM student.

    Definition (Sucik 2020, table 5.2): 300 in each direction and 400 above times W, one layer times
    D, halves rounded up, none below 1; except 37 for W = 1/8, as the table prints it.

    >>> lstm_sizes(Fraction(1, 64), Fraction(1))
    LstmSizes(hidden=5, fc=6, layers=1)
    """
    hidden = _LSTM_PRINTED.get(width, _times(_LSTM_WIDTH, width))
    return LstmSizes(hidden, _times(_LSTM_FC, width), _times(_LSTM_LAYERS, depth))


def multipliers(
    given: Mapping[str, str], *, others: tuple[str, ...], where: str, spec: str
) -> tuple[Fraction, Fraction] | None:
    """Read `W` and `D` among the words of a student; None when neither is there.

    Args:
        given: the words, by key.
        others: keys that say the same sizes one by one.
        where: the option, for messages.
        spec: the whole student, for messages.

    Raises:
        ConfigError: no positive number, or sizes named besides.
    """
    if "W" not in given and "D" not in given:
        return None
    both = [key for key in others if key in given]
    if both:
        raise ConfigError(
            where,
            found=f"{both[0]} beside a multiplier in {spec}",
            expected=f"W and D, or {', '.join(others)} one by one",
        )
    return _factor(given.get("W", "1"), where, "W"), _factor(given.get("D", "1"), where, "D")


def _factor(text: str, where: str, key: str) -> Fraction:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0 or not text.isascii():
        raise ConfigError(
            where, found=f"{key} is {text!r}", expected="a number above 0, like 2, 0.5 or 1/3"
        )
    return value
