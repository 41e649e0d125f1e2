"""Files that are split at once: the same table as row by row, or none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.tasks import plain_columns as plain
from kdprobe.tasks.columns import name_columns
from kdprobe.tasks.plain_columns import plain_columns
from kdprobe.tasks.separated import read_separated

TEXTS = st.lists(
    st.sampled_from([*"ab,\t\n\n, \r;", "\r\n", "", "é", "\u2028", '"', "\0", "id,t\n"])
)


HEADERS = st.sampled_from(["id,t", "id\tt\tlabel", " id , t ", ",t", "id,id", "t", "sep=,"])


@given(TEXTS.map("".join), HEADERS, st.sampled_from([".csv", ".tsv"]))
def test_a_plain_file_gives_the_table_of_its_rows(body: str, header: str, suffix: str):
    """Guards against a cell that moves to another column, and lines that are counted otherwise."""
    path, text = Path(f"t{suffix}"), f"{header}\n{body}"
    plain = plain_columns(path, text)
    if plain is not None:
        assert plain == name_columns(path, read_separated(path, text), None, skip_broken=False)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("id,text,label\n1,a b,x\n2,,y\n", True),
        ("id,text,label\r\n1,a b,x\r\n2,,y", True),
        ("id,text\n", True),
        ('id,text\n1,"a"\n', False),
        ("id,text\n1,a\n\n2,b\n", False),
        ("id,text\n1,a\r2,b\n", False),
        ("id,text\n1,a,b\n", False),
        ("id,text\n1,a\n , \n", False),
        (",text\n0,a\n", False),
        ("id,id\n0,a\n", False),
        ("text\na\n", False),
        ("a;b\n1;2\n", False),
        ("sep=,\nid,text\n1,a\n", False),
    ],
)
def test_what_is_plain(text: str, plain: bool):
    """Guards against a quick way that is never taken, or is taken where rows say more."""
    assert (plain_columns(Path("t.csv"), text) is not None) == plain


@pytest.mark.parametrize("letters", [1, 7, 20])
def test_pieces_of_a_file_are_one_table(letters: int, monkeypatch: pytest.MonkeyPatch):
    """Guards against a row that is lost, or an uneven one that is taken, where a piece ends."""
    text = "id,text\n1,a b\n22,ccccccccccc\n3,\n"
    whole = plain_columns(Path("t.csv"), text)
    monkeypatch.setattr(plain, "_LETTERS", letters)
    assert whole is not None
    assert plain_columns(Path("t.csv"), text) == whole
    assert whole.columns == {"id": ("1", "22", "3"), "text": ("a b", "ccccccccccc", "")}
    assert plain_columns(Path("t.csv"), f"{text}4,a,b\n5\n") is None
