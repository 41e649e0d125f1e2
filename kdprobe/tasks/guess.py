"""A task out of a plain data file: which column is the text, which the label, what the labels are.

Does: guess by the usual names and by the values, and say each guess in `TaskFile.notes`; what the
user names (`--text`, `--text-pair`, `--label`) is not guessed. Does not: guess in silence, nor take
a first row of data for a header.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from kdprobe.config.base import parse
from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.tasks.rasa import read_rasa
from kdprobe.tasks.readers import SUFFIXES, read_table
from kdprobe.tasks.table import Table

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
_MANY = 20  # more whole numbers than this, with gaps, are scores rather than classes
_TRAIN_SHARE = 0.9


def guess_task_file(
    path: Path, *, text: str = "", text_pair: str = "", label: str = ""
) -> TaskFile:
    """Make a task file for a plain data file (.tsv .csv .jsonl .parquet, or Rasa's .yml).

    Columns are found by their usual names. Labels are the values of the label column, sorted (as
    numbers when all are whole). The task is a regression when every label is a number and either
    one of them is not whole, or there are more than 20 different ones that are not 0, 1, 2, ...
    Splits are the values of a column `split`; without one they are `all` (what `compare` takes),
    and `train` and `dev`: nine tenths and one tenth of the rows, by a hash of the text. Columns
    with 2 to 20 different values are kept for slices.

    Args:
        path: the file.
        text: the text column, or empty to guess.
        text_pair: the second text column, or empty to guess (not guessed when `text` is given).
        label: the label column, or empty to guess.

    Raises:
        TaskError: the file is malformed, a column cannot be guessed, or the labels are all equal.
    """
    rasa = path.suffix.lower() == ".yml"
    table = read_rasa(path) if rasa else read_table(path)
    if not table.lines:
        raise TaskError(str(path), found="has no rows", expected="at least one example")
    for name, role in ((text, "text"), (text_pair, "second text"), (label, "label")):
        if name:
            table.column(name, role=role)
    first, second = (text, text_pair) if text else _guess_texts(table, text_pair)
    taken = {first, second}
    label = label or _guess_label(table, taken)
    kind, labels = _label_names(table, label)
    identity = _guess_id(table)
    splits, split_note = _splits(table, path)
    extra = _slices(table, {*taken, label, identity, "split"})
    compare = next((name for name in ("all", "dev", "test") if name in splits), next(iter(splits)))
    notes = [
        f"text is column {first!r}" + (f", second text {second!r}" if second else ""),
        f"label is column {label!r}: "
        + (f"{len(labels)} labels ({_shown(labels)})" if labels else "numbers, a regression"),
        split_note,
    ]
    notes += [f"ids are column {identity!r}"] if identity else []
    notes += [f"columns kept for slices: {', '.join(extra)}"] if extra else []
    return parse(
        TaskFile,
        {
            "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", path.stem).strip("-._") or "data",
            "kind": kind,
            "labels": labels,
            "primary_score": "accuracy" if kind == "classification" else "pearson",
            "text": first,
            "text_pair": second or (),
            "label": label,
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


def _shown(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:6]) + (", …" if len(labels) > 6 else "")


def _guess_texts(table: Table, text_pair: str) -> tuple[str, str]:
    names = {name.casefold(): name for name in table.columns}
    if not text_pair:
        for one, two in PAIRS:
            if one in names and two in names:
                return names[one], names[two]
    for name in TEXTS:
        if name in names and names[name] != text_pair:
            return names[name], text_pair
    raise _no_guess(table, "text", "--text")


def _guess_label(table: Table, taken: set[str]) -> str:
    names = {name.casefold(): name for name in table.columns if name not in taken}
    for name in _LABELS:
        if name in names:
            return names[name]
    raise _no_guess(table, "label", "--label")


def _no_guess(table: Table, role: str, option: str) -> TaskError:
    usual = TEXTS if role == "text" else _LABELS
    return TaskError(
        f"{table.shown}:1" if table.marker == ":" else table.shown,
        found=f"none of the columns ({', '.join(map(repr, list(table.columns)[:12]))}) is called "
        f"like a {role}",
        expected=f"a header line with one of {', '.join(usual)}",
        remedy=f"name the {role} column with {option} COLUMN, or add a header line",
    )


def _label_names(table: Table, column: str) -> tuple[str, tuple[str, ...]]:
    cells = table.column(column, role="label")
    for row, cell in enumerate(cells):
        if cell is None or not cell.strip():
            raise TaskError(
                table.where(row),
                found=f"column {column!r} (label) is empty",
                expected="a label in every row",
                remedy="fill it, or delete the row",
            )
    values = {(cell or "").strip() for cell in cells}
    numbers = [_number(value) for value in values]
    if None not in numbers:
        finite = [number for number in numbers if number is not None]
        whole = all(number == int(number) for number in finite)
        counted = sorted(finite) == list(range(len(finite)))
        if not whole or (len(finite) > _MANY and not counted):
            return "regression", ()
    if len(values) < 2:
        raise TaskError(
            table.shown,
            found=f"every label in column {column!r} is {next(iter(values))!r}",
            expected="two different labels or more",
            remedy="name the label column with --label COLUMN",
        )
    if None in numbers:
        return "classification", tuple(sorted(values))
    return "classification", tuple(sorted(values, key=lambda value: (float(value), value)))


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _guess_id(table: Table) -> str:
    names = {name.casefold(): name for name in table.columns}
    for name in _IDS:
        if name in names:
            cells = table.columns[names[name]]
            filled = {cell.strip() for cell in cells if cell is not None and cell.strip()}
            if len(filled) == len(cells):
                return names[name]
    return ""


def _splits(table: Table, path: Path) -> tuple[dict[str, dict[str, object]], str]:
    if "split" not in table.columns:
        splits: dict[str, dict[str, object]] = {
            "all": {"file": path.name},
            "train": {"file": path.name, "share": [0.0, _TRAIN_SHARE]},
            "dev": {"file": path.name, "share": [_TRAIN_SHARE, 1.0]},
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
        splits[name] = {"file": path.name, "value": value}
    return splits, f"splits are the values of column 'split': {', '.join(splits)}"


def _slices(table: Table, taken: set[str]) -> tuple[str, ...]:
    return tuple(
        name
        for name, cells in table.columns.items()
        if name not in taken and 2 <= len(set(cells)) <= min(_MANY, len(cells) - 1)
    )
