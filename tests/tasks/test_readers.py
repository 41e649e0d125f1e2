"""Readers of tables: nothing lost, nothing invented, every malformed line named."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.errors import TaskError
from kdprobe.tasks.readers import check_names_file, read_lines, read_table


def write(tmp_path: Path, name: str, data: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def message(call) -> str:
    with pytest.raises(TaskError) as caught:
        call()
    return str(caught.value)


def test_tsv_keeps_quotes_and_na(tmp_path: Path):
    """An unbalanced quotation mark swallows rows, and `NA` vanishes, in the usual csv readers."""
    path = write(tmp_path, "a.tsv", 'text\tlabel\n"Hello\t0\nNA\t1\nshe said "no\t1\nnull\t0\n')
    table = read_table(path)
    assert table.columns["text"] == ('"Hello', "NA", 'she said "no', "null")
    assert table.columns["label"] == ("0", "1", "1", "0")
    assert table.lines == (2, 3, 4, 5)
    assert table.where(1) == f"{path}:3"


def test_tsv_without_header_keeps_its_first_row(tmp_path: Path):
    """CoLA has no header: its first sentence must not become one."""
    path = write(tmp_path, "a.tsv", "gj04\t1\t\tHi there.\ngj04\t0\t*\tThere hi.\n")
    table = read_table(path, columns=("source", "label", "mark", "sentence"))
    assert table.columns["sentence"] == ("Hi there.", "There hi.")
    assert table.lines == (1, 2)


def test_header_can_be_said_against_the_columns(tmp_path: Path):
    """CoLA's test file has a header while its others have none."""
    path = write(tmp_path, "a.tsv", "index\tsentence\n0\tHi.\n")
    table = read_table(path, columns=("source", "label", "mark", "sentence"), header=True)
    assert dict(table.columns) == {"index": ("0",), "sentence": ("Hi.",)}


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_byte_order_mark_and_crlf_leave_no_trace(tmp_path: Path, suffix: str):
    """A BOM makes the first column's name unfindable, a carriage return sticks to the label."""
    rows = {"tsv": "text\tlabel\r\nhi\tyes\r\n", "csv": "text,label\r\nhi,yes\r\n"}
    rows["jsonl"] = '{"text": "hi", "label": "yes"}\r\n'
    path = write(tmp_path, f"a.{suffix}", b"\xef\xbb\xbf" + rows[suffix].encode())
    assert dict(read_table(path).columns) == {"text": ("hi",), "label": ("yes",)}


def test_only_a_line_feed_ends_a_line(tmp_path: Path):
    """A sentence with a lone CR, NEL, form feed or U+2028 must stay one row."""
    text = "a\rb\u0085c\u2028d\x0ce"
    path = write(tmp_path, "a.tsv", f"text\n{text}\nlast")
    assert read_table(path).columns["text"] == (text, "last")


def test_blank_lines_are_no_rows_and_keep_the_count(tmp_path: Path):
    """The line in a message must be the line in the editor."""
    path = write(tmp_path, "a.tsv", "text\tlabel\n\nhi\tyes\n\n")
    assert read_table(path).lines == (3,)


def test_a_short_row_is_named(tmp_path: Path):
    """A row with a lost column would shift labels."""
    path = write(tmp_path, "dev.tsv", "gj04\t1\t\tHi.\ngj04\t1\tHi.\n")
    columns = ("source", "label", "mark", "sentence")
    assert message(lambda: read_table(path, columns=columns)) == (
        f"{path}:2: 3 tab-separated columns, expected 4 (source, label, mark, sentence); "
        "was the file re-saved by another program?"
    )
    skipped = read_table(path, columns=columns, skip_broken=True)
    assert (skipped.lines, skipped.broken) == ((1,), (2,))
    path = write(tmp_path, "b.csv", "text,label\nhi\n")
    assert message(lambda: read_table(path)) == (
        f"{path}:2: 1 comma-separated column, expected 2 (text, label); "
        "was the file re-saved by another program?"
    )


def test_csv_quotes(tmp_path: Path):
    """Commas, line breaks and doubled quotes inside quotes are the field's own."""
    path = write(tmp_path, "a.csv", 'text,label\n"a, b",0\n"c\nd",1\n"say ""x""",0\nNA,1\n')
    table = read_table(path)
    assert table.columns["text"] == ("a, b", "c\nd", 'say "x"', "NA")
    assert table.lines == (2, 3, 5, 6)


def test_csv_unbalanced_quotes_are_named_where_they_open(tmp_path: Path):
    """A quote that opens and swallows the next rows must not shorten the data in silence."""
    path = write(tmp_path, "a.csv", 'text,label\nfine,0\n"Hello he said,1\nmore,0\n"ok",1\n')
    assert message(lambda: read_table(path)) == (
        f"{path}:3: a quotation mark is not closed, or not doubled inside quotes "
        "(',' expected after '\"'), expected a field in double quotes, quotes inside it written "
        '""; correct the line, or save the table as .tsv, where quotes mean nothing'
    )
    path = write(tmp_path, "b.csv", 'text,label\nfine,0\n"Hello,1\nmore,0\n')
    assert message(lambda: read_table(path)).startswith(
        f"{path}:3: a quotation mark is not closed, or not doubled inside quotes "
        "(unexpected end of data), expected"
    )


def test_jsonl_values_become_text(tmp_path: Path):
    """Numbers and truth values must compare equal to what a tsv would hold."""
    rows = [
        {"text": "NA", "label": 1, "f": 0.5, "b": True, "n": None, "l": ["é"]},
        {"text": "x", "label": 0},
    ]
    path = write(tmp_path, "a.jsonl", "\n\n".join(map(json.dumps, rows)))
    table = read_table(path)
    assert table.columns["text"] == ("NA", "x")
    assert table.columns["label"] == ("1", "0")
    assert table.columns["f"] == ("0.5", None)
    assert table.columns["b"] == ("true", None)
    assert table.columns["n"] == (None, None)
    assert table.columns["l"] == ('["é"]', None)
    assert table.lines == (1, 3)


def test_jsonl_faults_are_named(tmp_path: Path):
    """A broken line in a million must be found by its number."""
    path = write(tmp_path, "a.jsonl", '{"text": "x"}\n{"text": \n')
    assert message(lambda: read_table(path)) == (
        f"{path}:2: is not JSON (Expecting value: line 1 column 10 (char 9)), expected one JSON "
        "object on each line; correct the line"
    )
    path = write(tmp_path, "a.jsonl", "[" * 200_000)
    assert message(lambda: read_table(path)).startswith(f"{path}:1: is not JSON (maximum recursion")
    path = write(tmp_path, "a.jsonl", "[1]\n")
    assert message(lambda: read_table(path)) == (
        f'{path}:1: a JSON list, expected one JSON object on each line, like {{"text": "...", '
        '"label": "..."}; correct the line'
    )


def test_parquet(tmp_path: Path):
    """Parquet rows have numbers, not lines."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["NA", None], "label": [1, 0]}), path)
    table = read_table(path)
    assert dict(table.columns) == {"text": ("NA", None), "label": ("1", "0")}
    assert table.where(1) == f"{path}, row 2"


def test_parquet_faults_are_told(tmp_path: Path):
    """A truncated download must not be a traceback."""
    path = write(tmp_path, "a.parquet", b"PAR1 not really")
    told = message(lambda: read_table(path))
    assert told.startswith(f"{path}: cannot be read as parquet (")
    assert told.endswith("), expected a whole parquet file")
    assert "cannot be read as parquet" in message(lambda: read_table(tmp_path / "no.parquet"))


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path):
    """A Latin-1 file must be refused with its line, not read as mojibake."""
    path = write(tmp_path, "a.tsv", b"text\tlabel\nfine\t0\ncaf\xe9\t1\n")
    assert message(lambda: read_table(path)) == (
        f"{path}:3: byte 0xe9 is not UTF-8; in Windows-1252 it reads 'café 1', expected a file in "
        "UTF-8; if that reads right, convert it: iconv -f CP1252 -t UTF-8 'a.tsv' > 'utf8-a.tsv'"
    )


def test_files_that_are_none(tmp_path: Path):
    """Missing, empty and unknown files each have their message."""
    path = tmp_path / "a.tsv"
    assert message(lambda: read_table(path)) == (
        f"{path}: cannot be read (No such file or directory), expected a readable file"
    )
    path.write_text("")
    assert message(lambda: read_table(path)) == (
        f"{path}: is empty, expected a header line and rows"
    )
    assert message(lambda: read_table(tmp_path / "a.xlsx")) == (
        f"{tmp_path / 'a.xlsx'}: a file that ends in '.xlsx', expected one of .tsv, .csv, .jsonl, "
        ".parquet; all but .parquet also with .gz; rename it after what it holds"
    )
    assert "a file without an ending" in message(lambda: read_table(tmp_path / "data"))


def test_headers_must_name_each_column(tmp_path: Path):
    """Two columns of one name would hide one of them."""
    path = write(tmp_path, "a.tsv", "text\ttext\nx\ty\n")
    assert message(lambda: read_table(path)) == (
        f"{path}:1: column 'text' stands twice, expected a header line with a name for each "
        "column; add or correct the header line"
    )
    path = write(tmp_path, "a.csv", "text,,\nx,y,z\n")
    assert message(lambda: read_table(path)).startswith(f"{path}:1: column 2 of 3 has no name, ")


def test_names_file(tmp_path: Path):
    """Labels in another order would be learnt and never noticed."""
    path = write(tmp_path, "names.tsv", "0\ta\n1\tb\n")
    check_names_file(path, ("a", "b"))
    assert message(lambda: check_names_file(path, ("b", "a"))) == (
        f"{path}:1: index 0 is 'a', expected 'b', as in the task file; write a task file of your "
        "own with these labels in this order"
    )
    assert "index 1 is 'b', expected 'no label'" in message(lambda: check_names_file(path, ("a",)))
    assert message(lambda: check_names_file(path, ("a", "b", "c"))) == (
        f"{path}: 2 names, expected 3"
    )
    path = write(tmp_path, "names.tsv", "0\ta\n0\ta\n")
    assert message(lambda: check_names_file(path, ("a", "b"))) == (
        f"{path}:2: '0\\ta', expected an index, a tab and a label name, each index once"
    )


CELL = st.text(
    st.characters(exclude_characters="\0\t\n\r\ufeff", exclude_categories=["Cs"]), min_size=1
)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), crlf=st.booleans())
def test_any_cells_come_back(tmp_path_factory, rows, crlf):
    """Whatever stands between tabs is what is read, row for row, in a file of ordinary marks."""
    rows = [('5" wide', "x"), *rows]
    path = tmp_path_factory.mktemp("t") / "a.tsv"
    end = "\r\n" if crlf else "\n"
    path.write_bytes(end.join(["a\tb", *("\t".join(row) for row in rows)]).encode())
    table = read_table(path)
    assert list(zip(table.columns["a"], table.columns["b"], strict=True)) == rows


def test_read_lines_drops_only_line_ends(tmp_path: Path):
    """Blanks at the end of a sentence belong to it (SST-2 has them)."""
    assert read_lines(write(tmp_path, "a.tsv", "a \r\n b\n")) == ["a ", " b"]
    assert read_lines(write(tmp_path, "b.tsv", "")) == []
