"""Other orders of the same words: what a derivation of the embedded grammar allows to stand first.

Does: move an adverbial or an auxiliary to the front, so that top constituents differ where words do
not. Does not: change who does what, or the lexical frame.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from kdprobe.tasks.grammar.lexicon import FREQUENCY_ADVERBS
from kdprobe.tasks.grammar.trees import Tree

_LICENSED = frozenset({"no", "any", "ever"})
_AUXILIARIES = ("will", "has", "have", "is", "are", "was", "were")


def reordered(tree: Tree, rng: random.Random) -> Tree:
    """Return the sentence in one of its other orders, each equally likely; itself if it has none.

    Definition: of a statement `S` of `NP`, `VP` and full stop one adverbial of the verb phrase
    (subordinate clause, place, time, sentence adverb) stands first, or the auxiliary does and makes
    a question. The words are the same but for the final mark.

    Args:
        tree: the derivation of an acceptable sentence, its first word capitalised.
        rng: only its `random()` is used.
    """
    orders = list(_orders(tree))
    return orders[int(rng.random() * len(orders))] if orders else tree


def _orders(tree: Tree) -> Iterator[Tree]:
    if tree.label != "S" or tree.top_constituents() != ("NP", "VP", "."):
        return
    # "Has no boy ever slept?" asks something else.
    if _LICENSED & {word.lower() for word in tree.words()}:
        return
    subject, phrase, stop = tree.children
    lower = _first_word(subject, str.lower)
    for adverbial in _adverbials(phrase):
        first = _first_word(adverbial, str.capitalize)
        parts = (first, lower, _without(phrase, adverbial), stop)
        yield Tree("S", parts, features=tree.features)
    auxiliary, *rest = phrase.children
    if auxiliary.word in _AUXILIARIES and len(rest) == 1:
        opened = _first_word(auxiliary, str.capitalize)
        question = (opened, lower, rest[0], Tree(".", word="?"))
        yield Tree("SQ", question, features=tree.features)


def _adverbials(phrase: Tree) -> Iterator[Tree]:
    """Yield what may stand first: adverbials of this verb phrase and of the one inside it."""
    for child in phrase.children:
        if child.label == "VP":
            yield from _adverbials(child)
        elif _can_stand_first(child):
            yield child


def _can_stand_first(phrase: Tree) -> bool:
    first = phrase.words()[0]
    if phrase.label == "SBAR":
        return first in ("because", "although")
    if phrase.label == "ADVP":
        return first not in FREQUENCY_ADVERBS
    return phrase.label in ("NP-TMP", "PP")


def _without(phrase: Tree, gone: Tree) -> Tree:
    # Parts are compared by identity: equal phrases stand in several places.
    kept = (child for child in phrase.children if child is not gone)
    children = tuple(_without(child, gone) if child.label == "VP" else child for child in kept)
    return replace(phrase, children=children)


def _first_word(tree: Tree, change: Callable[[str], str]) -> Tree:
    """Return the tree with its first word changed."""
    if not tree.children:
        return replace(tree, word=change(tree.word))
    first, *others = tree.children
    return replace(tree, children=(_first_word(first, change), *others))
