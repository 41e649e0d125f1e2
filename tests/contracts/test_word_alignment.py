"""What holds between words and tokens, in every script and for every family of tokenizers.

Tokenizers are trained on the spot: WordPiece cased and lower-cased, one of Chinese characters,
byte-level BPE, SentencePiece's unigram and BPE with bytes for what is rare, characters; and the
byte and code-point tokenizers that have no offsets.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import ByT5Tokenizer, CanineTokenizer, PreTrainedTokenizerFast

from kdprobe.models.token_text import fold, token_text
from kdprobe.models.words import SPECIAL, Piece, align, pieces_of, split_words, word_shares

TEXTS = {
    "Latin": "Don't call the well-known café at 3.14 a.m., naïve Łukasz!",
    "Cyrillic": "Этот фильм очень хороший, ёлка и й.",
    "Greek": "Αυτή η ταινία είναι πολύ καλή!",
    "Arabic": "هذا الفيلم جَيِّدٌ جدًا، شكرًا.",
    "Hebrew": 'הסרט הזה טוֹב מאוד, צה"ל.',
    "Devanagari": "यह फ़िल्म बहुत अच्छी है।",
    "Tamil": "இந்தப் படம் மிகவும் நன்றாக இருக்கிறது.",
    "Georgian": "ეს ფილმი ძალიან კარგია.",
    "Armenian": "Այս ֆիլմը շատ լավն է։",
    "Ethiopic": "ይህ ፊልም በጣም ጥሩ ነው።",
    "Korean": "이 영화는 정말 재미있다.",
    "Chinese": "这部电影非常好看，我喜欢iPhone。",
    "Japanese": "この映画はとても面白いです。カメラが",
    "Thai": "ภาพยนตร์เรื่องนี้สนุกมาก",
    "Lao": "ຂ້ອຍມັກຮູບເງົາເລື່ອງນີ້",
    "Khmer": "ខ្ញុំចូលចិត្តភាពយន្តនេះ",
    "Burmese": "ဒီရုပ်ရှင်ကောင်းတယ်",
    "emoji": "ok 👨\u200d👩\u200d👧\u200d👦 👍🏽🇩🇪🇫🇷1️⃣ 😀😀 done",
    "mixed": "I love 北京 и Москва, see https://x.org/a?b=1 or a.b@c.de",
}
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CORPUS = [*TEXTS.values()] * 2
FEW = [TEXTS[name] for name in ("Latin", "Cyrillic", "Arabic", "Chinese")] * 2


def fast(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL_TOKENS, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": token for name, token in names.items()}
    )


def word_piece(*, lower: bool, texts: list[str]) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(
            vocab_size=900, special_tokens=SPECIAL_TOKENS, show_progress=False
        ),
    )
    return fast(made)


def byte_level() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(
        FEW,
        trainers.BpeTrainer(
            vocab_size=450, special_tokens=SPECIAL_TOKENS, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    return fast(made)


def with_bytes(made: Tokenizer) -> PreTrainedTokenizerFast:
    """Let what is rare be spelt in bytes, as SentencePiece does."""
    document = json.loads(made.to_str())
    document["model"]["byte_fallback"] = True
    document["added_tokens"] = [
        token for token in document["added_tokens"] if token["content"] not in BYTES
    ]
    return fast(Tokenizer.from_str(json.dumps(document)))


def unigram() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    made.train_from_iterator(
        FEW,
        trainers.UnigramTrainer(
            vocab_size=400, special_tokens=[*SPECIAL_TOKENS, *BYTES], unk_token="[UNK]",
            show_progress=False,
        ),
    )  # fmt: skip
    return with_bytes(made)


def sentence_piece_bpe() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    made.train_from_iterator(
        FEW,
        trainers.BpeTrainer(
            vocab_size=500, special_tokens=[*SPECIAL_TOKENS, *BYTES], show_progress=False
        ),
    )
    return with_bytes(made)


def characters() -> PreTrainedTokenizerFast:
    letters = sorted({char for text in TEXTS.values() for char in text if not char.isspace()})
    names = {name: index for index, name in enumerate([*SPECIAL_TOKENS, *letters])}
    made = Tokenizer(models.WordLevel(names, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    return fast(made)


MAKERS: dict[str, Callable[[], Any]] = {
    "WordPiece, cased": lambda: word_piece(lower=False, texts=CORPUS),
    "WordPiece, lower-cased": lambda: word_piece(lower=True, texts=CORPUS),
    "WordPiece, Chinese characters": lambda: word_piece(
        lower=True, texts=[TEXTS["Chinese"], TEXTS["Latin"]] * 3
    ),
    "byte-level BPE": byte_level,
    "unigram with bytes": unigram,
    "BPE with bytes": sentence_piece_bpe,
    "characters": characters,
    "bytes, no offsets": ByT5Tokenizer,
    "code points, no offsets": CanineTokenizer,
}


@functools.cache
def tokenizer_of(family: str) -> Any:
    return MAKERS[family]()


def check(tokenizer: Any, text: str, ids: list[int], pieces: list[Piece]) -> None:
    """Check every token's place and shares, and that every word has a token."""
    words = split_words(text)
    shares = word_shares(words, pieces)
    assert len(pieces) == len(shares) == len(ids)
    for token, piece, share in zip(ids, pieces, shares, strict=True):
        if piece.segment == SPECIAL:
            assert share == ()
            continue
        assert 0 <= piece.start <= piece.end <= len(text)
        assert sum(part for _, part in share) == pytest.approx(1.0)
        assert all(part > 0 for _, part in share)
        letters = token_text(tokenizer, token).letters
        if letters:  # the token's letters are those of the place it is said to stand in
            assert letters in fold(text[piece.start : piece.end])
            assert all(set(letters) & set(fold(words[index].text)) for index, _ in share)
    assert {index for share in shares for index, _ in share} == set(range(len(words)))


@pytest.mark.parametrize("family", MAKERS)
@pytest.mark.parametrize("script", TEXTS)
def test_every_token_is_shared_among_words(family: str, script: str) -> None:
    """Guards scores that get lost or land on another word, with offsets and without."""
    tokenizer, text = tokenizer_of(family), TEXTS[script]
    encoding = tokenizer(text, return_offsets_mapping=bool(tokenizer.is_fast))
    ids = list(encoding["input_ids"])
    pieces = pieces_of(tokenizer, (text,), encoding)
    check(tokenizer, text, ids, pieces)
    laid = align(tokenizer, (text,), ids, [piece.segment for piece in pieces])
    check(tokenizer, text, ids, laid)


@pytest.mark.parametrize(
    "family", ["unigram with bytes", "BPE with bytes", "bytes, no offsets", "byte-level BPE"]
)
def test_bytes_find_their_character(family: str) -> None:
    """Guards bytes whose offsets are the whole text: no word is told from another by them."""
    tokenizer, text = tokenizer_of(family), TEXTS["Thai"]
    encoding = tokenizer(text, return_offsets_mapping=bool(tokenizer.is_fast))
    pieces = pieces_of(tokenizer, (text,), encoding)
    inside = [
        piece
        for piece, token in zip(pieces, encoding["input_ids"], strict=True)
        if piece.segment != SPECIAL and token_text(tokenizer, token).kind == "bytes"
    ]
    assert len(inside) > len(text)
    assert [piece.start for piece in inside] == sorted(piece.start for piece in inside)
    assert max(piece.end - piece.start for piece in inside) <= 2


@pytest.mark.parametrize("family", MAKERS)
def test_a_pair_of_scripts(family: str) -> None:
    """Guards a second text whose tokens are laid along the first."""
    tokenizer = tokenizer_of(family)
    texts = (TEXTS["Thai"], TEXTS["Latin"])
    encoding = tokenizer(*texts, return_offsets_mapping=bool(tokenizer.is_fast))
    pieces = pieces_of(tokenizer, texts, encoding)
    words = split_words(*texts)
    for piece, share in zip(pieces, word_shares(words, pieces), strict=True):
        assert {words[index].segment for index, _ in share} <= {piece.segment}
    assert {piece.segment for piece in pieces} >= {0}
