"""A task out of a plain data file: which column is the text, which the label, what the labels are.

Does: guess by the usual names and by the values, and say each guess in `TaskFile.notes`; what the
user names (`text`, `text_pair`, `label`) is not guessed. Does not: guess in silence, nor take
a first row of data for a header.
"""

from __future__ import annotations

import re
from pathlib import Path

from kdprobe.config.base import parse
from kdprobe.config.kinds import PRIMARY_SCORES
from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.tasks.guess_labels import ShownLabels, show_labels
from kdprobe.tasks.packed import stem
from kdprobe.tasks.rasa import read_rasa
from kdprobe.tasks.readers import SUFFIXES, read_table
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.written_sets import label_columns

DATA_SUFFIXES = (*SUFFIXES, ".yml")

PAIRS = (
    ("text_a", "text_b"), ("sentence1", "sentence2"), ("text1", "text2"),
    ("question1", "question2"), ("premise", "hypothesis"), ("question", "sentence"),
    ("text", "text_pair"),
)  # fmt: skip
TEXTS = ("text", "sentence", "utterance", "review", "content", "tweet", "query", "question")
_LABELS = ("label", "labels", "gold_label", "intent", "class", "category", "target", "score")
_IDS = ("id", "idx")
_SPLITS = {"training": "train", "validation": "dev", "val": "dev", "valid": "dev", "eval": "dev"}
_MOST_VALUES = 20  # a column of more different values is not kept for slices
_TRAIN_SHARE = 0.9


def guess_task_file(
    path: Path,
    *,
    text: str = "",
    text_pair: str = "",
    label: str = "",
    labels: tuple[str, ...] = (),
    labelled: bool = True,
) -> TaskFile:
    """Make a task file for a plain data file (.tsv .csv .jsonl .parquet, or Rasa's .yml).

    Columns are found by their usual names; in a file without a label column the examples have no
    gold labels. What the labels are says `show_labels`. Splits are the values of a column `split`;
    without one they are `all` (what `compare` takes), and `train` and `dev`: nine tenths and one
    tenth of the rows, by a hash of the text. Columns with 2 to 20 different values are kept for
    slices.

    Args:
        path: the file.
        text: the text column, or empty to guess.
        text_pair: the second text column, or empty to guess (not guessed when `text` is given).
        label: the label column, or several of 0 and 1 with commas between; empty to guess.
        labels: the names of the classes in order, those included that the file does not show; none:
            those that it shows.
        labelled: False looks for no label column.

    Raises:
        TaskError: the file is malformed, a column cannot be guessed, or ids repeat.
    """
    rasa = path.suffix.lower() == ".yml"
    table = read_rasa(path) if rasa else read_table(path)
    if not table.lines:
        raise TaskError(str(path), found="has no rows", expected="at least one example")
    columns = label_columns(table, label)
    roles = ((text, "text"), (text_pair, "second text"), ("" if columns else label, "label"))
    for name, role in roles:
        if name:
            table.column(name, role=role)
    first, second = (text, text_pair) if text else _guess_texts(table, text_pair)
    taken = {first, second}
    label = label or (_guess_label(table, taken) if labelled else "")
    shown = show_labels(table, label, labels)
    identity = _guess_id(table)
    splits, split_note = _splits(table, path, labelled=bool(label))
    extra = _slices(table, {*taken, label, *columns, identity, "split"})
    compare = next((name for name in ("all", "dev", "test") if name in splits), next(iter(splits)))
    notes = [
        f"text is column {first!r}" + (f", second text {second!r}" if second else ""),
        _label_note(label, shown, columns),
        split_note,
    ]
    notes += [f"ids are column {identity!r}"] if identity else []
    notes += [f"columns kept for slices: {', '.join(extra)}"] if extra else []
    notes += [*shown.notes, *table.notes]
    return parse(
        TaskFile,
        {
            "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", stem(path)).strip("-._") or "data",
            "kind": shown.kind,
            "labels": shown.labels,
            "open_labels": shown.kind != "regression" and not shown.complete,
            "missing": shown.missing,
            "primary_score": PRIMARY_SCORES[shown.kind][0],
            "text": first,
            "text_pair": second or (),
            "label": label or "label",
            "id_column": identity,
            "extra_columns": extra,
            "compare_split": compare,
            "base": path.parent,
            "local": [
                {
                    "reader": "rasa" if rasa else "table",
                    "split_column": "split" if "split" in table.columns else "",
                    "splits": splits,
                }
            ],
            "notes": notes,
        },
        str(path),
    )


def _label_note(column: str, shown: ShownLabels, columns: tuple[str, ...]) -> str:
    names = ", ".join(shown.labels[:6]) + (", …" if len(shown.labels) > 6 else "")
    count = f"{len(shown.labels)} label{'' if len(shown.labels) == 1 else 's'}"
    if not column:
        classes = f" of {count} ({names})" if names else ""
        return f"no column is called like a label: there are no gold labels{classes}"
    if shown.kind == "regression":
        return f"label is column {column!r}: numbers, a regression"
    if shown.kind == "multilabel" and columns:
        return f"labels are columns of 0 and 1: {names}"
    return f"label is column {column!r}: " + (f"{count} ({names})" if names else "all are missing")


def _usual(table: ColumnTable) -> dict[str, str]:
    """Return the columns by their names in small letters; of `Text` and `text` the latter."""
    names = {name.casefold(): name for name in table.columns}
    return names | {name: name for name in table.columns if name == name.casefold()}


def _guess_texts(table: ColumnTable, text_pair: str) -> tuple[str, str]:
    names = _usual(table)
    if not text_pair:
        for one, two in PAIRS:
            if one in names and two in names:
                return names[one], names[two]
    for name in TEXTS:
        if name in names and names[name] != text_pair:
            return names[name], text_pair
    raise TaskError(
        f"{table.shown}:1" if table.marker == ":" else table.shown,
        found=f"none of the columns ({', '.join(map(repr, list(table.columns)[:12]))}) is called "
        f"like a text",
        expected=f"a header line with one of {', '.join(TEXTS)}",
        remedy="name the text column with `text=COLUMN`, or add a header line",
    )


def _guess_label(table: ColumnTable, taken: set[str]) -> str:
    names = {usual: name for usual, name in _usual(table).items() if name not in taken}
    return next((names[name] for name in _LABELS if name in names), "")


def _guess_id(table: ColumnTable) -> str:
    """Find the column of ids; where there is one, it names every row of a split once.

    Raises:
        TaskError: an id is empty or stands twice.
    """
    names = _usual(table)
    column = next((names[name] for name in _IDS if name in names), "")
    cells = [(cell or "").strip() for cell in table.columns[column]] if column else []
    if not any(cells):
        return ""
    splits = table.columns.get("split", ("",) * len(cells))
    rows: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip((cell or "" for cell in splits), cells, strict=True)):
        if not key[1] or key in rows:
            raise TaskError(
                table.where(row),
                found=f"id {key[1]!r} stands at {table.where(rows[key])} too"
                if key[1]
                else "no id",
                expected=f"another id in each row of column {column!r}",
                remedy=f"correct it, or rename the column {column!r} if it names something else "
                "than the row (a document); rows without ids are numbered",
            )
        rows[key] = row
    return column


def _splits(
    table: ColumnTable, path: Path, *, labelled: bool
) -> tuple[dict[str, dict[str, object]], str]:
    common: dict[str, object] = {"file": path.name, "labelled": labelled}
    if "split" not in table.columns:
        splits: dict[str, dict[str, object]] = {
            "all": {**common},
            "train": {**common, "share": [0.0, _TRAIN_SHARE]},
            "dev": {**common, "share": [_TRAIN_SHARE, 1.0]},
        }
        return splits, (
            "no column 'split': compare takes all rows; train and dev are nine tenths and one "
            "tenth of them, by a hash of the text"
        )
    values = dict.fromkeys((cell or "").strip() for cell in table.columns["split"])
    splits = {}
    for value in values:
        name = _SPLITS.get(value.casefold(), value)
        if not value or name in splits:
            raise TaskError(
                table.where([(c or "").strip() for c in table.columns["split"]].index(value)),
                found=f"split {value!r}" if value else "column 'split' is empty",
                expected="one name for each split (train, dev, test)",
                remedy="correct the column 'split'",
            )
        splits[name] = {**common, "value": value}
    return splits, f"splits are the values of column 'split': {', '.join(splits)}"


def _slices(table: ColumnTable, taken: set[str]) -> tuple[str, ...]:
    return tuple(
        name
        for name, cells in table.columns.items()
        if name not in taken | table.nested
        and 2 <= len(set(cells)) <= min(_MOST_VALUES, len(cells) - 1)
    )
