"""What Universal Dependencies tell of a sentence: eight of the ten probing tasks.

Does: read tense, numbers, exchangeable words and coordinate clauses off a dependency sentence. Does
not: give depth or top constituents, which ask for constituents that dependencies do not have.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.tasks.probing.facts import Facts, MarkedForm, exchanged
from kdprobe.tasks.probing.treebank import UdWord

_KEYS = ("Number", "VerbForm", "Tense", "Person", "Mood", "Case", "Gender")
_TENSE = {"Past": "PAST", "Pres": "PRES"}
_NUMBER = {"Sing": "NN", "Plur": "NNS"}
_SUBJECTS = ("nsubj", "csubj")


def facts_of_dependencies(sentence: Sequence[UdWord]) -> Facts:
    """Read the facts that Universal Dependencies support: no depth and no constituents."""
    root = next((at for at, word in enumerate(sentence, 1) if word.head == 0), 0)
    words = tuple(word.form for word in sentence)
    pair = _exchange(sentence, root)
    return Facts(
        words=words,
        tags=tuple(
            "|".join((word.upos, *(word.features.get(key, "") for key in _KEYS)))
            if word.upos in ("NOUN", "VERB")
            else ""
            for word in sentence
        ),
        tense=_tense(sentence[root - 1]) if root else None,
        subject=_number(sentence, root, "nsubj"),
        object=_number(sentence, root, "obj"),
        coordinate=None if pair is None else words,
        inverted=pair,
    )


def _tense(main: UdWord) -> MarkedForm | None:
    if main.upos != "VERB" or main.features.get("VerbForm") != "Fin":
        return None
    label = _TENSE.get(main.features.get("Tense", ""))
    return MarkedForm(label, main.form.lower()) if label else None


def _number(sentence: Sequence[UdWord], root: int, relation: str) -> MarkedForm | None:
    related = [word for word in sentence if word.head == root and word.relation == relation]
    if len(related) != 1 or related[0].upos != "NOUN" or not root:
        return None
    label = _NUMBER.get(related[0].features.get("Number", ""))
    return MarkedForm(label, related[0].form.lower()) if label else None


def _exchange(sentence: Sequence[UdWord], root: int) -> tuple[str, ...] | None:
    """Exchange the two coordinate clauses of a sentence that is nothing else.

    Definition: the root and its only `conj` have a subject of their own each; what hangs on the
    `conj` is one stretch that opens with (a comma and) the conjunction; only punctuation follows.
    """
    second = [
        at for at, word in enumerate(sentence, 1) if (word.head, word.relation) == (root, "conj")
    ]
    if not root or len(second) != 1:
        return None
    if not all(
        any(word.head == verb and word.relation in _SUBJECTS for word in sentence)
        for verb in (root, second[0])
    ):
        return None
    below = [at for at in range(1, len(sentence) + 1) if _hangs_on(sentence, at, second[0])]
    joiner = next((at for at in below if sentence[at - 1].relation == "cc"), 0)
    opening = [at for at in below if at < joiner]
    end = below[-1]
    if (
        not joiner
        or below != list(range(below[0], end + 1))
        or any(sentence[at - 1].relation != "punct" for at in opening)
        or any(word.relation != "punct" for word in sentence[end:])
        or sentence[joiner - 1].head != second[0]
        or joiner == end
        or below[0] == 1
    ):
        return None
    forms = [word.form for word in sentence]
    if any(form in forms for form in ('"', "``", "''", "“", "(")):
        return None
    return exchanged(
        forms[: below[0] - 1],
        forms[below[0] - 1 : joiner],
        forms[joiner:end],
        forms[end:],
        proper=sentence[0].upos == "PROPN",
    )


def _hangs_on(sentence: Sequence[UdWord], at: int, head: int) -> bool:
    """Return whether the head is this word or above it; heads run in no circle."""
    while at and at != head:
        at = sentence[at - 1].head
    return at == head
