"""Probing tasks that change half of the sentences (Conneau et al. 2018).

Does: exchange neighbouring words, replace a word, exchange clauses; no sentence stands in both its
forms. Does not: choose the sentences' parts.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from kdprobe.tasks.probing_balance import Build, Made, balanced, form_part
from kdprobe.tasks.probing_facts import Facts
from kdprobe.tasks.probing_sets import PARTS

_FINAL = (".", "?", "!")
_TRIES = 30


def _changed(build: Build, change: Callable[[str, Facts], Sequence[str] | None]) -> dict[str, Made]:
    """Change every other sentence that can be changed; give part -> `O`/`C` -> sentences."""
    found: dict[str, Made] = {}
    for part in PARTS:
        kept: list[str] = []
        damaged: list[str] = []
        for facts in build.shuffled(build.parts[part]):
            other = change(part, facts)
            if other is None:
                continue
            if len(kept) <= len(damaged):
                kept.append(facts.text)
            else:
                damaged.append(" ".join(other))
            if len(kept) + len(damaged) >= build.sizes[part]:
                break
        found[part] = {"O": [("O", t) for t in kept], "C": [("C", t) for t in damaged]}
    return found


def _two_classes(build: Build, found: Mapping[str, Made], changed: str) -> Made:
    texts = {
        part: {
            "O": [text for _, text in made["O"]],
            changed: [text for _, text in made["C"]],
        }
        for part, made in found.items()
    }
    return balanced(build, texts)


def shift(build: Build) -> Made:
    """Two neighbouring words exchanged in half of the sentences; the final mark stays."""

    def change(part: str, facts: Facts) -> Sequence[str] | None:
        words = list(facts.words)
        last = len(words) - 1 - (words[-1] in _FINAL)
        places = [k for k in range(last) if words[k].lower() != words[k + 1].lower()]
        if not places:
            return None
        at = places[int(build.rng.integers(len(places)))]
        words[at], words[at + 1] = words[at + 1], words[at]
        return words

    return _two_classes(build, _changed(build, change), "I")


def odd(build: Build) -> Made:
    """A noun or verb replaced by another of its tag in half of the sentences.

    Of up to thirty candidates of the part's own the one whose bigrams with both neighbours are
    about as frequent as the old word's is taken.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    stock: dict[str, dict[str, set[str]]] = {part: defaultdict(set) for part in PARTS}
    for rows in build.parts.values():
        for facts in rows:
            lower = [word.lower() for word in facts.words]
            pairs.update(pairwise(lower))
            for tag, word in zip(facts.tags, lower, strict=True):
                if tag:
                    stock[form_part(word, build.seed)][tag].add(word)
    ordered = {
        part: {tag: sorted(words) for tag, words in by.items()} for part, by in stock.items()
    }

    def frequency(words: Sequence[str], at: int, word: str) -> tuple[float, float]:
        before = words[at - 1].lower() if at else ""
        after = words[at + 1].lower() if at + 1 < len(words) else ""
        return math.log1p(pairs[before, word]), math.log1p(pairs[word, after])

    def change(part: str, facts: Facts) -> Sequence[str] | None:
        places = sorted(facts.odd) or [k for k, tag in enumerate(facts.tags) if tag]
        places = [k for k in places if k]  # the capital of a first word would tell
        if not places:
            return None
        at = places[int(build.rng.integers(len(places)))]
        old = facts.words[at].lower()
        pool: Sequence[str] = ordered[part].get(facts.tags[at], ())
        if at in facts.odd:
            pool = [word for word in facts.odd[at] if form_part(word, build.seed) == part]
        if not pool:
            return None
        drawn = {pool[k] for k in build.rng.integers(len(pool), size=_TRIES).tolist()} - {old}
        if not drawn:
            return None
        own = frequency(facts.words, at, old)
        best = min(
            sorted(drawn),
            key=lambda word: sum(
                abs(x - y) for x, y in zip(frequency(facts.words, at, word), own, strict=True)
            ),
        )
        return (*facts.words[:at], best, *facts.words[at + 1 :])

    return _two_classes(build, _changed(build, change), "C")


def inversion(build: Build) -> Made:
    """The two clauses of a coordination exchanged in half of the sentences."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in PARTS:
        usable = build.shuffled([f for f in build.parts[part] if f.inverted and f.coordinate])
        half = len(usable) // 2
        found[part] = {
            "O": [" ".join(f.coordinate or ()) for f in usable[:half]],
            "I": [" ".join(f.inverted or ()) for f in usable[half : 2 * half]],
        }
    return balanced(build, found)
