"""Columns of files that need no reading row by row: no quotation marks, every line as wide.

Does: split the whole text at once, in a third of the time and memory. Does not: decide anything;
what is not plain is left to `separated.py` and `columns.py`, which give the same of what is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kdprobe.tasks.packed import ending
from kdprobe.tasks.table import ColumnTable

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_READ_ROW_BY_ROW = ('"', "\0")
_LETTERS = 4_000_000  # of a piece, or of one line where it is longer


def plain_columns(path: Path, text: str) -> ColumnTable | None:
    r"""Return the table of a file with a header; None where it is not plain.

    Plain: the separator of its ending, two columns or more of different names, as many fields on
    each line, line ends of one system, no quotation mark, and a last row that is not blank.

    >>> plain_columns(Path("t.csv"), "id,text\na,b c\n").columns
    {'id': ('a',), 'text': ('b c',)}
    >>> plain_columns(Path("t.csv"), "id,text\na,b,c\n") is None
    True
    """
    separator = _SEPARATORS.get(ending(path), "")
    if not separator or any(mark in text for mark in _READ_ROW_BY_ROW):
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text:
        return None
    text = text if text.endswith("\n") else f"{text}\n"
    names = tuple(name.strip() for name in text[: text.index("\n")].split(separator))
    if not (all(names) and len(set(names)) == len(names) > 1):
        return None
    cells: list[str] = []
    for piece in _pieces(text):
        if not _is_even(piece, separator, len(names)):
            return None
        cells += piece[:-1].replace("\n", separator).split(separator)
    if not any(map(str.strip, cells[-len(names) :])):
        return None
    columns = {name: tuple(cells[at :: len(names)][1:]) for at, name in enumerate(names)}
    lines = tuple(range(2, len(cells) // len(names) + 1))
    return ColumnTable(str(path), columns, lines, separator=separator)


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of whole lines: what is made of one is small beside the text."""
    start = 0
    while start < len(text):
        stop = text.rfind("\n", start, start + _LETTERS) + 1 or text.index("\n", start) + 1
        yield text[start:stop]
        start = stop


def _is_even(text: str, separator: str, columns: int) -> bool:
    """Whether every line has so many fields."""
    letters = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    marks = letters[(letters == ord(separator)) | (letters == ord("\n"))]
    if len(marks) % columns:
        return False
    rows = marks.reshape(-1, columns)
    return bool((rows[:, :-1] == ord(separator)).all() and (rows[:, -1] == ord("\n")).all())
