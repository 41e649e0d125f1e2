"""Tables: rows know their lines, whatever is done with them."""

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.table import ColumnTable, join_tables, leave_out_empty


def table(name: str = "a.tsv", **columns: tuple[str | None, ...]) -> ColumnTable:
    size = len(next(iter(columns.values())))
    return ColumnTable(name, columns, tuple(range(2, size + 2)))


def test_column_lists_those_that_are_there():
    """A renamed column must be told with what stands there instead."""
    with pytest.raises(TaskError) as caught:
        table(a=("1",), b=("2",)).column("text", role="text")
    assert str(caught.value) == (
        "a.tsv:1: no column 'text' for the text, only 'a', 'b', expected a header line that names "
        "it; is this the file as it was distributed? For a file of your own, name the columns in "
        "the task file or with `text`, `text_pair` and `label`"
    )
    with pytest.raises(TaskError, match=r"^hub: no column 'x' for the label, only none; is this"):
        ColumnTable("hub", {}, (), marker=", row ").column("x", role="label")


def test_shards_keep_their_own_lines():
    """A message about the second file must not name the first."""
    joined = join_tables([table("a.tsv", t=("x", "y")), table("b.tsv", t=("z",))])
    assert joined.columns["t"] == ("x", "y", "z")
    assert [joined.where(row) for row in range(3)] == ["a.tsv:2", "a.tsv:3", "b.tsv:2"]


def test_a_part_of_shards_keeps_its_own_lines():
    """Rows taken from the second file must still be found there."""
    joined = join_tables([table("a.tsv", t=("x", "y")), table("b.tsv", t=("z", ""))])
    assert joined.take([3, 0]).where(0) == "b.tsv:3"
    assert joined.take([3, 0]).where(1) == "a.tsv:2"


def test_shards_must_have_the_same_columns():
    """A shard without the label column would shift labels."""
    with pytest.raises(TaskError) as caught:
        join_tables([table("a.tsv", t=("x",), u=("1",)), table("b.tsv", t=("z",))])
    assert str(caught.value) == "b.tsv: columns t, expected those of a.tsv: t, u"


def test_leave_out_empty_remembers_the_lines():
    """Rows that are left out must be counted and located."""
    kept = leave_out_empty(table(t=("x", "", None, "y"), u=("1", "2", "3", " ")), ("t", "u", "v"))
    assert (kept.columns["t"], kept.lines, kept.broken) == (("x",), (2,), (3, 4, 5))
    whole = table(t=("x",))
    assert leave_out_empty(whole, ("t",)) is whole
