"""What `kdprobe tasks` tells, checked against files small enough to count."""

from pathlib import Path

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.describe import LabelCount, Quantiles, SharedTexts, describe, overview
from kdprobe.tasks.open import open_task


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KDPROBE_DATA", raising=False)


def put(root: Path, place: str, *rows: str) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(row + "\n" for row in rows))
    return path


def test_cola(tmp_path: Path):
    """Counts, lengths and duplicates are those one can count by hand."""
    train = put(tmp_path, "CoLA/train.tsv", "s\t1\t\ta", "s\t1\t\tb c", "s\t0\t\td e f")
    put(tmp_path, "CoLA/dev.tsv", "s\t0\t\tb c", "s\t1\t\tg")
    told = describe(open_task("cola"), data_dir=tmp_path, offline=True)
    first, second, third = told.splits
    assert (first.name, first.origin, first.size) == ("train", str(train), 3)
    assert first.labels == (
        LabelCount("unacceptable", 1, 1 / 3),
        LabelCount("acceptable", 2, 2 / 3),
    )
    assert first.words == Quantiles(1.0, 1.5, 2.0, 2.5, 3.0)
    assert first.scores is None
    assert [(row.id, row.text, row.pair, row.label) for row in first.examples] == [
        ("train-00001", "a", "", "acceptable"),
        ("train-00002", "b c", "", "acceptable"),
        ("train-00003", "d e f", "", "unacceptable"),
    ]
    assert second.size == 2
    assert (third.size, third.origin, third.examples) == (0, "", ())
    assert third.missing.startswith("the data of split 'test' were not found; looked at ")
    assert told.shared == (SharedTexts("train", "dev", 1),)


def test_regression_and_pairs(tmp_path: Path):
    """Scores have quantiles, and the length of a pair is that of both texts."""
    head = "index\tgenre\tsentence1\tsentence2\tscore"
    put(tmp_path, "STS-B/dev.tsv", head, "0\tg\ta b\tc\t1.0", "1\tg\ta\tb\t3.5")
    dev = describe(open_task("stsb"), data_dir=tmp_path, offline=True).splits[1]
    assert dev.scores == Quantiles(1.0, 1.625, 2.25, 2.875, 3.5)
    assert dev.words == Quantiles(2.0, 2.25, 2.5, 2.75, 3.0)
    assert dev.labels == ()
    assert [(row.pair, row.label) for row in dev.examples] == [("c", "1"), ("b", "3.5")]


def test_broken_rows_and_secret_labels_are_told(tmp_path: Path):
    """A reader of the description must learn what was left out."""
    head = "id\tquestion1\tquestion2"
    path = put(tmp_path, "QQP/test.tsv", head, "0\ta\tb", "1\tc")
    test = describe(open_task("qqp"), data_dir=tmp_path, offline=True).splits[2]
    assert test.origin == f"{path} (1 broken row was left out, the first at line 3)"
    assert (test.labels, test.examples[0].label) == ((), "")


def test_three_examples_the_same_every_time(tmp_path: Path):
    """Examples that change from call to call cannot be spoken about."""
    put(tmp_path, "CoLA/dev.tsv", *(f"s\t1\t\tt{i}" for i in range(50)))
    cola = open_task("cola")
    one, two = (
        describe(cola, data_dir=tmp_path, offline=True).splits[1].examples for _ in range(2)
    )
    assert one == two
    assert len({row.id for row in one}) == 3


def test_a_malformed_file_is_a_fault_not_missing(tmp_path: Path):
    """`missing` for a file that is there would send the reader looking for it."""
    put(tmp_path, "CoLA/dev.tsv", "s\t1\tHi")
    with pytest.raises(TaskError, match=r"CoLA/dev\.tsv:1: 3 tab-separated columns"):
        describe(open_task("cola"), data_dir=tmp_path, offline=True)


def test_all_is_not_compared_with_its_parts(tmp_path: Path):
    """Rows of `all` stand in train and dev by definition: no duplicates."""
    path = put(tmp_path, "d.tsv", "text\tlabel", *(f"text {i}\t{i % 2}" for i in range(60)))
    assert describe(open_task(str(path))).shared == (SharedTexts("train", "dev", 0),)


def test_a_share_without_rows_is_missing_not_a_fault(tmp_path: Path):
    """A file too small for a dev split can still be described and compared on."""
    path = put(tmp_path, "d.tsv", "text\tlabel", "same\ta", "same\tb")
    whole, *parts = describe(open_task(str(path))).splits
    assert whole.size == 2
    assert sorted(part.size for part in parts) == [0, 2]
    assert [part.missing[:26] for part in parts if part.missing] == ["none of its 2 rows falls i"]


def test_grammar():
    """The embedded task is described like any other; its splits share no sentence."""
    told = describe(open_task("grammar"), offline=True)
    assert [split.size for split in told.splits] == [12000, 1000, 1000]
    assert all(split.origin.startswith("embedded grammar") for split in told.splits)
    assert [shared.n for shared in told.shared] == [0, 0, 0]


def test_overview(tmp_path: Path):
    """Found, missing and sizes, without loading a row."""
    put(tmp_path, "glue/CoLA/dev.tsv", "s\t1\t\ta", "", "s\tbroken\t\tb")
    put(tmp_path, "glue/CoLA/test.tsv", "index\tsentence", "0\ta")
    put(tmp_path, "glue/SST-2/dev.tsv", "sentence\tlabel", "a\t1")
    put(tmp_path, "QQP/dev.tsv", "id\tquestion1\tquestion2\tis_duplicate", "1\ta\tb\t0")
    rows = {row.name: row for row in overview(data_dir=tmp_path)}
    cola = rows["cola"]
    assert cola.sizes == (("dev", 2), ("test", 1))
    assert (cola.missing, cola.folder) == (("train",), str(tmp_path / "glue" / "CoLA"))
    assert (cola.kind, cola.labels, cola.primary_score) == ("classification", 2, "mcc")
    assert rows["sst2"].sizes == (("dev", 1),)
    assert rows["qqp"].sizes == (("dev", None),)
    assert (rows["rte"].sizes, rows["rte"].folder) == ((), "")
    grammar = rows["grammar"]
    assert (grammar.generated, grammar.folder, grammar.missing) == (True, "", ())
    assert grammar.sizes == (("train", 12000), ("dev", 1000), ("test", 1000))
    with pytest.raises(TaskError, match=r"`data_dir=.*`: no such folder"):
        overview(data_dir=tmp_path / "no")
