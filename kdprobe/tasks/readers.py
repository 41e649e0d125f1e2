"""Readers of tables: tab-separated, comma-separated, JSON lines, parquet.

Does: turn a file into a `ColumnTable` of strings, losing and inventing nothing: the sentence `NA`
stays a sentence, a quotation mark in a tab-separated file is a quotation mark, a file without a
header keeps its first row; a malformed line is named. Does not: know tasks; nor the nested formats,
which `multirc.py` and `rasa.py` read.

Tab-separated files are read as GLUE's are: a tab always separates, and quotation marks mean nothing
unless the whole file is quoted as pandas, Excel or R quote (`separated.py` has the rule).
Comma-separated files follow RFC 4180: a field in double quotes may hold commas, line breaks and
doubled quotes. A first column without a name that numbers the rows, as pandas writes its index, is
left out; any other column must have a name.
"""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.class_labels import named, names_beside, names_in_schema
from kdprobe.tasks.columns import check_header, name_columns
from kdprobe.tasks.decoding import decode
from kdprobe.tasks.packed import PACKED, ending, read_bytes
from kdprobe.tasks.plain_columns import plain_columns
from kdprobe.tasks.separated import read_separated, split_lines
from kdprobe.tasks.table import ColumnTable

_BEGINNING = 1_000_000  # bytes
SUFFIXES = (".tsv", ".csv", ".jsonl", ".parquet")


def is_table(path: Path) -> bool:
    """Return whether a file is meant as a table, by its name.

    >>> [is_table(Path(name)) for name in ("a.csv", "a.CSV.gz", "a.parquet.gz", "a.gz")]
    [True, True, False, False]
    """
    packed = path.suffix.lower() == PACKED
    return ending(path) in SUFFIXES and not (packed and ending(path) == ".parquet")


def read_text(path: Path) -> str:
    """Read a text file, a byte order mark dropped, line ends as they are; see `decoding.decode`.

    One that is packed with gzip (`.gz`) is unpacked first.

    Raises:
        TaskError: it cannot be read, or a byte is not UTF-8 (its line is named).
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise TaskError(
            str(path), found=f"cannot be read ({error.strerror})", expected="a readable file"
        ) from error
    return decode(data, path)


def read_lines(path: Path) -> list[str]:
    """Read a text file's lines without their ends; see `read_text` and `split_lines`."""
    return split_lines(read_text(path))


def read_table(
    path: Path,
    *,
    columns: tuple[str, ...] = (),
    header: bool | None = None,
    skip_broken: bool = False,
) -> ColumnTable:
    """Read a table by its ending.

    Args:
        path: a .tsv, .csv, .jsonl (each also .gz) or .parquet file.
        columns: the names of the columns of a file without a header line.
        header: whether the first line names the columns; None: only when `columns` is empty.
        skip_broken: leave out rows with a wrong number of columns instead of refusing them.

    Raises:
        TaskError: the file is missing, empty, of another kind, or malformed; with the line.
    """
    with _without_collection():
        return _read_table(path, columns, header, skip_broken)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the search for cycles: a million rows hold none, and it would walk them often."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def column_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a table, of a long file from its beginning alone.

    Raises:
        TaskError: see `read_table`; of a long file only what its beginning shows.
    """
    long = ending(path) in (".tsv", ".csv") and path.suffix.lower() != PACKED
    if long and path.is_file() and path.stat().st_size > _BEGINNING:
        with path.open("rb") as file:
            start = file.read(_BEGINNING)
        text = decode(start[: start.rfind(b"\n") + 1], path)
        try:
            table = name_columns(path, read_separated(path, text), None, skip_broken=False)
        except TaskError:
            pass  # a field that goes on beyond, or a fault: the whole file says which
        else:
            return tuple(table.columns)
    return tuple(read_table(path).columns)


def _read_table(
    path: Path, columns: tuple[str, ...], header: bool | None, skip_broken: bool
) -> ColumnTable:
    suffix = ending(path)
    if not is_table(path):
        raise TaskError(
            str(path),
            found=f"a file that ends in {path.suffix!r}"
            if path.suffix
            else "a file without an ending",
            expected="one of " + ", ".join(SUFFIXES) + "; all but .parquet also with .gz",
            remedy="rename it after what it holds",
        )
    if suffix == ".jsonl":
        return _read_jsonl(path)
    if suffix == ".parquet":
        return _read_parquet(path)
    has_header = not columns if header is None else header
    names = None if has_header else columns
    text = read_text(path)
    plain = plain_columns(path, text) if has_header and not skip_broken else None
    if plain is not None:
        return _with_class_names(plain, names_beside(path))
    split = read_separated(
        path,
        text,
        columns=None if names is None else len(names),
        as_published=skip_broken,
    )
    table = name_columns(path, split, names, skip_broken=skip_broken)
    return _with_class_names(table, names_beside(path)) if has_header else table


def _with_class_names(table: ColumnTable, known: Mapping[str, tuple[str, ...]]) -> ColumnTable:
    """Return names for the indices of the columns whose class names are known."""
    columns, names = dict(table.columns), {}
    for column, classes in known.items():
        cells = named(columns[column], classes) if column in columns else None
        if cells is not None:
            columns[column], names[column] = cells, classes
    return replace(table, columns=columns, class_names=names) if names else table


def as_cell(value: object) -> str | None:
    """Return a value as text: true and false as JSON writes them, lists and objects as JSON.

    NaN, which `json.dumps` and pandas write where a value is missing, is None; the word `nan` in a
    string is a word.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse an object that has a key twice: one of the two values would be lost."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return value


def parse_json_line(path: Path, line: int, text: str) -> dict[str, object]:
    """Read one line of a JSON-lines file, which must be an object.

    Raises:
        TaskError: it is not JSON, or no object.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise TaskError(
            f"{path}:{line}",
            found=f"is not JSON ({error})",
            expected="one JSON object on each line",
            remedy="correct the line",
        ) from error
    if isinstance(value, dict):
        return value
    raise TaskError(
        f"{path}:{line}",
        found=f"a JSON {type(value).__name__}",
        expected='one JSON object on each line, like {"text": "...", "label": "..."}',
        remedy="correct the line",
    )


def _read_jsonl(path: Path) -> ColumnTable:
    objects = [
        (line, parse_json_line(path, line, text))
        for line, text in enumerate(read_lines(path), 1)
        if text.strip()
    ]
    names = dict.fromkeys(name for _, value in objects for name in value)
    if objects:
        check_header(f"{path}:{objects[0][0]}", names)
    columns = {name: tuple(as_cell(value.get(name)) for _, value in objects) for name in names}
    nested = frozenset(n for _, value in objects for n, cell in value.items() if _is_nested(cell))
    table = ColumnTable(str(path), columns, tuple(line for line, _ in objects), nested=nested)
    return _with_class_names(table, names_beside(path))


def _is_nested(value: object) -> bool:
    return isinstance(value, list | dict)


def _read_parquet(path: Path) -> ColumnTable:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise TaskError(
            str(path),
            found=f"cannot be read as parquet ({str(error).splitlines()[0]})",
            expected="a whole parquet file",
        ) from error
    check_header(str(path), table.column_names)
    values = {name: table.column(name).to_pylist() for name in table.column_names}
    read = ColumnTable(
        str(path),
        {name: tuple(map(as_cell, cells)) for name, cells in values.items()},
        tuple(range(1, table.num_rows + 1)),
        marker=", row ",
        nested=frozenset(name for name, cells in values.items() if any(map(_is_nested, cells))),
    )
    return _with_class_names(read, names_in_schema(table.schema.metadata) or names_beside(path))


def check_names_file(path: Path, labels: tuple[str, ...]) -> None:
    """Compare a file of lines `index<TAB>name` with the task's labels.

    Raises:
        TaskError: a line is malformed, an index is missing or stands twice, a name differs.
    """
    names: dict[int, str] = {}
    for line, text in enumerate(read_lines(path), 1):
        index, tab, name = text.partition("\t")
        if not tab or not index.isdecimal() or int(index) in names:
            raise TaskError(
                f"{path}:{line}",
                found=repr(text),
                expected="an index, a tab and a label name, each index once",
            )
        names[int(index)] = name
        if int(index) >= len(labels) or labels[int(index)] != name:
            known = labels[int(index)] if int(index) < len(labels) else "no label"
            raise TaskError(
                f"{path}:{line}",
                found=f"index {index} is {name!r}",
                expected=f"{known!r}, as in the task file",
                remedy="write a task file of your own with these labels in this order",
            )
    if len(names) != len(labels):
        raise TaskError(str(path), found=f"{len(names)} names", expected=f"{len(labels)}")
