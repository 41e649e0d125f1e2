"""Odd man out: a noun or verb replaced by another that does not fit (Conneau et al. 2018).

Does: let the sentences of one class exchange words, so that no count of words tells the classes
apart. Does not: say what may stand where; `grammar_facts.py` does for the embedded grammar.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from kdprobe.tasks.probing.balance import Build, Made, Row, form_parts
from kdprobe.tasks.probing.facts import Facts
from kdprobe.tasks.probing.sets import PARTS

_TRIES = 30


class _ReplaceableWord(NamedTuple):
    """One word of one sentence that may be replaced, and the words it can be exchanged with."""

    facts: Facts
    at: int
    group: str
    side: int

    @property
    def form(self) -> str:
        return self.facts.words[self.at].lower()

    def filled_by(self, other: _ReplaceableWord) -> str:
        """The sentence with the other's word in this place."""
        words = list(self.facts.words)
        words[self.at] = other.facts.words[other.at]
        return " ".join(words)


Cost = Callable[[_ReplaceableWord, _ReplaceableWord], float]


def odd(build: Build) -> Made:
    """A noun or verb replaced by another of its tag in half of the sentences.

    Definition: the sentences of the damaged half exchange their words by twos, so that each form is
    put in exactly as often as it is taken out, and the words in question of the other half are the
    same forms as nearly as can be. Of up to thirty partners the one is taken for which the bigrams
    with both neighbours stay about as frequent as they were. Where the derivation names what may
    stand in a place, partners come from the other side. A form stands in one part only.
    """
    places = _places(build)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for place in places:
        groups[f"{place.group} {place.side}"][place.form] += 1
    placed = form_parts(groups, build.seed)
    cost = _bigram_cost(build)
    examples: Made = {}
    for part in PARTS:
        by_group: dict[str, list[_ReplaceableWord]] = defaultdict(list)
        for place in places:
            if placed[place.form] == part:
                by_group[place.group].append(place)
        units = [unit for _, held in sorted(by_group.items()) for unit in _units(build, held, cost)]
        chosen = build.rng.permutation(len(units))[: math.ceil(build.sizes[part] / 4)]
        rows = [row for at in chosen.tolist() for row in units[at]]
        examples[part] = [rows[at] for at in build.rng.permutation(len(rows)).tolist()]
    return examples


def _places(build: Build) -> list[_ReplaceableWord]:
    """Draw one place of every sentence; never the first word, whose capital would tell."""
    replaceable = []
    for part in PARTS:
        for facts in build.shuffled(build.parts[part]):
            slots = facts.odd
            named = [k for k, tag in enumerate(facts.tags) if tag] if slots is None else slots
            open_ = [k for k in named if k]
            if not open_:
                continue
            at = open_[int(build.rng.integers(len(open_)))]
            slot = None if slots is None else slots[at]
            kind = f"{slot.kind} " if slot is not None else ""
            side = slot.side if slot is not None else int(build.rng.integers(2))
            replaceable.append(_ReplaceableWord(facts, at, kind + facts.tags[at], side))
    return replaceable


def _units(build: Build, places: Sequence[_ReplaceableWord], cost: Cost) -> list[list[Row]]:
    """Make units of four rows: one of either side kept, and two that exchange their words."""
    kept: list[list[_ReplaceableWord]] = []
    damaged: list[list[_ReplaceableWord]] = []
    for side in (0, 1):
        held = [place for place in places if place.side == side]
        # Equal forms stand next to each other: one of every two is kept.
        order = sorted(
            (held[k] for k in build.rng.permutation(len(held)).tolist()), key=lambda p: p.form
        )
        pairs = list(zip(order[::2], order[1::2], strict=False))
        mixed = [pairs[k] for k in build.rng.permutation(len(pairs)).tolist()]
        kept.append([one for one, _ in mixed])
        damaged.append([other for _, other in mixed])
    units = []
    left = damaged[1]
    for number, one in enumerate(damaged[0][: len(left)]):
        partners = [k for k, other in enumerate(left[:_TRIES]) if other.form != one.form]
        if not partners:
            continue
        other = left.pop(min(partners, key=lambda k: (cost(one, left[k]), k)))
        units.append(
            [
                ("O", kept[0][number].facts.text),
                ("O", kept[1][number].facts.text),
                ("C", one.filled_by(other)),
                ("C", other.filled_by(one)),
            ]
        )
    return units


def _bigram_cost(build: Build) -> Cost:
    """Measure how much an exchange changes the frequencies of the bigrams around both places."""
    pairs: Counter[tuple[str, str]] = Counter()
    for rows in build.parts.values():
        for facts in rows:
            pairs.update(pairwise([word.lower() for word in facts.words]))

    def around(place: _ReplaceableWord, word: str) -> tuple[float, float]:
        words = place.facts.words
        after = words[place.at + 1].lower() if place.at + 1 < len(words) else ""
        before = words[place.at - 1].lower()
        return math.log1p(pairs[before, word]), math.log1p(pairs[word, after])

    def cost(one: _ReplaceableWord, other: _ReplaceableWord) -> float:
        moved = ((one, other.form), (other, one.form))
        return sum(
            abs(new - old)
            for place, form in moved
            for new, old in zip(around(place, form), around(place, place.form), strict=True)
        )

    return cost
