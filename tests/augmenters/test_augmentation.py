"""Tests of making a transfer set from end to end."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kdprobe
from kdprobe.augmenters.deduplicate import key_of
from kdprobe.augmenters.writer import TransferSet, record_of
from kdprobe.errors import ConfigError, OutputError, TaskError, TrainingError, UnknownNameError
from kdprobe.progress import Silent
from kdprobe.tasks.readers import read_table
from tests.augmenters.builders import TEXTS, masked_folder, task_file

LANGUAGE: dict[str, Any] = {
    "method": "language_model",
    "model": "gpt2:L1,H16,A2,V300",
    "settings": {"epochs": "15", "batch_size": "4", "longest": "24", "learning_rate": "0.01"},
}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A task of thirteen training texts; the dev split holds n-grams of them."""
    dev = ["the dog", "FUNNY  film", "so"]
    return task_file(tmp_path_factory.mktemp("task"), train=TEXTS, dev=dev)


def texts(path: Path) -> tuple[str, ...]:
    return tuple(text or "" for text in read_table(path).columns["text"])


def without_seconds(path: Path) -> dict[str, Any]:
    record = json.loads(record_of(path).read_text(encoding="utf-8"))
    return {key: value for key, value in record.items() if key != "seconds"}


class Interrupting(Silent):
    """A display that stops its program when it has heard so many words in one stage."""

    def __init__(self, title: str, words: int) -> None:
        self.title, self.left, self.watching = title, words, False

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Interrupting]:
        """Watch the stage of this title."""
        self.watching = title.startswith(self.title)
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count, and stop."""
        self.left -= self.watching
        if not self.left:
            raise KeyboardInterrupt


def test_nothing_leaks(task: str, tmp_path: Path) -> None:
    """Guards texts of dev, of train, or twice the same in a transfer set; and false counts."""
    settings = {"rounds": "100", "ngram": "1", "mask": "0.05", "replace": "0.05"}
    made = kdprobe.augment(task, output=tmp_path / "x.tsv", settings=settings, offline=True)
    keys = [key_of(text) for text in texts(made.path)]
    assert len(keys) == made.size == len(set(keys)) > 100
    assert not set(keys) & {key_of(text) for text in (*TEXTS, "the dog", "funny film", "so")}
    assert made.leaks == {"dev": 2}
    counts = dict(made.counts)
    assert counts.pop("drawn") == sum(counts.values()) == 100 * len(TEXTS)
    assert counts["leaked"] == 2
    assert not (tmp_path / "x.tsv.unfinished").exists()
    plan = without_seconds(made.path)["plan"]
    assert plan["options"]["rounds"] == 100
    assert "device" not in plan  # nothing that depends on one


def test_seeds(task: str, tmp_path: Path) -> None:
    """Guards a run that cannot be repeated, or a seed that does nothing."""
    made = [
        kdprobe.augment(task, output=tmp_path / f"{name}.jsonl", seed=seed, n=40, offline=True)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    one, two, three = (item.path.read_bytes() for item in made)
    assert one == two
    assert one != three
    assert made[0].size == 40


def test_a_killed_run_gives_the_same_file(task: str, tmp_path: Path) -> None:
    """Guards texts lost or drawn anew after `kill -9`."""
    whole = kdprobe.augment(task, output=tmp_path / "a.tsv", n=60, offline=True)
    output = tmp_path / "b.tsv"
    program = Path(__file__).with_name("interrupted.py")
    done = subprocess.run([sys.executable, str(program), task, str(output), "2"])
    assert done.returncode == -9
    work = tmp_path / "b.tsv.unfinished"
    assert len(list(work.glob("chunk-*.json"))) == 2
    assert not output.exists()
    with pytest.raises(OutputError) as caught:
        kdprobe.augment(task, output=output, n=60, offline=True)
    assert str(caught.value) == (
        f"{work}: holds the texts of a run that was interrupted; say `resume` to go on with it, "
        "or `force` to start anew"
    )
    with pytest.raises(TrainingError) as changed:
        kdprobe.augment(task, output=output, n=50, offline=True, resume=True)
    assert "cannot go on with other options: n was 60 and is now 50" in str(changed.value)
    made = kdprobe.augment(task, output=output, n=60, offline=True, resume=True)
    assert made.path.read_bytes() == whole.path.read_bytes()
    assert without_seconds(output) == without_seconds(whole.path)
    assert not work.exists()


@pytest.mark.parametrize(("title", "words"), [("fit", 33), ("make", 1)])
def test_an_interrupted_language_model_goes_on(
    task: str, tmp_path: Path, title: str, words: int
) -> None:
    """Guards a language model that is fitted twice, or to other weights, after an interrupt."""
    run: dict[str, Any] = {**LANGUAGE, "n": 300, "threads": 1, "offline": True}
    state = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    whole = kdprobe.augment(task, output=tmp_path / "a.tsv", **run)
    assert random.getstate() == state[0]
    assert np.random.get_state()[1].tolist() == state[1]  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), state[2])
    assert whole.size == 300
    with pytest.raises(KeyboardInterrupt):
        kdprobe.augment(task, output=tmp_path / "b.tsv", progress=Interrupting(title, words), **run)
    made = kdprobe.augment(task, output=tmp_path / "b.tsv", resume=True, **run)
    assert made.path.read_bytes() == whole.path.read_bytes()
    assert without_seconds(made.path) == without_seconds(whole.path)
    assert whole.facts["its last training loss"].endswith(" nats a token")


def test_masked_lm(task: str, tmp_path: Path) -> None:
    """Guards a method that runs alone and not from end to end."""
    folder = masked_folder(tmp_path / "mlm")
    run: dict[str, Any] = {"method": "masked_lm", "model": str(folder), "offline": True}
    made = kdprobe.augment(task, output=tmp_path / "a.parquet", n=30, threads=1, **run)
    assert made.size == 30
    assert set(read_table(made.path).columns["source"]) > {"train-00001"}
    record = without_seconds(made.path)
    assert len(record["plan"]["read"]["model"]) == 64
    # More than there is: what there is, said.
    all_of_it = kdprobe.augment(
        task, output=tmp_path / "b.tsv", n=9000, settings={"samples": "2"}, threads=1, **run
    )
    assert all_of_it.notes == (
        f"9,000 texts were asked for; the method made {all_of_it.size:,} new ones",
    )


def test_what_exists_stays(task: str, tmp_path: Path) -> None:
    """Guards a finished set that is written over, or made twice."""
    path = tmp_path / "x.tsv"
    first = kdprobe.augment(task, output=path, n=20, offline=True)
    for options in ({"n": 20}, {"n": 21, "resume": True}):
        with pytest.raises(OutputError) as caught:
            kdprobe.augment(task, output=path, offline=True, **options)  # type: ignore[arg-type]
        assert str(caught.value) == (
            f"{path}: exists, expected a new file; choose another with `output`, or say `force` to "
            "write over it"
        )
    stamp = path.stat().st_mtime_ns
    again = kdprobe.augment(task, output=path, n=20, offline=True, resume=True)
    assert isinstance(again, TransferSet)
    assert again.counts == first.counts
    assert path.stat().st_mtime_ns == stamp
    assert kdprobe.augment(task, output=path, n=21, offline=True, force=True).size == 21


def test_bad_input(task: str, tmp_path: Path) -> None:
    """Guards tracebacks, and work that begins before its faults are known."""
    output = tmp_path / "x.tsv"
    with pytest.raises(ConfigError) as count:
        kdprobe.augment(task, output=output, n=0)
    assert str(count.value) == "`n`: is 0, expected at least 1"
    with pytest.raises(UnknownNameError) as name:
        kdprobe.augment(task, output=output, method="rule")
    assert "did you mean 'rules'?" in str(name.value)
    with pytest.raises(ConfigError) as option:
        kdprobe.augment(task, output=output, model="gpt2", offline=True)
    assert str(option.value).startswith("`method=rules`: unknown key 'model', expected one of mask")
    with pytest.raises(TaskError) as nothing:
        kdprobe.augment(
            task, output=output, settings={"mask": "0", "replace": "0", "ngram": "0"}, offline=True
        )
    assert str(nothing.value) == (
        f"toy train: none of {20 * len(TEXTS)} texts that were made is new; give other options of "
        "the method, or more training texts"
    )
    assert not output.exists()


def test_splits_that_are_missing_are_told(task: str, tmp_path: Path) -> None:
    """Guards a leak check that looked at nothing, and a sample that is not checked against all."""
    folder = tmp_path / "t"
    folder.mkdir()
    (folder / "train.tsv").write_text("sentence\tlabel\na dog sleeps here today\tx\nno\ty\n")
    file = folder / "t.toml"
    file.write_text(
        'name = "t"\nlabels = ["x", "y"]\nprimary_score = "accuracy"\ntext = "sentence"\n'
        'compare_split = "dev"\n[[local]]\n[local.splits]\ntrain = { file = "train.tsv" }\n'
        'dev = { file = "dev.tsv" }\n'
    )
    made = kdprobe.augment(str(file), output=tmp_path / "o.tsv", offline=True)
    assert made.notes == ("not checked for leaks, as they were not found: dev",)
    assert made.leaks == {}
    sampled = kdprobe.augment(
        task, output=tmp_path / "l.tsv", limit=2, settings={"rounds": "50"}, offline=True
    )
    assert len(set(read_table(sampled.path).columns["source"])) == 2
    assert not {key_of(text) for text in texts(sampled.path)} & {key_of(text) for text in TEXTS}
