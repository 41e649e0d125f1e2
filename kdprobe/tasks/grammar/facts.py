"""What a derivation of the embedded grammar tells a probing task: labels exact by construction.

Does: read the facts off derivations, name the places where a word of another kind cannot stand, and
derive coordinations whose order can be told. Does not: build sets; `probing_build.py` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from kdprobe.seeds import derive_seed
from kdprobe.tasks.grammar.agreement import GROUPS, antecedent, members
from kdprobe.tasks.grammar.clauses import Clause, Writer
from kdprobe.tasks.grammar.lexicon import (
    FREQUENCY_ADVERBS,
    INTRANSITIVE,
    NOMINATIVE,
    OF_ANY,
    OF_PERSONS,
    STRICT,
    TRANSITIVE,
    Noun,
    Number,
    Verb,
)
from kdprobe.tasks.grammar.phrases import TENSES
from kdprobe.tasks.grammar.trees import Derivation, Tree
from kdprobe.tasks.probing.facts import Facts, MarkedForm, Slot, facts_of_tree

_NUMBER = {"singular": "NN", "plural": "NNS"}
_SIDES = {"things": 0, "persons": 1}
_VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        form: verb
        for verb in (*TRANSITIVE, *INTRANSITIVE)
        for form in (verb.base, verb.third, verb.past)
    }
)


def facts_of_derivation(sentence: Derivation) -> Facts:
    """Read the facts off a derivation of the embedded grammar.

    Tense and numbers are those the derivation decided; what shows them stands in the tree. Tense is
    not asked where a time adverbial would tell it.
    """
    tree = sentence.tree
    plain = facts_of_tree(tree)
    decided = tree.features
    single = decided.get("clauses") == "1" or decided.get("joined") == "subordination"
    timed = sentence.phenomenon == "tense_adverb"
    tense = None if timed else {"past": "PAST", "present": "PRES"}.get(decided.get("tense", ""))
    return replace(
        plain,
        tense=MarkedForm(tense, plain.tense.form) if plain.tense and tense and single else None,
        subject=_decided(plain.subject, _NUMBER.get(decided.get("subject", "")), single),
        object=_decided(plain.object, _NUMBER.get(decided.get("object", "")), single),
        coordinate=None,
        inverted=None,
        odd=_slots(tree),
    )


def _decided(shown: MarkedForm | None, label: str | None, single: bool) -> MarkedForm | None:
    return MarkedForm(label, shown.form) if shown and label and single else None


def _slots(tree: Tree) -> Mapping[int, Slot]:
    """Name the places of main clauses where the lexicon says what may stand.

    Definition: `object`, a bare object noun, and `verb`, its verb: verbs whose objects are things
    (side 0) or persons (1). `valency`, the verb of a single clause in past or future: without an
    object (0), or one that cannot do without it (1).
    """
    clauses = [child for child in tree.children if child.label == "S"]
    if not clauses and tree.label == "S":
        clauses = [tree]
    slots: dict[int, Slot] = {}
    for clause in clauses:
        # Leaves are compared by identity: equal words stand in several places.
        slots |= {id(leaf): slot for leaf, slot in _clause_slots(clause)}
    places = {k: slots.get(id(leaf)) for k, leaf in enumerate(tree.leaves())}
    return MappingProxyType({k: slot for k, slot in places.items() if slot is not None})


def _clause_slots(clause: Tree) -> Iterator[tuple[Tree, Slot]]:
    phrase = next((child for child in clause.children if child.label == "VP"), None)
    while phrase is not None:
        inner = next((child for child in phrase.children if child.label == "VP"), None)
        if inner is None:
            break
        phrase = inner
    if phrase is None:
        return
    leaf = next((child for child in phrase.children if child.word in _VERBS), None)
    if leaf is None:
        return
    verb = _VERBS[leaf.word]
    patient = next((child for child in phrase.children if child.label == "NP"), None)
    nouns = patient is not None and patient.features.get("role") == "object"
    side = _SIDES.get(verb.objects)
    if patient is not None and nouns and side is not None and "PRP" not in _labels(patient):
        yield leaf, Slot("verb", side)
        if _labels(patient) in (["DT", "NN"], ["DT", "NNS"]) and not _article(patient):
            yield patient.children[1], Slot("object", side)
    elif _asks_for_arguments(clause):
        if verb in INTRANSITIVE and patient is None:
            yield leaf, Slot("valency", 0)
        elif verb in STRICT and nouns:
            yield leaf, Slot("valency", 1)


def _labels(phrase: Tree) -> list[str]:
    return [child.label for child in phrase.children]


def _article(phrase: Tree) -> bool:
    """Return whether "a" or "an" opens the phrase, which would tell of another noun."""
    return phrase.children[0].word in ("a", "an")


def _asks_for_arguments(clause: Tree) -> bool:
    """Return whether a missing object is felt: general statements may leave it out."""
    return (
        clause.features.get("clauses") == "1"
        and clause.features.get("tense") != "present"
        and not set(clause.words()) & {*FREQUENCY_ADVERBS}
    )


def coordinations(part: str, *, size: int, seed: int) -> Iterator[Facts]:
    """Derive coordinations of two clauses of which only the whole tells the order.

    Definition: three groups (he, she, they) in a random order x, y, z; the first clause has the
    pronoun of x and a noun of y, the second takes y up with its pronoun and has a noun of z: "He
    admires the queen and she thanks the boys". Exchanged, no pronoun finds its noun before it.
    Pronouns, nouns, verbs and what follows them are drawn alike for both clauses, so neither words
    nor neighbouring words tell the order.
    """
    rng = random.Random(derive_seed(seed, "grammar", "coordinations", part))
    texts: set[str] = set()
    while len(texts) < size:
        facts = facts_of_tree(_taken_up(Writer(rng, part)).capitalised())
        if facts.text not in texts:
            texts.add(facts.text)
            # Shallow for their length: their words would tell the depth.
            yield replace(facts, depth=None, tense=None, subject=None, object=None, odd={})


def _taken_up(writer: Writer) -> Tree:
    left = list(GROUPS)
    x, y, z = (left.pop(int(writer.rng.random() * len(left))) for _ in GROUPS)
    first, second = _pronoun_clause(writer, x, y), _pronoun_clause(writer, y, z)
    return writer.join(first, second, joiner=writer.pick(("and", "but")), swap=False)


def _pronoun_clause(writer: Writer, subject: str, patient: str) -> Clause:
    word = NOMINATIVE[subject]
    nouns, number = members(patient)
    verb, noun = _pronoun_frame(writer, word, nouns)
    phrase = writer.noun_phrase(
        noun, number, role="object", determiner=antecedent(writer, number), bare=True
    )
    tense = writer.pick(TENSES)
    agreeing: Number = "plural" if subject == "plural" else "singular"
    group = writer.verb_group(
        verb, tense, agreeing, (phrase.tree, *writer.place()), adverb=writer.adverb()
    )
    features = {"role": "subject", "number": agreeing}
    pronoun = Tree("NP", (Tree("PRP", word=word),), features=features)
    return writer.clause_of(pronoun, group, tense, patient=phrase.number)


def _pronoun_frame(writer: Writer, word: str, nouns: tuple[Noun, ...]) -> tuple[Verb, Noun]:
    while True:
        verb, noun = writer.skewed(OF_ANY + OF_PERSONS), writer.skewed(nouns)
        if writer.fits(word, verb.base, noun.singular):
            writer.note(word, verb.base, noun.singular)
            return verb, noun
