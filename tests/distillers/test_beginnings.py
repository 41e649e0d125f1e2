"""Tests of what students begin with, from the outside, and of students that cannot be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import CheckpointError, ConfigError, UnknownNameError, UsageError
from kdprobe.finetuning import finetune
from kdprobe.models.checkpoint import load_classifier
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.distillers.conftest import Toy
from tests.distillers.words_apart import vectors_file
from tests.models.tiny import tiny_checkpoint

SETTINGS: dict[str, Any] = {"device": "cpu", "bf16": False, "threads": 1, "offline": True}


def checked(toy: Toy, folder: Path, student: str, **more: Any) -> TrainingResult:
    options: dict[str, Any] = {"teacher": toy.teacher, "dry_run": True}
    return distill(task=toy.task, output=folder / "s", student=student,
                   **(options | SETTINGS | more))  # fmt: skip


def fact(result: TrainingResult) -> str | None:
    return dict(result.preflight.facts).get("before the first step")


def test_what_is_left_of_the_function(toy: Toy, tmp_path: Path) -> None:
    """Guards the score before step 1: a whole copy has all of the function, random weights none.

    A student of the full size is the teacher: agreement 1, KL 0, however it was made.
    """
    for words in ("layers=3", "hidden=32,init=truncated"):
        assert fact(checked(toy, tmp_path, words)) == (
            "agreement 1.0000, cohens_kappa 1.0000, kl 0.0000 (to the teacher, 60 of dev)"
        )
    cut = checked(toy, tmp_path, "layers=2,hidden=16,intermediate=32,init=truncated")
    agreement = fact(cut)
    assert agreement is not None
    assert agreement.startswith("agreement ")
    assert not agreement.startswith("agreement 1.0000, cohens_kappa 1.0000, kl 0.0000")
    assert cut.preflight.layer_map == ((1, 1, "truncated"), (2, 3, "truncated"))
    assert cut.preflight.notes[0] == (
        "cut to 16 of 32 columns: embeddings, layers 0 2 of 3, the classifier head too"
    )
    for words in ("layers=2,init=random", "hidden=16,init=projection", "hidden=16,init=principal",
                  "bert:W1/16,D1/5"):  # fmt: skip
        result = checked(toy, tmp_path, words)
        assert fact(result) is None
        assert "at random" in result.preflight.notes[0]


def test_a_cut_student_can_be_trained_and_opened(toy: Toy, tmp_path: Path) -> None:
    """Guards the folder of a narrower student: a plain one, of the sizes that were asked for."""
    words = "layers=2,hidden=16,intermediate=32,init=truncated"
    result = checked(toy, tmp_path, words, dry_run=False, epochs=2, learning_rate=3e-3)
    assert result.folder is not None
    model = load_classifier(str(result.folder), task=open_task(toy.task).task()).model
    assert (model.config.num_hidden_layers, model.config.hidden_size) == (2, 16)
    assert result.scores["agreement"] is not None
    assert result.scores["agreement"] > 0.8


@pytest.mark.parametrize(
    "student",
    ["layers=1,hidden=16,heads=2,init=projection,mode=static",
     "bert:L1,H16,I32,A2,embeddings=teacher,mode=multichannel"],
)  # fmt: skip
def test_a_learned_projection_ends_in_a_plain_folder(
    toy: Toy, tmp_path: Path, student: str
) -> None:
    """Guards scores of another model than the one that is saved, and sizes of the one trained."""
    result = checked(toy, tmp_path, student, dry_run=False, epochs=8, learning_rate=1e-2)
    assert result.folder is not None
    assert result.scores["agreement"] is not None
    assert result.scores["agreement"] > 0.8
    assert "learned projection of 32 to 16 columns" in result.preflight.notes[0]
    opened = load_classifier(str(result.folder), task=open_task(toy.task).task())
    stored = load_file(result.folder / "model.safetensors")
    assert not any("projection" in name or "channels" in name for name in stored)
    size = sum(weight.numel() for weight in opened.model.parameters())
    assert dict(result.preflight.facts)["student's parameters"] == f"{size:,}"
    again = compared(toy, result.folder)
    assert again == pytest.approx(result.scores["agreement"])


def compared(toy: Toy, student: Path) -> float:
    """The agreement of two folders on the task's dev split, by their logits alone."""
    task = open_task(toy.task)
    split = load_split(task, "dev", offline=True)
    agreements = []
    for place in (toy.teacher, str(student)):
        loaded = load_classifier(place, task=task.task())
        batch = loaded.tokenizer(list(split.texts), padding=True, return_tensors="pt")
        with torch.no_grad():
            agreements.append(loaded.model(**batch).logits.argmax(-1))
    return float((agreements[0] == agreements[1]).float().mean())


def test_words_without_a_teacher(toy: Toy, tmp_path: Path) -> None:
    """Guards the control: the word-level BiLSTM alone, its coverage told, opened again."""
    file = vectors_file(tmp_path, "the a film story music actor plan city dog man house great")
    result = finetune(
        f"bilstm:hidden=8,fc=8,mode=static,embeddings={file}",
        task=toy.task, output=tmp_path / "s", epochs=0.5, **SETTINGS,
    )  # fmt: skip
    assert result.preflight.notes[0].startswith(
        "reads words (static), its vectors from vectors.txt (GloVe text, 12 wide): 12 of 13 words "
        "(92.3%), 9"
    )
    loaded = load_classifier(str(result.folder), task=open_task(toy.task).task())
    assert loaded.tokenizer("the great film")["input_ids"][-1] == 2
    assert loaded.model.config.mode == "static"


@pytest.mark.parametrize(
    ("student", "more", "kind", "message"),
    [
        (
            "layrs=2",
            {},
            UnknownNameError,
            "`student`: no setting of a student is called 'layrs', "
            "expected one of layers, heads, hidden, "
            "intermediate, init, mode; did you mean 'layers'?",
        ),
        (
            "bilstm:embeddings=nowhere/glove.txt",
            {},
            CheckpointError,
            "nowhere/glove.txt: there is no such file, expected word vectors of word2vec, GloVe or "
            "fastText",
        ),
        (
            "layers=2",
            {"settings": {"layer_map": "9:1"}},
            ConfigError,
            "layer_map: layer 9 of the teacher in 9:1, expected 0 (the embeddings) to 3",
        ),
        ("layers=4", {}, ConfigError, "`student`: 4 layers, expected at most 3, as many as the "
         "model has"),
        (
            "hidden=64,init=truncated",
            {},
            ConfigError,
            "`student`: 64 columns cut from 32, expected at most 32; init=random",
        ),
    ],
)  # fmt: skip
def test_refusals(
    toy: Toy, tmp_path: Path, student: str, more: Any, kind: type[UsageError], message: str
) -> None:
    """Guards students that cannot be made: one message, the nearest name, nothing trained."""
    with pytest.raises(kind) as caught:
        checked(toy, tmp_path, student, **more)
    assert str(caught.value) == message
    assert not (tmp_path / "s").exists()


def test_a_teacher_without_a_head(toy: Toy, tmp_path: Path) -> None:
    """Guards a pretrained encoder given as the teacher: its answers would be noise."""
    folder = tiny_checkpoint(tmp_path / "enc", labels=(), head=False)
    with pytest.raises(CheckpointError) as caught:
        checked(toy, tmp_path, "layers=1", teacher=str(folder))
    assert str(caught.value) == (
        f"{folder}: untrained head: the folder holds no weights for classifier.bias, "
        "classifier.weight, expected a classifier that was trained for the task; train one with "
        "`kdprobe finetune` first"
    )
