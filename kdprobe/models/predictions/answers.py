"""What a model answered in words: labels, what a person says that an answer means, or no answer.

Does: read the column `prediction` by the task's labels and a label map, and tell rows that hold no
answer. Does not: guess: an answer that is neither a label nor in the map is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from kdprobe.config.kinds import NO_LABELS, SEPARATOR
from kdprobe.models.labels import POSITIONAL
from kdprobe.plain_text import printable
from kdprobe.tasks.gold import NO_NUMBER, ClassNames, is_missing
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Task
from kdprobe.tasks.written_sets import read_set

HARD_NAMES = ("prediction", "predicted")
TOKENS = "logprobs"
"""The column of log-probabilities of an answer's token."""

_EMPTY = ("", "[]", "{}", *NO_NUMBER)
_SHOWN = 40
_LISTED = 6


class Lack(NamedTuple):
    """Why a row holds no answer.

    Args:
        answer: what it says, which is no label; empty: nothing.
    """

    answer: str = ""

    @property
    def words(self) -> str:
        """The reason, for messages."""
        return quoted(self.answer) if self.answer else "empty"


class Answers(NamedTuple):
    """A table whose predicted labels are the task's, the rows that hold none, and notes."""

    table: ColumnTable
    lacking: Mapping[int, Lack]
    notes: tuple[str, ...]


def quoted(answer: str) -> str:
    """Return an answer as messages show it."""
    return repr(printable(answer, limit=_SHOWN))


def counted(answers: Iterable[str]) -> str:
    """Return answers with how often each stands, the most frequent first.

    >>> counted(["No.", "I cannot", "I cannot"])
    "'I cannot' 2, 'No.' 1"
    """
    ordered = sorted(Counter(answers).items(), key=lambda item: (-item[1], item[0]))
    more = ", …" * (len(ordered) > _LISTED)
    return ", ".join(f"{quoted(one)} {count}" for one, count in ordered[:_LISTED]) + more


def empty_rows(table: ColumnTable, columns: tuple[str, ...], task: Task) -> dict[int, Lack]:
    """Return the rows that say nothing in any of these columns; an empty set is an answer."""
    sets = task.kind == "multilabel" and columns[0] in HARD_NAMES
    empty = ("", *NO_NUMBER) if sets else _EMPTY

    def is_empty(cell: str | None) -> bool:
        return not cell or cell.strip().casefold() in empty

    first, *others = (table.columns[name] for name in columns)
    # What begins with a digit, as nearly all numbers do, is not empty.
    rows = [row for row, cell in enumerate(first)
            if not cell or (not cell[0].isdigit() and is_empty(cell))]  # fmt: skip
    return {row: Lack() for row in rows if all(is_empty(cells[row]) for cells in others)}


def read_answers(table: ColumnTable, task: Task, label_map: Mapping[str, str] | None) -> Answers:
    """Read the predicted labels of a table, where it has any.

    Definition: a cell without the blanks around it is what `label_map` says that it means, else the
    label of its name (see `tasks.gold.read_gold`), else no answer. Of several labels at once each
    is read so, and a set with one that is no label is no answer.
    """
    column = next((name for name in HARD_NAMES if name in table.columns), None)
    several = task.kind == "multilabel"
    if column is None or task.kind == "regression" or (column in table.nested and not several):
        return Answers(table, {}, ())
    meanings = {} if label_map in (None, POSITIONAL) else dict(label_map or {})
    if several:
        return _read_sets(table, task, column, meanings)
    classes = ClassNames(task, table.class_names.get(column, ()))
    column_cells = table.columns[column]
    counts = Counter(column_cells)
    answers = {cell: (cell or "").strip() for cell in counts}
    names = {cell: meanings.get(answer, answer) for cell, answer in answers.items()}
    without = {
        cell: Lack() if is_missing(name, task) else Lack(answers[cell])
        for cell, name in names.items()
        if is_missing(name, task) or classes.index(name) is None
    }
    lacking = {row: without[cell] for row, cell in enumerate(column_cells) if cell in without}
    read: Counter[str] = Counter()
    for cell, count in counts.items():
        read[answers[cell]] += count
    used = ", ".join(
        f"{quoted(each)} as {meanings[each]} ({read[each]})" for each in meanings if read[each]
    )
    notes = (f"its answers were read as the command says: {used}",) if used else ()
    cells = tuple(map(names.__getitem__, column_cells))
    mapped = replace(table, columns={**table.columns, column: cells})
    return Answers(mapped, lacking, notes)


def _read_sets(table: ColumnTable, task: Task, column: str, meanings: Mapping[str, str]) -> Answers:
    """Read predicted sets of labels, each written anew with the task's names."""
    classes = ClassNames(task, table.class_names.get(column, ()))
    cells: list[str | None] = []
    lacking: dict[int, Lack] = {}
    for row, cell in enumerate(table.columns[column]):
        held = read_set(cell)
        words = [] if held is None else [meanings.get(word, word) for word in held.words]
        places = [classes.index(word) for word in words]
        if held is not None and not held.known:
            lacking[row] = Lack()
        elif held is None or None in places:
            lacking[row] = Lack((cell or "").strip())
        names = [task.labels[place] for place in places if place is not None]
        cells.append(cell if row in lacking else SEPARATOR.join(names) or NO_LABELS[0])
    mapped = replace(table, columns={**table.columns, column: tuple(cells)})
    return Answers(replace(mapped, nested=table.nested - {column}), lacking, ())
