"""Whether the rows of a table stand in the paper's order.

Does: count pairs of rows that stand here as in the paper, and those that stand otherwise by more
than noise, and say it. Does not: judge a single number, which has another scale in every setting.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from kdprobe.results.suite import SuiteCell, SuiteLine

_FEWEST = 3
"""Rows with both numbers, below which there is no order worth a sentence."""


def order_of_rows(columns: Sequence[str], lines: Sequence[SuiteLine]) -> str:
    """Say how many pairs of rows stand in the paper's order, column by column; empty: none can.

    Definition: a pair counts where the paper prints two different figures and both rows have a
    number here; it stands otherwise by more than noise where the two 95 % intervals do not overlap
    (which is stricter than a paired test).

    >>> def line(value, published):
    ...     cell = SuiteCell(value=value, low=value - 1, high=value + 1, published=published)
    ...     return SuiteLine(label="", cells=(cell,))
    >>> order_of_rows(["CoLA"], [line(1, 10), line(5, 20), line(4, 30)])
    'Pairs of rows in the paper’s order: CoLA 2 of 3. Of the others none is told from noise.'
    >>> order_of_rows(["CoLA"], [line(9, 10), line(5, 20), line(1, 30)])
    'Pairs of rows in the paper’s order: CoLA 0 of 3. Of the others 3 are beyond noise: CoLA 3.'
    """
    counted = [
        (column, *_pairs([line.cells[place] for line in lines]))
        for place, column in enumerate(columns)
    ]
    counted = [one for one in counted if one[2] >= _FEWEST]
    if not counted:
        return ""
    parts = ", ".join(f"{column} {same} of {total}" for column, same, total, _ in counted)
    sentence = f"Pairs of rows in the paper’s order: {parts}."
    if all(same == total for _, same, total, _ in counted):
        return sentence
    beyond = [(column, clear) for column, _, _, clear in counted if clear]
    if not beyond:
        return f"{sentence} Of the others none is told from noise."
    total = sum(clear for _, clear in beyond)
    where = ", ".join(f"{column} {clear}" for column, clear in beyond)
    are = "is" if total == 1 else "are"
    return f"{sentence} Of the others {total} {are} beyond noise: {where}."


def _pairs(cells: Sequence[SuiteCell]) -> tuple[int, int, int]:
    """Count pairs in the paper's order, all pairs, and those turned by more than noise."""
    both = [cell for cell in cells if cell.value is not None and cell.published is not None]
    same = total = clear = 0
    for one, other in itertools.combinations(both, 2):
        paper = (one.published or 0.0) - (other.published or 0.0)
        here = (one.value or 0.0) - (other.value or 0.0)
        if not paper:
            continue
        total += 1
        if here * paper > 0:
            same += 1
        elif _apart(one, other):
            clear += 1
    return same, total, clear


def _apart(one: SuiteCell, other: SuiteCell) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low
