"""Tests of the file a transfer set is written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdprobe.augmenters.augmenter import GeneratedText
from kdprobe.augmenters.writer import (
    TransferSet,
    check_suffix,
    columns_of,
    read_record,
    record_of,
    write_set,
)
from kdprobe.errors import OutputError
from kdprobe.tasks.readers import read_table

DRAFTS = [
    GeneratedText('the "film"', None, "train-1"),
    GeneratedText("caf\u00e9, NA \U0001f600", None, ""),
]


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet"])
def test_each_format_is_read_again(tmp_path: Path, suffix: str) -> None:
    """Guards quotation marks, commas and emoji lost on the way to the student."""
    path = tmp_path / f"set{suffix}"
    columns = columns_of(DRAFTS, method="rules", has_pairs=False)
    write_set(path, columns, {"size": 2})
    table = read_table(path)
    assert list(table.columns) == ["id", "text", "source", "method"]
    assert table.columns["text"] == ('the "film"', "caf\u00e9, NA \U0001f600")
    assert table.columns["id"] == ("rules-000001", "rules-000002")
    assert table.columns["source"] == ("train-1", "")
    assert read_record(path) == {"size": 2}


def test_pairs_have_two_columns() -> None:
    """Guards second texts that are dropped."""
    columns = columns_of([GeneratedText("a", "b", "x")], method="m", has_pairs=True)
    assert columns == {
        "id": ["m-000001"], "text_a": ["a"], "text_b": ["b"], "source": ["x"], "method": ["m"]
    }  # fmt: skip


def test_records(tmp_path: Path) -> None:
    """Guards a record that does not give back what was told, and one that was edited by hand."""
    path = tmp_path / "set.tsv"
    made = TransferSet(path, 1, {"drawn": 2}, {"dev": 0}, {"model": "x"}, ("a note",), 1.5)
    record = made.record({"task": "toy", "method": "rules"})
    assert TransferSet.of_record(path, record) == made
    assert record["what"] == "texts without labels for toy, made by rules"
    assert read_record(path) is None
    for text in ("{", "[]"):
        record_of(path).write_text(text)
        assert read_record(path) is None


@pytest.mark.parametrize(
    ("name", "found"), [("set.csv", "ends in '.csv'"), ("set", "has no ending")]
)
def test_other_formats(name: str, found: str) -> None:
    """Guards hours of work that end in a file nobody can write."""
    with pytest.raises(OutputError) as caught:
        check_suffix(Path(name))
    assert str(caught.value) == f"{name}: {found}, expected one of .tsv, .jsonl, .parquet"
