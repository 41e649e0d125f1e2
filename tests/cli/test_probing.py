"""`kdprobe probes build` and `kdprobe compare --only probing` as a person runs them."""

from pathlib import Path

import pytest

from kdprobe.results.io import read_document
from tests.cli.scene import LABELS, gold, run, write_predictions, write_task
from tests.models.tiny import tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

MRG = "( (S (NP (DT The) (NN cat) ) (VP (VBD saw) (NP (DT the) (NNS {}) )) (. .) ))\n"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """The toy task's file; its data lie beside it."""
    return write_task(tmp_path)


def write_sets(folder: Path) -> None:
    """One probing task of 80 sentences that any layer can tell apart."""
    folder.mkdir()
    rows = [
        f"{part}\t{'A' if k % 2 else 'B'}\t{'the dog sleeps' if k % 2 else 'she saw'} {part} {k}"
        for part, size in (("tr", 40), ("va", 20), ("te", 20))
        for k in range(size)
    ]
    (folder / "bigram_shift.txt").write_text("\n".join(rows) + "\n")


def test_probing_of_two_checkpoints_ends_in_the_report(tmp_path: Path, task: Path):
    """Guards against a section that never appears, and a second run that reads models again."""
    teacher = tiny_checkpoint(tmp_path / "t", labels=LABELS, layers=2, width=16)
    student = tiny_checkpoint(tmp_path / "s", labels=LABELS, layers=1, width=8, seed=1)
    write_sets(tmp_path / "sets")
    words = (
        "compare", teacher, student, "--task", task, "-o", tmp_path / "out", "--only", "probing",
        "--probe-tasks", "bigram_shift", "--probe-sentences", "40", "--pooling", "mean,cls",
        "--probing-dir", tmp_path / "sets", "--resamples", "100", "--device", "cpu", "--force",
    )  # fmt: skip
    done = run(*words)
    assert done.code == 0, done.err
    document = read_document(tmp_path / "out")
    result = document.analysis("probing")
    assert result is not None
    layers = {e.layer for e in result.estimates if e.metric == "accuracy" and e.model_a == "t"}
    assert layers == {"0", "1", "2", "head"}
    assert {e.layer for e in result.estimates if e.metric == "gap" and e.layer} == {
        "best", "0:0", "2:1", "head:head"
    }  # fmt: skip
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "bigram_shift (syntax, 2 classes)" in page
    assert "probing,accuracy,t,,bigram_shift,1,mean" in (
        (tmp_path / "out" / "metrics.csv").read_text(encoding="utf-8")
    )
    again = run(*words)
    assert again.code == 0
    assert "layers of" not in again.err
    assert read_document(tmp_path / "out").analysis("probing") == result


def test_a_bilstm_and_a_predictions_file_beside_an_encoder(tmp_path: Path, task: Path):
    """Guards against a student of other widths left out, or one without layers that ends it all."""
    teacher = tiny_checkpoint(tmp_path / "t", labels=LABELS, layers=2, width=16)
    student = tiny_lstm(tmp_path / "s", labels=LABELS)
    told = write_predictions(tmp_path / "p.jsonl", gold(tmp_path), seed=1)
    write_sets(tmp_path / "sets")
    done = run(
        "compare", teacher, student, told, "--task", task, "-o", tmp_path / "out",
        "--only", "probing", "--probe-tasks", "bigram_shift", "--pooling", "cls,mean,last",
        "--probing-dir", tmp_path / "sets", "--resamples", "100", "--device", "cpu",
    )  # fmt: skip
    assert done.code == 0, done.err
    plain = " ".join(done.err.split())
    assert "Probing reads 80 sentences with 4 encoders, random weights included" in plain
    assert "probes, one a task, layer and pooling: about" in plain
    result = read_document(tmp_path / "out").analysis("probing")
    assert result is not None
    made = {(e.metric, e.model_a, e.model_b, e.layer, e.pooling): e for e in result.estimates}
    assert made["gap", "t", "s", "2:1", "mean"].value is not None
    assert made["gap", "t", "s", "2:1", "last"].value is not None
    assert made["gap", "t", "s", "best", "cls"].undefined == (
        "s: no token of a BiLSTM reads the whole sentence; see last"
    )
    assert made["centre_of_gravity", "s", "", "", "mean"].n == 20
    assert (made["mdl_compression", "s", "", "1", "mean"].value or 0.0) > 1
    messages = [notice.message for notice in result.warnings]
    assert "p is not probed: no layers can be read, as of a predictions file." in messages
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "s: random weights" not in page  # the first pooling, cls, is the teacher's alone
    assert "t: random weights" in page


def test_predictions_files_are_skipped_with_the_reason(tmp_path: Path, task: Path):
    """Guards against a crash for models without layers, and against an exit code of 0."""
    a = write_predictions(tmp_path / "a.jsonl", gold(tmp_path), seed=1)
    b = write_predictions(tmp_path / "b.jsonl", gold(tmp_path), seed=2)
    plain = ("compare", a, b, "--task", task, "--resamples", "100", "--quiet")
    done = run(*plain, "-o", tmp_path / "one", "--only", "probing,agreement")
    assert done.code == 3
    skipped = {item.what: item.reason for item in read_document(tmp_path / "one").skipped}
    assert skipped["probing"] == "a, b: no layers can be read, as of a predictions file"
    assert run(*plain, "-o", tmp_path / "two", "--only", "agreement").code == 0
    wrong = run(*plain, "-o", tmp_path / "x", "--probe-tasks", "tree_depht")
    assert wrong.code == 2
    assert "did you mean 'tree_depth'?" in wrong.err


def test_probe_seeds_are_refused_before_a_model_is_opened(tmp_path: Path, task: Path):
    """Guards against seeds that are silently without effect, told after minutes of reading."""
    words = ("compare", tmp_path / "no-t", tmp_path / "no-s", "--task", task, "-o", tmp_path / "x")
    asked = (*words, "--probe-tasks", "bigram_shift")
    done = run(*asked, "--probe-seeds", "3")
    assert done.code == 2
    assert " ".join(done.err.split()) == (
        "Error: --probe-seeds: is 3 with --probe logistic, which is convex and draws nothing at "
        "random, expected a probe that starts from a seed: mlp, senteval, senteval-sum, "
        "thesis, fast; leave --probe-seeds out, or name another --probe"
    )
    nowhere = run(*asked, "--probing-dir", tmp_path / "nowhere").err
    assert "no such folder, expected a folder of SentEval's probing files" in " ".join(
        nowhere.split()
    )
    assert (
        "--pooling: no pooling is called 'sum', expected one of"
        in run(*asked, "--pooling", "sum").err
    )
    assert "--probe: no probe is called 'svm', expected one of" in run(*asked, "--probe", "svm").err


def test_probe_seeds_reach_the_report(tmp_path: Path, task: Path):
    """Guards against an option that fits one start and says three."""
    teacher = tiny_checkpoint(tmp_path / "t", labels=LABELS, layers=1, width=8)
    write_sets(tmp_path / "sets")
    done = run(
        "compare", teacher, f"s={teacher}", "--task", task, "-o", tmp_path / "out", "--only",
        "probing", "--probe-tasks", "bigram_shift", "--probe", "senteval", "--probe-seeds", "2",
        "--probing-dir", tmp_path / "sets", "--resamples", "100", "--device", "cpu", "--no-mdl",
    )  # fmt: skip
    assert done.code == 0, done.err
    document = read_document(tmp_path / "out")
    assert "pooling, from 2 seeds each: about" in " ".join(done.err.split())
    probing = document.request.options["probing"]
    assert isinstance(probing, dict)
    assert probing["probe_seeds"] == 2
    result = document.analysis("probing")
    assert result is not None
    assert result.caption.split(": ")[1].endswith("raw features; mean of 2 probe seeds. Baselines")


def test_sets_are_built_from_a_treebank(tmp_path: Path):
    """Guards against files that the reader of the same format refuses."""
    from kdprobe.tasks.probing.sets import read_senteval

    words = [f"{a}{b}s" for a in "bcdfghjklm" for b in "aeiouyaeiou"]
    (tmp_path / "t.mrg").write_text("".join(MRG.format(word) for word in words))
    done = run("probes", "build", tmp_path / "t.mrg", "-o", tmp_path / "sets",
               "--probe-tasks", "bigram_shift,past_present")  # fmt: skip
    assert done.code == 0, done.err
    held = read_senteval(tmp_path / "sets" / "bigram_shift.txt", "bigram_shift")
    assert held.labels == ("I", "O")
    assert not (tmp_path / "sets" / "past_present.txt").exists()
    assert "left out:" in done.out


def test_sentences_are_cut_by_the_lengths_asked_for(tmp_path: Path):
    """Guards against classes of length other than those that were asked for."""
    from kdprobe.tasks.probing.sets import read_senteval

    words = ("probes", "build", "grammar", "-o", tmp_path / "sets", "--sentences", "200",
             "--probe-tasks", "sentence_length", "--length-bins")  # fmt: skip
    done = run(*words, "5-6,7-8,9-12")
    assert done.code == 0, done.err
    held = read_senteval(tmp_path / "sets" / "sentence_length.txt", "sentence_length")
    assert held.labels == ("0", "1", "2")
    lengths = {
        (int(label), len(sentence.split()))
        for label, sentence in zip(held.train.labels, held.train.sentences, strict=True)
    }
    assert {label for label, _ in lengths} == {0, 1, 2}
    assert all(((5, 6), (7, 8), (9, 12))[k][0] <= n <= (6, 8, 12)[k] for k, n in lengths)
    for bins, told in (
        ("5-8,nine", "'nine', expected ranges of lengths in words, such as 5-8,9-12"),
        ("5-8,8-9", "8-9 after 5-8, expected ranges that grow and share no length"),
        ("8-5,9-12", "8-5, expected ranges that grow and share no length"),
        ("5-8", "one class only, expected at least two"),
    ):
        wrong = run(*words, bins, "--force")
        assert wrong.code == 2
        assert " ".join(wrong.err.split()) == f"Error: --length-bins: {told}"
