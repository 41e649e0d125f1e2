"""What a reader calls a set of labels. Does not know which sets there are."""

from __future__ import annotations

from collections.abc import Iterable

NONE = "(none)"


def set_name(labels: tuple[str, ...], places: Iterable[int]) -> str:
    """Return the name of a set of labels: `joy + anger`, or `(none)`.

    >>> set_name(("joy", "anger"), (0, 1)), set_name(("joy", "anger"), ())
    ('joy + anger', '(none)')
    """
    return " + ".join(labels[place] for place in places) or NONE
