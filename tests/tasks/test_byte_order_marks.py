"""Every text file a person may name begins the same with and without a byte order mark."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kdprobe.models.predictions.table import read_predictions
from kdprobe.tasks.own_sentences import read_own
from kdprobe.tasks.pairs import read_minimal_pairs
from kdprobe.tasks.probing.sets import read_senteval
from kdprobe.tasks.probing.treebank import read_mrg
from kdprobe.tasks.rasa import read_rasa
from kdprobe.tasks.readers import check_names_file, read_table
from kdprobe.tasks.task import Task

TASK = Task("t", 1, "classification", ("no", "yes"), "accuracy")
PAIR = json.dumps({"sentence_good": "é a", "sentence_bad": "a é"})
PARTS = "".join(f"{part}\t{label}\té {label}\n" for part in ("tr", "va", "te") for label in "AB")

FILES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "task table": ("a.csv", "text,label\né,yes\n", lambda p: dict(read_table(p).columns)),
    "task json": ("a.jsonl", '{"text": "é"}\n', lambda p: dict(read_table(p).columns)),
    "names": ("n.tsv", "0\tno\n1\tyes\n", lambda p: check_names_file(p, TASK.labels)),
    "predictions": ("p.tsv", "text\tlogits\né\t1,2\n", lambda p: read_predictions(p, TASK).texts),
    "own sentences": ("s.txt", "é\nb\n", lambda p: read_own(p, TASK).texts),
    "minimal pairs": ("b.jsonl", PAIR + "\n", lambda p: read_minimal_pairs(p).good),
    "probing": ("x.txt", PARTS, lambda p: read_senteval(p, "x").fingerprint),
    "rasa": ("n.yml", "nlu:\n- intent: a\n  examples: |\n    - é\n",
             lambda p: read_rasa(p).columns),
    "treebank": ("t.mrg", "( (S (NP (NNP é)) (VP (VBZ is))) )\n",
                 lambda p: [str(tree) for tree in read_mrg(p)]),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", FILES)
def test_a_mark_changes_nothing(tmp_path: Path, kind: str, encoding: str):
    """The mark sticks to the first name, which nothing then goes by."""
    name, text, read = FILES[kind]
    path = tmp_path / name
    path.write_bytes(text.encode())
    plain = read(path)
    path.write_bytes(text.encode(encoding))
    assert read(path) == plain
