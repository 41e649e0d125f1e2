"""Columns without a name: an index that pandas wrote, or a fault."""

from pathlib import Path

import pandas as pd
import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.readers import read_table


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_index_of_pandas_is_left_out(tmp_path: Path, name: str):
    """`to_csv()` writes one unless told otherwise; its numbers are no text and no slice."""
    path = tmp_path / name
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [0, 1, 0]}).sample(
        frac=1, random_state=1
    )
    frame.to_csv(path, sep="\t" if name == "a.tsv" else ",")
    read = read_table(path)
    assert dict(read.columns) == {"text": tuple(frame.text), "label": tuple(map(str, frame.label))}
    assert read.notes == (
        "its first column has no name and numbers the rows, as pandas writes its index: left out",
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("text,label,\na,0,x\nb,1,y\n", "1: column 3 of 3 has no name"),
        (",text,label\nx,a,0\ny,b,1\n", "1: column 1 of 3 has no name"),
        (",text,label\n1,a,0\n1,b,1\n", "1: column 1 of 3 has no name"),
        ("text, ,label\na,1,0\nb,2,1\n", "1: column 2 of 3 has no name"),
        ("\ntext,,label\na,1,0\n", "2: column 2 of 3 has no name"),
    ],
)
def test_any_other_column_without_a_name_is_refused(tmp_path: Path, text: str, where: str):
    """A column nobody can name is a header that slipped, and labels with it."""
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaskError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}:{where}, expected a header line with a name for")


def test_keys_of_json_objects(tmp_path: Path):
    """Of a key that stands twice Python keeps the last value in silence."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": 0}\n{"text": "a", "text": "b", "label": 1}\n')
    with pytest.raises(TaskError, match=r"a\.jsonl:2: .*'text' stands twice in one object"):
        read_table(path)
    path.write_text('{"text": "a", "": 0}\n')
    with pytest.raises(TaskError, match=r"a\.jsonl:1: column 2 of 2 has no name"):
        read_table(path)
