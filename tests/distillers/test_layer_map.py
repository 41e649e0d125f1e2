"""Tests of the language of layer maps: the papers' lists, and every mistake."""

from __future__ import annotations

import pytest

from kdprobe.distillers.layer_map import RULES, read_layer_map
from kdprobe.distillers.preflight import Preflight, layer_table
from kdprobe.errors import ConfigError, UnknownNameError


def teachers(text: str, student: int = 6, teacher: int = 12) -> list[int]:
    pairs = read_layer_map(text, student=student, teacher=teacher)
    assert [ours for ours, _ in pairs] == sorted({ours for ours, _ in pairs})
    return [theirs for _, theirs in pairs]


def test_the_papers_lists() -> None:
    """Guards the counts from 0 and from 1: PKD's, TinyBERT's and DistilBERT's layers of 12."""
    assert teachers("skip")[:5] == [2, 4, 6, 8, 10]  # PKD-Skip
    assert teachers("last")[:5] == [7, 8, 9, 10, 11]  # PKD-Last
    assert teachers("uniform") == [2, 4, 6, 8, 10, 12]
    assert teachers("uniform", 4) == [3, 6, 9, 12]  # TinyBERT-4
    assert teachers("emb+uniform", 4) == [0, 3, 6, 9, 12]
    assert teachers("distilbert") == [1, 3, 5, 8, 10, 12]
    assert teachers("first") == [1, 2, 3, 4, 5, 6]
    copied = read_layer_map("copied", student=3, teacher=12, copied=(0, 4, 11))
    assert copied == ((1, 1), (2, 5), (3, 12))  # lost-in-kd, 3 layers
    assert teachers("copied") == teachers("uniform")


def test_lists_name_the_teacher_first() -> None:
    """Guards the order within a pair, and layers that are left out."""
    assert read_layer_map("0:0, 12:2,3:1", student=3, teacher=12) == ((0, 0), (1, 3), (2, 12))


def test_every_rule_fits_every_size() -> None:
    """Guards ceilings and floors: each layer of the student once, and a layer that is there."""
    for rule in set(RULES) - {"distilbert"}:
        for teacher in range(1, 13):
            for student in range(1, teacher + 1):
                pairs = read_layer_map(rule, student=student, teacher=teacher)
                assert [ours for ours, _ in pairs] == list(range(1, student + 1))
                assert all(1 <= theirs <= teacher for _, theirs in pairs)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "unifrom",
            UnknownNameError,
            "`layer_map`: no layer-map is called 'unifrom', expected one of copied, distilbert, "
            "first, last, skip, uniform; did you mean 'uniform'?",
        ),
        (
            "2:1,x",
            ConfigError,
            "layer_map: cannot read 'x', expected teacher:student pairs like 0:0,4:1,8:2; or a "
            "rule: copied, distilbert, first, last, skip, uniform, emb+uniform",
        ),
        (
            "14:2",
            ConfigError,
            "layer_map: layer 14 of the teacher in 14:2, expected 0 (the embeddings) to 12",
        ),
        (
            "2:7",
            ConfigError,
            "layer_map: layer 7 of the student in 2:7, expected 0 (the embeddings) to 3",
        ),
        (
            "2:1,4:1",
            ConfigError,
            "layer_map: layer 1 of the student twice in 2:1,4:1, expected once each",
        ),
        (
            "distilbert",
            ConfigError,
            "layer_map: distilbert for a student of 3 layers and a teacher of 12, expected a "
            "student of 6 and a teacher of 12, all it is defined for; use uniform, or list the "
            "pairs",
        ),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    """Guards every message: a map read wrongly would train on other layers."""
    with pytest.raises(kind) as caught:
        read_layer_map(text, student=3, teacher=12)
    assert str(caught.value) == message


def test_a_deeper_student() -> None:
    """Guards runs of more layers than there are."""
    with pytest.raises(ConfigError) as caught:
        read_layer_map("last", student=4, teacher=2)
    assert str(caught.value) == (
        "layer_map: last for a student of 4 layers and a teacher of 2, expected at most as many "
        "layers as the teacher has; use uniform, or list the pairs"
    )
    assert teachers("uniform", 4, 2) == [1, 1, 2, 2]


def test_table_of_the_preflight() -> None:
    """Guards what is shown before training: embeddings by name, and where weights came from."""
    preflight = Preflight((), layer_table(((0, 0), (1, 2)), (0, 1)))
    assert preflight.lines() == (
        "student embeddings <- teacher embeddings (copied)",
        "student layer 1 <- teacher layer 2 (copied from 1)",
    )
    assert layer_table(((1, 2),), None) == ((1, 2, "not copied"),)
