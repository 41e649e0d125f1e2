"""Sets of labels as files write them.

Does: read lists (JSON, or as Python and numpy print them), `a|b|c`, and one column of 0 and 1 for
each label; say which of these a table has. Does not: know a task's labels; `gold.py` does.

An empty field or null says that nothing is known of an example; a set without labels is written as
an empty list, or as `[]`, `{}`, `()` or `|`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from kdprobe.config.kinds import NO_LABELS, SEPARATOR
from kdprobe.errors import UsageError
from kdprobe.plain_files import parse_json
from kdprobe.tasks.table import ColumnTable

# Quoted words between brackets: ['a', 'b'] of Python, ["a", "b"] of JSON, ['a' 'b'] of numpy.
_WORD = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
PRINTED_LIST = re.compile(rf"[\[(]\s*{_WORD}(?:[,\s]\s*{_WORD})*\s*,?\s*[\])]", re.DOTALL)
_WORDS = re.compile(_WORD, re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_INDICES = re.compile(r"\[\s*\d+(?:[,\s]\s*\d+)*\s*\]")
_YES, _NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")


class WrittenSet(NamedTuple):
    """The labels that a cell names, or that it names none because nothing is known.

    Args:
        words: as they stand there.
        known: whether it says anything.
    """

    words: tuple[str, ...]
    known: bool = True


UNKNOWN = WrittenSet((), known=False)


def read_set(cell: str | None) -> WrittenSet | None:
    """Return the labels that a cell names; None: a list of something else than words and numbers.

    >>> read_set("joy|anger").words, read_set("['joy' 'anger']").words, read_set("[2, 0]").words
    (('joy', 'anger'), ('joy', 'anger'), ('2', '0'))
    >>> read_set("[]"), read_set("").known
    (WrittenSet(words=(), known=True), False)
    """
    text = (cell or "").strip()
    if not text:
        return UNKNOWN
    if text in NO_LABELS:
        return WrittenSet(())
    if PRINTED_LIST.fullmatch(text):
        words = _WORDS.findall(text)
        return WrittenSet(tuple(_ESCAPED.sub(r"\1", word[1:-1]).strip() for word in words))
    if _INDICES.fullmatch(text):
        return WrittenSet(tuple(re.findall(r"\d+", text)))
    if text.startswith(("[", "{")):
        return _of_json(text)
    return WrittenSet(tuple(part.strip() for part in text.split(SEPARATOR) if part.strip()))


def _of_json(text: str) -> WrittenSet | None:
    try:
        value = parse_json(text, where="labels")
    except UsageError:
        return None
    items: object = value
    if not isinstance(items, list) or not all(isinstance(one, str | int | float) for one in items):
        return None
    return WrittenSet(tuple(str(one).strip() for one in items))


def label_columns(table: ColumnTable, column: str, labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns of 0 and 1 that hold the labels; none where one column holds sets.

    Args:
        table: the rows.
        column: the label column, or the names of several with a comma between them.
        labels: the task's labels, each of which is a column where `column` is none.
    """
    if column in table.columns:
        return ()
    named = tuple(part.strip() for part in column.split(","))
    for names in (named, tuple(labels)):
        if len(names) > 1 and all(name in table.columns for name in names):
            return names
    return ()


def read_columns(table: ColumnTable, names: Sequence[str], row: int) -> WrittenSet | str:
    """Return the labels whose column says 1; of a row with an empty one nothing is known.

    Returns:
        The set, or the name of the column whose cell is neither 0 nor 1.
    """
    words = []
    known = True
    for name in names:
        cell = (table.columns[name][row] or "").strip().casefold()
        if cell in _YES:
            words.append(name)
        elif not cell or cell == "-1":
            known = False
        elif cell not in _NO:
            return name
    return WrittenSet(tuple(words)) if known else UNKNOWN


def shows_sets(values: Collection[str]) -> bool:
    """Whether the values of a column are sets of labels, some of them of several.

    Definition: a value is a list of words or numbers; or some hold `|`, and a label of theirs
    stands in another value too.

    >>> shows_sets(["joy", "joy|anger"]), shows_sets(["a|b", "c|d"]), shows_sets(["['a']", "['b']"])
    (True, False, True)
    """
    named = [value for value in values if value not in NO_LABELS]
    if named and all(value.startswith("[") and read_set(value) is not None for value in named):
        return True
    sets = [set(value.split(SEPARATOR)) for value in named]
    several = [each for each in sets if len(each) > 1]
    return any(one & other for one in several for other in sets if one != other)
