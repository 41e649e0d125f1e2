"""Rows of files as programs write them: separators, quotation marks, line ends."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdprobe.errors import TaskError
from kdprobe.tasks.readers import read_lines, read_table
from kdprobe.tasks.separated import read_separated
from kdprobe.tasks.table import ColumnTable

TEXTS = ("a plain one", 'she said "no"', "one, two", "", 'a "tab\tand\nbreak"', "5' 3\"", '"all"')


def table(tmp_path: Path, name: str, text: str) -> ColumnTable:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return read_table(path)


def columns(read: ColumnTable) -> dict[str, tuple[str | None, ...]]:
    return dict(read.columns)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("texts", [TEXTS[:2], TEXTS[:4], TEXTS, (*TEXTS[:2], "5' 3\"")])
def test_what_pandas_writes_is_read_as_meant(tmp_path: Path, quoting: int, texts: tuple[str, ...]):
    """Texts wrapped in quotation marks, marks doubled, would be given to the models in silence."""
    path = tmp_path / "a.tsv"
    frame = pd.DataFrame({"text": texts, "label": range(len(texts))})
    frame.to_csv(path, sep="\t", index=False, quoting=quoting)  # type: ignore[call-overload]
    read = read_table(path)
    assert read.columns["text"] == texts
    assert read.columns["label"] == tuple(map(str, range(len(texts))))
    assert "as pandas and spreadsheets write them; the marks were taken off" in read.notes[0]


@pytest.mark.parametrize(
    "rows",
    [
        ('"Hello\t0', "NA\t1", 'she said "no\t1'),  # CoLA and QQP: marks that do not close
        ('"Hello."\t0', "Bye.\t1"),  # a sentence that is all direct speech
        ('"Hello, you."\t0', "Bye.\t1"),
        ('"One, two."\t0', '"Three, four."\t1', '"Five, six."\t1', "Seven, eight.\t0"),
        ('"Hello\t0', "NA\t1", 'bye"\t1'),  # a field that quoting would stretch over three rows
        ('a "" b\t0', '""\t1'),
        ('"a" b\t0', '"She said ""no"""\t1'),  # one real mark, and all are real
    ],
)
def test_marks_of_a_raw_file_are_characters(tmp_path: Path, rows: tuple[str, ...]):
    """GLUE's files hold marks in any number; quoting would swallow rows of them."""
    read = table(tmp_path, "a.tsv", "text\tlabel\n" + "".join(f"{row}\n" for row in rows))
    assert read.columns["text"] == tuple(row.split("\t")[0] for row in rows)
    assert read.notes == ()


def test_excel_quotes_fields_with_commas(tmp_path: Path):
    """Excel's "Text (Tab delimited)" quotes each field that holds a comma, and no other."""
    text = 'text\tlabel\n"a, b"\t0\nplain\t1\n"c, d"\t0\n"e, ""f"""\t1\n'
    assert table(tmp_path, "a.tsv", text).columns["text"] == ("a, b", "plain", "c, d", 'e, "f"')


def test_r_writes_row_names_and_backslashes(tmp_path: Path):
    """R's write.table gives the header one name fewer than the rows have columns."""
    text = '"text"\t"label"\n"1"\t"she said \\"no\\""\t"neg"\n"2"\t"a b"\t"pos"\n'
    read = table(tmp_path, "a.tsv", text)
    assert columns(read) == {"text": ('she said "no"', "a b"), "label": ("neg", "pos")}
    assert "numbers the rows" in read.notes[1]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_header_shows_the_separator(tmp_path: Path, separator: str):
    """A spreadsheet of half of Europe writes semicolons into its .csv."""
    text = f"text{separator}label\none, two{separator}pos\nthree{separator}neg\n"
    read = table(tmp_path, "a.csv", text)
    assert columns(read) == {"text": ("one, two", "three"), "label": ("pos", "neg")}
    assert read.notes[0].startswith("its columns are separated by ")
    comma = table(tmp_path, "b.tsv", 'text,label\n"one, two",pos\nthree,neg\n')
    assert comma.columns["text"] == ("one, two", "three")


def test_a_broken_row_is_told_in_the_file_s_own_separator(tmp_path: Path):
    """A message about commas would send the reader of a semicolon file the wrong way."""
    with pytest.raises(TaskError) as caught:
        table(tmp_path, "a.csv", "text;label\none;pos\ntwo\n")
    assert ":3: 1 semicolon-separated column, expected 2 (text, label)" in str(caught.value)


def test_commas_win_where_they_give_columns(tmp_path: Path):
    """A sentence with semicolons or bars must not make other columns."""
    read = table(tmp_path, "a.csv", "text,label\na;b;c|d,pos\ne;f,neg\n")
    assert read.columns["text"] == ("a;b;c|d", "e;f")
    one = table(tmp_path, "b.csv", "text\na;b\nc\n")
    assert columns(one) == {"text": ("a;b", "c")}


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_excel_s_first_line_names_the_separator(tmp_path: Path, line: str):
    """`sep=;` would be taken for the header."""
    read = table(tmp_path, "a.csv", f"{line}\ntext;label\na, b;pos\n")
    assert columns(read) == {"text": ("a, b",), "label": ("pos",)}
    assert read.where(0).endswith("a.csv:3")


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends_of_every_system(tmp_path: Path, name: str, end: str):
    """Of a file from an old Mac only the header would be read."""
    rows = ["text\tlabel", "a b\tpos", "c\tneg"]
    if name == "a.csv":
        rows = [row.replace("\t", ",") for row in rows]
    if name == "a.jsonl":
        rows = ['{"text": "a b", "label": "pos"}', '{"text": "c", "label": "neg"}']
    read = table(tmp_path, name, end.join([*rows, ""]))
    assert columns(read) == {"text": ("a b", "c"), "label": ("pos", "neg")}


def test_mixed_line_ends_of_a_tsv_are_told(tmp_path: Path):
    """A lone carriage return between rows of a file with line feeds joins two rows."""
    with pytest.raises(TaskError, match="are the line ends of two systems mixed"):
        table(tmp_path, "a.tsv", "text\tlabel\na\tpos\rb\tneg\n")


def test_blank_rows_that_spreadsheets_leave(tmp_path: Path):
    """Rows of separators at the end are no examples; one in the middle is a row with holes."""
    read = table(tmp_path, "a.csv", "text,label\na,pos\n,\n  ,\n\n,\n")
    assert read.columns["text"] == ("a",)
    read = table(tmp_path, "b.tsv", "text\tlabel\na\tpos\n   \n\t\nb\tneg\n\t\n")
    assert read.columns["text"] == ("a", "", "b")
    assert read.lines == (2, 4, 5)


def test_a_field_may_be_longer_than_python_s_csv_allows(tmp_path: Path):
    """131,072 characters are a long document, and no unbalanced quotation mark."""
    long = "word " * 40_000
    read = table(tmp_path, "a.csv", f'text,label\n"{long}",pos\nb,neg\n')
    assert read.columns["text"] == (long, "b")


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), separator=st.sampled_from(",;|")
)
def test_whatever_csv_writes_comes_back(rows: list[tuple[str, str]], separator: str):
    """Guards against a separator chosen by what stands in the texts."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerows([("text", "label"), *rows])
    read = read_separated(Path("a.csv"), stream.getvalue())
    assert [tuple(fields) for _, fields in read.rows[1:]] == rows


@pytest.mark.parametrize(
    "file",
    ["CoLA/train.tsv", "CoLA/dev.tsv", "SST-2/train.tsv", "SST-2/dev.tsv", "MRPC/train.tsv",
     "MRPC/dev.tsv", "RTE/train.tsv", "STS-B/train.tsv", "STS-B/dev.tsv"],
)  # fmt: skip
def test_glue_s_files_are_read_byte_for_byte(real_data: Path, file: str):
    """A rule for spreadsheets that touched one of GLUE's rows would move every number."""
    path = real_data / "glue" / file
    lines = path.read_bytes().decode("utf-8-sig").removesuffix("\n").split("\n")
    cells = [line.removesuffix("\r").split("\t") for line in lines]
    read = read_separated(path, "\n".join(read_lines(path)) + "\n")
    assert [fields for _, fields in read.rows] == cells
    assert (read.separator, read.notes) == ("\t", ())


@pytest.mark.parametrize(
    "text",
    [
        # QQP's own kind of rows: marks inside, doubled, and rows that lack columns.
        'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tWhat is "x"?\tWhat is ""y""'
        '?\t0\n2\t3\t4\t"Who said ""no""?"\tWho?\t1\n3\t5\n',
    ],
)
def test_files_published_with_broken_rows_are_left_as_they_are(tmp_path: Path, text: str):
    """QQP's own rows are never made into something else."""
    path = tmp_path / "train.tsv"
    path.write_text(text, encoding="utf-8")
    read = read_table(path, skip_broken=True)
    assert read.columns["question1"] == ('What is "x"?', '"Who said ""no""?"')
    assert read.broken == (4,)
