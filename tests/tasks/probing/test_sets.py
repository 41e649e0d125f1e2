"""SentEval's format, what is refused, and samples that keep the classes' shares."""

from pathlib import Path

import numpy as np
import pytest

from kdprobe.config.probing import open_probing_task, open_probing_tasks, probing_task_names
from kdprobe.errors import ConfigError, TaskError, UnknownNameError
from kdprobe.tasks.probing.baselines import control_set, endings_accuracy, majority_accuracy
from kdprobe.tasks.probing.sets import make_set, read_senteval, sample_set, write_senteval

GOOD = "tr\tB\tx\ta b\ntr\tA\tc d \nva\tA\te\nte\tB\tf g\n"


def file_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bigram_shift.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_senteval_reads_it(tmp_path: Path):
    """Guards against labels in file order, or a sentence taken from the third field."""
    held = read_senteval(file_of(tmp_path, GOOD), "bigram_shift")
    assert held.labels == ("A", "B")
    assert held.train.sentences == ("a b", "c d")
    assert held.train.labels.tolist() == [1, 0]
    assert [len(part) for part in held.parts] == [2, 1, 1]
    write_senteval(held, tmp_path / "again.txt")
    assert read_senteval(tmp_path / "again.txt", "bigram_shift").fingerprint == held.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD + "tr\tB\n",
            "bigram_shift.txt:5: 2 tab-separated fields that start with 'tr', expected tr, va or "
            "te, a class, and a sentence as the last field; was the file re-saved by another "
            "program?",
        ),
        (
            GOOD + "te\tC\tz\n",
            "bigram_shift.txt: class 'C' stands in part 'te' and never in 'tr', expected classes "
            "that can be learned; leave its lines out, or add some to the training part",
        ),
        (
            "tr\tA\tx\nva\tA\tx\nte\tA\tx\n",
            "bigram_shift.txt: the training part has one class only, 'A', expected at least two",
        ),
        (
            "tr\tA\tx\ntr\tB\tx\nva\tA\tx\n",
            "bigram_shift.txt: no sentence of part 'te', expected some of tr, va and te each",
        ),
    ],
)
def test_what_cannot_be_probed_is_refused(tmp_path: Path, text: str, message: str):
    """Guards against a malformed line or class that silently becomes another number."""
    with pytest.raises(TaskError) as told:
        read_senteval(file_of(tmp_path, text), "bigram_shift")
    assert str(told.value) == message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    """Guards against a traceback for a missing or wrongly encoded file."""
    with pytest.raises(TaskError, match="No such file"):
        read_senteval(tmp_path / "none.txt", "x")
    (tmp_path / "latin.txt").write_bytes(b"tr\tA\t\xe9\n")
    with pytest.raises(TaskError, match=r"latin.txt:1: byte 0xe9 is not UTF-8"):
        read_senteval(tmp_path / "latin.txt", "x")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, encoding: str):
    """SentEval's file saved by another program would be refused for its first two letters."""
    rows = [f"{part}\t{label}\tw{label} é\n" for part in ("tr", "va", "te") for label in "AB"]
    (tmp_path / "x.txt").write_bytes("".join(rows).encode(encoding))
    read = read_senteval(tmp_path / "x.txt", "x")
    assert read.train.sentences == ("wA é", "wB é")


def test_a_sample_keeps_shares_and_small_sets_stay_whole():
    """Guards against a sample that loses a class, or one that moves with the order of tasks."""
    rows = [("A" if k % 4 else "B", f"w{k} x") for k in range(80)]
    whole = make_set("t", {"tr": rows, "va": rows[:20], "te": rows[:20]}, origin="here")
    small = sample_set(whole, sentences=20, seed=3)
    assert [len(part) for part in small.parts] == [20, 10, 10]
    assert np.bincount(small.train.labels).tolist() == [15, 5]
    assert small.fingerprint == sample_set(whole, sentences=20, seed=3).fingerprint
    kept = sample_set(whole, sentences=500, seed=3)
    assert sorted(kept.train.sentences) == sorted(whole.train.sentences)
    assert kept.test.sentences == whole.test.sentences


def test_training_sentences_come_in_sentevals_order():
    """Guards against seeded minibatches of other sentences than SentEval's."""
    rows = [("B", "a b c"), ("A", "d e"), ("B", "f"), ("A", "g h i"), ("A", "j k"), ("B", "l m")]
    whole = make_set("t", {"tr": rows, "va": rows, "te": rows}, origin="here")
    made = sample_set(whole, sentences=100, seed=0)
    assert made.train.sentences == ("f", "d e", "j k", "l m", "g h i", "a b c")
    assert made.train.labels.tolist() == [1, 0, 0, 1, 0, 1]
    assert made.dev.sentences == whole.dev.sentences


def test_guesses_and_control_labels():
    """Guards against a control label that differs between equal key words, or a lucky guesser."""
    rows = [(("PAST" if k % 2 else "PRES"), f"he walk{'ed' if k % 2 else 's'}") for k in range(40)]
    rows += [("PAST", "he ran")]
    held = make_set("t", {"tr": rows, "va": rows[:4], "te": rows[:8]}, origin="here")
    assert majority_accuracy(held) == 0.5
    assert endings_accuracy(held) == 1.0
    control = control_set(held, seed=0)
    by_word = dict(zip(held.train.sentences, control.train.labels.tolist(), strict=True))
    assert [by_word[s] for s in held.test.sentences] == control.test.labels.tolist()


def test_names_and_faults_of_probing_tasks(tmp_path: Path):
    """Guards against a task that cannot be opened by the name that is listed."""
    names = probing_task_names()
    assert len(names) == 10
    assert names[0] == "sentence_length"
    assert [task.name for task in open_probing_tasks(("all",))] == list(names)
    with pytest.raises(UnknownNameError, match="did you mean 'bigram_shift'"):
        open_probing_task("bigram_shft")
    with pytest.raises(ConfigError, match=r"`probing\.tasks`: tree_depth is named twice"):
        open_probing_tasks(("tree_depth", "tree_depth"))
    own = tmp_path / "mine.toml"
    own.write_text('name = "mine"\ngroup = "other"\ndescription = "?"\nfile = "mine.txt"\n')
    assert open_probing_task(str(own)).base == tmp_path
