"""Words of the raw text, and the tokens they are made of."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from kdprobe.errors import CapabilityError
from kdprobe.models.token_text import fold
from kdprobe.models.words import SPECIAL, align, pieces_of, split_words, word_shares
from tests.analysis.studies import quick
from tests.models.tiny import SENTENCES, WORDS, tiny_tokenizer

HARD = (
    "I don't know — that's odd!",
    "café nai\u0308ve 👨\u200d👩\u200d👧 ok 👍🏽.",
    "שלום עולם",
    "a\u200b b",
    "x3.5 well-known",
    "  hello  ",
)


def word_level() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, as a BiLSTM has."""
    names = ["[PAD]", "[UNK]", "[MASK]", *WORDS, *".,!?'"]
    made = Tokenizer(models.WordLevel({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"], model_max_length=64,
    )  # fmt: skip


def shares_of(tokenizer: Any, texts: tuple[str, ...]) -> tuple[list[str], list[dict[str, float]]]:
    found = tokenizer(*texts, return_offsets_mapping=tokenizer.is_fast)
    words = split_words(*texts)
    shares = word_shares(words, pieces_of(tokenizer, texts, found))
    return [w.text for w in words], [{words[i].text: s for i, s in one} for one in shares]


@given(st.text(max_size=40), st.none() | st.text(max_size=20))
@quick
def test_words_are_slices_in_order_and_lose_no_letter(text: str, pair: str | None):
    """Guards against words that are not in the text, overlap, or skip a letter."""
    words = split_words(text, pair)
    texts = [text, pair or ""]
    for word in words:
        assert texts[word.segment][word.start : word.end] == word.text
    for one, other in itertools.pairwise(words):
        assert one.segment < other.segment or one.end <= other.start
    for segment, part in enumerate(texts):
        inside = "".join(w.text for w in words if w.segment == segment)
        assert [c for c in part if c.isalnum()] == [c for c in inside if c.isalnum()]


def test_words_by_hand():
    """Guards against a split don't, a swallowed ?, merged repeats and emoji cut in parts."""
    assert [w.text for w in split_words(HARD[0])] == [
        "I", "don't", "know", "—", "that's", "odd", "!",
    ]  # fmt: skip
    assert [w.text for w in split_words(HARD[1])] == [
        "café", "nai\u0308ve", "👨\u200d👩\u200d👧", "ok", "👍🏽", ".",
    ]  # fmt: skip
    assert [w.text for w in split_words("the dog the dog")] == ["the", "dog", "the", "dog"]
    assert [w[0] for w in split_words("a b", "c")] == [0, 0, 1]
    assert split_words(" \u200b\n") == ()


@pytest.mark.parametrize("arch", ["bert", "distilbert", "roberta", "words"])
@pytest.mark.parametrize("text", [*HARD, *SENTENCES])
def test_every_token_goes_to_the_words_it_stands_in(arch: Any, text: str):
    """Guards against offsets off by a blank, and tokens whose share gets lost."""
    tokenizer = word_level() if arch == "words" else tiny_tokenizer(arch)
    found = tokenizer(text, return_offsets_mapping=True)
    words = split_words(text)
    pieces = pieces_of(tokenizer, (text,), found)
    shares = word_shares(words, pieces)
    for piece, share in zip(pieces, shares, strict=True):
        if share:
            assert sum(part for _, part in share) == pytest.approx(1.0)
            letters = fold(text[piece.start : piece.end])
            assert all(set(letters) <= set(fold(words[i].text)) for i, _ in share)
        elif piece.segment != SPECIAL:
            assert not text[piece.start :].strip()
    named = {i for share in shares for i, _ in share}
    assert named == set(range(len(words))) or arch == "roberta"  # it has no bytes beyond ASCII


@pytest.mark.parametrize("arch", ["bert", "roberta", "words"])
def test_without_offsets_the_tokens_are_laid_along_the_text(arch: Any):
    """Guards against a slow tokenizer whose words get the scores of their neighbours."""
    tokenizer = word_level() if arch == "words" else tiny_tokenizer(arch)
    for text in SENTENCES:
        found = tokenizer(text, return_offsets_mapping=True)
        pieces = pieces_of(tokenizer, (text,), found)
        ids = found["input_ids"]
        segments = [piece.segment for piece in pieces]
        words = split_words(text)
        laid = align(tokenizer, (text,), ids, segments)
        assert word_shares(words, laid) == word_shares(words, pieces)


def test_offsets_that_lie_are_not_believed():
    """Guards against scores put on the word beside (offsets one character early)."""
    tokenizer = tiny_tokenizer("bert")
    text = "the dog sleeps"
    found = tokenizer(text, return_offsets_mapping=True)
    honest = pieces_of(tokenizer, (text,), found)
    found["offset_mapping"] = [(max(0, a - 1), max(0, b - 1)) for a, b in found["offset_mapping"]]
    assert pieces_of(tokenizer, (text,), found) == honest


def test_a_token_from_nowhere_is_an_error():
    """Guards against explaining a text that is not the one that was encoded."""
    tokenizer = tiny_tokenizer("bert")
    ids = tokenizer("movie")["input_ids"]
    with pytest.raises(CapabilityError) as caught:
        align(tokenizer, ("the dog",), ids, [SPECIAL, 0, SPECIAL])
    assert str(caught.value) == (
        "the dog: the token 'movie' stands nowhere in this text, expected tokens made of the "
        "text's own letters"
    )


def test_a_token_over_two_words_is_shared_by_letters():
    """Guards against a token counted twice, which breaks the sum of the scores."""
    from kdprobe.models.words import Piece

    words = split_words("ab cde")
    shares = word_shares(words, [Piece(0, 0, 6), Piece(SPECIAL, 0, 0), Piece(0, 2, 3)])
    np.testing.assert_allclose([s for _, s in shares[0]], [2 / 5, 3 / 5])
    assert shares[1] == ()
    assert shares[2] == ((1, 1.0),)  # a blank goes to the word after it


def test_a_pair_keeps_its_sides():
    """Guards against a word of the second text that takes the scores of the first's."""
    words, shares = shares_of(tiny_tokenizer("bert"), ("the dog", "the cat"))
    assert words == ["the", "dog", "the", "cat"]
    assert [list(one) for one in shares] == [[], ["the"], ["dog"], [], ["the"], ["cat"], []]
    tokenizer = tiny_tokenizer("roberta")
    found = tokenizer("the dog", "a cat", return_offsets_mapping=True)
    pieces = pieces_of(tokenizer, ("the dog", "a cat"), found)
    sides = [piece.segment for piece in pieces if piece.segment != SPECIAL]
    assert sides == sorted(sides)
    assert set(sides) == {0, 1}
