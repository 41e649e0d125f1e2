"""Tests of how a person names a student."""

from __future__ import annotations

import pytest

from kdprobe.errors import ConfigError, UnknownNameError
from kdprobe.models.layer_choice import SPREADS, layer_pairs, spread_layers
from kdprobe.models.shapes import CopyShape, ModelPlace, NewShape, build_new, parse_student
from kdprobe.models.word_pieces import train_tokenizer
from kdprobe.tasks.task import Task

TEXTS = ["the dog sleeps .", "The cat sees a dog !", "dogs and cats sleep"] * 4


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("layers=3", CopyShape(3)),
        ("layers=3:skip", CopyShape(3, "skip")),
        ("layers=0+2+5", CopyShape(3, (0, 2, 5))),
        ("layers=2,heads=4", CopyShape(2, heads=4)),
        ("hidden=64,intermediate=128", CopyShape(hidden=64, intermediate=128)),
        ("layers=6,hidden=384,init=truncated", CopyShape(6, hidden=384, init="truncated")),
        ("bert:L4,H128,I512,A4,V900", NewShape(4, 128, 512, 4, 900)),
        ("bert:L5,H204,I750,A3", NewShape(5, 204, 750, 3)),
        (
            "hidden=204,init=projection,mode=static",
            CopyShape(hidden=204, init="projection", mode="static"),
        ),
        (
            "bert:L5,H204,A3,embeddings=teacher,mode=multichannel",
            NewShape(5, 204, 816, 3, embeddings="teacher", mode="multichannel"),
        ),
        ("prajjwal1/bert-tiny", ModelPlace("prajjwal1/bert-tiny")),
        ("/models/s6", ModelPlace("/models/s6")),
    ],
)
def test_spellings(text: str, shape: object) -> None:
    """Guards the grammar: a spelling read as a folder would give another student."""
    assert parse_student(text) == shape


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "layer=3",
            UnknownNameError,
            "`student`: no setting of a student is called 'layer', "
            "expected one of layers, heads, hidden, "
            "intermediate, init, mode; did you mean 'layers'?",
        ),
        (
            "layers=3:evn",
            UnknownNameError,
            "`student`: no choice of layers is called 'evn', "
            "expected one of even, first, last, skip, "
            "distilbert; did you mean 'even'?",
        ),
        (
            "bilst:hidden=300",
            UnknownNameError,
            "`student`: no kind of student is called 'bilst', "
            "expected one of bert, bilstm; did you mean "
            "'bilstm'?",
        ),
        ("layers=x", ConfigError, "`student`: layers is 'x', expected a whole number from 1"),
        ("layers=0", ConfigError, "`student`: layers is '0', expected a whole number from 1"),
        (
            "layers=0+x",
            ConfigError,
            "`student`: layers=0+x, expected layers counted from 0, like layers=0+2+5",
        ),
        (
            "layers=2+0",
            ConfigError,
            "`student`: layers=2+0, expected rising layers, each once; a layer out of its order "
            "reads what it never saw",
        ),
        (
            "bert:L4,Q3",
            ConfigError,
            "`student`: cannot read 'Q3' in bert:L4,Q3, expected L layers, H width, I inner width, "
            "A heads (or W and D, multipliers), V vocabulary, once each, embeddings=teacher, mode=;"
            " examples: layers=3, layers=3:last, layers=0+2+5, bert:L4,H128,I512,A4, bert:W1/2,D1 "
            "or a folder",
        ),
        (
            "bert:L4",
            ConfigError,
            "`student`: bert:L4, expected at least L (layers) and H (width), or W (a width "
            "multiplier)",
        ),
        (
            "hidden=64,init=copy",
            ConfigError,
            "`student`: init=copy with other widths in hidden=64,init=copy, expected the widths of "
            "the model that is copied; init=truncated cuts its weights, init=projection learns "
            "from its embeddings",
        ),
        (
            "layers=2,init=truncate",
            UnknownNameError,
            "`student`: no init is called 'truncate', expected one of copy, random, projection, "
            "principal, truncated; did you mean 'truncated'?",
        ),
        (
            "bert:L1,H10,A3",
            ConfigError,
            "`student`: 3 heads for a width of 10, expected heads that divide it",
        ),
        (
            "layers=2,init=truncated,mode=static",
            ConfigError,
            "`student`: mode=static in layers=2,init=truncated,mode=static, expected "
            "init=projection beside it: mode says what becomes of the other's embeddings",
        ),
        (
            "init=projection,mode=frozen",
            UnknownNameError,
            "`student`: no mode is called 'frozen', "
            "expected one of static, non-static, multichannel",
        ),
        (
            "bert:L1,H8,A1,mode=static",
            ConfigError,
            "`student`: mode=static in bert:L1,H8,A1,mode=static, expected embeddings=teacher too",
        ),
        (
            "bert:L1,H8,A1,embeddings=glove.txt",
            UnknownNameError,
            "`student`: no kind of embeddings is called 'glove.txt', expected one of teacher",
        ),
        ("bert:L1,H8,V9", ConfigError, "`student`: V is 9, expected 100 word pieces or more"),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    """Guards every message about a student's words."""
    with pytest.raises(kind) as caught:
        parse_student(text)
    assert str(caught.value) == message


def test_spreads_by_hand() -> None:
    """Guards the rules for 12 layers, where the papers say which layers they copied."""
    assert spread_layers(6, 12, "skip") == (1, 3, 5, 7, 9, 11)  # PKD, counted from 0
    assert spread_layers(6, 12, "distilbert") == (0, 2, 4, 7, 9, 11)
    assert spread_layers(3, 12, "even") == (0, 5, 11)
    assert spread_layers(3, 12, "first") == (0, 1, 2)
    assert spread_layers(3, 12, "last") == (9, 10, 11)
    assert spread_layers(1, 12, "even") == (0,)
    assert layer_pairs(6, 12) == (2, 4, 6, 8, 10, 12)


def test_spreads_rise_and_fit() -> None:
    """Guards every rule and size: rising layers, each once, all there."""
    for rule in SPREADS[:4]:
        for of in range(1, 13):
            for count in range(1, of + 1):
                picked = spread_layers(count, of, rule)
                assert len(picked) == count
                assert list(picked) == sorted(set(picked))
                assert picked[0] >= 0
                assert picked[-1] < of
                if count == of:
                    assert picked == tuple(range(of))


def test_spreads_that_do_not_exist() -> None:
    """Guards against copying a layer that is not there."""
    with pytest.raises(ConfigError) as caught:
        spread_layers(7, 6, "even")
    assert str(caught.value) == (
        "`student`: 7 layers, expected at most 6, as many as the model has"
    )
    with pytest.raises(ConfigError) as caught:
        spread_layers(3, 6, "distilbert")
    assert str(caught.value) == (
        "`student`: the distilbert rule for 3 of 6 layers, expected 6 of 12, all it is defined "
        "for; use even, first, last, skip or a list"
    )


def test_tokenizer_is_the_same_every_time() -> None:
    """Guards the learner's hash tables: equal texts must give equal ids on every run."""
    first, second = (train_tokenizer(TEXTS, vocabulary=200) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    ids = first("The DOG sleeps")["input_ids"]
    assert first.convert_ids_to_tokens(ids) == ["[CLS]", "the", "dog", "sleeps", "[SEP]"]
    pair = first("the dog", "the cat")
    assert pair["token_type_ids"] == [0, 0, 0, 0, 1, 1, 1]
    assert (first.pad_token_id, first.mask_token, first.model_max_length) == (0, "[MASK]", 512)
    assert len(train_tokenizer(["ab" * 9, "cd " * 99], vocabulary=100)) <= 100


def test_thesis_size() -> None:
    """Guards the sizes against a published one: 2.417 M weights outside the embeddings."""
    task = Task("t", 1, "classification", ("a", "b"), "accuracy")
    tokenizer = train_tokenizer(TEXTS, vocabulary=200)
    model = build_new(NewShape(5, 204, 750, 3), task, tokenizer=tokenizer)
    parts = model.bert.encoder, model.bert.pooler
    assert sum(weight.numel() for part in parts for weight in part.parameters()) == 2_417_070
    assert model.config.id2label == {0: "a", 1: "b"}
