"""The labels of a plain data file: classes, scores, or none, and what means that there is none.

Does: tell classes from scores by the values of the label column, take the names that the file or
the user gives, and say what was taken for what. Does not: read the column row by row; `gold.py`
does.

Beside empty fields these values mean that an example has no gold label, unless the user names them
as labels:

- `-` and `-1`, where there are two other labels or more and all of those are words: SNLI's and
  MNLI's files write so where the annotators did not agree, and files made from the hub where there
  is no label. Beside `+`, `0` or `1` they are classes.
- -1, where the file says the names of its classes 0, 1, ... (`class_labels.py`).
- `nan`, `NA`, `null`, `None` and the like, where all other labels are numbers; `-` too, where
  they are scores.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kdprobe.config.kinds import TaskKind
from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.tasks.gold import NO_CONSENSUS, NO_NUMBER, is_number, refuse_nested
from kdprobe.tasks.label_names import fold
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.written_sets import label_columns, read_set, shows_sets

_EMPTY_SETS = (
    "several labels at once, as lists or with | between them: an empty field has no gold label, "
    "`[]` says that none of the labels applies"
)
_EMPTY_CELLS = "several labels at once, a column of 0 and 1 each: a row with an empty one has none"
_MANY = 20  # more whole numbers than this, with gaps, are scores rather than classes
_LETTER = re.compile(r"[^\W\d_]")


class ShownLabels(NamedTuple):
    """What a label column shows.

    Args:
        kind: see `config.kinds.TaskKind`.
        labels: class names in order, none for a regression or when nothing is known.
        complete: whether they are all classes of the task: the file or the user names them.
        missing: the values that mean that there is no label, beside empty fields.
        notes: what a person must know, each a sentence or part of one.
    """

    kind: TaskKind
    labels: tuple[str, ...]
    complete: bool
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def show_labels(table: ColumnTable, column: str, named: tuple[str, ...] = ()) -> ShownLabels:
    """Return what the labels of a plain data file are.

    Classes are the values of the column, sorted (as numbers when all are whole), or what the file
    or the user names, in that order. It is a regression when every value is a number and either
    one of them is not whole, or there are more than 20 different ones that are not 0, 1, 2, ...
    Several labels at once are lists, values like `a|b` that share labels, or several columns.

    Args:
        table: the rows.
        column: the label column, or several of 0 and 1 (`a,b,c`); empty where there is none.
        named: the class names that the user gives; empty: none.

    Raises:
        TaskError: a label is a list, or the user names fewer than two classes or one twice.
    """
    _check_named(named)
    if not column:
        return ShownLabels("classification", named, bool(named), (), ())
    columns = label_columns(table, column)
    if columns:
        return ShownLabels("multilabel", named or columns, True, (), (_EMPTY_CELLS,))
    values = {(cell or "").strip() for cell in table.column(column, role="label")} - {""}
    if values and shows_sets(values) and not values <= set(named):
        return _shown_sets(values, named or table.class_names.get(column, ()))
    refuse_nested(table, column, "label")
    if named:
        words = sorted(value for value in values - set(named) if value.casefold() in NO_NUMBER)
        return ShownLabels("classification", named, True, tuple(words), ())
    if column in table.class_names:
        names = table.class_names[column]
        note = f"the names of its classes are those that the file brings: {_shown(names)}"
        return ShownLabels("classification", names, len(names) > 1, (), (note,))
    missing = _missing(values, comma=table.separator == ";")
    values -= set(missing)
    numbers = _numbers(values, comma=table.separator == ";")
    if numbers is not None and _are_scores(numbers):
        return ShownLabels("regression", (), True, missing, ())
    if numbers is not None:
        whole = {fold(value): float(fold(value)) for value in values}
        ordered = tuple(sorted(whole, key=lambda value: (whole[value], value)))
        return ShownLabels("classification", ordered, False, missing, _number_notes(ordered))
    return ShownLabels("classification", tuple(sorted(values)), False, missing, _notes(values))


def _shown_sets(values: set[str], named: tuple[str, ...]) -> ShownLabels:
    """Return the labels of which a column holds sets, numbers in their order."""
    held = [read_set(value) for value in values - set(NO_CONSENSUS)]
    words = {word for each in held if each is not None for word in each.words}
    numbers = all(map(is_number, words))
    ordered = tuple(sorted(words, key=(lambda word: (float(word), word)) if numbers else str))
    missing = tuple(sorted(values & set(NO_CONSENSUS)))
    return ShownLabels("multilabel", named or ordered, bool(named), missing, (_EMPTY_SETS,))


def require_classes(task_file: TaskFile) -> None:
    """Refuse a classification of which fewer than two classes are known.

    Raises:
        TaskError: it is one.
    """
    if task_file.kind == "regression" or len(task_file.labels) > 1:
        return
    shown = f"every label is {task_file.labels[0]!r}" if task_file.labels else "it shows no labels"
    raise TaskError(
        f"`task={task_file.name}`",
        found=shown,
        expected="two classes or more",
        remedy="name them all with `labels=A,B`, or the label column with `label=COLUMN`",
    )


def _check_named(named: tuple[str, ...]) -> None:
    if named and len(set(named)) < max(2, len(named)):
        raise TaskError(
            "`labels`",
            found=", ".join(named),
            expected="the names of two classes or more, each once",
        )


def _missing(values: set[str], *, comma: bool) -> tuple[str, ...]:
    """Return the values that mean that there is no label; see the head of this file."""
    dashes = values & set(NO_CONSENSUS)
    others = values - dashes
    if dashes and len(others) > 1 and all(map(_LETTER.search, others)):
        return tuple(sorted(dashes))
    words = {value for value in values if value.casefold() in NO_NUMBER}
    numbers = _numbers(values - words - {"-"}, comma=comma)
    if numbers is None:
        return ()
    return tuple(sorted(words | (values & {"-"} if _are_scores(numbers) else set())))


def _numbers(values: set[str], *, comma: bool) -> list[float] | None:
    """Return the values as numbers, or None where one is none or there are none.

    With `comma` 2,5 is two and a half: where semicolons separate, programs write it so.
    """
    written = [value.replace(",", ".") if comma else value for value in values]
    return [float(value) for value in written] if values and all(map(is_number, written)) else None


def _are_scores(numbers: list[float]) -> bool:
    whole = all(number == int(number) for number in numbers)
    counted = sorted(numbers) == list(range(len(numbers)))
    return not whole or (len(numbers) > _MANY and not counted)


def _number_notes(ordered: tuple[str, ...]) -> tuple[str, ...]:
    if ordered[0] == "-1" and ordered[1:] == tuple(map(str, range(len(ordered) - 1))):
        named = ",".join(ordered[1:])
        return ("-1 is a class of its own; if it means that there is no label, say "
                f"`labels={named}`",)  # fmt: skip
    return ()


def _notes(values: set[str]) -> tuple[str, ...]:
    notes = []
    doubtful = NO_NUMBER if "+" in values else (*NO_NUMBER, "-")
    words = sorted(value for value in values if value.casefold() in doubtful)
    if words:
        named = ",".join(sorted(values - set(words)))
        notes.append(
            f"{_shown(tuple(words))} is a class of its own; if it means that there is no label, "
            f"write an empty field, or say `labels={named}`"
        )
    alike: dict[str, list[str]] = {}
    for value in sorted(values):
        alike.setdefault(fold(value), []).append(value)
    notes += [
        f"{_shown(tuple(group))} differ in capitals, blanks or underscores only and are classes of "
        "their own; `labels` with one of them reads them as one"
        for group in alike.values()
        if len(group) > 1
    ]
    return tuple(notes)


def _shown(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:6]) + (", …" if len(labels) > 6 else "")
