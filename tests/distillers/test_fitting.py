"""Tests of a whole training: what is written, what survives being killed, what is refused."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from kdprobe.distillation import distill
from kdprobe.errors import OutputError, TrainingError
from kdprobe.finetuning import finetune
from kdprobe.foreign import disk_is_full
from tests.distillers.builders import run_python
from tests.distillers.conftest import Toy
from tests.distillers.displays import Striking
from tests.distillers.interrupted import run

ROOT = Path(__file__).resolve().parents[2]


def run_program(toy: Toy, output: Path, step: int, mode: str) -> subprocess.CompletedProcess[str]:
    words = ["-m", "tests.distillers.interrupted", toy.teacher, toy.task]
    return run_python([*words, str(output), str(step), mode], seconds=240)


@pytest.mark.float32
def test_killed_run_goes_on_bit_for_bit(toy: Toy, tmp_path: Path) -> None:
    """Guards `resume` after kill -9 in the middle of an epoch: same weights, same history.

    10 steps an epoch, checkpoints every 4, killed after 14: the last checkpoint is that of step 12.
    """
    run(toy.teacher, toy.task, str(tmp_path / "whole"), 0, "new")
    killed = run_program(toy, tmp_path / "cut", 14, "new")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sorted(item.name for item in (tmp_path / "cut").iterdir()) == ["checkpoints"]
    said = run(toy.teacher, toy.task, str(tmp_path / "cut"), 0, "resume")
    assert said == ["Going on from checkpoint of step 12."]
    for name in ("model.safetensors", "history.json", "config.json", "tokenizer.json"):
        left, right = (tmp_path / folder / name for folder in ("whole", "cut"))
        assert left.read_bytes() == right.read_bytes(), name
    scores = [json.loads((tmp_path / f / "kdprobe.json").read_text()) for f in ("whole", "cut")]
    assert scores[0]["scores"] == scores[1]["scores"]
    assert scores[0]["steps"] == scores[1]["steps"] == 25
    assert not (tmp_path / "cut" / "checkpoints").exists()


LOADS = """
import sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
logits = model(**tokenizer(["the great film"], return_tensors="pt")).logits
assert "kdprobe" not in sys.modules
print(model.config.id2label[int(logits.argmax())], tokenizer.mask_token, len(tokenizer))
"""


def test_plain_folder(toy: Toy) -> None:
    """Guards the finished folder: a process that knows no kdprobe opens it and gets label names."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS, toy.teacher], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    label, mask, size = done.stdout.split()
    assert (label, mask) == ("pos", "[MASK]")
    assert 5 < int(size) <= 200
    tokenizer = json.loads((Path(toy.teacher) / "tokenizer.json").read_text())
    assert tokenizer["truncation"] is None  # what the last text was cut to is no part of it
    assert tokenizer["padding"] is None
    names = {item.name for item in Path(toy.teacher).iterdir()}
    assert names == {
        "README.md", "config.json", "history.json", "kdprobe.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json", "training.html",
    }  # fmt: skip


def quick(toy: Toy, output: Path, **more: Any) -> Any:
    options: dict[str, Any] = {"student": "layers=1", "epochs": 1, "learning_rate": 1e-3}
    options |= {"device": "cpu", "bf16": False, "threads": 1, "offline": True, "limit": 64}
    return distill(toy.teacher, task=toy.task, output=output, **(options | more))


def test_non_empty_folder_is_refused(toy: Toy, tmp_path: Path) -> None:
    """Guards a person's files: nothing is written over unless `force` says so."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError) as caught:
        quick(toy, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: is not empty, expected a new or empty folder; choose another with "
        "`output`, or say `force` to write over its files"
    )
    with pytest.raises(OutputError) as caught:
        quick(toy, tmp_path, resume=True)
    assert str(caught.value) == (
        f"{tmp_path}: is not empty and holds no training to go on with, expected the folder of an "
        "interrupted run; choose another with `output`, or say `force` to write over its files"
    )
    quick(toy, tmp_path, force=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "model.safetensors").is_file()


def test_finished_run_is_given_back(toy: Toy, tmp_path: Path) -> None:
    """Guards `resume` on a finished folder: the same result, no training, no changed options."""
    first = quick(toy, tmp_path / "s")
    stamp = (tmp_path / "s" / "model.safetensors").stat().st_mtime_ns
    again = quick(toy, tmp_path / "s", resume=True)
    assert again.scores == first.scores
    assert again.history == first.history
    assert again.preflight == first.preflight
    assert (tmp_path / "s" / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(TrainingError) as caught:
        quick(toy, tmp_path / "s", resume=True, epochs=2)
    assert str(caught.value) == (
        f"{tmp_path / 's'}: cannot go on with other options: recipe.training.epochs was 1.0 and is "
        "now 2.0, expected those the run began with; give them again, or start anew in another "
        "folder"
    )


def test_interrupt_keeps_the_last_checkpoint(toy: Toy, tmp_path: Path) -> None:
    """Guards Ctrl-C: what was learnt stays, and the same options go on from it."""
    for step, sentence in (
        (1, "Interrupted before the first checkpoint; `resume` begins again."),
        (3, "Interrupted; `resume` goes on from checkpoint of step 2."),
    ):
        display = Striking(step)
        with pytest.raises(KeyboardInterrupt):
            quick(toy, tmp_path / "s", evaluate_every=2, epochs=2, resume=True, progress=display)
        assert display.said[-1] == sentence
    result = quick(toy, tmp_path / "s", evaluate_every=2, epochs=2, resume=True)
    assert result.steps == 4
    assert [entry["step"] for entry in result.history if "eval_loss" in entry] == [2, 4]


@pytest.mark.float32
def test_full_disk_costs_no_checkpoint(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a disk that fills up while a checkpoint is written: half of one is never used."""
    options: dict[str, Any] = {"evaluate_every": 1, "epochs": 2}
    quick(toy, tmp_path / "whole", **options)
    save, calls = torch.save, list[int]()

    def fill_up(*args: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) > 4:  # the second checkpoint, after its first file
            raise OSError(errno.ENOSPC, "No space left on device")
        save(*args, **more)

    monkeypatch.setattr(torch, "save", fill_up)
    with pytest.raises(OSError, match="No space left") as caught:
        quick(toy, tmp_path / "cut", **options)
    assert disk_is_full(caught.value)
    monkeypatch.undo()
    display = Striking(0)
    quick(toy, tmp_path / "cut", **options, resume=True, progress=display)
    assert "Going on from checkpoint of step 1." in display.said
    left, right = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert left.read_bytes() == right.read_bytes()


def test_a_finished_training_takes_no_further_step(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a run killed after its last step, inside an epoch: transformers would take another."""
    options: dict[str, Any] = {"evaluate_every": 1, "epochs": 1.5}
    whole = quick(toy, tmp_path / "whole", **options)
    assert whole.steps == 3

    def kill(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kdprobe.distillers.fitting.write_model_folder", kill)
        with pytest.raises(KeyboardInterrupt):
            quick(toy, tmp_path / "cut", **options)
    result = quick(toy, tmp_path / "cut", **options, resume=True)
    assert (result.steps, result.history) == (3, whole.history)
    left, right = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert left.read_bytes() == right.read_bytes()


def test_force_takes_away_what_the_earlier_training_wrote(toy: Toy, tmp_path: Path) -> None:
    """Guards an adapter or a vocabulary of an earlier model beside the new one's weights."""
    quick(toy, tmp_path)
    record = json.loads((tmp_path / "kdprobe.json").read_text())
    assert sorted(item.name for item in tmp_path.iterdir()) == record["files"]
    record["files"] += ["vocab.txt", "../outside.txt"]
    (tmp_path / "kdprobe.json").write_text(json.dumps(record))
    for place in (tmp_path / "vocab.txt", tmp_path / "notes.txt", tmp_path.parent / "outside.txt"):
        place.write_text("old")
    quick(toy, tmp_path, force=True, seed=1)
    assert not (tmp_path / "vocab.txt").exists()
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path.parent / "outside.txt").exists()


def test_early_stopping(toy: Toy, tmp_path: Path) -> None:
    """Guards patience and the choice of the best: the first of equal scores is kept."""
    result = quick(
        toy, tmp_path / "s", epochs=20, early_stopping=2, learning_rate=1e-9, evaluate_every=1
    )
    assert (result.steps, result.best_step) == (3, 1)
    torch.manual_seed(0)
    assert result.scores["agreement"] is not None


def test_global_state_is_left_alone(toy: Toy, tmp_path: Path) -> None:
    """Guards a caller's program: random states, threads and switches are as they were."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    finetune(
        "bert:L1,H16,A1", task=toy.task, output=tmp_path / "f", epochs=1, limit=32, device="cpu",
        threads=1, offline=True,
    )  # fmt: skip
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
