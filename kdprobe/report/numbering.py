"""Figures and tables numbered in the order in which they stand on a page.

Does: put "Figure 3" and a link "Table 2" where templates left room for them. Does not: choose what
counts; templates write `<!-- figure -->` or `<!-- table -->`, which no foreign text can, as its
`<` is escaped. A table's address has a dot (`#table.2`), which no name of a section or an analysis
has.
"""

from __future__ import annotations

import re
from collections import Counter

_PLACE = re.compile("<!-- (figure|table) -->")


def numbered(page: str) -> str:
    """Number the figures and the tables of a page, each from 1.

    >>> numbered("<a><!-- figure --></a> <a><!-- figure --></a>")
    '<a>Figure 1</a> <a>Figure 2</a>'
    >>> numbered("<!-- table -->")
    '<a class="numbered" id="table.1" href="#table.1">Table 1</a>'
    """
    counts: Counter[str] = Counter()

    def number(place: re.Match[str]) -> str:
        kind = place[1]
        counts[kind] += 1
        words = f"{kind.capitalize()} {counts[kind]}"
        if kind == "figure":
            return words
        where = f"table.{counts[kind]}"
        return f'<a class="numbered" id="{where}" href="#{where}">{words}</a>'

    return _PLACE.sub(number, page)
