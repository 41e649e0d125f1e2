"""Tables packed with gzip: read as what they hold, within bounds."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from kdprobe.errors import TaskError
from kdprobe.models.predictions.file import PredictionsFile
from kdprobe.models.predictions.table import is_predictions_file
from kdprobe.models.spec import parse_spec
from kdprobe.tasks import packed
from kdprobe.tasks.open import open_task
from kdprobe.tasks.pairs import read_minimal_pairs
from kdprobe.tasks.readers import read_table
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.task import Split, Task

FORMS = {
    "p.jsonl": '{"text": "a; b", "label": "no"}\n{"text": "c", "label": "yes"}\n',
    "p.csv": 'text,label\n"a; b",no\nc,yes\n',
    "p.tsv": "text\tlabel\na; b\tno\nc\tyes\n",
}


def pack(folder: Path, name: str, text: str) -> Path:
    place = folder / f"{name}.gz"
    place.write_bytes(gzip.compress(text.encode("utf-8")))
    return place


@pytest.mark.parametrize("name", FORMS)
def test_a_packed_table_is_the_table(name: str, tmp_path: Path) -> None:
    """Guards a separator chosen by `.gz`, and a task or model named after half an ending."""
    place = pack(tmp_path, name, FORMS[name])
    (tmp_path / name).write_text(FORMS[name], encoding="utf-8")
    plain = read_table(tmp_path / name)
    assert read_table(place).columns == plain.columns == {
        "text": ("a; b", "c"), "label": ("no", "yes"),
    }  # fmt: skip
    assert read_table(place).notes == ()
    task_file = open_task(place)
    assert task_file.name == "p"
    assert load_split(task_file, "all").texts == ("a; b", "c")
    assert parse_spec(f"out/{name}.gz").name == "p"
    assert is_predictions_file(str(place))


def test_packed_predictions_and_minimal_pairs(tmp_path: Path) -> None:
    """Guards two of the other doors."""
    task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
    place = pack(tmp_path, "m.jsonl", '{"text": "a", "logits": [1, 2]}\n')
    split = Split(task, "dev", ("1",), ("a",))
    handle = PredictionsFile(place, name="m", task=task)
    said = handle.outputs(split, batch_size=1, advance=lambda done: None)
    np.testing.assert_array_equal(said.values, [[1, 2]])
    pair = '{"sentence_good": "a", "sentence_bad": "b", "field": "f", "pairID": "0"}\n'
    (tmp_path / "pairs").mkdir()
    pack(tmp_path / "pairs", "u.jsonl", pair)
    read = read_minimal_pairs(tmp_path / "pairs")
    assert (read.phenomena, read.good) == (("u",), ("a",))


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a small file that fills the memory: a thousand times its size, as gzip's best is."""
    monkeypatch.setattr(packed, "FREE", 10_000)
    place = pack(tmp_path, "p.csv", "text,label\n" + "a" * 1_000_000)
    size = place.stat().st_size
    with pytest.raises(TaskError) as caught:
        read_table(place)
    assert str(caught.value) == (
        f"{place}: holds more than {100 * size:,} bytes in {size:,}, expected at most 100 times "
        "its size; if that is right, unpack it: `gzip -d FILE`"
    )
    noise = "text,label\n" + "".join(f"{part.hex()},no\n" for part in [os.urandom(8)] * 1)
    assert len(read_table(pack(tmp_path, "q.csv", noise)).lines) == 1


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("p.csv.gz", b"text,label\na,b\n", "is no whole gzip file (Not a gzipped file"),
        ("p.csv.gz", gzip.compress(b"text,label\n" * 99)[:-9], "is no whole gzip file (Compressed"),
        ("p.parquet.gz", gzip.compress(b"PAR1"), "a file that ends in '.gz', expected one of"),
        ("p.gz", gzip.compress(b"text\n"), "a file that ends in '.gz', expected one of"),
    ],
    ids=["plain", "cut", "parquet", "no ending"],
)
def test_what_is_no_packed_table_is_one_message(
    name: str, data: bytes, message: str, tmp_path: Path
) -> None:
    """Guards a traceback of gzip, and half a file read as a whole one."""
    place = tmp_path / name
    place.write_bytes(data)
    with pytest.raises(TaskError) as caught:
        read_table(place)
    assert message in str(caught.value)
