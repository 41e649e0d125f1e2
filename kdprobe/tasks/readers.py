"""Readers of tables: tab-separated, comma-separated, JSON lines, parquet.

Does: turn a file into a `Table` of strings, losing and inventing nothing: the sentence `NA` stays
a sentence, a quotation mark in a tab-separated file is a quotation mark, a file without a header
keeps its first row; a malformed line is named. Does not: know tasks; nor the nested formats, which
`multirc.py` and `rasa.py` read.

Tab-separated files are read as GLUE's are: no quoting, a tab always separates. Comma-separated
files follow RFC 4180: a field in double quotes may hold commas, line breaks and doubled quotes.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.table import Cells, Table

SUFFIXES = (".tsv", ".csv", ".jsonl", ".parquet")


def read_text(path: Path) -> str:
    """Read a UTF-8 file, a byte order mark dropped, line ends as they are.

    Raises:
        TaskError: it cannot be read, or a byte is not UTF-8 (its line is named).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TaskError(
            str(path), found=f"cannot be read ({error.strerror})", expected="a readable file"
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TaskError(
            f"{path}:{line}",
            found=f"byte 0x{data[error.start]:02x} is not UTF-8",
            expected="a file in UTF-8",
            remedy="convert it (iconv -f LATIN1 -t UTF-8, if it is Latin-1)",
        ) from error


def read_lines(path: Path) -> list[str]:
    """Read a text file's lines without their ends (LF or CRLF); see `read_text`.

    Only a line feed ends a line: a lone carriage return or a Unicode line separator inside a
    sentence does not.
    """
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def read_table(
    path: Path,
    *,
    columns: tuple[str, ...] = (),
    header: bool | None = None,
    skip_broken: bool = False,
) -> Table:
    """Read a table by its ending.

    Args:
        path: a .tsv, .csv, .jsonl or .parquet file.
        columns: the names of the columns of a file without a header line.
        header: whether the first line names the columns; None: only when `columns` is empty.
        skip_broken: leave out rows with a wrong number of columns instead of refusing them.

    Raises:
        TaskError: the file is missing, empty, of another kind, or malformed; with the line.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return _read_jsonl(path)
    if suffix == ".parquet":
        return _read_parquet(path)
    if suffix not in SUFFIXES:
        raise TaskError(
            str(path),
            found=f"a file that ends in {suffix!r}" if suffix else "a file without an ending",
            expected="one of " + ", ".join(SUFFIXES),
            remedy="rename it after what it holds",
        )
    rows = _tsv_rows(path) if suffix == ".tsv" else _csv_rows(path)
    has_header = not columns if header is None else header
    if has_header:
        if not rows:
            raise TaskError(str(path), found="is empty", expected="a header line and rows")
        names = _header(path, rows[0][1])
        rows = rows[1:]
    else:
        names = columns
    return _assemble(path, names, rows, "tab" if suffix == ".tsv" else "comma", skip_broken)


def _tsv_rows(path: Path) -> list[tuple[int, list[str]]]:
    lines = read_lines(path)
    return [(number, line.split("\t")) for number, line in enumerate(lines, 1) if line]


def _csv_rows(path: Path) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows = []
    start = 1
    try:
        for row in reader:
            if row:
                rows.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        raise TaskError(
            f"{path}:{start}",
            found=f"a quotation mark is not closed, or not doubled inside quotes ({error})",
            expected='a field in double quotes, quotes inside it written ""',
            remedy="correct the line, or save the table as .tsv, where quotes mean nothing",
        ) from error
    return rows


def _header(path: Path, names: list[str]) -> tuple[str, ...]:
    stripped = tuple(name.strip() for name in names)
    for name in stripped:
        if stripped.count(name) > 1:
            raise TaskError(
                f"{path}:1",
                found=f"column {name!r} stands twice" if name else "columns without a name",
                expected="a header line with a name for each column",
                remedy="add or correct the header line",
            )
    return stripped


def _assemble(
    path: Path,
    names: tuple[str, ...],
    rows: list[tuple[int, list[str]]],
    separator: str,
    skip_broken: bool,
) -> Table:
    kept, lines, broken = [], [], []
    for line, cells in rows:
        if len(cells) == len(names):
            kept.append(cells)
            lines.append(line)
        elif skip_broken:
            broken.append(line)
        else:
            count = f"{len(cells)} {separator}-separated column{'s' if len(cells) > 1 else ''}"
            raise TaskError(
                f"{path}:{line}",
                found=count,
                expected=f"{len(names)} ({', '.join(names)})",
                remedy="was the file re-saved by another program?",
            )
    columns: dict[str, Cells] = {
        name: tuple(cells[position] for cells in kept) for position, name in enumerate(names)
    }
    return Table(str(path), columns, tuple(lines), tuple(broken))


def as_cell(value: object) -> str | None:
    """Give a value as text: true and false as JSON writes them, lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def parse_json_line(path: Path, line: int, text: str) -> dict[str, object]:
    """Read one line of a JSON-lines file, which must be an object.

    Raises:
        TaskError: it is not JSON, or no object.
    """
    try:
        value = json.loads(text)
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


def _read_jsonl(path: Path) -> Table:
    objects = [
        (line, parse_json_line(path, line, text))
        for line, text in enumerate(read_lines(path), 1)
        if text.strip()
    ]
    names = dict.fromkeys(name for _, value in objects for name in value)
    columns = {name: tuple(as_cell(value.get(name)) for _, value in objects) for name in names}
    return Table(str(path), columns, tuple(line for line, _ in objects))


def _read_parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise TaskError(
            str(path),
            found=f"cannot be read as parquet ({str(error).splitlines()[0]})",
            expected="a whole parquet file",
        ) from error
    columns = {
        name: tuple(map(as_cell, table.column(name).to_pylist())) for name in table.column_names
    }
    return Table(str(path), columns, tuple(range(1, table.num_rows + 1)), marker=", row ")


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
