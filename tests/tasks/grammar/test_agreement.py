"""Phenomena of word form, checked by rules that know nothing of how the sentences are built."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from kdprobe.tasks.grammar import agreement
from kdprobe.tasks.grammar.clauses import SentenceDraft, Writer
from kdprobe.tasks.grammar.lexicon import MEN, PERSONS, THINGS, WOMEN

SINGULAR = {noun.singular for noun in PERSONS + THINGS}
PLURAL = {noun.plural for noun in PERSONS + THINGS}
MALE = {noun.singular for noun in MEN}
FEMALE = {noun.singular for noun in WOMEN}


def drafts(build: Callable[[Writer], SentenceDraft], *, n: int = 250) -> list[SentenceDraft]:
    """Drafts of one phenomenon, in all splits."""
    rng = random.Random(7)
    parts = ("train", "dev", "test")
    return [build(Writer(rng, parts[k % 3])) for k in range(n)]


def damaged(draft: SentenceDraft) -> tuple[list[str], list[str], int]:
    """Acceptable words, damaged words, and the position of the damage."""
    words = {id(leaf): word for leaf, word in draft.changes}
    leaves = list(draft.tree.leaves())
    (at,) = [k for k, leaf in enumerate(leaves) if leaf is draft.point]
    return [x.word for x in leaves], [words.get(id(x), x.word) for x in leaves], at


def _heads(words: list[str]) -> list[str]:
    return [word for word in words if word in SINGULAR | PLURAL]


@pytest.mark.parametrize("build", [agreement.subject_verb_agreement, agreement.agreement_attractor])
def test_the_damaged_verb_has_the_other_number(build: Callable[[Writer], SentenceDraft]) -> None:
    """A verb form spelled wrong ("fixe") would be damage of another kind."""
    one = {"is": "are", "has": "have"}
    for draft in drafts(build):
        good, bad, at = damaged(draft)
        singular, plural = good[at], bad[at]
        if draft.point.label == "VBP":
            singular, plural = plural, singular
        expected = one.get(singular) or (
            singular[:-2] if singular in ("fixes", "blushes") else singular[:-1]
        )
        assert plural == expected


def test_the_attractor_has_the_other_number() -> None:
    """Without a noun of the other number in between there is nothing to be attracted by."""
    for draft in drafts(agreement.agreement_attractor):
        good, _, at = damaged(draft)
        nearest = _heads(good[:at])[-1]
        assert (nearest in PLURAL) == (draft.point.label == "VBZ")


def test_the_plain_verb_follows_its_noun() -> None:
    """The easy phenomenon must not contain the hard one."""
    for draft in drafts(agreement.subject_verb_agreement):
        good, _, at = damaged(draft)
        nearest = _heads(good[:at])[-1]
        assert (nearest in SINGULAR) == (draft.point.label == "VBZ")


def _antecedent(words: list[str], at: int) -> set[str]:
    """Reflexives that the first noun of the words can bind, by its form."""
    head = _heads(words[:at])[0]
    if head in PLURAL:
        return {"themselves"}
    if head in MALE:
        return {"himself"}
    assert head in FEMALE, "a teacher can be himself or herself"
    return {"herself"}


def test_reflexives_fit_before_and_not_after() -> None:
    """A sentence such as "the teacher admires herself" is English: such subjects must not occur."""
    wrong = Counter[str]()
    for draft in drafts(agreement.reflexive_agreement, n=600):
        good, bad, at = damaged(draft)
        # The clause of the reflexive: from the last joiner before it.
        start = max((k for k in range(at) if good[k] in JOINERS), default=-1) + 1
        fitting = _antecedent(good[start:], at - start)
        assert good[at] in fitting
        assert bad[at] not in fitting
        # "Every boy ... themselves" is English for many.
        assert "every" not in good[start : start + 1]
        wrong[bad[at]] += 1
    assert min(wrong.values()) > 150


JOINERS = ("and", "but", "because", "although")


def test_binding_offers_the_wrong_antecedent_farther_up() -> None:
    """Without a matching noun above, the damage would be plain disagreement."""
    for draft in drafts(agreement.reflexive_binding):
        good, bad, at = damaged(draft)
        that = max(k for k in range(at) if good[k] == "that" and good[k + 1] != "that")
        start = max((k for k in range(at) if good[k] in JOINERS), default=-1) + 1
        inner = next(k for k in range(at) if good[k].removesuffix("s") in SAYING or good[k] in PAST)
        assert start <= inner < that
        assert good[at] in _antecedent(good[inner:], at - inner)
        assert bad[at] in _antecedent(good[start:], at - start)


SAYING = {"say", "think", "believe", "claim", "hope"}
PAST = {"said", "thought", "believed", "claimed", "hoped"}


def test_determiners_disagree_with_the_damaged_noun() -> None:
    """The word "the" agrees with both numbers: its noun cannot be damaged."""
    singular, plural = {"this", "that", "a", "an", "every"}, {"these", "those", "many", "several"}
    for draft in drafts(agreement.determiner_noun):
        good, bad, at = damaged(draft)
        determiner = next(good[k] for k in range(at, -1, -1) if good[k] in singular | plural)
        assert (good[at] in SINGULAR) == (determiner in singular)
        assert (bad[at] in SINGULAR) == (determiner in plural)


def test_auxiliaries_take_another_form() -> None:
    """Damage such as "the boys have sleep" is English: the noun must not occur."""
    for draft in drafts(agreement.verb_form):
        good, bad, at = damaged(draft)
        assert {good[at], bad[at]} in ({"will", "has"}, {"will", "have"})
        assert "sleep" not in good[at : at + 3]


def test_pronouns_change_case() -> None:
    """Damage such as "and her smiles" is English: no present may follow a subject pronoun."""
    cases = {"he": "him", "she": "her", "they": "them"}
    seen = Counter[str]()
    for draft in drafts(agreement.pronoun_case, n=600):
        good, bad, at = damaged(draft)
        assert at > 0
        if good[at] in cases:
            assert bad[at] == cases[good[at]]
            assert good[at + 1] in ("will", "has", "have") or good[at + 1].endswith(("ed", "pt"))
        else:
            assert cases[bad[at]] == good[at]
        seen[bad[at]] += 1
    assert min(seen.values()) > 60
