"""Tests of distilling from the outside: what is checked, what is refused, what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import CheckpointError, ConfigError
from kdprobe.models.checkpoint import load_classifier
from kdprobe.models.folder import fingerprint
from kdprobe.models.hf import open_hf
from kdprobe.tasks.open import open_task
from kdprobe.tasks.sources import load_split
from tests.distillers.conftest import Toy, make_toy
from tests.models.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"))


def quick(toy: Toy, output: Path, **more: Any) -> TrainingResult:
    options: dict[str, Any] = {"student": "layers=1", "epochs": 1, "learning_rate": 1e-3}
    options |= {"device": "cpu", "bf16": False, "threads": 1, "offline": True}
    return distill(toy.teacher, task=toy.task, output=output, **(options | more))


def test_scores_are_those_of_the_folder(toy: Toy, tmp_path: Path) -> None:
    """Guards the result: scores must be of the weights that were written, not of the last step."""
    result = quick(toy, tmp_path / "s", epochs=4, student="layers=2")
    task_file = open_task(toy.task)
    split = load_split(task_file, "dev", offline=True)
    outputs = []
    for folder in (toy.teacher, str(tmp_path / "s")):
        handle = open_hf(folder, task=task_file.task(), name="m", device="cpu")
        outputs.append(handle.outputs(split, batch_size=8, advance=lambda done: None).values)
    teacher, student = (values.argmax(axis=1) for values in outputs)
    assert result.scores["accuracy"] == pytest.approx(float((student == split.labels).mean()))
    assert result.scores["agreement"] == pytest.approx(float((student == teacher).mean()))
    assert result.scores["accuracy"] is not None
    assert result.scores["accuracy"] > 0.8
    kept = next(h for h in result.history if h["step"] == result.best_step and "eval_kl" in h)
    assert kept["eval_kl"] == pytest.approx(result.scores["kl"], abs=1e-5)
    assert {"hard_labels_value", "soft_targets_gradient_share"} <= set(result.history[0])


def test_card_and_record(toy: Toy, tmp_path: Path) -> None:
    """Guards what a reader of the folder learns: recipe, teacher, scores, seed, command."""
    result = quick(toy, tmp_path / "s", settings={"temperature": "3"}, seed=7)
    record = json.loads((tmp_path / "s" / "kdprobe.json").read_text())
    assert record["plan"]["fingerprint"] == fingerprint(Path(toy.teacher))
    assert record["plan"]["recipe"]["objectives"][1]["options"]["temperature"] == 3
    assert record["plan"]["seed"] == 7
    assert record["scores"] == dict(result.scores)
    assert record["preflight"]["layer_map"] == [[1, 1, "copied"]]
    card = (tmp_path / "s" / "README.md").read_text()
    for piece in (
        "A student for toy, distilled from teacher with the recipe vanilla.",
        "temperature 3.0",
        f"| agreement | {result.scores['agreement']:.4f} |",
        record["plan"]["fingerprint"],
        "| seed | 7 |",
        "arXiv:1503.02531",
        "--student layers=1 --set temperature=3 --epochs 1 --learning-rate 0.001 --seed 7",
    ):
        assert piece in card, piece


@pytest.mark.float32
def test_dry_run_writes_nothing(toy: Toy, tmp_path: Path) -> None:
    """Guards `dry_run`: the whole check, no step, no folder."""
    result = quick(toy, tmp_path / "s", dry_run=True, student="layers=2")
    assert not (tmp_path / "s").exists()
    assert (result.folder, result.steps, dict(result.scores)) == (None, 0, {})
    facts = dict(result.preflight.facts)
    assert facts["learns from"] == "0.5 x hard_labels + 0.5 x soft_targets"
    assert facts["steps"] == "10 of 32 examples (1 epochs), scored every 10"
    assert facts["same token ids"] == "yes"
    assert facts["computes in"] == "float32 on cpu, 1 threads"
    assert result.preflight.layer_map == ((1, 1, "copied"), (2, 3, "copied"))
    assert "student layer 2 <- teacher layer 3 (copied)" in result.preflight.lines()


def test_other_tokens_and_label_orders(toy: Toy, tmp_path: Path) -> None:
    """Guards students with a tokenizer and a label order of their own: logits meet by name."""
    folder = tiny_checkpoint(tmp_path / "other", labels=("pos", "neg"), arch="roberta")
    result = quick(toy, tmp_path / "s", student=str(folder), settings={"best_by": "kl"})
    facts = dict(result.preflight.facts)
    assert facts["same token ids"] == "no: each reads with its own tokenizer"
    assert result.preflight.notes[0] == "starts from its own trained head"
    assert result.preflight.layer_map == ((1, 2, "not copied"), (2, 3, "not copied"))
    made = load_classifier(str(tmp_path / "s"), task=open_task(toy.task).task())
    assert made.columns == (0, 1)
    assert made.model.config.id2label == {0: "neg", 1: "pos"}


def test_bare_encoders_and_new_shapes(toy: Toy, tmp_path: Path) -> None:
    """Guards the two students that start with a random head, and that the notes say so."""
    folder = tiny_checkpoint(tmp_path / "enc", labels=(), head=False)
    bare = quick(toy, tmp_path / "a", student=str(folder), dry_run=True)
    assert bare.preflight.notes[0].startswith(
        "its classifier head starts at random (untrained head"
    )
    new = quick(toy, tmp_path / "b", student="bert:L1,H16,A2", dry_run=True)
    assert new.preflight.notes[0] == "all its weights start at random"
    assert new.preflight.layer_map == ((1, 3, "not copied"),)
    with pytest.raises(ConfigError) as caught:
        quick(toy, tmp_path / "c", student="bert:L1,H16,V500", dry_run=True)
    assert str(caught.value) == (
        "`student`: V500 in bert:L1,H16,V500, expected no V: a student made for a teacher reads "
        "with the teacher's tokenizer"
    )


def test_new_weights_follow_the_seed(toy: Toy, tmp_path: Path) -> None:
    """Guards seeds: another seed is another student, the same seed the same."""
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        quick(toy, tmp_path / name, student="bert:L1,H16,A2", seed=seed, limit=40)
        model = load_classifier(str(tmp_path / name), task=open_task(toy.task).task()).model
        found.append(torch.cat([weight.ravel() for weight in model.parameters()]))
    assert torch.equal(found[0], found[1])
    assert not np.allclose(found[0].detach().numpy(), found[2].detach().numpy(), atol=1e-3)


def test_ignorant_teacher_is_refused(toy: Toy, tmp_path: Path) -> None:
    """Guards hours of distilling noise: a teacher at chance stops before the first step."""
    folder = tiny_checkpoint(tmp_path / "noise", labels=("neg", "pos"))
    model = load_classifier(str(folder), task=open_task(toy.task).task()).model
    with torch.no_grad():
        model.classifier.weight.zero_()
    model.save_pretrained(folder)
    with pytest.raises(CheckpointError) as caught:
        distill(str(folder), task=toy.task, output=tmp_path / "s", offline=True, device="cpu")
    assert str(caught.value) == (
        f"{folder}: the teacher's accuracy on dev is 0.5000, no better than always giving the same "
        "answer (0.5000), expected a teacher that has learnt the task; train it with `kdprobe "
        "finetune` first; are its labels in the task's order?"
    )
    assert not (tmp_path / "s").exists()


def test_unlabelled_training_texts(toy: Toy, tmp_path: Path) -> None:
    """Guards a transfer set without labels: soft targets alone can learn from it, labels cannot."""
    task = tmp_path / "t.toml"
    rows = [line.split("\t") for line in Path(toy.task).read_text().splitlines()]
    texts = [text for text, _, split in rows[1:] if split == "train"]
    (tmp_path / "train.tsv").write_text("\n".join(["text", *texts]) + "\n")
    scored = [f"{text}\t{label}" for text, label, split in rows if split in ("dev", "split")]
    (tmp_path / "dev.tsv").write_text("\n".join(scored) + "\n")
    task.write_text(
        'name = "toy"\nlabels = ["neg", "pos"]\nprimary_score = "accuracy"\ntext = "text"\n'
        "[[local]]\n[local.splits]\n"
        'train = { file = "train.tsv", labelled = false }\ndev = { file = "dev.tsv" }\n'
    )
    with pytest.raises(ConfigError) as caught:
        quick(Toy(str(task), toy.teacher), tmp_path / "s")
    told = str(caught.value)
    assert told.startswith(
        "objective hard_labels: reads gold labels, and the texts to learn from have none"
    )
    assert told.endswith("say `settings=hard_labels.weight=0`, or another recipe")
    recipe = tmp_path / "soft.toml"
    recipe.write_text('name = "soft"\n[[objectives]]\nname = "soft_targets"\n')
    result = quick(Toy(str(task), toy.teacher), tmp_path / "s", recipe=recipe)
    assert result.scores["agreement"] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settings": {"student": "layers=1"}, "student": "layers=2"},
         "`settings` student: is given by `student` too, expected one of the two"),
        ({"settings": {"learning_rate": "1e-3"}, "learning_rate": 1e-4},
         "`settings` learning_rate: is given by `learning_rate` too, expected one of the two"),
        ({"betas": (0.8, 0.9), "optimizer": "adadelta"},
         "`betas`: is a setting of adamw, expected one of adadelta, which trains"),
        ({"rho": 0.8}, "`rho`: is a setting of adadelta, expected one of adamw, which trains"),
    ],
)  # fmt: skip
def test_what_would_not_be_read_is_refused(
    toy: Toy, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """Guards a value that is named, and another one that is trained with."""
    with pytest.raises(ConfigError) as caught:
        quick(toy, tmp_path / "s", **{"student": "layers=1", **options})
    assert str(caught.value) == message
    assert not (tmp_path / "s").exists()
