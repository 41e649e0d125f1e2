"""Phenomena of structure and meaning, checked by rules apart from how the sentences are built."""

from __future__ import annotations

from collections import Counter

from kdprobe.tasks.grammar import structure
from kdprobe.tasks.grammar.lexicon import INTRANSITIVE, PERSONS, STRICT, THINGS
from tests.tasks.grammar.test_agreement import damaged, drafts

PERSON_WORDS = {form for noun in PERSONS for form in (noun.singular, noun.plural)}
THING_WORDS = {form for noun in THINGS for form in (noun.singular, noun.plural)}
RESTING = {form for verb in INTRANSITIVE for form in (verb.base, verb.third, verb.past)}
ACTING = {form for verb in STRICT for form in (verb.base, verb.third, verb.past)}
DETERMINERS = {"the", "a", "an", "every", "this", "that", "these", "those", "many", "several"}


def test_word_order_swaps_neighbours() -> None:
    """The position must be that of the word which came too early."""
    for draft in drafts(structure.word_order):
        good, bad, at = damaged(draft)
        assert at > 0
        assert (bad[at], bad[at + 1]) == (good[at + 1], good[at])
        assert bad[:at] + bad[at + 2 :] == good[:at] + good[at + 2 :]
        # "Has clearly been" and "has been clearly" are both English.
        assert not {"probably", "certainly", "clearly"} & {good[at], bad[at]} or good[at] in (
            "the",
            "every",
        )


def test_arguments_are_missing_or_too_many() -> None:
    """A verb such as "eat" goes with and without an object."""
    kinds = Counter[str]()
    for draft in drafts(structure.argument_structure):
        good, bad, at = damaged(draft)
        follows = good[at + 1]
        if good[at] in ACTING:
            assert bad[at] in RESTING
            assert follows in DETERMINERS
            kinds["too many"] += 1
        else:
            assert good[at] in RESTING
            assert bad[at] in ACTING
            # No clause may follow whose object the verb could share.
            assert follows in ("in", ".")
            assert not set(good[at:]) & {"and", "but", "because", "although"}
            kinds["missing"] += 1
    assert min(kinds.values()) > 80


def test_polarity_items_lose_their_negation() -> None:
    """A negation left above the item would license it still."""
    for draft in drafts(structure.npi_licensing):
        good, bad, at = damaged(draft)
        assert good[at] in ("ever", "any")
        assert sorted(good) == sorted(bad)
        licensor, moved = good.index("no"), bad.index("no")
        assert licensor < at
        assert bad[licensor] == "the"
        assert good[moved] == "the"
        joints = [k for k, word in enumerate(good) if word in ("and", "but")]
        assert joints or licensor < moved < at
        if bad[at] == "ever" and not joints:
            assert good[at - 1] in ("has", "have")


def test_gaps_and_fillers_disagree() -> None:
    """The damage must turn a filler without a gap into one with a gap or the reverse."""
    kinds = Counter[str]()
    for draft in drafts(structure.filler_gap):
        good, bad, at = damaged(draft)
        assert {good[at], bad[at]} in ({"that", "what"}, {"that", "who"})
        ends = good[-2] in ACTING or (good[-5] in ACTING and good[-4] == "in")
        if good[at] == "that":
            wanted = PERSON_WORDS if bad[at] == "who" else THING_WORDS
            assert set(good[at:]) & wanted
        else:
            assert ends
        kinds[good[at]] += 1
    assert kinds["that"] > 90
    assert kinds["who"] > 40
    assert kinds["what"] > 40


def test_questions_reach_into_the_adjunct() -> None:
    """The verb in the adjunct must be the one that lacks its object."""
    for draft in drafts(structure.adjunct_island):
        good, bad, at = damaged(draft)
        assert good[-1] == "?"
        assert good[at] in RESTING
        assert bad[at] not in RESTING
        assert sorted(good) == sorted(bad)
        joint = max(k for k, w in enumerate(good) if w in ("when", "before", "after", "because"))
        assert joint < at
        assert bad[joint - 1] == good[at]


def test_times_contradict_the_tense() -> None:
    """The present fits tomorrow too: only past and future may be damaged."""
    future = {"tomorrow", "next"}
    for draft in drafts(structure.tense_adverb):
        good, bad, at = damaged(draft)
        assert (good[at] in future) != (bad[at] in future)
        assert draft.tree.features["tense"] == ("future" if good[at] in future else "past")


def test_paired_conjunctions_are_broken() -> None:
    """Damage such as "neither the boy or the girl" is English for many."""
    partner = {"both": "and", "either": "or", "neither": "nor"}
    seen = Counter[str]()
    for draft in drafts(structure.coordination, n=800):
        good, bad, at = damaged(draft)
        (opener,) = [word for word in good if word in partner]
        assert good[at] == partner[opener]
        assert bad[at] in {"and", "or", "nor"} - {good[at]}
        assert (opener, bad[at]) != ("neither", "or")
        seen[good[at]] += 1
        seen[bad[at]] -= 1
    # Each conjunction is right as often as it is wrong.
    assert max(abs(count) for count in seen.values()) < 100


def test_relative_pronouns_miss_their_kind() -> None:
    """A thing farther left could take up "which" instead of the person."""
    for draft in drafts(structure.relative_pronoun):
        good, bad, at = damaged(draft)
        person = good[at - 1] in PERSON_WORDS
        assert person or good[at - 1] in THING_WORDS
        assert (good[at], bad[at]) == (("who", "which") if person else ("which", "who"))
