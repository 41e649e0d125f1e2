"""The phrase rules of the embedded grammar: noun phrases, verb phrases and their modifiers.

Does: draw words whose lexical frames belong to one split and build acceptable phrases with their
derivation. Does not: make clauses and sentences; `grammar_clauses.py` does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from kdprobe.tasks.grammar.lexicon import (
    BE,
    FREQUENCY_ADVERBS,
    PERSON_ADJECTIVES,
    PERSONS,
    PLACES,
    PLURAL_DETERMINERS,
    PREPOSITIONS,
    SENTENCE_ADVERBS,
    SINGULAR_DETERMINERS,
    THING_ADJECTIVES,
    THINGS,
    TIME_SPANS,
    TRANSITIVE,
    Noun,
    Number,
    Tense,
    Verb,
    finite_form,
    part_of,
)
from kdprobe.tasks.grammar.trees import Tree

T = TypeVar("T")
TENSES: tuple[Tense, ...] = ("present", "past", "future", "perfect")
RICHNESS = (0.0, 0.0, 0.1, 0.2, 0.6)


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun phrase, its head noun and its leaves that damage may touch."""

    tree: Tree
    noun: Noun
    number: Number
    determiner: Tree
    head: Tree


@dataclass(frozen=True, slots=True)
class VerbGroup:
    """A verb phrase, the leaf that agrees or carries tense, and the leaf of the main verb."""

    tree: Tree
    finite: Tree
    verb: Tree


def opposite(number: Number) -> Number:
    """Return the other number."""
    return "plural" if number == "singular" else "singular"


def objects_of(verb: Verb) -> tuple[Noun, ...]:
    """Return the nouns that can be the object of a transitive verb."""
    if verb.objects == "any":
        return PERSONS + THINGS
    return PERSONS if verb.objects == "persons" else THINGS


class PhraseWriter:
    """Draws words and builds phrases for one sentence.

    Args:
        rng: only its `random()` is used, whose sequence is the same on every machine.
        part: the split whose frames may be used (`train`, `dev`, `test`).
    """

    def __init__(self, rng: random.Random, part: str) -> None:
        self.rng, self.part = rng, part
        self.frames: list[str] = []
        self.rich = self.pick(RICHNESS)

    def pick(self, items: Sequence[T]) -> T:
        """Draw one item, each equally likely."""
        return items[int(self.rng.random() * len(items))]

    def skewed(self, items: Sequence[T]) -> T:
        """Draw one item, the first few likelier: some words are common and others rare.

        Definition: seven draws of ten fall on the first five items, three on any item.
        """
        if self.rng.random() < 0.7:
            return self.pick(items[:5])
        return self.pick(items)

    def chance(self, probability: float) -> bool:
        """Draw yes with this probability."""
        return self.rng.random() < probability

    def number(self) -> Number:
        """Draw a number."""
        return "singular" if self.chance(0.5) else "plural"

    def fits(self, subject: str, verb: str, complement: str) -> bool:
        """Return whether the frame belongs to this writer's split."""
        return part_of(subject, verb, complement) == self.part

    def note(self, subject: str, verb: str, complement: str) -> None:
        """Record the frame of a clause."""
        self.frames.append(f"{subject}-{verb}-{complement}")

    def plain_frame(
        self, subjects: Sequence[Noun], verbs: Sequence[Verb], complement: str
    ) -> tuple[Noun, Verb]:
        """Draw a subject and a verb whose frame with this complement fits, and record it."""
        while True:
            subject, verb = self.skewed(subjects), self.skewed(verbs)
            if self.fits(subject.singular, verb.base, complement):
                self.note(subject.singular, verb.base, complement)
                return subject, verb

    def object_frame(
        self,
        subjects: Sequence[Noun],
        *,
        verbs: Sequence[Verb] = TRANSITIVE,
        objects: Sequence[Noun] | None = None,
    ) -> tuple[Noun, Verb, Noun]:
        """Draw subject, verb and object whose frame fits, and record it."""
        while True:
            subject, verb = self.skewed(subjects), self.skewed(verbs)
            thing = self.skewed(objects_of(verb) if objects is None else objects)
            if thing is not subject and self.fits(subject.singular, verb.base, thing.singular):
                self.note(subject.singular, verb.base, thing.singular)
                return subject, verb, thing

    def determiner(self, number: Number, following: str, *, marked: bool = False) -> Tree:
        """Draw a determiner that agrees with the number and sounds right before the next word.

        `marked` excludes "the", which agrees with both numbers.
        """
        word = "the"
        if marked or self.chance(0.4):
            word = self.pick(SINGULAR_DETERMINERS if number == "singular" else PLURAL_DETERMINERS)
        if word == "a" and following[0] in "aeiou":
            word = "an"
        return Tree("DT", word=word)

    def noun_phrase(
        self,
        noun: Noun,
        number: Number,
        *,
        role: str,
        determiner: str = "",
        marked: bool = False,
        after: Tree | None = None,
        bare: bool = False,
    ) -> NounPhrase:
        """Build determiner, adjectives and noun, then a modifier.

        `determiner` is drawn if empty, `marked` for one that shows its number; `after` is the
        modifier, drawn if None; `bare` allows adjectives only.
        """
        head = Tree("NN" if number == "singular" else "NNS", word=noun.form(number))
        chosen = THING_ADJECTIVES if noun.kind == "thing" else PERSON_ADJECTIVES
        adjectives = [Tree("JJ", word=self.skewed(chosen))] if self.chance(self.rich) else []
        first = adjectives[0].word if adjectives else head.word
        leaf = Tree("DT", word=determiner)
        if not determiner:
            leaf = self.determiner(number, first, marked=marked)
        core = (leaf, *adjectives, head)
        features = {"role": role, "number": number}
        if after is None and not bare and self.chance(self.rich * 0.6):
            after = self.modifier(noun, number)
        tree = Tree("NP", core, features=features)
        if after is not None:
            inner = Tree("NP", core, features={"role": "head", "number": number})
            tree = Tree("NP", (inner, after), features=features)
        return NounPhrase(tree, noun, number, leaf, head)

    def modifier(self, noun: Noun, number: Number) -> Tree:
        """Build a prepositional phrase or a relative clause on this noun."""
        if self.chance(0.5):
            return self.beside(noun, self.number())
        return self.relative(noun, number)

    def beside(self, noun: Noun, number: Number) -> Tree:
        """Build a prepositional phrase on this noun with another noun of this number."""
        others = [other for other in PERSONS + THINGS if other is not noun]
        phrase = self.noun_phrase(self.skewed(others), number, role="modifier", bare=True)
        return Tree("PP", (Tree("IN", word=self.pick(PREPOSITIONS)), phrase.tree))

    def relative(
        self,
        noun: Noun,
        number: Number,
        *,
        other: Number | None = None,
        word: str = "",
        determiner: str = "",
    ) -> Tree:
        """Build a relative clause on this noun.

        A person can be its subject or its object, a thing its object. `other` is the number of
        the noun inside, `word` the relative pronoun; both are drawn if not
        given, and so is `determiner`, that noun's.
        """
        inside = self.number() if other is None else other
        pronoun = Tree(
            "WP", word=word or self.pick(("that", "which" if noun.kind == "thing" else "who"))
        )
        tense = self.pick(TENSES)
        if noun.kind != "thing" and self.chance(0.5):
            _, verb, thing = self.object_frame((noun,))
            phrase = self.noun_phrase(
                thing, inside, role="object", determiner=determiner, bare=True
            )
            group = self.verb_group(verb, tense, number, (phrase.tree,))
            clause = Tree("S", (group.tree,), features={"tense": tense})
        else:
            verbs = tuple(v for v in TRANSITIVE if noun in objects_of(v))
            subject, verb, _ = self.object_frame(PERSONS, verbs=verbs, objects=(noun,))
            phrase = self.noun_phrase(
                subject, inside, role="subject", determiner=determiner, bare=True
            )
            group = self.verb_group(verb, tense, inside, ())
            clause = Tree("S", (phrase.tree, group.tree), features={"tense": tense})
        return Tree("SBAR", (Tree("WHNP", (pronoun,)), clause))

    def verb_group(
        self,
        verb: Verb,
        tense: Tense,
        number: Number,
        rest: Sequence[Tree],
        *,
        adverb: str = "",
    ) -> VerbGroup:
        """Build the verb phrase: auxiliary, adverb and verb, then what follows the verb."""
        word = finite_form(verb, tense, number)
        between = (Tree("ADVP", (Tree("RB", word=adverb),)),) if adverb else ()
        if tense in ("future", "perfect"):
            future = tense == "future"
            agreeing = "VBZ" if number == "singular" else "VBP"
            finite = Tree("MD" if future else agreeing, word=word)
            main = Tree("VB", word=verb.base) if future else Tree("VBN", word=verb.past)
            inner = Tree("VP", (main, *rest))
            return VerbGroup(Tree("VP", (finite, *between, inner)), finite, main)
        label = "VBD" if tense == "past" else "VBZ" if number == "singular" else "VBP"
        finite = Tree(label, word=word)
        parts = (finite, *between, *rest) if verb is BE else (*between, finite, *rest)
        return VerbGroup(Tree("VP", parts), finite, finite)

    def adverb(self, *, frequency: bool = True) -> str:
        """Draw an adverb to stand before the verb, or none."""
        if not self.chance(0.05 + self.rich * 0.5):
            return ""
        return self.pick(FREQUENCY_ADVERBS + SENTENCE_ADVERBS if frequency else SENTENCE_ADVERBS)

    def place(self) -> tuple[Tree, ...]:
        """Draw a phrase of place to end a clause, or none."""
        if not self.chance(0.15 + self.rich * 0.4):
            return ()
        noun = Tree("NP", (Tree("DT", word="the"), Tree("NN", word=self.skewed(PLACES))))
        return (Tree("PP", (Tree("IN", word="in"), noun)),)

    def time_words(self, tense: Tense) -> tuple[Tree, ...]:
        """Draw the words of a time adverbial that fits past or future."""
        past = tense == "past"
        if self.chance(0.5):
            return (Tree("NN", word="yesterday" if past else "tomorrow"),)
        return (
            Tree("JJ", word="last" if past else "next"),
            Tree("NN", word=self.pick(TIME_SPANS)),
        )
