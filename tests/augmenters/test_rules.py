"""Tests of the rules of Tang et al."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kdprobe.augmenters.methods.rules import (
    AUGMENTER,
    RulesMaker,
    RulesOptions,
    Tagged,
    change,
    lotteries,
    read_tagged,
)
from kdprobe.augmenters.taggers import Tagger
from kdprobe.config.base import parse
from kdprobe.errors import ConfigError
from kdprobe.models.words import split_words
from kdprobe.seeds import derive_generator
from tests.augmenters.builders import TEXTS, bench, split_of

TAGGER = Tagger({"dog": "N", "cat": "N", "sees": "V", "a": "D", ".": "."}, "C", "P", "", "")


class Script:
    """A generator that gives what it was told, in order."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def random(self, size: int | None = None) -> Any:
        """Give the next number, or the next `size`."""
        if size is None:
            return self.values.pop(0)
        return np.array([self.values.pop(0) for _ in range(size)])

    def integers(self, low: int, high: int) -> int:
        """Give the next number, which must be possible."""
        value = int(self.values.pop(0))
        assert low <= value < high
        return value


def drawn(*texts: str) -> dict[str, Any]:
    return lotteries([read_tagged(text, TAGGER) for text in texts])


def test_by_hand() -> None:
    """Guards the order of the rules: one number a word, then the n-gram, then what is left."""
    text = read_tagged("a dog sees a cat.", TAGGER)
    words = drawn("a dog sees a cat.", "cat cat")  # N: cat 3, dog 1
    options = RulesOptions()
    # .05 masks "a"; .15 exchanges "dog": .74 is still "cat" (3 of 4); 0.2 is no exchange any more.
    script = Script(0.05, 0.15, 0.2, 0.9, 0.9, 0.9, 0.74, 0.25)
    assert change(text, words, options, script) == "[MASK] cat sees a cat."  # type: ignore[arg-type]
    script = Script(0.05, 0.15, 0.2, 0.9, 0.9, 0.9, 0.76, 0.25)
    assert change(text, words, options, script) == "[MASK] dog sees a cat."  # type: ignore[arg-type]
    # The n-gram: .2 < .25, of 2 words, from word 4 (counted from 0): "cat" and its mark.
    script = Script(0.05, 0.15, 0.2, 0.9, 0.9, 0.9, 0.74, 0.2, 2, 4)
    assert change(text, words, options, script) == "cat."  # type: ignore[arg-type]
    # The first word alone is a mask: nothing of the text's own is left.
    script = Script(0.05, 0.15, 0.2, 0.9, 0.9, 0.9, 0.74, 0.2, 1, 0)
    assert change(text, words, options, script) == ""  # type: ignore[arg-type]
    assert not script.values


def test_a_short_text_has_short_ngrams() -> None:
    """Guards an n-gram longer than its text, and a text without words."""
    text = read_tagged("dog sees", TAGGER)
    script = Script(0.9, 0.9, 0.0, 5, 0)
    assert change(text, drawn("dog sees"), RulesOptions(), script) == "dog sees"  # type: ignore[arg-type]
    nothing = Tagged((), (), ("\u200b",))
    script = Script(0.0, 5, 0)
    assert change(nothing, {}, RulesOptions(), script) == ""  # type: ignore[arg-type]


def test_rates() -> None:
    """Guards probabilities that are off: 40,000 words, bounds of four standard deviations."""
    text = read_tagged(" ".join(["dog", "sees"] * 100), TAGGER)
    words = drawn("cat feels")  # no word of the text: an exchange shows ("feels" is no V here)
    words |= {"V": drawn("cat")["N"]}
    options = RulesOptions(mask=0.1, replace=0.15, ngram=0.0)
    counts: Counter[str] = Counter()
    for row in range(200):
        counts.update(change(text, words, options, derive_generator(0, str(row))).split())
    n = 200 * 200
    for word, rate in (("[MASK]", 0.1), ("cat", 0.15)):
        assert abs(counts[word] - n * rate) < 4 * np.sqrt(n * rate * (1 - rate)), word
    assert counts.total() == n


def test_exchanged_words_follow_the_training_texts() -> None:
    """Guards words drawn all alike: within a part of speech the training texts decide."""
    words = drawn("dog dog dog dog dog dog cat cat cat", "sees dog")
    counts: Counter[str] = Counter()
    text = read_tagged("cat sees", TAGGER)
    options = RulesOptions(mask=0.0, replace=0.5, ngram=0.0)
    for row in range(8000):
        first, _, second = change(text, words, options, derive_generator(1, str(row))).partition(
            " "
        )
        counts[first] += 1
        assert second in ("sees", "")
    # Half stay "cat"; the rest is dog 7 of 10, cat 3 of 10; texts never lose their own words here,
    # save those in which "sees" was exchanged for itself and "cat" too.
    counts.pop("", None)
    observed = np.array([counts["dog"], counts["cat"]])
    expected = np.array([0.35, 0.65]) * observed.sum()
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_ngram_lengths_and_places() -> None:
    """Guards n-grams that favour a length or a place: chi-square over all (length, start)."""
    text = read_tagged("q w e r t y u i", Tagger({}, "C", "P", "", ""))
    options = RulesOptions(mask=0.0, replace=0.0, ngram=1.0)
    counts: Counter[str] = Counter()
    for row in range(6000):
        counts[change(text, {}, options, derive_generator(2, str(row)))] += 1
    whole = ["q", "w", "e", "r", "t", "y", "u", "i"]
    expected = {
        " ".join(whole[start : start + size]): 6000 / 5 / (9 - size)
        for size in range(1, 6)
        for start in range(9 - size)
    }
    assert set(counts) <= set(expected)
    observed = [counts[key] for key in expected]
    assert stats.chisquare(observed, list(expected.values())).pvalue > 0.001


@settings(deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    seed=st.integers(0, 10_000),
    rates=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 1)),
)
def test_properties(text: str, seed: int, rates: tuple[float, float, float]) -> None:
    """Guards words from nowhere: what is made holds the mask, or words of its parts of speech."""
    read = [read_tagged(one, TAGGER) for one in TEXTS]
    words = lotteries(read)
    options = RulesOptions(mask=rates[0], replace=rates[1], ngram=rates[2], mask_token="@")
    tagged = read_tagged(text, TAGGER)
    made = change(tagged, words, options, derive_generator(seed, "p"))
    assert made == change(tagged, words, options, derive_generator(seed, "p"))
    known = {word for one in read for word in one.words} | {"@"}
    assert {word.text for word in split_words(made)} <= known
    if rates[:2] == (0, 0):
        assert made in text


def test_pairs_go_in_turn(tmp_path: Path) -> None:
    """Guards a pair of which one side is never changed, or both always."""
    split = split_of(TEXTS, tuple(reversed(TEXTS)))
    maker = AUGMENTER.open(split, RulesOptions(rounds=6, mask=0.5), bench(tmp_path))
    assert isinstance(maker, RulesMaker)
    assert maker.chunks == 6
    for turn in range(6):
        drafts = maker.make(turn)
        firsts = sum(d.text != t for d, t in zip(drafts, split.texts, strict=True))
        seconds = sum(d.pair != t for d, t in zip(drafts, split.pairs or (), strict=True))
        assert (firsts > 0, seconds > 0) == [(True, False), (False, True), (True, True)][turn % 3]
        assert [draft.source for draft in drafts] == list(split.ids)


def test_options() -> None:
    """Guards rates that do not leave a place for words that stay."""
    with pytest.raises(ConfigError) as caught:
        parse(RulesOptions, {"mask": 0.6, "replace": 0.5}, "`method=rules`")
    assert str(caught.value) == "`method=rules`: mask and replace together are more than 1"


def test_the_treebank_is_part_of_the_plan(tmp_path: Path) -> None:
    """Guards a resumed run that goes on with other parts of speech."""
    bank = tmp_path / "b.mrg"
    bank.write_text("(S (NN dog))")
    options = RulesOptions(pos_from=str(bank))
    one = AUGMENTER.identity(options, offline=True)
    bank.write_text("(S (VB dog))")
    assert AUGMENTER.identity(options, offline=True) != one
    assert AUGMENTER.identity(RulesOptions(), offline=True) != one
    maker = AUGMENTER.open(split_of(["dog dog"]), options, bench(tmp_path))
    assert maker.facts == {
        "parts of speech": "b.mrg, 1 words",
        "words to exchange": "1 in 1 parts of speech",
    }
