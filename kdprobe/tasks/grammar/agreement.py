"""Damage to the form of a word: number, gender, case and the form after an auxiliary.

Does: build one acceptable sentence for each phenomenon of morphology and plan its damage, always
one word in the place of another. Does not: choose phenomena; `grammar.py` does.

Every function takes the writer of one sentence. The damage is mirrored: what is put in where it is
wrong is as often in the acceptable sentences where it is right, so no word gives the label away.
"""

from __future__ import annotations

from kdprobe.tasks.grammar.clauses import Clause, SentenceDraft, Writer
from kdprobe.tasks.grammar.lexicon import (
    ACCUSATIVE,
    INTRANSITIVE,
    MEN,
    NOMINATIVE,
    OF_ANY,
    OF_PERSONS,
    PERSONS,
    REFLEXIVE,
    REFLEXIVES,
    THAT_CLAUSE,
    WOMEN,
    Noun,
    Number,
    Tense,
    finite_form,
)
from kdprobe.tasks.grammar.phrases import TENSES, NounPhrase, opposite
from kdprobe.tasks.grammar.trees import Tree

PRESENT_OR_PAST: tuple[Tense, ...] = ("present", "past")
PAST_OR_FUTURE: tuple[Tense, ...] = ("past", "future")
GROUPS = ("male", "female", "plural")
# "sleep" is also a noun: "the boys have sleep" would be English.
PLAIN_INTRANSITIVE = tuple(verb for verb in INTRANSITIVE if verb.base != "sleep")


def subject_verb_agreement(writer: Writer) -> SentenceDraft:
    """The verb agrees with the noun right before it: the boy *sleep."""
    return _agreement(writer, attractor=False)


def agreement_attractor(writer: Writer) -> SentenceDraft:
    """The verb agrees across a noun of the other number: the boy near the trees *sleep."""
    return _agreement(writer, attractor=True)


def _agreement(writer: Writer, *, attractor: bool) -> SentenceDraft:
    tense: Tense = "present" if writer.chance(0.75) else "perfect"
    number = writer.number()
    noun, group, patient = writer.predicate(PERSONS, tense, number)
    after = None
    if attractor and writer.chance(0.6):
        after = writer.beside(noun, opposite(number))
    elif attractor:
        after = writer.relative(noun, number, other=opposite(number))
    subject = writer.noun_phrase(noun, number, role="subject", after=after, bare=True)
    clause = writer.clause_of(subject.tree, group, tense, patient=patient)
    wrong = {"has": "have", "have": "has", "is": "are", "are": "is"}.get(clause.finite.word)
    if wrong is None:
        wrong = _other_present(clause.finite.word, number)
    return writer.draft(writer.sentence(clause), clause.finite, wrong)


def _other_present(word: str, number: Number) -> str:
    """Turn a regular present form into that of the other number."""
    if number == "singular":
        return word[:-2] if word.endswith(("shes", "xes")) else word[:-1]
    return f"{word}es" if word.endswith(("sh", "x")) else f"{word}s"


def members(group: str) -> tuple[tuple[Noun, ...], Number]:
    """Return the nouns and the number of an antecedent of this gender or in the plural."""
    if group == "plural":
        return PERSONS, "plural"
    return (MEN if group == "male" else WOMEN), "singular"


def antecedent(writer: Writer, number: Number) -> str:
    """Draw a determiner: "every queen" could be taken up by "themselves"."""
    return writer.pick(("the", "this")) if number == "singular" else ""


def _that(clause: Clause) -> Tree:
    return Tree("SBAR", (Tree("IN", word="that"), clause.tree))


def _other_group(writer: Writer, group: str) -> str:
    return writer.pick([other for other in GROUPS if other != group])


def reflexive_agreement(writer: Writer) -> SentenceDraft:
    """A reflexive agrees with its subject in gender and number: the boy admires *herself."""
    group, tense = writer.pick(GROUPS), writer.pick(TENSES)
    nouns, number = members(group)
    noun, verb = writer.plain_frame(nouns, REFLEXIVE, "self")
    itself = Tree("PRP", word=REFLEXIVES[group])
    phrase = Tree("NP", (itself,), features={"role": "object", "number": number})
    vp = writer.verb_group(verb, tense, number, (phrase, *writer.place()), adverb=writer.adverb())
    after = writer.modifier(noun, number) if writer.chance(0.3) else None
    subject = writer.noun_phrase(
        noun, number, role="subject", determiner=antecedent(writer, number), after=after
    )
    clause = writer.clause_of(subject.tree, vp, tense, patient=number)
    return writer.draft(writer.sentence(clause), itself, REFLEXIVES[_other_group(writer, group)])


def reflexive_binding(writer: Writer) -> SentenceDraft:
    """A reflexive belongs to the nearest subject: the girl says that the boys admire *herself."""
    inner = writer.pick(GROUPS)
    outer = _other_group(writer, inner)
    nouns, number = members(outer)
    speaker, says = writer.plain_frame(nouns, THAT_CLAUSE, "clause")
    tense: Tense = writer.pick(PRESENT_OR_PAST)
    subject = writer.noun_phrase(speaker, number, role="subject", bare=True)
    others, inside = members(inner)
    noun, verb = writer.plain_frame(others, REFLEXIVE, "self")
    itself = Tree("PRP", word=REFLEXIVES[inner])
    phrase = Tree("NP", (itself,), features={"role": "object", "number": inside})
    below: Tense = writer.pick(TENSES)
    lower = writer.noun_phrase(
        noun, inside, role="subject", determiner=antecedent(writer, inside), bare=True
    )
    vp = writer.verb_group(verb, below, inside, (phrase, *writer.place()))
    that = _that(writer.clause_of(lower.tree, vp, below, patient=inside))
    clause = writer.clause_of(subject.tree, writer.verb_group(says, tense, number, (that,)), tense)
    return writer.draft(writer.sentence(clause), itself, REFLEXIVES[outer])


def determiner_noun(writer: Writer) -> SentenceDraft:
    """A determiner and its noun agree in number: these red *lamp."""
    number, tense = writer.number(), writer.pick(PAST_OR_FUTURE)
    subject_noun, verb, thing = writer.object_frame(PERSONS)
    as_subject = writer.chance(0.3)
    noun = subject_noun if as_subject else thing
    phrase = writer.noun_phrase(
        noun,
        number,
        role="subject" if as_subject else "object",
        marked=True,
        bare=True,
    )
    other = writer.number()
    rest: NounPhrase
    if as_subject:
        rest = writer.noun_phrase(thing, other, role="object")
        subject, patient = phrase, rest
    else:
        rest = writer.noun_phrase(subject_noun, other, role="subject")
        subject, patient = rest, phrase
    vp = writer.verb_group(
        verb, tense, subject.number, (patient.tree, *writer.place()), adverb=writer.adverb()
    )
    clause = writer.clause_of(subject.tree, vp, tense, patient=patient.number)
    return writer.draft(writer.sentence(clause), phrase.head, noun.form(opposite(number)))


def verb_form(writer: Writer) -> SentenceDraft:
    """An auxiliary takes its own form of the verb: the boy will *slept, the boy has *sleep."""
    tense: Tense = writer.pick(("future", "perfect"))
    wrong: Tense = "perfect" if tense == "future" else "future"
    number = writer.number()
    if writer.chance(0.4):
        noun, verb = writer.plain_frame(PERSONS, PLAIN_INTRANSITIVE, "none")
        rest, patient = writer.place(), "none"
    else:
        noun, verb, thing = writer.object_frame(PERSONS)
        phrase = writer.noun_phrase(thing, writer.number(), role="object")
        rest, patient = (phrase.tree, *writer.place()), phrase.number
    vp = writer.verb_group(verb, tense, number, rest, adverb=writer.adverb())
    subject = writer.noun_phrase(noun, number, role="subject")
    clause = writer.clause_of(subject.tree, vp, tense, patient=patient)
    return writer.draft(writer.sentence(clause), clause.finite, finite_form(verb, wrong, number))


def pronoun_case(writer: Writer) -> SentenceDraft:
    """A pronoun has the case of its place: the boy admires *he, the boy says that *him slept."""
    group = writer.pick(GROUPS)
    place = writer.rng.random()
    number: Number = "plural" if group == "plural" else "singular"
    word = NOMINATIVE[group]
    if place < 0.5:
        return _object_pronoun(writer, word, number)
    # Only tenses whose verb cannot be read as a noun: "and her smiles" would be English.
    tense: Tense = writer.pick(("past", "perfect", "future"))
    vp, patient = writer.pronoun_predicate(word, tense, number)
    leaf = Tree("PRP", word=word)
    subject = Tree("NP", (leaf,), features={"role": "subject", "number": number})
    if place < 0.75:
        inner = _that(writer.clause_of(subject, vp, tense, patient=patient))
        outer, above = writer.number(), writer.pick(PRESENT_OR_PAST)
        kept = len(writer.frames)
        speaker, says = writer.plain_frame(PERSONS, THAT_CLAUSE, "clause")
        writer.main_first(kept)
        phrase = writer.noun_phrase(speaker, outer, role="subject")
        group_of = writer.verb_group(says, above, outer, (inner,))
        clause = writer.clause_of(phrase.tree, group_of, above)
        return writer.draft(writer.sentence(clause), leaf, ACCUSATIVE[word])
    clause = writer.clause_of(subject, vp, tense, patient=patient)
    tree = writer.sentence(clause, behind=False, always=True)
    return writer.draft(tree, leaf, ACCUSATIVE[word])


def _object_pronoun(writer: Writer, word: str, number: Number) -> SentenceDraft:
    tense: Tense = writer.pick(TENSES)
    outer = writer.number()
    noun, verb = writer.plain_frame(PERSONS, OF_ANY + OF_PERSONS, word)
    leaf = Tree("PRP", word=ACCUSATIVE[word])
    patient = Tree("NP", (leaf,), features={"role": "object", "number": number})
    vp = writer.verb_group(verb, tense, outer, (patient, *writer.place()), adverb=writer.adverb())
    subject = writer.noun_phrase(noun, outer, role="subject")
    clause = writer.clause_of(subject.tree, vp, tense, patient=number)
    return writer.draft(writer.sentence(clause), leaf, word)
