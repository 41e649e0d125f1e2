"""A person's own sentences: read as meant, or refused in one message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kdprobe.errors import TaskError
from kdprobe.tasks.own_sentences import read_own
from kdprobe.tasks.task import Task

TASK = Task("toy", 1, "classification", ("bad", "good"), "accuracy")
PAIRS = replace(TASK, has_pairs=True)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_line_is_a_sentence(tmp_path: Path):
    """A quotation mark, a leading # or a blank line must not change what is explained."""
    text = '# one\n\n"two" she said\r\n   \nthree\u2028still three'
    split = read_own(written(tmp_path, "mine.txt", text), TASK)
    assert split.texts == ("# one", '"two" she said', "three\u2028still three")
    assert split.ids == ("own-1", "own-2", "own-3")
    assert split.labels is None
    assert split.origin == "mine.txt"


@pytest.mark.parametrize("column", ["text", "Sentence", "text_a"])
def test_a_table_may_bring_labels(tmp_path: Path, column: str):
    """Labels that were given and not read would lose 'right for other reasons'."""
    path = written(tmp_path, "mine.tsv", f"n\t{column}\tlabel\n1\ta dog\tgood\n2\tdog a\t0\n")
    split = read_own(path, TASK)
    assert split.texts == ("a dog", "dog a")
    assert split.labels is not None
    assert split.labels.tolist() == [1, 0]
    bare = read_own(written(tmp_path, "bare.csv", 'text\n"a, b"\n'), TASK)
    assert bare.texts == ("a, b",)
    assert bare.labels is None


def test_pairs_have_two_texts(tmp_path: Path):
    """A pair read as one text would be explained as a sentence that nobody wrote."""
    lines = read_own(written(tmp_path, "mine.txt", "a dog\ta cat\n"), PAIRS)
    table = read_own(written(tmp_path, "mine.tsv", "premise\thypothesis\na dog\ta cat\n"), PAIRS)
    for split in (lines, table):
        assert (split.texts, split.pairs) == (("a dog",), ("a cat",))


@pytest.mark.parametrize(
    ("task", "name", "text", "message"),
    [
        (TASK, "no.txt", "\n  \n", "no.txt: holds no sentence, expected at least one"),
        (TASK, "no.tsv", "word\nx\n", "no column of texts, only 'word', expected a header line "
         "with one of text, sentence"),
        (TASK, "no.tsv", "text\tlabel\nx\tugly\n", "no.tsv:2: label 'ugly', expected one of the 2"),
        (TASK, "no.tsv", "text\tlabel\n \tbad\n", "no.tsv:2: column 'text_a' is empty"),
        (PAIRS, "no.txt", "a\tb\none text\n", "no.txt:2: 1 texts, expected two with a tab between, "
         "as toy is about pairs of texts"),
        (PAIRS, "no.tsv", "text\nx\n", "expected a header line with text_a and text_b"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(
    tmp_path: Path, task: Task, name: str, text: str, message: str
):
    """A file that is quietly read as something else explains nothing."""
    with pytest.raises(TaskError) as refused:
        read_own(written(tmp_path, name, text), task)
    assert message in str(refused.value)


def test_files_that_are_not_text_are_refused(tmp_path: Path):
    """A missing file, or an office document, must not end in a traceback."""
    with pytest.raises(TaskError, match="cannot be read"):
        read_own(tmp_path / "none.txt", TASK)
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(TaskError, match="is a zip archive"):
        read_own(tmp_path / "a.docx", TASK)
