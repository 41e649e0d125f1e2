"""Damage to structure and meaning: order, arguments, gaps, polarity items, time, coordination.

Does: build one acceptable sentence for each such phenomenon and plan its damage: one word in the
place of another, or two words that change places. Does not: choose phenomena; `grammar.py` does.

As in `grammar_agreement.py` the damage is mirrored, so no word gives the label away.
"""

from __future__ import annotations

from itertools import pairwise

from kdprobe.tasks.grammar.clauses import Clause, SentenceDraft, Writer
from kdprobe.tasks.grammar.lexicon import (
    BE,
    INTRANSITIVE,
    OF_ANY,
    OF_PERSONS,
    OF_THINGS,
    PERSONS,
    STRICT,
    THINGS,
    WH_CLAUSE,
    Noun,
    Number,
    Tense,
    Verb,
)
from kdprobe.tasks.grammar.phrases import TENSES, NounPhrase
from kdprobe.tasks.grammar.trees import Tree

# "near" is left out: "the near lamps" could be read as English.
MOVABLE = ("behind", "beside", "in")
RESTING = frozenset({verb.past for verb in INTRANSITIVE} | {BE.past})
PLAIN_DETERMINERS = ("the", "a", "an", "every")


def word_order(writer: Writer) -> SentenceDraft:
    """Two neighbouring words stand in the wrong order: the boy repaired *lamp the."""
    while True:
        writer.frames.clear()
        tense: Tense = writer.pick(TENSES)
        number = writer.number()
        noun, group, patient = writer.predicate(PERSONS, tense, number)
        subject = writer.noun_phrase(noun, number, role="subject")
        clause = writer.clause_of(subject.tree, group, tense, patient=patient)
        tree = writer.sentence(clause)
        leaves = list(tree.leaves())
        pairs = [pair for pair in pairwise(leaves[1:]) if _movable(*pair)]
        if pairs:
            first, second = writer.pick(pairs)
            return writer.exchange(tree, first, second, point=first)


def _movable(first: Tree, second: Tree) -> bool:
    """Return whether no reading makes English of the two words in the other order."""
    if first.label == "DT":
        return first.word in PLAIN_DETERMINERS
    if first.label == "IN":
        return first.word in MOVABLE and second.word in PLAIN_DETERMINERS
    if first.label == "MD":
        return second.label == "VB"
    # Not with an object: "the boys admired have those lamps" has a reduced relative clause.
    return second.label == "VBN" and second.word in RESTING and first.word in ("has", "have")


def argument_structure(writer: Writer) -> SentenceDraft:
    """A verb has its arguments: the boy *sleeps the lamp, the boy *repairs in the park."""
    number = writer.number()
    # Neither present nor "often": general statements may leave the object out.
    tense: Tense = writer.pick(("past", "future", "perfect"))
    adverb = writer.adverb(frequency=False)
    if writer.chance(0.5):
        while True:
            noun, verb, thing = writer.object_frame(PERSONS, verbs=STRICT)
            other = writer.skewed(INTRANSITIVE)
            if writer.fits(noun.singular, other.base, thing.singular):
                break
            writer.frames.clear()
        phrase = writer.noun_phrase(thing, writer.number(), role="object")
        vp = writer.verb_group(verb, tense, number, (phrase.tree, *writer.place()), adverb=adverb)
        behind, patient = True, str(phrase.number)
    else:
        while True:
            noun, verb = writer.plain_frame(PERSONS, INTRANSITIVE, "none")
            other = writer.skewed(STRICT)
            if writer.fits(noun.singular, other.base, "none"):
                break
            writer.frames.clear()
        vp = writer.verb_group(verb, tense, number, writer.place(), adverb=adverb)
        # Nothing may follow that could lend its object: "the boy praised and the girl greeted him".
        behind, patient = False, "none"
    subject = writer.noun_phrase(noun, number, role="subject")
    clause = writer.clause_of(subject.tree, vp, tense, patient=patient)
    word = other.base if tense == "future" else other.past
    return writer.draft(writer.sentence(clause, behind=behind), clause.verb, word)


def npi_licensing(writer: Writer) -> SentenceDraft:
    """Ever and any need a negation above them: the boy that no girl praised has *ever slept."""
    number: Number = writer.number()
    embedded = writer.chance(0.5)
    tense: Tense = "perfect" if writer.chance(0.5) else "past"
    if writer.chance(0.6):
        # "who no girl will admire ever slept" has a reading in which "ever" is licensed.
        tense = "perfect" if embedded else tense
        noun, verb = writer.plain_frame(PERSONS, INTRANSITIVE, "none")
        vp = writer.verb_group(verb, tense, number, writer.place(), adverb="ever")
        words = [leaf for leaf in vp.tree.leaves() if leaf.word == "ever"]
        item, patient = words[0], "none"
    else:
        noun, verb, thing = writer.object_frame(PERSONS, objects=THINGS, verbs=OF_ANY + OF_THINGS)
        phrase = writer.noun_phrase(thing, "plural", role="object", determiner="any", bare=True)
        vp = writer.verb_group(verb, tense, number, (phrase.tree,))
        item, patient = phrase.determiner, "plural"
    if embedded:
        after, lower = writer.below_definite(noun, number)
        subject = writer.noun_phrase(
            noun, number, role="subject", determiner="no", after=after, bare=True
        )
        clause = writer.clause_of(subject.tree, vp, tense, patient=patient)
        tree = writer.sentence(clause, joiners=("and", "but"))
        return writer.exchange(tree, subject.determiner, lower, point=item)
    subject = writer.noun_phrase(noun, number, role="subject", determiner="no", bare=True)
    clause = writer.clause_of(subject.tree, vp, tense, patient=patient)
    kept = len(writer.frames)
    other, the = writer.definite_filler()
    swap = writer.chance(0.5)
    if swap:
        writer.main_first(kept)
    tree = writer.join(clause, other, joiner=writer.pick(("and", "but")), swap=swap)
    return writer.exchange(tree, subject.determiner, the, point=item)


def filler_gap(writer: Writer) -> SentenceDraft:
    """A wh-word needs a gap and a gap a wh-word: the boy knows *what the girl owns the lamp."""
    number = writer.number()
    above: Tense = writer.pick(("present", "past"))
    knower, knows = writer.plain_frame(PERSONS, WH_CLAUSE, "clause")
    subject = writer.noun_phrase(knower, number, role="subject")
    inside = writer.number()
    tense: Tense = writer.pick(TENSES)
    person = writer.chance(0.5)
    kinds = ("any", "persons" if person else "things")
    verbs = [verb for verb in STRICT if verb.objects in kinds]
    wh = "who" if person else "what"
    if writer.chance(0.5):
        noun, verb = writer.plain_frame(PERSONS, verbs, wh)
        rest, leaf, wrong = writer.place(), Tree("WP", word=wh), "that"
        opener, patient = Tree("WHNP", (leaf,)), "none"
    else:
        noun, verb, thing = writer.object_frame(
            PERSONS, verbs=verbs, objects=PERSONS if person else THINGS
        )
        phrase = writer.noun_phrase(thing, writer.number(), role="object", bare=True)
        rest, leaf, wrong = (phrase.tree, *writer.place()), Tree("IN", word="that"), wh
        opener, patient = leaf, phrase.number
    lower = writer.noun_phrase(noun, inside, role="subject", bare=True)
    vp = writer.verb_group(verb, tense, inside, rest)
    inner = writer.clause_of(lower.tree, vp, tense, patient=patient)
    that = Tree("SBAR", (opener, inner.tree))
    clause = writer.clause_of(subject.tree, writer.verb_group(knows, above, number, (that,)), above)
    # Nothing may follow: "knows that the girl praised and the man greeted the boy" shares the boy.
    return writer.draft(writer.sentence(clause, behind=False), leaf, wrong)


def adjunct_island(writer: Writer) -> SentenceDraft:
    """No question reaches into an adjunct: what will the boy *sleep when the girls repair?"""
    person = writer.chance(0.5)
    verbs = OF_ANY + (OF_PERSONS if person else OF_THINGS)
    wh = "who" if person else "what"
    noun, verb = writer.plain_frame(PERSONS, verbs, wh)
    other, rests = writer.plain_frame(PERSONS, INTRANSITIVE, "none")
    number: Number = writer.number()
    future = writer.chance(0.5)
    plain = "do" if number == "plural" else "does"
    auxiliary = Tree("MD", word="will") if future else Tree("VBP", word=plain)
    if plain == "does" and not future:
        auxiliary = Tree("VBZ", word=plain)
    subject = writer.noun_phrase(noun, number, role="subject")
    # The plural in the present has the bare form, as after the auxiliary: the verbs can be changed.
    lower = writer.noun_phrase(other, "plural", role="subject")
    slept, main_verb = Tree("VBP", word=rests.base), Tree("VB", word=verb.base)
    adjunct = Tree("S", (lower.tree, Tree("VP", (slept, *writer.place()))))
    joiner = Tree("IN", word=writer.pick(("when", "before", "after", "because")))
    vp = Tree("VP", (main_verb, Tree("SBAR", (joiner, adjunct))))
    features = {
        "tense": "future" if future else "present",
        "subject": number,
        "object": "none",
        "clauses": "2",
        "joined": "subordination",
    }
    question = Tree("SQ", (auxiliary, subject.tree, vp))
    opener = Tree("WHNP", (Tree("WP", word=wh),))
    tree = Tree("SBARQ", (opener, question, Tree(".", word="?")), features=features)
    return writer.exchange(tree, main_verb, slept, point=slept)


def tense_adverb(writer: Writer) -> SentenceDraft:
    """A time adverbial fits the tense: *tomorrow the boy slept."""
    tense: Tense = writer.pick(("past", "future"))
    number = writer.number()
    adverb = writer.adverb(frequency=False)
    when = Tree("NP-TMP", writer.time_words(tense))
    front = writer.chance(0.5)
    last = () if front else (when,)
    if writer.chance(0.4):
        noun, verb = writer.plain_frame(PERSONS, INTRANSITIVE, "none")
        rest, patient = (*writer.place(), *last), "none"
    else:
        noun, verb, thing = writer.object_frame(PERSONS)
        # No relative clause may stand next to the adverbial: it would take it.
        phrase = writer.noun_phrase(thing, writer.number(), role="object", bare=True)
        rest, patient = (phrase.tree, *writer.place(), *last), phrase.number
    vp = writer.verb_group(verb, tense, number, rest, adverb=adverb)
    subject = writer.noun_phrase(noun, number, role="subject")
    clause = writer.clause_of(
        subject.tree, vp, tense, patient=patient, front=when if front else None
    )
    leaf = when.children[0]
    wrong = {"yesterday": "tomorrow", "tomorrow": "yesterday", "last": "next", "next": "last"}
    tree = writer.sentence(clause, joiners=("and", "but"), tense=tense)
    return writer.draft(tree, leaf, wrong[leaf.word])


def coordination(writer: Writer) -> SentenceDraft:
    """Paired conjunctions belong together: *both the boy or the girl."""
    opener, joiner = writer.pick(
        (("both", "and"), ("both", "and"), ("either", "or"), ("neither", "nor"))
    )
    wrong = writer.pick(("or", "nor")) if joiner == "and" else "and"
    tense: Tense = writer.pick(("past", "future"))
    as_subject = writer.chance(0.4)
    noun, verb, thing, second = _two_frames(writer, as_subject=as_subject)
    link = Tree("CC", word=joiner)
    pair = (noun, second) if as_subject else (thing, second)
    both = [
        writer.noun_phrase(one, writer.number(), role="part", determiner="the", bare=True).tree
        for one in pair
    ]
    features = {"role": "subject" if as_subject else "object", "number": "plural"}
    phrase = Tree("NP", (Tree("CC", word=opener), both[0], link, both[1]), features=features)
    single: NounPhrase = writer.noun_phrase(
        thing if as_subject else noun,
        writer.number(),
        role="object" if as_subject else "subject",
        bare=True,
    )
    subject, patient = (phrase, single.tree) if as_subject else (single.tree, phrase)
    vp = writer.verb_group(
        verb, tense, "plural", (patient, *writer.place()), adverb=writer.adverb()
    )
    clause = writer.clause_of(subject, vp, tense, patient=patient.features["number"])
    tree = writer.sentence(clause, joiners=("because", "although"))
    return writer.draft(tree, link, wrong)


def _two_frames(writer: Writer, *, as_subject: bool) -> tuple[Noun, Verb, Noun, Noun]:
    """Draw two frames of one verb that differ in the subject or in the object."""
    while True:
        noun, verb, thing = writer.object_frame(PERSONS)
        kind = THINGS if thing in THINGS else PERSONS
        second = writer.skewed(PERSONS if as_subject else kind)
        subject, patient = (second, thing) if as_subject else (noun, second)
        if second not in (noun, thing) and writer.fits(
            subject.singular, verb.base, patient.singular
        ):
            writer.note(subject.singular, verb.base, patient.singular)
            return noun, verb, thing, second
        writer.frames.clear()


def relative_pronoun(writer: Writer) -> SentenceDraft:
    """Who is for persons and which for things: the lamp *who the girl repaired."""
    tense: Tense = writer.pick(TENSES)
    number, inside = writer.number(), writer.number()
    things = writer.chance(0.5)
    verbs = OF_ANY + (OF_THINGS if things else OF_PERSONS)
    noun, verb, thing = writer.object_frame(
        PERSONS, verbs=verbs, objects=THINGS if things else PERSONS
    )
    on_subject = not things and writer.chance(0.5)
    word, wrong = ("which", "who") if things else ("who", "which")
    head, its = (noun, number) if on_subject else (thing, inside)
    relative = writer.relative(head, its, word=word)
    subject = writer.noun_phrase(
        noun, number, role="subject", after=relative if on_subject else None, bare=True
    )
    patient = writer.noun_phrase(
        thing, inside, role="object", after=None if on_subject else relative, bare=True
    )
    vp = writer.verb_group(verb, tense, number, (patient.tree,), adverb=writer.adverb())
    clause: Clause = writer.clause_of(subject.tree, vp, tense, patient=inside)
    leaf = relative.children[0].children[0]
    return writer.draft(writer.sentence(clause), leaf, wrong)
