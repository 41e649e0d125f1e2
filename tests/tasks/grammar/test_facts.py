"""Grammar probing sets that no count of words solves, checked by rules apart from the builders."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from kdprobe.tasks.grammar.facts import coordinations, facts_of_derivation
from kdprobe.tasks.grammar.lexicon import (
    INTRANSITIVE,
    MEN,
    OF_PERSONS,
    OF_THINGS,
    PERSONS,
    THINGS,
    TRANSITIVE,
    WOMEN,
    frame_part,
)
from kdprobe.tasks.grammar.trees import Derivation, Tree
from kdprobe.tasks.probing.balance import form_parts
from kdprobe.tasks.probing.facts import Facts, Slot
from kdprobe.tasks.probing.sets import PARTS
from tests.tasks.probing.test_build import built, corpus

GROUP = {noun.singular: "he" for noun in MEN} | {noun.singular: "she" for noun in WOMEN}
GROUP |= {noun.plural: "they" for noun in PERSONS}
CLASS = {form: "person" for noun in PERSONS for form in (noun.singular, noun.plural)}
CLASS |= {form: "thing" for noun in THINGS for form in (noun.singular, noun.plural)}
CLASS |= {
    form: f"verb of {verb.objects}"
    for verb in (*TRANSITIVE, *INTRANSITIVE)
    for form in (verb.base, verb.third, verb.past)
}


@pytest.mark.parametrize("name", ["bigram_shift", "odd_man_out", "coordination_inversion"])
def test_no_bag_of_words_tells_changed_sentences(name: str):
    """Guards against a probe of structure that embeddings solve: counts of words stay at chance."""
    made = built(name)
    for classes in (False, True):
        train, test = (
            [
                " ".join(CLASS.get(word, word) if classes else word for word in text.split())
                for text in (sentence.lower() for sentence in part.sentences)
            ]
            for part in (made.train, made.test)
        )
        counts = CountVectorizer(token_pattern=r"\S+")
        x = counts.fit_transform(train)
        guesser = LogisticRegression(C=0.1).fit(x, made.train.labels)
        score = guesser.score(counts.transform(test), made.test.labels)
        assert abs(score - 0.5) < 4 * 0.5 / np.sqrt(len(test))


def test_the_order_of_clauses_shows_in_pronouns():
    """Guards against exchanged clauses whose pronouns still find their nouns, or lose them."""
    made = built("coordination_inversion")
    for part in made.parts:
        for label, sentence in zip(part.labels.tolist(), part.sentences, strict=True):
            words = sentence.lower().split()
            at = next(k for k, word in enumerate(words) if word in ("and", "but"))
            nouns = [GROUP[word] for word in words if word in GROUP]
            pronouns = [words[0], words[at + 1]]
            assert len(nouns) == 2
            assert len({*pronouns, *nouns}) == 3
            original = nouns[0] == pronouns[1]
            assert original == (made.labels[label] == "O")
            assert original or nouns[1] == pronouns[0]


def test_coordinations_are_fresh_and_stay_in_their_split():
    """Guards against a test sentence whose verb and object were trained on with its subject."""
    for part in ("train", "dev", "test"):
        rows = list(coordinations(part, size=60, seed=2))
        assert len({row.text for row in rows}) == 60
        assert [row.text for row in coordinations(part, size=60, seed=2)] == [r.text for r in rows]
        for row in rows:
            words = [word.lower() for word in row.words]
            at = next(k for k, word in enumerate(words) if word in ("and", "but"))
            for clause in (words[:at], words[at + 1 :]):
                verb = next(v for v in TRANSITIVE if {v.base, v.third, v.past} & {*clause})
                noun = next(n for n in PERSONS if {n.singular, n.plural} & {*clause})
                assert frame_part(f"{clause[0]}-{verb.base}-{noun.singular}") == part
            assert (row.depth, row.tense, row.subject, row.object) == (None, None, None, None)


def test_damaged_words_cannot_stand_where_they_stand():
    """Guards against odd sentences that are English, and against words that tell the class."""
    known = {facts.text: facts for rows in corpus().parts.values() for facts in rows}
    frames = defaultdict(list)
    for facts in known.values():
        for at in facts.odd or ():
            frames[at, facts.words[:at], facts.words[at + 1 :]].append(facts)
    forms: dict[str, set[str]] = {}
    made = built("odd_man_out")
    for name, part in zip(PARTS, made.parts, strict=True):
        forms[name] = set()
        sides = Counter[Slot]()
        for label, sentence in zip(part.labels.tolist(), part.sentences, strict=True):
            if made.labels[label] == "O":
                assert sentence in known
                continue
            assert sentence not in known
            words = tuple(sentence.split())
            sources = [
                (at, facts)
                for at in range(len(words))
                for facts in frames[at, words[:at], words[at + 1 :]]
            ]
            fits = [(at, facts) for at, facts in sources if _odd(_slot(facts, at), words[at])]
            assert fits, sentence
            at, facts = fits[0]
            sides[_slot(facts, at)] += 1
            forms[name].add(words[at])
        for slot, n in sides.items():
            assert sides[Slot(slot.kind, 1 - slot.side)] == n
    assert not forms["tr"] & forms["te"]
    assert not forms["tr"] & forms["va"]
    assert not forms["va"] & forms["te"]


def _slot(facts: Facts, at: int) -> Slot:
    assert facts.odd is not None
    return facts.odd[at]


def _odd(slot: Slot, word: str) -> bool:
    """Say by the lexicon whether the word cannot stand in this place."""
    verbs = {"object": None, "verb": (OF_PERSONS, OF_THINGS), "valency": (TRANSITIVE, INTRANSITIVE)}
    if slot.kind == "object":
        return CLASS[word] == ("person", "thing")[slot.side]
    wrong = verbs[slot.kind]
    assert wrong is not None
    return any(word in (v.base, v.third, v.past) for v in wrong[slot.side])


def test_time_adverbials_are_not_asked_for_tense():
    """Guards against a tense probe that reads "yesterday", and a slot in a general statement."""
    features = {"tense": "past", "subject": "singular", "object": "none", "clauses": "1"}
    subject = Tree("NP", (Tree("DT", word="The"), Tree("NN", word="boy")))
    verb = Tree("VP", (Tree("VBD", word="slept"),))
    tree = Tree("S", (subject, verb, Tree(".", word=".")), features=features)

    def facts(phenomenon: str, tense: str):
        told = Tree(tree.label, tree.children, features={**features, "tense": tense})
        return facts_of_derivation(
            Derivation(tree.words(), told, True, phenomenon, None, "boy-sleep-none", tree.words())
        )

    assert facts("word_order", "past").tense == ("PAST", "slept")
    assert facts("tense_adverb", "past").tense is None
    assert facts("word_order", "past").odd == {2: Slot("valency", 0)}
    assert facts("word_order", "present").odd == {}


def test_forms_fall_to_one_part_by_hand():
    """Guards against a frequent form that fills a test part, and a form that stands in two."""
    groups = {"a": {"x": 80, "y": 10, "z": 10}, "b": {"x": 5, "u": 1, "v": 1, "w": 13}}
    placed = form_parts(groups, 0)
    assert {placed["y"], placed["z"]} == {"va", "te"}
    assert placed["x"] == "tr"  # group a has fewer forms and decides
    assert placed["w"] == "tr"
    assert sorted(placed) == ["u", "v", "w", "x", "y", "z"]
