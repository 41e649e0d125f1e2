"""When two ways of writing a label mean the same one.

Does: compare names exactly first, and without case, blanks and underscores only where that leaves
every name its own partner. Does not: drop `+` or `-`, which tell `A` from `A-` and 1 from -1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")


def fold(name: str) -> str:
    """Return a name without case, blanks and underscores, and a whole number without `.0`.

    A hyphen between two letters counts as a blank; any other `-` and every `+` stays.

    >>> fold("Not_Entailment") == fold("not entailment") == fold("not-entailment")
    True
    >>> [fold(name) for name in ("A-", "-1", "C++", "1.0")]
    ['a-', '-1', 'c++', '1']
    """
    stripped = name.strip()
    whole = _WHOLE.fullmatch(stripped)
    if whole is not None:
        return whole[1]
    parts = _BETWEEN_LETTERS.sub(" ", stripped).casefold()
    return "".join(char for char in parts if char not in " _")


def folded(names: Sequence[str]) -> Mapping[str, int]:
    """Return the place of each folded name; empty where two names fold to one.

    >>> folded(["Yes", "no"]), folded(["a", "A"])
    ({'yes': 0, 'no': 1}, {})
    """
    places = {fold(name): place for place, name in enumerate(names)}
    return places if len(places) == len(names) else {}


def partners(names: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...] | None:
    """Return for each wanted name the place of its partner among `names`, or None.

    Exactly equal names are partners; where not every wanted name has one, all names are compared
    folded, which must keep the names of either side apart.

    >>> partners(["B", "a", "c"], ["A", "b"]), partners(["1", "-1"], ["-1", "1"])
    ((1, 0), (1, 0))
    >>> partners(["a", "A"], ["A", "x"]) is None
    True
    """
    exact = {name: place for place, name in enumerate(names)}
    if len(exact) == len(names) and all(name in exact for name in wanted):
        return tuple(exact[name] for name in wanted)
    places, ours = folded(names), folded(wanted)
    if all(name in places for name in ours) and len(ours) == len(wanted):
        return tuple(places[name] for name in ours)
    return None
