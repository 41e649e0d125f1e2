"""The words of the embedded grammar and the parts into which its lexical frames fall.

Does: list nouns, verbs and the rest with every form they take, and say to which split a frame
(subject, verb, object) belongs. Does not: combine words.

The lists are chosen so that damage cannot yield another good sentence: no noun has equal singular
and plural, the intransitive verbs take no object in any reading and the transitive ones cannot do
without, singular antecedents of reflexives have an unmistakable gender.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Literal

Number = Literal["singular", "plural"]
Tense = Literal["present", "past", "future", "perfect"]
Kind = Literal["male", "female", "person", "thing"]

PARTS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Noun:
    """A count noun: its two forms and what it names."""

    singular: str
    plural: str
    kind: Kind

    def form(self, number: Number) -> str:
        """Return the form of this number."""
        return self.singular if number == "singular" else self.plural


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its forms (the participle is the past form) and what its object may be."""

    base: str
    third: str
    past: str
    objects: Literal["none", "any", "persons", "things", "clause"]


def _nouns(kind: Kind, words: str) -> tuple[Noun, ...]:
    pairs = [word.partition("/") for word in words.split()]
    return tuple(Noun(one, many or f"{one}s", kind) for one, _, many in pairs)


def _third(base: str) -> str:
    return f"{base}es" if base.endswith(("sh", "x")) else f"{base}s"


def _verbs(
    objects: Literal["none", "any", "persons", "things", "clause"], words: str
) -> tuple[Verb, ...]:
    verbs = []
    for word in words.split():
        base, _, past = word.partition("/")
        regular = f"{base}d" if base.endswith("e") else f"{base}ed"
        verbs.append(Verb(base, _third(base), past or regular, objects))
    return tuple(verbs)


MEN = _nouns("male", "boy man/men king uncle prince")
WOMEN = _nouns("female", "girl woman/women queen aunt actress/actresses")
NEUTRAL = _nouns("person", "teacher doctor farmer artist lawyer student singer")
# Common words first: words are drawn the likelier the earlier they stand.
PERSONS = (
    *(noun for three in zip(MEN, WOMEN, NEUTRAL, strict=False) for noun in three),
    *NEUTRAL[5:],
)
THINGS = _nouns(
    "thing", "lamp clock bicycle painting letter bottle basket ladder mirror car statue boat"
)
PLACES = ("garden", "park", "house", "kitchen", "market", "library", "school", "theater")

INTRANSITIVE = _verbs(
    "none", "sleep/slept arrive smile laugh yawn sneeze hesitate faint blush stumble shiver giggle"
)
OF_ANY = _verbs("any", "admire dislike describe avoid praise ignore mention discover")
OF_PERSONS = _verbs("persons", "thank blame greet")
OF_THINGS = _verbs("things", "repair damage own fix destroy")
TRANSITIVE = (
    OF_ANY[:2] + OF_THINGS[:2] + OF_PERSONS[:1] + OF_ANY[2:] + OF_THINGS[2:] + OF_PERSONS[1:]
)
REFLEXIVE = tuple(
    verb
    for verb in TRANSITIVE
    if verb.base in ("admire", "praise", "describe", "blame", "dislike", "ignore")
)
# Verbs that cannot stand without their object even in a general statement ("praise" can).
STRICT = tuple(
    verb
    for verb in TRANSITIVE
    if verb.base
    in (
        "avoid",
        "damage",
        "describe",
        "discover",
        "dislike",
        "fix",
        "greet",
        "mention",
        "own",
        "thank",
    )
)
THAT_CLAUSE = _verbs("clause", "say/said think/thought believe claim hope")
WH_CLAUSE = _verbs("clause", "know/knew remember reveal forget/forgot")
BE = Verb("be", "is", "been", "none")

PERSON_ADJECTIVES = ("old", "young", "tall", "clever", "famous", "happy", "proud", "rich")
THING_ADJECTIVES = ("old", "small", "red", "green", "heavy", "expensive", "strange", "famous")
FREQUENCY_ADVERBS = ("often", "always", "sometimes")
SENTENCE_ADVERBS = ("probably", "certainly", "clearly")
PREPOSITIONS = ("near", "behind", "beside")
SINGULAR_DETERMINERS = ("this", "that", "a", "every")
PLURAL_DETERMINERS = ("these", "those", "many", "several")
TIME_SPANS = ("week", "month", "year")

NOMINATIVE = {"male": "he", "female": "she", "plural": "they"}
ACCUSATIVE = {"he": "him", "she": "her", "they": "them"}
REFLEXIVES = {"male": "himself", "female": "herself", "plural": "themselves"}


def finite_form(verb: Verb, tense: Tense, number: Number) -> str:
    """Return the word of the verb group that carries tense and number.

    >>> sleep = INTRANSITIVE[0]
    >>> [finite_form(sleep, tense, "singular") for tense in ("present", "past", "future")]
    ['sleeps', 'slept', 'will']
    >>> finite_form(BE, "past", "plural"), finite_form(sleep, "perfect", "plural")
    ('were', 'have')
    """
    one = number == "singular"
    if tense == "future":
        return "will"
    if tense == "perfect":
        return "has" if one else "have"
    if verb is BE:
        forms = ("is", "are") if tense == "present" else ("was", "were")
        return forms[0] if one else forms[1]
    if tense == "past":
        return verb.past
    return verb.third if one else verb.base


@cache
def part_of(subject: str, verb: str, complement: str) -> str:
    """Return which split the frame belongs to: 70 % of frames train, 15 % dev, 15 % test.

    Definition: SHA-256 of the three words decides, so no size or seed moves a frame.

    >>> part_of("boy", "repair", "lamp") in PARTS
    True
    """
    text = "\0".join((subject, verb, complement))
    share = hashlib.sha256(text.encode()).digest()[0]
    if share < 180:
        return "train"
    return "dev" if share < 218 else "test"


def frame_part(frame: str) -> str:
    """Return which split a recorded frame (`boy-repair-lamp`) belongs to.

    >>> frame_part("boy-repair-lamp") == part_of("boy", "repair", "lamp")
    True
    """
    subject, verb, complement = frame.split("-")
    return part_of(subject, verb, complement)
