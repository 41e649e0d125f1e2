"""English words that carry grammar rather than content.

Does: list them. Does not: know other languages; say `words = "all"` there.
"""

from __future__ import annotations

_DETERMINERS = (
    "a an the this that these those some any no every each either neither both all half such what "
    "which whose another other own same my your his her its our their"
)
_PRONOUNS = (
    "i me mine myself you yours yourself yourselves he him himself she hers herself it itself we "
    "us ours ourselves they them theirs themselves who whom one oneself there"
)
_VERBS = (
    "am is are was were be been being do does did done doing have has had having will would shall "
    "should can could may might must ought"
)
_PREPOSITIONS = (
    "of in to for on at by with from about as into through during before after above below between "
    "among against under over within without upon up down out off toward towards across behind "
    "beyond near until till since except per via onto"
)
_CONNECTIVES = (
    "and or but nor so yet if because although though while whereas unless than whether when where "
    "why how"
)
_ADVERBS = "not n't very too just only then once again here now more most less least also ever"

FUNCTION_WORDS: frozenset[str] = frozenset(
    " ".join((_DETERMINERS, _PRONOUNS, _VERBS, _PREPOSITIONS, _CONNECTIVES, _ADVERBS)).split()
)
"""Determiners, pronouns, auxiliaries, prepositions, conjunctions and the commonest adverbs."""


def is_content(word: str) -> bool:
    """Whether a word is made of letters and is none of these.

    >>> is_content("Film"), is_content("the"), is_content("3rd"), is_content("don't")
    (True, False, False, False)
    """
    return word.isalpha() and word.lower() not in FUNCTION_WORDS
