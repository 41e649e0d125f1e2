"""Tables, labels and classes from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.scene import run
from tests.models.tiny import tiny_checkpoint


def put(folder: Path, name: str, *rows: str) -> Path:
    place = folder / name
    place.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return place


def test_tasks_tells_missing_labels_and_how_the_file_was_read(tmp_path: Path):
    """A count that nobody sees is a count that nobody believes."""
    rows = [f'"a ""b"" {n}"\t{("-", "neg", "pos")[n % 3]}' for n in range(9)]
    said = run("tasks", put(tmp_path, "t.tsv", "text\tlabel", *rows))
    assert said.code == 0
    assert "  3 of 9 examples have no gold label (written '-'): left out of scores\n" in said.out
    assert "  labels: neg 3 (50.0%), pos 3 (50.0%)\n" in said.out
    assert "9 fields stand in quotation marks" in said.out
    said = run("tasks", put(tmp_path, "u.csv", "text;other", "a;1", "b;1"))
    assert said.code == 0
    assert "  none of the 2 examples has a gold label\n" in said.out


def test_labels_name_the_classes(tmp_path: Path):
    """--labels takes names that begin with a sign, in the order of the classes."""
    table = put(tmp_path, "t.csv", "text,label", "a,1", "b,-1", "c,0", "d,1")
    said = run("tasks", table, "--labels", "-1,0,1,2")
    assert "  labels: -1 1 (25.0%), 0 1 (25.0%), 1 2 (50.0%), 2 0 (0.0%)\n" in said.out
    said = run("tasks", table, "--labels", "0,1")
    assert "1 of 4 examples has no gold label (written '-1')" in said.out
    said = run("tasks", "cola", "--labels", "a,b")
    assert (said.code, "--labels a,b: --task cola says itself" in said.err) == (2, True)


def test_compare_with_signs_and_a_class_that_no_row_shows(tmp_path: Path):
    """Columns of -1, 0 and 1 are three classes, and a model may know one more than the rows."""
    rows = [f"text {n},{(-1, 1)[n % 2]}" for n in range(12)]
    task = put(tmp_path, "t.csv", "text,label", *rows)
    shares = ("0.571,0.197,0.231", "0.1,0.2,0.7")
    said = [f"{row},{shares[n % 2]}" for n, row in enumerate(rows)]
    files = [
        put(tmp_path, f"{name}.csv", "text,label,prob:-1,prob:0,prob:1", *said) for name in "ab"
    ]
    done = run("compare", f"T={files[0]}", f"S={files[1]}", "--task", task, "-o", tmp_path / "out",
               "--resamples", "100", "-q")  # fmt: skip
    assert done.code == 0, done.err
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["task"]["labels"] == ["-1", "0", "1"]
    notes = [note for model in results["models"] for note in model["notes"]]
    assert any(note.startswith("its probabilities were rounded: 6 of 12 rows") for note in notes)


def test_distill_knows_the_classes_of_its_teacher(tmp_path: Path):
    """A teacher of three classes was refused for a table that shows two of them."""
    names = ("contradiction", "entailment", "neutral")
    teacher = tiny_checkpoint(tmp_path / "m", labels=names)
    rows = [f"text number {n}\t{names[n % 2]}" for n in range(40)]
    task = put(tmp_path, "t.tsv", "text\tlabel", *rows)
    words = ("distill", teacher, "--task", task, "--student", "layers=1", "--dry-run", "-q",
             "-o", tmp_path / "s", "--offline")  # fmt: skip
    assert "outputs" not in run(*words).err
    refused = run(*words, "--labels", "contradiction,entailment")
    assert "its head has 3 outputs" in refused.err
    assert "Classes that the rows of a table do not show are named with --labels" in refused.err


def test_distill_takes_a_label_map(tmp_path: Path):
    """A teacher with other names could not be used by distill at all."""
    teacher = tiny_checkpoint(tmp_path / "m", labels=("LABEL_0", "LABEL_1"))
    rows = [f"text number {n}\t{('neg', 'pos')[n % 2]}" for n in range(40)]
    task = put(tmp_path, "t.tsv", "text\tlabel", *rows)
    words = ("distill", teacher, "--task", task, "--student", "layers=1", "--dry-run", "-q",
             "-o", tmp_path / "s", "--offline")  # fmt: skip
    refused = run(*words)
    assert refused.code == 2
    assert "say which is which (--label-map 'LABEL_0=neg,LABEL_1=pos')" in refused.err
    told = run(*words, "--label-map", "LABEL_0=neg,LABEL_1=pos")
    assert "its labels are" not in told.err
