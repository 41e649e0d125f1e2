"""Figures and tables numbered in the order in which they stand on a page.

Does: put "Figure 3" and "Table 2" where templates left room for it. Does not: choose what counts;
templates write `<!--figure-->` or `<!--table-->`, which no foreign text can, as its `<` is escaped.
"""

from __future__ import annotations

import re
from collections import Counter

_PLACE = re.compile("<!--(figure|table)-->")


def numbered(page: str) -> str:
    """Number the figures and the tables of a page, each from 1.

    >>> numbered("<a><!--figure--></a> <a><!--table--></a> <a><!--figure--></a>")
    '<a>Figure 1</a> <a>Table 1</a> <a>Figure 2</a>'
    """
    counts: Counter[str] = Counter()

    def number(place: re.Match[str]) -> str:
        kind = place[1]
        counts[kind] += 1
        return f"{kind.capitalize()} {counts[kind]}"

    return _PLACE.sub(number, page)
