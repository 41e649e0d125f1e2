"""v(S): the text of a coalition, asked once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from kdprobe.errors import CapabilityError
from kdprobe.extract.coalitions import ValueFunction, every_coalition, fill, output_of
from kdprobe.models.words import split_words
from kdprobe.segmentation import writes_no_blanks
from tests.analysis.studies import quick
from tests.extract.linear import Linear, linear_reader, reader_of
from tests.models.tiny import tiny_tokenizer


def game_of(*texts: str, removal: str = "delete") -> ValueFunction:
    words = split_words(*texts)
    return ValueFunction(linear_reader(), texts, words, removal=removal)  # type: ignore[arg-type]


def kept(game: ValueFunction, *places: int) -> tuple[str, ...]:
    mask = np.zeros(game.n, dtype=np.bool_)
    mask[list(places)] = True
    return game.text(mask)


def test_the_text_of_a_coalition():
    """Guards against words that run together, and a whole text that is not the original."""
    game = game_of(" He (said)  a-b, don't!")
    assert kept(game, *range(game.n)) == (" He (said)  a-b, don't!",)
    assert kept(game) == ("",)
    # words: He ( said ) a-b , don't !
    assert kept(game, 0, 1, 2, 3) == ("He (said)",)
    assert kept(game, 1, 3) == ("( )",)
    assert kept(game, 4, 5) == ("a-b,",)
    assert kept(game, 0, 7) == ("He !",)
    assert kept(game_of("yes/no"), 0, 2) == ("yes no",)


def test_no_blanks_where_a_script_writes_none():
    """Guards a Chinese text that gains blanks when a word goes: another text than was asked for."""
    game = game_of("这部电影非常好看。真的！")  # 这 部 电影 非常 好看 。 真的 ！
    assert kept(game, *range(game.n)) == game.texts
    assert kept(game, 0, 1, 2, 4, 5, 6, 7) == ("这部电影好看。真的！",)
    assert kept(game, 2, 4) == ("电影好看",)
    assert kept(game, 4, 6) == ("好看真的",)
    mixed = game_of("我用 iPhone和iPad拍 ดีมาก")  # 我 用 iPhone 和 iPad 拍 ดี มาก
    assert kept(mixed, 0, 2, 4) == ("我 iPhone iPad",)  # the blank before iPhone; none may fuse
    assert kept(mixed, 1, 3, 5, 7) == ("用 和拍 มาก",)
    masked = game_of("这部电影", removal="mask")
    assert kept(masked, 0, 1) == ("这部[MASK]",)


@given(
    st.lists(
        st.sampled_from(["the", "don't", "电影", "好", "ไทย", "。", "!", " ", "  ", "3.5", "ok"])
    ),
    st.randoms(use_true_random=False),
)
@quick
def test_nothing_but_the_words_left_out_goes(parts: list[str], chance: Any):
    """Guards letters that vanish or words that run together when others are left out."""
    text = "".join(parts)
    game = game_of(text)
    every = np.ones(game.n, dtype=np.bool_)
    assert game.text(every) == (text,)
    mask = np.array([chance.random() < 0.5 for _ in range(game.n)], dtype=np.bool_)
    (written,) = game.text(mask)
    left = [word.text for word, here in zip(game.words, mask, strict=True) if here]
    assert "".join(written.split()) == "".join(left)
    if mask.all() or not any(map(writes_no_blanks, (text,))):
        return
    if " " not in text and all(map(writes_no_blanks, left)):
        assert " " not in written


def test_a_mask_stands_for_each_word():
    """Guards against a mask token glued to its neighbour or put beside what it stands for."""
    game = game_of("the dog, .", removal="mask")
    assert kept(game, 0, 2, 3) == ("the [MASK], .",)


def test_a_pair_loses_a_side_and_stays_a_pair():
    """Guards against an empty side that turns the pair into a single text."""
    game = game_of("the dog", "a cat")
    assert kept(game, 2, 3) == ("", "a cat")
    assert game.logits(every_coalition(4)).shape == (16, 2)


def test_each_text_is_asked_once(monkeypatch: pytest.MonkeyPatch):
    """Guards against paying twice for repeated words, repeated masks and a second method."""
    first, second = game_of("the the dog"), game_of("dog dog")
    second.reader = first.reader
    asked: list[int] = []
    real = first.reader.logits

    def counted(rows):
        asked.append(len(rows))
        return real(rows)

    monkeypatch.setattr(first.reader, "logits", counted)
    fill([(first, every_coalition(3)), (second, every_coalition(2))])
    # "", the, the the, dog, the dog, the the dog | "", dog, dog dog
    assert asked == [9]
    first.logits(every_coalition(3))
    fill([(first, every_coalition(3))])
    assert asked == [9]


def test_a_method_asks_for_itself_and_enumerations_are_shared(monkeypatch: pytest.MonkeyPatch):
    """Guards against LIME's limit and Shapley's values that each ask about all coalitions.

    And against answers to other requests that a method would find or not, by what was known.
    """
    whole = game_of("the big dog")
    asked: list[int] = []
    real = whole.reader.logits

    def counted(rows):
        asked.append(len(rows))
        return real(rows)

    monkeypatch.setattr(whole.reader, "logits", counted)
    answers: dict[bytes, np.ndarray] = {}
    lime, shap, occlusion = (whole.anew(answers) for _ in range(3))
    alone = np.vstack([np.ones(3, dtype=bool), ~np.eye(3, dtype=bool)])
    first = lime.logits(every_coalition(3))
    fill([(shap, every_coalition(3))])
    assert asked == [8]
    np.testing.assert_array_equal(shap.logits(every_coalition(3)), first)
    shap.logits(alone)
    assert asked == [8]  # of its own
    occlusion.logits(alone)
    assert asked == [8, 4]  # of no other's


def test_values_are_those_of_the_texts():
    """Guards against a memory that mixes up coalitions."""
    game = game_of("the dog sleeps and runs")
    masks = every_coalition(5)
    texts = [game.text(mask) for mask in masks]
    rows = game.reader.retokenise(texts)
    np.testing.assert_allclose(game.logits(masks), game.reader.logits(rows), atol=1e-9)


def test_outputs_against_scipy():
    """Guards against log-odds that overflow, or forget classes beyond the second."""
    logits = np.array([[1.0, 2.0, 4.0], [700.0, -700.0, 0.0]])
    for target in range(3):
        log_p = log_softmax(logits, axis=1)[:, target]
        with np.errstate(divide="ignore"):
            odds = log_p - np.log(-np.expm1(log_p))
        found = output_of(logits, target)
        np.testing.assert_allclose(found[0], odds[0], rtol=1e-12)
        np.testing.assert_allclose(
            output_of(logits, target, "probability"), softmax(logits, axis=1)[:, target], atol=1e-12
        )
        assert np.isfinite(found).all()
    assert output_of(np.array([[2.5]]), 0).tolist() == [2.5]


def test_no_mask_token_is_said():
    """Guards against the letters None put into every text."""
    tokenizer = tiny_tokenizer("bert")
    tokenizer.mask_token = None
    reader = reader_of(Linear(len(tokenizer)), tokenizer)
    with pytest.raises(CapabilityError) as caught:
        ValueFunction(reader, ("a dog",), split_words("a dog"), removal="mask")
    assert str(caught.value) == (
        "toy: its tokenizer has no mask token, expected one, to put in place of words; leave words "
        "out instead: removal = delete"
    )
