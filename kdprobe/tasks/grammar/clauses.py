"""The clause rules of the embedded grammar: predicates, clauses and whole sentences.

Does: join phrases to clauses and clauses to sentences, and record the frames in their order.
Does not: damage anything; the phenomena do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.tasks.grammar.lexicon import (
    BE,
    INTRANSITIVE,
    PERSON_ADJECTIVES,
    PERSONS,
    PREPOSITIONS,
    TRANSITIVE,
    Noun,
    Number,
    Tense,
)
from kdprobe.tasks.grammar.phrases import TENSES, PhraseWriter, VerbGroup, objects_of
from kdprobe.tasks.grammar.trees import Tree

JOINERS = ("and", "but", "because", "although")


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause without a final mark, and the leaves of its verb group."""

    tree: Tree
    finite: Tree
    verb: Tree


@dataclass(frozen=True, slots=True)
class SentenceDraft:
    """An acceptable sentence and the damage that is ready to be done to it.

    Args:
        tree: the derivation.
        frames: the frames of its clauses, main clause first.
        changes: leaves of the tree and the words that take their places in the damaged sentence.
        point: the leaf whose place in the damaged sentence is the damaged word's.
    """

    tree: Tree
    frames: tuple[str, ...]
    changes: tuple[tuple[Tree, str], ...]
    point: Tree


class Writer(PhraseWriter):
    """Builds clauses and sentences from its own phrases."""

    def clause_of(
        self,
        subject: Tree,
        group: VerbGroup,
        tense: Tense,
        *,
        patient: str = "none",
        front: Tree | None = None,
    ) -> Clause:
        """Join a subject and a verb phrase; `patient` is the number of the object."""
        parts = (subject, group.tree) if front is None else (front, subject, group.tree)
        features = {
            "tense": tense,
            "subject": subject.features["number"],
            "object": patient,
        }
        return Clause(Tree("S", parts, features=features), group.finite, group.verb)

    def predicate(
        self, subjects: Sequence[Noun], tense: Tense, number: Number, *, plain: bool = False
    ) -> tuple[Noun, VerbGroup, str]:
        """Draw a subject noun and the verb phrase that goes with it, and the object's number.

        `plain` leaves out the adverb.
        """
        kind = self.rng.random()
        adverb = "" if plain else self.adverb()
        if kind < 0.35:
            subject, verb = self.plain_frame(subjects, INTRANSITIVE, "none")
            return (
                subject,
                self.verb_group(verb, tense, number, self.place(), adverb=adverb),
                "none",
            )
        if kind < 0.5:
            adjective = self.pick(PERSON_ADJECTIVES)
            subject, _ = self.plain_frame(subjects, (BE,), adjective)
            quality = (Tree("ADJP", (Tree("JJ", word=adjective),)),)
            return subject, self.verb_group(BE, tense, number, quality, adverb=adverb), "none"
        subject, verb, thing = self.object_frame(subjects)
        patient = self.noun_phrase(thing, self.number(), role="object")
        rest = (patient.tree, *self.place())
        group = self.verb_group(verb, tense, number, rest, adverb=adverb)
        return subject, group, patient.number

    def filler(self, tense: Tense | None = None) -> Clause:
        """Build an acceptable clause that no phenomenon touches."""
        chosen: Tense = self.pick(TENSES) if tense is None else tense
        number = self.number()
        subject, group, patient = self.predicate(PERSONS, chosen, number)
        phrase = self.noun_phrase(subject, number, role="subject", bare=True)
        return self.clause_of(phrase.tree, group, chosen, patient=patient)

    def definite_filler(self) -> tuple[Clause, Tree]:
        """Build a filler whose subject has the determiner "the", and give that leaf."""
        tense, number = self.pick(TENSES), self.number()
        # Its subject takes the negation in the damaged sentence: "no boy probably sleeps" is odd.
        subject, group, patient = self.predicate(PERSONS, tense, number, plain=True)
        phrase = self.noun_phrase(subject, number, role="subject", determiner="the", bare=True)
        return self.clause_of(phrase.tree, group, tense, patient=patient), phrase.determiner

    def below_definite(self, noun: Noun, number: Number) -> tuple[Tree, Tree]:
        """Build a modifier of this noun with the determiner "the" inside, and give that leaf."""
        if self.chance(0.3):
            other = self.pick([one for one in PERSONS if one is not noun])
            inside = self.noun_phrase(
                other, self.number(), role="modifier", determiner="the", bare=True
            )
            preposition = Tree("IN", word=self.pick(PREPOSITIONS))
            return Tree("PP", (preposition, inside.tree)), inside.determiner
        after = self.relative(noun, number, determiner="the")
        return after, next(leaf for leaf in after.leaves() if leaf.label == "DT")

    def pronoun_predicate(
        self, pronoun: str, tense: Tense, number: Number
    ) -> tuple[VerbGroup, str]:
        """Draw the verb phrase of a clause whose subject is a pronoun, and the object's number."""
        if self.chance(0.5):
            verb = self.pick([v for v in INTRANSITIVE if self.fits(pronoun, v.base, "none")])
            self.note(pronoun, verb.base, "none")
            return self.verb_group(verb, tense, number, self.place()), "none"
        while True:
            verb = self.pick(TRANSITIVE)
            thing = self.pick(objects_of(verb))
            if self.fits(pronoun, verb.base, thing.singular):
                break
        self.note(pronoun, verb.base, thing.singular)
        patient = self.noun_phrase(thing, self.number(), role="object", bare=True)
        group = self.verb_group(verb, tense, number, (patient.tree, *self.place()))
        return group, patient.number

    def main_first(self, kept: int) -> None:
        """Put the frames recorded after the first `kept` before them."""
        self.frames = self.frames[kept:] + self.frames[:kept]

    def sentence(
        self,
        clause: Clause,
        *,
        joiners: Sequence[str] = JOINERS,
        behind: bool = True,
        always: bool = False,
        tense: Tense | None = None,
    ) -> Tree:
        """Make the clause a sentence, at times (or always) joined with a filler clause.

        `behind` says whether the filler may follow the clause; `tense` is the filler's.
        """
        if not always and not self.chance(0.1 + self.rich * 0.5):
            tree = clause.tree
            features = {**tree.features, "clauses": "1", "joined": "none"}
            return Tree("S", (*tree.children, Tree(".", word=".")), features=features)
        kept = len(self.frames)
        other = self.filler(tense)
        swap = not behind or self.chance(0.5)
        if swap:
            self.main_first(kept)
        return self.join(clause, other, joiner=self.pick(joiners), swap=swap)

    def join(self, clause: Clause, other: Clause, *, joiner: str, swap: bool) -> Tree:
        """Make one sentence of two clauses; `swap` puts the other clause first."""
        first, second = (other.tree, clause.tree) if swap else (clause.tree, other.tree)
        stop = Tree(".", word=".")
        if joiner in ("and", "but"):
            features = {**first.features, "clauses": "2", "joined": "coordination"}
            return Tree("S", (first, Tree("CC", word=joiner), second, stop), features=features)
        features = {**first.features, "clauses": "2", "joined": "subordination"}
        *front, phrase = first.children
        adjunct = Tree("SBAR", (Tree("IN", word=joiner), second))
        joined = Tree(phrase.label, (*phrase.children, adjunct), features=phrase.features)
        return Tree("S", (*front, joined, stop), features=features)

    def draft(self, tree: Tree, leaf: Tree, word: str) -> SentenceDraft:
        """Plan the damage that puts another word in the place of one leaf."""
        return SentenceDraft(tree, tuple(self.frames), ((leaf, word),), leaf)

    def exchange(self, tree: Tree, one: Tree, other: Tree, *, point: Tree) -> SentenceDraft:
        """Plan the damage that lets two leaves change places."""
        changes = ((one, other.word), (other, one.word))
        return SentenceDraft(tree, tuple(self.frames), changes, point)
