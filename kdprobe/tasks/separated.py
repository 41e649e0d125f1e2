r"""Rows of files whose columns stand between separators.

Does: find the separator (the ending's, or that of an Excel line `sep=;`, or the one that the header
shows) and whether fields stand in quotation marks, and give rows of fields with their lines.
Does not: name columns; `readers.py` does.

Quotation marks in a .tsv file are ordinary characters, as in GLUE's files, unless every mark of the
file belongs to a field that is quoted as a program quotes it (first and last character of the
field, doubled inside) and the quoted fields are those that some program quotes:

- pandas' and Python's `csv`: just those that hold a quotation mark;
- Excel: just those that hold a quotation mark or a comma, three or more of them;
- R and `QUOTE_ALL`: the header and every field that is no number (R also writes `\"` inside).

Where rows have equal numbers of columns only if the marks are taken for quotes, since fields hold
tabs or line breaks, they are.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.packed import ending as ending_of

Rows = list[tuple[int, list[str]]]

NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?(?:\n|\r|$)', re.IGNORECASE)
_DOUBLED = re.compile(r'("[^"]*(?:""[^"]*)*"|[^"\t\r\n]*)(\t|\r\n|\n|\r|\Z)')
_ESCAPED = re.compile(r'("[^"\\]*(?:(?:\\.|"")[^"\\]*)*"|[^"\t\r\n]*)(\t|\r\n|\n|\r|\Z)', re.DOTALL)
_ENOUGH = 3  # fields that Excel quoted for their commas alone


@dataclass(frozen=True)
class Separated:
    """The rows of a file: line and fields of each, the separator, and what a person must know."""

    rows: Rows
    separator: str
    notes: tuple[str, ...] = ()


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text without their ends: LF, CRLF, or CR where no LF stands in it.

    A lone carriage return or a Unicode line separator inside a sentence ends no line.

    >>> split_lines("a\r\nb\n"), split_lines("a\rb\r"), split_lines("a\rb\nc")
    (['a', 'b'], ['a', 'b'], ['a\rb', 'c'])
    """
    if "\n" not in text:
        lines = text.split("\r")
    else:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def read_separated(
    path: Path, text: str, *, columns: int | None = None, as_published: bool = False
) -> Separated:
    """Return the rows of a .tsv or .csv file.

    Args:
        path: the file; its ending says which separator is expected.
        text: what stands in it.
        columns: the number of columns of a file without a header; its separator is then the
            ending's.
        as_published: True for files that are known to hold broken rows: nothing is made of them.

    Raises:
        TaskError: a quotation mark of a file in which they have a meaning is not closed.
    """
    ending = "\t" if ending_of(path) == ".tsv" else ","
    declared = _SEP_LINE.match(text)
    if declared is not None:
        rest = text[declared.end() :]
        rows, notes = _rows(path, rest, declared[1], columns, as_published)
        return Separated([(line + 1, fields) for line, fields in rows], declared[1], notes)
    if columns is not None or as_published:
        rows, notes = _rows(path, text, ending, columns, as_published)
        return Separated(rows, ending, notes)
    separator = _separator(text, ending)
    rows, notes = _rows(path, text, separator, None, as_published)
    if separator != ending:
        separated_by = f"its columns are separated by {NAMES[separator]}s, though it ends in "
        notes = (f"{separated_by}{ending_of(path)}", *notes)
    return Separated(rows, separator, notes)


def _separator(text: str, ending: str) -> str:
    """Choose by the header: the ending's own where it gives two columns or more, else another's.

    Of the others the one is taken that gives every row as many columns as the header, of several
    the one that gives the most; where none does, the one that gives the header the most columns.
    """
    header = next((line for line in split_lines(text) if line.strip()), "")

    def count(separator: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=separator), []))
        except csv.Error:
            return 1

    if count(ending) > 1:
        return ending
    others = {separator: count(separator) for separator in NAMES if separator != ending}
    several = [separator for separator, columns in others.items() if columns > 1]
    if not several:
        return ending
    even = [separator for separator in several if _is_even(text, separator)]
    return max(even or several, key=lambda separator: others[separator])


def _is_even(text: str, separator: str) -> bool:
    try:
        rows = _quoted_rows(text, separator)
    except csv.Error:
        return False
    return len({len(fields) for _, fields in rows}) == 1


def _rows(
    path: Path, text: str, separator: str, columns: int | None, as_published: bool
) -> tuple[Rows, tuple[str, ...]]:
    if separator == "\t":
        raw = [(n, line.split("\t")) for n, line in enumerate(split_lines(text), 1) if line]
        quoted = None if as_published or '"' not in text else _tab_quoted(text, raw, columns)
        return (raw, ()) if quoted is None else quoted
    try:
        return _quoted_rows(text, separator), ()
    except csv.Error as error:
        raise TaskError(
            f"{path}:{_line_of_fault(text, separator)}",
            found=f"a quotation mark is not closed, or not doubled inside quotes ({error})",
            expected='a field in double quotes, quotes inside it written ""',
            remedy="correct the line, or save the table as .tsv, where quotes mean nothing",
        ) from error


def _quoted_rows(text: str, separator: str) -> Rows:
    """Read rows by RFC 4180; a field may be as long as the file.

    Raises:
        csv.Error: quotes are not balanced.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: Rows = []
    start = 1
    for fields in reader:
        if fields:
            rows.append((start, fields))
        start = reader.line_num + 1
    return rows


def _line_of_fault(text: str, separator: str) -> int:
    """Return the line on which the row begins that cannot be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    try:
        for _ in reader:
            start = reader.line_num + 1
    except csv.Error:
        pass
    return start


@dataclass(frozen=True)
class _Field:
    """A field as it is written, and what stands in it."""

    quoted: bool
    content: str


def _tab_quoted(text: str, raw: Rows, columns: int | None) -> tuple[Rows, tuple[str, ...]] | None:
    """Read a tab-separated file with quoting; None where the marks are ordinary characters."""
    rows = _scan(text, _DOUBLED)
    if rows is None and text.startswith('"'):
        rows = _scan(text, _ESCAPED)  # R's way
    if not rows:
        return None
    wide = any({"\t", "\n", "\r"} & set(f.content) for _, fields in rows for f in fields)
    needed = wide and not _even(raw, columns)
    if not _even(rows, columns) and (wide or _even(raw, columns)):
        return None
    if not needed and not _as_a_program_writes(rows, header=columns is None):
        return None
    count = sum(field.quoted for _, fields in rows for field in fields)
    held = "field stands" if count == 1 else "fields stand"
    note = f"{count} {held} in quotation marks, as pandas and spreadsheets write them; the marks "
    read = [(line, [field.content for field in fields]) for line, fields in rows]
    return read, (f"{note}were taken off",)


def _even(rows: Rows | list[tuple[int, list[_Field]]], columns: int | None) -> bool:
    counts = {len(fields) for _, fields in rows} | ({columns} if columns is not None else set())
    return len(counts) == 1


def _scan(text: str, pattern: re.Pattern[str]) -> list[tuple[int, list[_Field]]] | None:
    """Split a text into fields; None where a mark stands in a field that is not quoted."""
    rows: list[tuple[int, list[_Field]]] = []
    fields: list[_Field] = []
    place, line, begun = 0, 1, 1
    while place < len(text):
        match = pattern.match(text, place)
        if match is None:
            return None
        written, end = match[1], match[2]
        quoted = written.startswith('"')
        fields.append(_Field(quoted, _content(written, pattern) if quoted else written))
        line += len(split_lines(written + "\n")) - 1 if quoted else 0
        place = match.end()
        if end != "\t":
            line += 1
            if len(fields) > 1 or fields[0].quoted or fields[0].content:
                rows.append((begun, fields))
            fields, begun = [], line
    if fields:
        rows.append((begun, [*fields, _Field(False, "")]))
    return rows


def _content(written: str, pattern: re.Pattern[str]) -> str:
    inner = written[1:-1].replace('""', '"')
    return re.sub(r'\\(["\\])', r"\1", inner) if pattern is _ESCAPED else inner


def _as_a_program_writes(rows: list[tuple[int, list[_Field]]], *, header: bool) -> bool:
    fields = [field for _, row in rows for field in row]
    quoted = [field for field in fields if field.quoted]
    if not quoted:
        return False
    if all('"' in field.content for field in quoted):
        return True
    bare = [field for field in fields if not field.quoted]
    for_commas = all({'"', ","} & set(field.content) for field in quoted)
    if for_commas and not any("," in field.content for field in bare):
        return len(quoted) >= _ENOUGH
    if not header or not all(field.quoted for field in rows[0][1]):
        return False
    return all(_is_number(field.content) for field in bare)


def _is_number(content: str) -> bool:
    if content.strip() in ("", "NA"):
        return True
    try:
        float(content.replace(",", ".", 1))
    except ValueError:
        return False
    return True
