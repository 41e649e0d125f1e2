"""Probing tasks that change half of the sentences (Conneau et al. 2018).

Does: exchange neighbouring words and clauses; no sentence stands in both its forms. Does not:
replace words; `probing_odd.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kdprobe.tasks.probing.balance import Build, Made, balanced
from kdprobe.tasks.probing.facts import Facts
from kdprobe.tasks.probing.sets import PARTS

_FINAL = (".", "?", "!")


def _changed(build: Build, change: Callable[[str, Facts], Sequence[str] | None]) -> dict[str, Made]:
    """Change every other sentence that can be changed; give part -> `O`/`C` -> sentences."""
    by_part: dict[str, Made] = {}
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
        by_part[part] = {"O": [("O", t) for t in kept], "C": [("C", t) for t in damaged]}
    return by_part


def _two_classes(build: Build, by_part: Mapping[str, Made], changed: str) -> Made:
    texts = {
        part: {
            "O": [text for _, text in rows["O"]],
            changed: [text for _, text in rows["C"]],
        }
        for part, rows in by_part.items()
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


def inversion(build: Build) -> Made:
    """The two clauses of a coordination exchanged in half of the sentences."""
    by_part: dict[str, dict[str, list[str]]] = {}
    for part in PARTS:
        usable = build.shuffled([f for f in build.parts[part] if f.inverted and f.coordinate])
        half = len(usable) // 2
        by_part[part] = {
            "O": [" ".join(f.coordinate or ()) for f in usable[:half]],
            "I": [" ".join(f.inverted or ()) for f in usable[half : 2 * half]],
        }
    return balanced(build, by_part)
