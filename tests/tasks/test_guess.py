"""Plain data files: what is guessed is said, and what the user names is not guessed."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kdprobe.config.task import TaskFile
from kdprobe.errors import TaskError
from kdprobe.tasks.guess import guess_task_file
from kdprobe.tasks.guess_labels import require_classes
from kdprobe.tasks.sources import load_split, split_names


def put(tmp_path: Path, name: str, *rows: str) -> Path:
    path = tmp_path / name
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return path


def gold(file: TaskFile, split: str = "all") -> list[float]:
    labels = load_split(file, split).labels
    assert labels is not None
    return [float(label) for label in labels]


def fault(path: Path, **options: Any) -> str:
    with pytest.raises(TaskError) as caught:
        guess_task_file(path, **options)
    return str(caught.value)


def test_usual_names(tmp_path: Path):
    """A file of everyday shape must work without options, and say what was taken for what."""
    rows = [f"r{i},{'spam' if i % 3 else 'ham'},{'web' if i % 2 else 'mail'}" for i in range(60)]
    path = put(tmp_path, "my data.csv", "Sentence,label,source", *rows)
    file = guess_task_file(path)
    assert (file.name, file.kind, file.labels) == ("my-data", "classification", ("ham", "spam"))
    assert file.notes == (
        "text is column 'Sentence'",
        "label is column 'label': 2 labels (ham, spam)",
        "no column 'split': compare takes all rows; train and dev are nine tenths and one tenth of "
        "them, by a hash of the text",
        "columns kept for slices: source",
    )
    assert (split_names(file), file.compare_split) == (("all", "train", "dev"), "all")
    whole = load_split(file, "all")
    assert gold(file)[:4] == [0, 1, 1, 0]
    assert whole.columns["source"][:2] == ("mail", "web")
    assert whole.ids[:2] == ("all-00001", "all-00002")
    train, dev = load_split(file, "train"), load_split(file, "dev")
    assert sorted((*train.texts, *dev.texts)) == sorted(whole.texts)
    assert len(train) > len(dev) > 0


def test_pairs_ids_and_splits_of_the_file_itself(tmp_path: Path):
    """A file that says its splits and ids must be taken at its word."""
    path = put(
        tmp_path,
        "p.tsv",
        "id\tpremise\thypothesis\tlabel\tsplit",
        "a\tP1\tH1\tyes\ttrain",
        "b\tP2\tH2\tno\tvalidation",
        "c\tP3\tH3\tno\textra",
    )
    file = guess_task_file(path)
    assert (split_names(file), file.compare_split) == (("train", "dev", "extra"), "dev")
    dev = load_split(file, "dev")
    assert (dev.ids, dev.texts, dev.pairs) == (("b",), ("P2",), ("H2",))
    assert gold(file, "train") == [1]
    assert "ids are column 'id'" in file.notes
    assert "splits are the values of column 'split': train, dev, extra" in file.notes


def test_ids_name_one_row_each(tmp_path: Path):
    """Two rows of one id are one example to every join, and the second is lost."""
    path = put(tmp_path, "p.tsv", "id\ttext\tlabel", "a\tx\t0", "b\ty\t1", "a\tz\t1")
    assert fault(path) == (
        f"{path}:4: id 'a' stands at {path}:2 too, expected another id in each row of column 'id'; "
        "correct it, or rename the column 'id' if it names something else than the row (a "
        "document); rows without ids are numbered"
    )
    path = put(tmp_path, "q.tsv", "idx\ttext\tlabel", "1\tx\t0", "\ty\t1")
    assert fault(path).startswith(f"{path}:3: no id, expected another id in each row of column")
    path = put(tmp_path, "r.csv", "id,text,label", ",x,0", ",y,1")
    assert load_split(guess_task_file(path), "all").ids == ("all-00001", "all-00002")
    rows = ("1\tx\t0\ttrain", "2\ty\t1\ttrain", "1\tz\t1\tdev")
    path = put(tmp_path, "s.tsv", "id\ttext\tlabel\tsplit", *rows)
    assert load_split(guess_task_file(path), "dev").ids == ("1",)


def test_named_columns_are_not_guessed(tmp_path: Path):
    """`text` must win over a column called `text`, and bring no second text with it."""
    path = put(tmp_path, "p.tsv", "text\tq\tsentence1\tsentence2\tlabel\tgood", "a\tb\tc\td\t0\ty",
               "e\tf\tg\th\t1\tn")  # fmt: skip
    file = guess_task_file(path, text="q", label="good")
    assert (file.text, file.text_pair, file.labels) == ("q", (), ("n", "y"))
    file = guess_task_file(path, text="q", text_pair="sentence2")
    assert load_split(file, "all").pairs == ("d", "h")
    file = guess_task_file(path, text_pair="q")
    assert (file.text, file.text_pair) == ("text", "q")
    assert "no column 'nope' for the text" in fault(path, text="nope")
    assert "no column 'nope' for the second text" in fault(path, text_pair="nope")
    assert "no column 'nope' for the label" in fault(path, label="nope")


def test_numbers_classes_or_scores(tmp_path: Path):
    """57 intents numbered 0 to 56 are classes; 3.8 is a score; so are many years."""

    def kind(*values: object) -> tuple[str, int]:
        rows = [f"t{i}\t{value}" for i, value in enumerate(values)]
        file = guess_task_file(put(tmp_path, "n.tsv", "text\tlabel", *rows))
        return file.kind, len(file.labels)

    assert kind(*range(57)) == ("classification", 57)
    assert kind(1, 2, 10) == ("classification", 3)
    assert kind(1, 3.8) == ("regression", 0)
    assert kind(*range(100, 200, 3)) == ("regression", 0)
    assert kind("1", "0", "nan") == ("classification", 2)
    assert kind("1", "zero", "nan") == ("classification", 3)
    ordered = guess_task_file(put(tmp_path, "n.tsv", "text\tlabel", "a\t10", "b\t2"))
    assert ordered.labels == ("2", "10")
    scored = guess_task_file(put(tmp_path, "n.tsv", "text\tscore", "a\t1.5", "b\t2"))
    assert (scored.primary_score, gold(scored)) == ("pearson", [1.5, 2.0])
    assert "label is column 'score': numbers, a regression" in scored.notes


def test_jsonl_parquet_and_rasa(tmp_path: Path):
    """The same rows must mean the same in every format."""
    rows = [{"text": "NA", "label": "b"}, {"text": "y", "label": "a"}]
    jsonl = put(tmp_path, "d.jsonl", *map(json.dumps, rows))
    parquet = tmp_path / "d.parquet"
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    yml = put(tmp_path, "d.yml", "nlu:", "- intent: b", "  examples: |", "    - NA",
              "- intent: a", "  examples: |", "    - y")  # fmt: skip
    for path in (jsonl, parquet, yml):
        file = guess_task_file(path)
        split = load_split(file, "all")
        assert (split.texts, gold(file), file.labels) == (("NA", "y"), [1, 0], ("a", "b"))


def test_a_file_without_header_is_refused(tmp_path: Path):
    """Its first sentence would become the names of the columns."""
    path = put(tmp_path, "h.tsv", "It is fine.\t1", "It is bad.\t0")
    assert fault(path) == (
        f"{path}:1: none of the columns ('It is fine.', '1') is called like a text, expected a "
        "header line with one of text, sentence, utterance, review, content, tweet, query, "
        "question; name the text column with `text=COLUMN`, or add a header line"
    )


def test_without_a_label_column_nothing_has_gold(tmp_path: Path):
    """Texts of production have no labels, and agreement needs none."""
    path = put(tmp_path, "h.tsv", "text\tgood", "x\t1", "y\t0")
    file = guess_task_file(path)
    assert (file.labels, file.open_labels) == ((), True)
    assert "no column is called like a label: there are no gold labels" in file.notes
    split = load_split(file, "all")
    assert (split.labels, split.missing_gold) == (None, "none of the 2 examples has a gold label")
    named = guess_task_file(path, labels=("no", "yes"))
    assert (named.labels, named.open_labels) == (("no", "yes"), False)


def test_faults_of_the_rows(tmp_path: Path):
    """No rows, labels all equal, a split without a name."""
    path = put(tmp_path, "a.tsv", "text\tlabel")
    assert fault(path) == f"{path}: has no rows, expected at least one example"
    path = put(tmp_path, "c.tsv", "text\tlabel", "x\tyes", "y\tyes")
    with pytest.raises(TaskError) as caught:
        require_classes(guess_task_file(path))
    assert str(caught.value) == (
        "`task=c`: every label is 'yes', expected two classes or more; name them all with "
        "`labels=A,B`, or the label column with `label=COLUMN`"
    )
    path = put(tmp_path, "d.tsv", "text\tlabel\tsplit", "x\ta\ttrain", "y\tb\t")
    assert fault(path) == (
        f"{path}:3: column 'split' is empty, expected one name for each split (train, dev, test); "
        "correct the column 'split'"
    )
    path = put(tmp_path, "e.tsv", "text\tlabel\tsplit", "x\ta\tdev", "y\tb\tval")
    assert fault(path).startswith(f"{path}:3: split 'val', expected one name for each split")
