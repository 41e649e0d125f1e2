"""Words of every script: by hand, by properties, and what is said of scripts without blanks."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kdprobe.segmentation import how_cut, word_count, word_spans, writes_no_blanks
from tests.analysis.studies import quick

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

BY_HAND: dict[str, tuple[str, list[str]]] = {
    "contractions": ("I don't, can’t rock'n'roll", ["I", "don't", ",", "can’t", "rock'n'roll"]),
    "quotes": ("'it' dogs' the 80's", ["'", "it", "'", "dogs", "'", "the", "80's"]),
    "numbers": ("1,234.56 3.14. -5 $2.5", ["1,234.56", "3.14", ".", "-", "5", "$", "2.5"]),
    "hyphens": ("state-of-the-art -- a - so-", ["state-of-the-art", "-", "-", "a", "-", "so", "-"]),
    "two hyphens": ("x--y", ["x", "-", "-", "y"]),
    "dates": ("2020-01-15", ["2020-01-15"]),
    "link": ("see https://x.org/a?b=1&c=2.", ["see", "https://x.org/a?b=1&c=2", "."]),
    "link in brackets": ("(http://x.org/A_(b))", ["(", "http://x.org/A_(b)", ")"]),
    "address": ("to a.b@c.de, now", ["to", "a.b@c.de", ",", "now"]),
    "link among Chinese": ("看https://x.org/吗", ["看", "https://x.org/", "吗"]),
    "host of Japanese": ("http://例え.jp/テスト", ["http://例え.jp/テスト"]),
    "emoji": (f"ok{FAMILY}👍🏽🇩🇪🇫🇷1️⃣2️⃣#️⃣😀😀{ENGLAND}", ["ok", FAMILY, "👍🏽", "🇩🇪", "🇫🇷", "1️⃣", "2️⃣",
                                                   "#️⃣", "😀", "😀", ENGLAND]),
    "marks": ("nai\u0308ve cafe\u0301.", ["nai\u0308ve", "cafe\u0301", "."]),
    "Chinese": ("这部电影非常好看。", ["这", "部", "电影", "非常", "好看", "。"]),
    "Japanese": ("この映画はとても面白い。", ["この", "映画", "は", "とても", "面白い", "。"]),
    "Thai": ("ภาพยนตร์เรื่องนี้สนุกมาก", ["ภาพยนตร์", "เรื่อง", "นี้", "สนุก", "มาก"]),
    "Lao": ("ຂ້ອຍມັກຮູບເງົາ", ["ຂ້ອຍ", "ມັກ", "ຮູບເງົາ"]),
    "Khmer": ("ខ្ញុំចូលចិត្តភាពយន្ត", ["ខ្ញុំ", "ចូលចិត្ត", "ភាពយន្ត"]),
    "Burmese": ("ဒီရုပ်ရှင်ကောင်းတယ်", ["ဒီ", "ရုပ်ရှင်", "ကောင်း", "တယ်"]),
    "Korean": ("이 영화는 재미있다.", ["이", "영화는", "재미있다", "."]),
    "Tibetan": ("བོད་ཡིག", ["བོད", "་", "ཡིག"]),
    "Javanese": ("ꦧꦱꦗꦮ", ["ꦧ", "ꦱ", "ꦗ", "ꦮ"]),
    "Tai Tham": ("ᨠᩣᩴᨾ", ["ᨠ", "ᩣᩴ", "ᨾ"]),
    "Hebrew": ("שָׁלוֹם צה\"ל", ["שָׁלוֹם", "צה\"ל"]),
    "Persian": ("می\u200cخواهم", ["می\u200cخواهم"]),
    "Arabic": ("الفيلم جَيِّدٌ، شكرًا", ["الفيلم", "جَيِّدٌ", "،", "شكرًا"]),
    "Devanagari": ("बहुत अच्छी है।", ["बहुत", "अच्छी", "है", "।"]),
    "Tamil": ("இந்தப் படம்", ["இந்தப்", "படம்"]),
    "Georgian": ("ეს ფილმი", ["ეს", "ფილმი"]),
    "mixed": ("我用iPhone拍 и Москва", ["我", "用", "iPhone", "拍", "и", "Москва"]),
    "separated by nothing seen": ("ไทย\u200bดี a\u200bb", ["ไทย", "ดี", "a", "b"]),
    "surrogate": ("a\ud800b", ["a", "\ud800", "b"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    """Guards each rule of UAX #29 and beyond: a script that is one word, a number in parts."""
    text, words = BY_HAND[name]
    assert [text[start:end] for start, end in word_spans(text)] == words


def test_hyphens_as_words() -> None:
    """Guards methods that were published with hyphens as marks."""
    text = "a well-known don't"
    assert [text[a:b] for a, b in word_spans(text, hyphenated=False)] == [
        "a", "well", "-", "known", "don't",
    ]  # fmt: skip


LETTERS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("ab1'’-.,:/@_ \n\u200b\u200d\u0301\ufe0f\u20e3电影ไทยかナ한글🇩🇪👍🏽ꦧᨠב\"ე"),
    ),
    max_size=40,
)


@given(LETTERS)
@example("1️⃣2️⃣-3")
@example("\u200d😀")
@example("a@b.co-c http://x.org-y")
@quick
def test_words_cover_what_is_seen(text: str) -> None:
    """Guards letters that belong to no word, overlaps, empty words and blanks inside of words."""
    spans = word_spans(text)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    covered = {place for start, end in spans for place in range(start, end)}
    for place, char in enumerate(text):
        if char.isspace():
            assert place not in covered
        elif unicodedata.category(char) not in ("Cc", "Cf"):
            assert place in covered
    for start, _ in spans:
        assert not text[start].isspace()
        assert unicodedata.category(text[start]) not in ("Cc", "Cf")


@given(LETTERS, st.sampled_from(["", " ", "\n", "\t  "]), st.sampled_from(["", " ", "\n\n"]))
@quick
def test_blanks_around_change_nothing(text: str, before: str, after: str) -> None:
    """Guards a first or last word that depends on the end of the text."""
    moved = [(start + len(before), end + len(before)) for start, end in word_spans(text)]
    assert word_spans(before + text + after) == moved


@given(
    st.lists(st.sampled_from(["the", "don't", "1,234.5", "电影", "ไทย", FAMILY, "a-b", "x.org"]))
)
@quick
def test_words_between_blanks_stay(words: list[str]) -> None:
    """Guards words that depend on their neighbours beyond a blank."""
    text = " ".join(words)
    assert [text[start:end] for start, end in word_spans(text)] == words


def test_length_in_words() -> None:
    """Guards slices by length: English counts as before, a Chinese text is longer than one word."""
    assert word_count("Well , the dog 's well-known .") == 7
    assert word_count("这部电影非常好看。") == 5
    assert word_count("iPhone 很好 !") == 1 + len(word_spans("很好")) + 1
    assert word_count("。") == 1
    assert word_count(" ") == 0


def test_what_is_said() -> None:
    """Guards a reader who takes a dictionary's words for the text's own."""
    assert how_cut(["the film", "это"]) is None
    assert str(how_cut(["the film", "电影"])).startswith(
        "no blanks stand between words of Chinese characters: cut by ICU's dictionary (icu4py 1."
    )
    several = str(how_cut(["この映画", "ไทย", "ꦧꦱ བོད"]))
    assert "of Chinese characters, kana and Thai: cut by ICU's dictionary" in several
    assert several.endswith("; of Javanese: cut by character; of Tibetan: cut by syllable")
    assert not writes_no_blanks("한글 ok 👍")
    assert writes_no_blanks("ok\uff0cok")


def test_a_hostile_text_takes_no_more_than_its_length() -> None:
    """Guards time that grows with the square: such a part has words, but no links are sought."""
    text = "http://x.org/(" * 20_000
    assert len(word_spans(text)) == 20_000 * 7
    assert len(word_spans(text[:14])) == 2  # one link, and the bracket that nothing closes
