"""What trees tell of a sentence: the labels of all probing tasks.

Does: read depth, top constituents, tense, numbers and coordinate clauses off constituency trees.
Does not: read dependencies (`dependency_facts.py`) or derivations of the embedded grammar
(`grammar_facts.py`), choose sentences or balance classes (`probing_build.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kdprobe.tasks.grammar.trees import Tree

_NUMBER = {"NN": "NN", "NNS": "NNS"}
_TENSE = {"VBD": "PAST", "VBZ": "PRES", "VBP": "PRES"}
_FORMS = "be am is are was were been being 's 're 'm have has had 've 'd do does did"
_AUXILIARY = frozenset(_FORMS.split())
_OPEN = ("NN", "NNS", "VB", "VBD", "VBG", "VBN", "VBP", "VBZ")


class MarkedForm(NamedTuple):
    """A label and the inflected word that shows it."""

    label: str
    form: str


class Slot(NamedTuple):
    """A place for one word: words of the other side of the same kind cannot stand there."""

    kind: str
    side: int


@dataclass(frozen=True)
class Facts:
    """One sentence and what its analysis says; None where it says nothing.

    Args:
        words: its words.
        tags: part of speech of each word; empty where the word must not be replaced.
        depth: nodes on the longest way from the root to a part of speech.
        top: labels below the root joined by `_`.
        tense: `PAST` or `PRES` of the main verb.
        subject, object: `NN` (singular) or `NNS` of the main clause's nouns.
        coordinate: the sentence to show as original of an exchange of clauses (mostly `words`).
        inverted: the same with its two clauses exchanged.
        odd: position -> what may stand there; None: not known, words of the same tag are exchanged.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    depth: int | None = None
    top: str | None = None
    tense: MarkedForm | None = None
    subject: MarkedForm | None = None
    object: MarkedForm | None = None
    coordinate: tuple[str, ...] | None = None
    inverted: tuple[str, ...] | None = None
    odd: Mapping[int, Slot] | None = None

    @property
    def text(self) -> str:
        """The words joined with blanks."""
        return " ".join(self.words)


def facts_of_tree(tree: Tree) -> Facts:
    """Read the facts off a Penn tree without function tags."""
    leaves = list(tree.leaves())
    words = tuple(leaf.word for leaf in leaves)
    pair = _exchange(tree)
    return Facts(
        words=words,
        tags=tuple(
            leaf.label if leaf.label in _OPEN and leaf.word.lower() not in _AUXILIARY else ""
            for leaf in leaves
        ),
        depth=tree.depth(),
        top="_".join(tree.top_constituents()),
        tense=_tense(tree),
        subject=_number(_subject(tree)),
        object=_number(_object(tree)),
        coordinate=None if pair is None else words,
        inverted=pair,
    )


def _main_phrase(tree: Tree) -> Tree | None:
    """The verb phrase of a plain sentence; None for questions, fragments and coordinations."""
    phrases = [child for child in tree.children if child.label == "VP"]
    return phrases[0] if tree.label == "S" and len(phrases) == 1 else None


def _tense(tree: Tree) -> MarkedForm | None:
    phrase = _main_phrase(tree)
    if phrase is None or any(child.label in ("VP", "CC") for child in phrase.children):
        return None
    for child in phrase.children:
        if child.label in _TENSE and child.word.lower() not in _AUXILIARY:
            return MarkedForm(_TENSE[child.label], child.word.lower())
        if child.word and child.label != "RB":
            return None
    return None


def _subject(tree: Tree) -> Tree | None:
    if _main_phrase(tree) is None:
        return None
    before: Tree | None = None
    for child in tree.children:
        if child.label == "VP":
            return before
        before = child if child.label == "NP" else before
    return None


def _object(tree: Tree) -> Tree | None:
    phrase = _main_phrase(tree)
    while phrase is not None:
        inner = [child for child in phrase.children if child.label == "VP"]
        if len(inner) > 1:
            return None
        if not inner:
            break
        phrase = inner[0]
    if phrase is None or any(leaf.word.lower() in _AUXILIARY for leaf in phrase.children):
        return None
    nouns = [child for child in phrase.children if child.label == "NP"]
    return nouns[0] if len(nouns) == 1 else None


def _number(phrase: Tree | None) -> MarkedForm | None:
    """The number of a noun phrase: of its last common noun, coordinations left out."""
    while phrase is not None and any(child.label == "NP" for child in phrase.children):
        if any(child.label in ("CC", "CONJP", ",") for child in phrase.children):
            return None
        phrase = next(child for child in phrase.children if child.label == "NP")
    if phrase is None or any(child.label == "CC" for child in phrase.children):
        return None
    last = phrase.children[-1] if phrase.children else phrase
    return MarkedForm(_NUMBER[last.label], last.word.lower()) if last.label in _NUMBER else None


def exchanged(
    first: Sequence[str],
    between: Sequence[str],
    second: Sequence[str],
    after: Sequence[str],
    *,
    proper: bool,
) -> tuple[str, ...]:
    """Put the second clause before the first; capitals move with the sentence's beginning.

    `proper` says whether the first clause opens with a proper noun, which keeps its capital.

    >>> exchanged(["He", "ran"], [",", "and"], ["she", "slept"], ["."], proper=False)
    ('She', 'slept', ',', 'and', 'he', 'ran', '.')
    """
    head, *rest = first
    keep = proper or head == "I" or head.isupper()
    lowered = head if keep else head[:1].lower() + head[1:]
    opened = second[0][:1].upper() + second[0][1:]
    return (opened, *second[1:], *between, lowered, *rest, *after)


def _exchange(tree: Tree) -> tuple[str, ...] | None:
    """Exchange the two coordinate clauses of `S (,) CC S .`; None for other sentences."""
    labels = [child.label for child in tree.children]
    plain = [label for label in labels if label not in (",", ".", "``", "''")]
    if plain != ["S", "CC", "S"] or labels[0] != "S" or "``" in labels or "''" in labels:
        return None
    clauses = [child for child in tree.children if child.label == "S"]
    at = labels.index("S", 1)
    between = [word for child in tree.children[1:at] for word in child.words()]
    after = [word for child in tree.children[at + 1 :] for word in child.words()]
    proper = next(clauses[0].leaves()).label in ("NNP", "NNPS")
    return exchanged(clauses[0].words(), between, clauses[1].words(), after, proper=proper)
