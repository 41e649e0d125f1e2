"""Tests of fine-tuning from the outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kdprobe.errors import ConfigError, TaskError
from kdprobe.finetuning import finetune
from kdprobe.models.architectures import layers_of
from kdprobe.models.checkpoint import load_classifier
from kdprobe.tasks.open import open_task
from tests.distillers.builders import toy_file
from tests.models.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(toy_file(tmp_path_factory.mktemp("task"), train=64, dev=20))


def quick(model: str, task: str, output: Path, **more: Any) -> Any:
    options: dict[str, Any] = {"epochs": 1, "device": "cpu", "threads": 1, "offline": True}
    return finetune(model, task=task, output=output, **(options | more))


@pytest.mark.float32
def test_cut_encoder_is_the_baseline(task: str, tmp_path: Path) -> None:
    """Guards the baseline without a teacher: the first and last layers of the same encoder."""
    folder = tiny_checkpoint(tmp_path / "enc", labels=(), layers=4, head=False)
    quick(str(folder), task, tmp_path / "s", student="layers=2", learning_rate=1e-12)
    made = load_classifier(str(tmp_path / "s"), task=open_task(task).task()).model
    source = load_classifier(str(folder), task=open_task(task).task(), new_head=True).model
    for new, old in enumerate((0, 3)):
        left, right = layers_of(made)[new].state_dict(), layers_of(source)[old].state_dict()
        assert all(torch.allclose(left[name], right[name], atol=1e-6) for name in left)
    record = json.loads((tmp_path / "s" / "kdprobe.json").read_text())
    assert record["kind"] == "finetune"
    assert record["notes"] == [
        "copied: embeddings, layers 0 3 of 4, counted from 0",
        "its classifier head starts at random",
    ]
    assert "--student layers=2" in (tmp_path / "s" / "README.md").read_text()


def test_a_trained_head_is_made_anew(task: str, tmp_path: Path) -> None:
    """Guards a model that was trained for another task with as many labels."""
    folder = tiny_checkpoint(tmp_path / "m", labels=("no", "yes"))
    quick(str(folder), task, tmp_path / "s", learning_rate=1e-12)
    before = load_classifier(
        str(folder), task=open_task(task).task(), label_map={"no": "neg", "yes": "pos"}
    )
    after = load_classifier(str(tmp_path / "s"), task=open_task(task).task())
    assert after.model.config.id2label == {0: "neg", 1: "pos"}
    assert not torch.allclose(before.model.classifier.weight, after.model.classifier.weight)


def test_regression(tmp_path: Path) -> None:
    """Guards a task of numbers: one output, squared error, Pearson."""
    path = tmp_path / "rating.tsv"
    rows = [f"{'great ' * (row % 5)}film number {row}\t{row % 5 + 0.5}" for row in range(120)]
    path.write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    result = quick("bert:L1,H16,A2,V150", str(path), tmp_path / "s", epochs=2)
    assert set(result.scores) == {"pearson", "loss"}
    model = load_classifier(str(tmp_path / "s"), task=open_task(str(path)).task()).model
    assert (model.config.num_labels, model.config.problem_type) == (1, "regression")


@pytest.mark.float32
def test_shared_texts_are_told(task: str, tmp_path: Path) -> None:
    """Guards scores on what was learnt: examples of both splits are counted."""
    result = quick("bert:L1,H16,A2", task, tmp_path / "s", eval_split="train", dry_run=True)
    assert result.preflight.notes[-1] == (
        "64 of 64 examples of train are learnt from too: their texts stand in train"
    )
    assert not (tmp_path / "s").exists()
    facts = dict(result.preflight.facts)
    assert facts["estimated time"].startswith("about ")
    assert facts["estimated memory"].endswith("for a batch of long texts")
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        (
            "layers=3",
            {},
            "MODEL: 'layers=3' says what to keep of a model, but not of which, expected a folder, "
            "a hub id or a shape like bert:L4,H128; say MODEL `student=layers=3`",
        ),
        (
            "bert:L1,H16",
            {"student": "layers=1"},
            "`student`: 'layers=1' of a model that starts from nothing",
        ),
        (
            "ENCODER",
            {"student": "bert:L1,H16"},
            "`student`: 'bert:L1,H16', expected a part of MODEL, like layers=3",
        ),
        ("bert:L1,H16", {"epochs": 0}, "`epochs`: is 0, expected more than 0"),
        (
            "bert:L1,H16",
            {"best_by": "kl"},
            "`best_by`: kl without a teacher, expected score or loss",
        ),
    ],
)
def test_refusals(
    task: str, tmp_path: Path, model: str, more: dict[str, Any], message: str
) -> None:
    """Guards combinations that would train something else than was meant."""
    if model == "ENCODER":
        model = str(tiny_checkpoint(tmp_path / "enc", labels=(), head=False))
    with pytest.raises(ConfigError) as caught:
        quick(model, task, tmp_path / "s", **more)
    assert str(caught.value) == message
    assert not (tmp_path / "s").exists()


def test_scoring_needs_labels(tmp_path: Path) -> None:
    """Guards a test file whose labels are secret."""
    path = tmp_path / "t.toml"
    data = toy_file(tmp_path, train=8, dev=4)
    path.write_text(
        'name = "toy"\nlabels = ["neg", "pos"]\nprimary_score = "accuracy"\ntext = "text"\n'
        "[[local]]\n[local.splits]\n"
        f'train = {{ file = "{data.name}" }}\ndev = {{ file = "dev.tsv", labelled = false }}\n'
    )
    (tmp_path / "dev.tsv").write_text("text\nthe great film\n")
    with pytest.raises(TaskError) as caught:
        quick("bert:L1,H16,A2", str(path), tmp_path / "s")
    assert str(caught.value) == (
        "toy dev: has no gold labels, expected a split with labels: it is what the model is "
        "scored on"
    )


def test_a_bilstm_from_nothing(task: str, tmp_path: Path) -> None:
    """Guards the control without a teacher: trained, saved, and opened again like any model."""
    result = quick("bilstm:hidden=6,fc=8,embed=10", task, tmp_path / "out", epochs=0.5)
    loaded = load_classifier(str(result.folder), task=open_task(task).task())
    assert loaded.model.config.model_type == "kdprobe_bilstm"
    assert loaded.model.config.lstm_size == 6
    with pytest.raises(ConfigError) as caught:
        quick("bilstm:mode=static", task, tmp_path / "other")
    assert str(caught.value) == (
        "MODEL: 'bilstm:mode=static' begins with the embeddings of a teacher, expected "
        "mode=non-static and random embeddings: there is no teacher"
    )
    assert not (tmp_path / "other").exists()
