"""Which cells mean that an example has no gold label, in tasks whose labels are known."""

from pathlib import Path

import pytest

from kdprobe.errors import ConfigError, TaskError
from kdprobe.tasks.gold import Gold, read_gold, read_labels
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Task

NLI = ("entailment", "neutral", "contradiction")


def task(*labels: str, missing: tuple[str, ...] = ()) -> Task:
    return Task("t", 1, "classification", labels, "accuracy", missing=missing)


def gold(of: Task, *cells: str | None) -> Gold:
    table = ColumnTable("f.tsv", {"label": cells}, tuple(range(2, len(cells) + 2)))
    return read_gold(table, of, column="label", labelled=True)


def indices(of: Task, *cells: str | None) -> list[float]:
    labels = gold(of, *cells).labels
    assert labels is not None
    return labels.tolist()


@pytest.mark.parametrize("cell", ["-", "-1", "", "  ", None])
def test_no_consensus_is_missing_where_it_is_no_label(cell: str | None):
    """SNLI's and MNLI's own files write `-`, the hub's -1."""
    assert indices(task(*NLI), "neutral", cell, "Entailment") == [1, -1, 0]
    assert indices(task("0", "1", "2"), "2", cell, "1.0") == [2, -1, 1]
    assert gold(task(*NLI), "neutral", cell).missing_as == ((cell or "").strip(),)


def test_a_sign_that_is_a_label_stays_one():
    """A polarity task's -1 read as missing would leave out its negative half."""
    assert indices(task("-1", "0", "1"), "-1", "1", "") == [0, 2, -1]
    assert indices(task("-", "+"), "+", "-") == [1, 0]
    assert indices(task("A", "A-"), "a-", "a") == [1, 0]


def test_words_are_missing_among_numbers_only():
    """`None` is the name of a class in many data sets."""
    assert indices(task("0", "1"), "1", "nan", "NA", "null") == [1, -1, -1, -1]
    for word in ("nan", "NA", "none"):
        with pytest.raises(TaskError, match=f"label '{word}', expected one of the 2 labels of t"):
            gold(task("yes", "no"), "yes", word)


def test_the_task_file_says_what_is_missing_beside(tmp_path: Path):
    """A file's own word for no label must not need a copy of the file."""
    assert indices(task("yes", "no", missing=("?",)), "no", "?") == [1, -1]
    place = tmp_path / "t.toml"
    head = 'name = "t"\nlabels = ["no", "yes"]\nprimary_score = "mcc"\ntext = "text"\n'
    tail = "[[local]]\n[local.splits]\ndev = { file = 'd.tsv' }\n"
    place.write_text(f'{head}missing = ["?", "unsure"]\n{tail}')
    (tmp_path / "d.tsv").write_text("text\tlabel\na\tyes\nb\t?\nc\tunsure\n")
    split = load_split(open_task(str(place)), "dev")
    assert split.missing_gold == "2 of 3 examples have no gold label (written '?' or 'unsure')"
    place.write_text(f'{head}missing = ["no"]\n{tail}')
    with pytest.raises(ConfigError, match="'no' is a label and means that there is none"):
        open_task(str(place))


def test_all_missing_is_no_label_at_all():
    """A secret test set has no scores, rather than scores of nothing."""
    assert gold(task(*NLI), "-1", "-1") == Gold(None, ("-1",))


def test_predictions_are_never_missing():
    """A model that said nothing cannot be scored as if the example had no label."""
    table = ColumnTable("f.tsv", {"prediction": ("yes", "-1")}, (2, 3))
    with pytest.raises(TaskError, match=r"f\.tsv:3: label '-1', expected one of the 2 labels"):
        read_labels(table, task("yes", "no"), column="prediction")


def test_spellings_fold_only_where_no_class_is_lost():
    """`yes` for YES is harmless; with classes yes and YES it is a guess."""
    assert indices(task("not_entailment", "Entailment"), "Not Entailment", "entailment") == [0, 1]
    with pytest.raises(TaskError, match="label 'Yes'"):
        gold(task("yes", "YES"), "Yes")
