"""The words: what the damage relies on, and the parts of frames."""

from __future__ import annotations

import pytest

from kdprobe.tasks.grammar.lexicon import (
    BE,
    INTRANSITIVE,
    MEN,
    NEUTRAL,
    PARTS,
    PERSONS,
    STRICT,
    THAT_CLAUSE,
    THINGS,
    TRANSITIVE,
    WH_CLAUSE,
    WOMEN,
    Number,
    Tense,
    finite_form,
    frame_part,
    part_of,
)


def test_forms_differ_where_damage_needs_it() -> None:
    """A noun such as "sheep" or a verb such as "hurt" would make damage that is none."""
    for noun in PERSONS + THINGS:
        assert noun.singular != noun.plural
    for verb in INTRANSITIVE + TRANSITIVE + THAT_CLAUSE + WH_CLAUSE:
        assert len({verb.base, verb.third, verb.past}) == 3


def test_no_word_is_noun_and_verb() -> None:
    """A noun that is also a verb could turn damage into another good sentence."""
    nouns = {form for noun in PERSONS + THINGS for form in (noun.singular, noun.plural)}
    verbs = INTRANSITIVE + TRANSITIVE + THAT_CLAUSE + WH_CLAUSE
    assert not nouns & {form for verb in verbs for form in (verb.base, verb.third, verb.past)}


def test_lists_hold_each_word_once() -> None:
    """Interleaving the lists could drop or double a word."""
    assert sorted(noun.singular for noun in PERSONS) == sorted(
        noun.singular for noun in MEN + WOMEN + NEUTRAL
    )
    assert len({verb.base for verb in TRANSITIVE}) == len(TRANSITIVE)
    assert set(STRICT) <= set(TRANSITIVE)
    assert len(STRICT) == 10


@pytest.mark.parametrize(
    ("base", "third", "past"),
    [
        ("fix", "fixes", "fixed"),
        ("blush", "blushes", "blushed"),
        ("admire", "admires", "admired"),
        ("sleep", "sleeps", "slept"),
        ("destroy", "destroys", "destroyed"),
        ("greet", "greets", "greeted"),
    ],
)
def test_verbs_by_hand(base: str, third: str, past: str) -> None:
    """A rule of spelling that misses a case yields words that are no English."""
    (verb,) = [verb for verb in INTRANSITIVE + TRANSITIVE if verb.base == base]
    assert (verb.third, verb.past) == (third, past)


@pytest.mark.parametrize(
    ("tense", "number", "word"),
    [
        ("present", "singular", "is"),
        ("present", "plural", "are"),
        ("past", "singular", "was"),
        ("past", "plural", "were"),
        ("perfect", "singular", "has"),
        ("future", "plural", "will"),
    ],
)
def test_forms_of_be(tense: Tense, number: Number, word: str) -> None:
    """Be is the one verb whose past agrees."""
    assert finite_form(BE, tense, number) == word


def test_shares_of_the_parts() -> None:
    """A lopsided hash would leave a split without frames to draw from."""
    frames = [
        (subject.singular, verb.base, thing.singular)
        for subject in PERSONS
        for verb in TRANSITIVE
        for thing in PERSONS + THINGS
    ]
    parts = [part_of(*frame) for frame in frames]
    shares = {part: parts.count(part) / len(parts) for part in PARTS}
    assert shares["train"] == pytest.approx(180 / 256, abs=0.03)
    assert shares["dev"] == pytest.approx(38 / 256, abs=0.03)
    assert shares["test"] == pytest.approx(38 / 256, abs=0.03)


def test_a_frame_keeps_its_part() -> None:
    """The hash must not change between versions: old dev sentences would become training ones."""
    assert [frame_part(frame) for frame in FRAMES] == list(FRAMES.values())


FRAMES = {
    "boy-repair-lamp": "train",
    "girl-sleep-none": "train",
    "king-admire-self": "dev",
    "she-own-car": "train",
    "teacher-be-old": "train",
    "woman-blame-king": "train",
    "boy-know-clause": "train",
}
