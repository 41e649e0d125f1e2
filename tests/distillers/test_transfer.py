"""Tests of learning from texts that nobody has labelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.distillers.data import TrainingData
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.transfer import refuse_unlabelled, transfer_set_alone, with_transfer_set
from kdprobe.errors import ConfigError, TaskError
from kdprobe.tasks.task import Split
from tests.distillers.builders import TASK, toy_split, toy_weighted_loss
from tests.distillers.conftest import Toy


def data(*, pairs: bool = False) -> TrainingData:
    train, dev = toy_split(20), toy_split(6, seed=1, name="dev")
    if pairs:
        train = Split(TASK, "train", train.ids, train.texts, train.texts, train.labels)
    return TrainingData(TASK, train, dev)


def test_texts_are_added_and_labels_left_out(tmp_path: Path) -> None:
    """Guards gold labels that belong to other texts, and a file whose labels are read."""
    path = tmp_path / "more.tsv"
    path.write_text("sentence\tlabel\na new film\tpos\nthe plan\tneg\n")
    before = data()
    after = with_transfer_set(before, path, limit=None, seed=0)
    assert after.train.texts == (*before.train.texts, "a new film", "the plan")
    assert after.train.ids[-2:] == ("transfer-000001", "transfer-000002")
    assert after.train.labels is None
    assert after.train.origin.endswith(" (20) and more.tsv (2), no labels")
    assert after.evaluation is before.evaluation
    assert after.plan()["train"] != before.plan()["train"]


def test_a_limit_samples_both(tmp_path: Path) -> None:
    """Guards a limit that takes the training examples first and leaves no place for new texts."""
    path = tmp_path / "more.jsonl"
    path.write_text("".join(json.dumps({"text": f"text {row}"}) + "\n" for row in range(180)))
    taken = with_transfer_set(data(), path, limit=100, seed=4).train
    again = with_transfer_set(data(), path, limit=100, seed=4).train
    new = sum(key.startswith("transfer") for key in taken.ids)
    assert len(taken) == 100
    assert 75 < new < 100  # 90 expected, hypergeometric deviation 2.1
    assert taken.ids == again.ids
    assert with_transfer_set(data(), path, limit=100, seed=5).train.ids != taken.ids


def test_pairs(tmp_path: Path) -> None:
    """Guards second texts that slip by one row."""
    path = tmp_path / "more.tsv"
    path.write_text("text_a\ttext_b\none\ttwo\nthree\tfour\n")
    after = with_transfer_set(data(pairs=True), path, limit=None, seed=0).train
    assert after.texts[-2:] == ("one", "three")
    assert after.pairs is not None
    assert after.pairs[-2:] == ("two", "four")


@pytest.mark.parametrize(
    ("text", "pairs", "message"),
    [
        ("text\n", False, "{path}: has no rows, expected at least one text"),
        (
            "words\nx\n",
            False,
            "{path}: no column 'text', only 'words', expected a transfer set: text, or text_a and "
            "text_b in a task of pairs; `kdprobe augment` writes one",
        ),
        (
            "text\nx\n",
            True,
            "{path}: no column 'text_a', only 'text', expected a transfer set: text, or text_a "
            "and text_b in a task of pairs; `kdprobe augment` writes one",
        ),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, pairs: bool, message: str) -> None:
    """Guards a training without the texts it was given."""
    path = tmp_path / "more.tsv"
    path.write_text(text)
    with pytest.raises(TaskError) as caught:
        with_transfer_set(data(pairs=pairs), path, limit=None, seed=0)
    assert str(caught.value) == message.format(path=path)


def test_from_end_to_end(toy: Toy, tmp_path: Path) -> None:
    """Guards a student that learns nothing from the new texts, or from labels they have not."""
    augmented = kdprobe.augment(toy.task, output=tmp_path / "more.tsv", n=400, offline=True)
    run: dict[str, Any] = {
        "task": toy.task, "student": "layers=1", "transfer_set": augmented.path, "epochs": 3,
        "learning_rate": 1e-3, "device": "cpu", "bf16": False, "threads": 1, "offline": True,
    }  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        kdprobe.distill(toy.teacher, output=tmp_path / "a", **run)
    assert str(caught.value) == (
        "objective hard_labels: reads gold labels, and the texts to learn from have none "
        f"({Path(toy.task).parent.name}/toy.tsv (300) and more.tsv (400), no labels), expected "
        "objectives that learn from the teacher alone; say `settings=hard_labels.weight=0`, or "
        "another recipe"
    )
    settings = {"hard_labels.weight": "0"}
    result = kdprobe.distill(toy.teacher, output=tmp_path / "b", settings=settings, **run)
    agreement = result.scores["agreement"]
    assert agreement is not None
    assert agreement > 0.85
    assert result.steps == 3 * int(np.ceil(700 / 32))
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert "(300) and more.tsv (400), no labels" in card
    assert "--transfer-set" in card


def test_texts_alone(toy: Toy, tmp_path: Path) -> None:
    """Guards `transfer_only`: not one of the task's own texts or labels may be learnt from."""
    augmented = kdprobe.augment(toy.task, output=tmp_path / "more.tsv", n=400, offline=True)
    run: dict[str, Any] = {
        "task": toy.task, "student": "layers=1", "recipe": "limes-logits", "epochs": 4,
        "learning_rate": 1e-3, "device": "cpu", "bf16": False, "threads": 1, "offline": True,
        "transfer_only": True, "train_split": "not there",
    }  # fmt: skip
    result = kdprobe.distill(
        toy.teacher, output=tmp_path / "a", transfer_set=augmented.path, limit=350, **run
    )
    assert result.steps == 4 * int(np.ceil(350 / 32))
    assert result.scores["agreement"] is not None
    assert result.scores["agreement"] > 0.85
    card = (tmp_path / "a" / "README.md").read_text(encoding="utf-8")
    assert "transfer, 350 examples from more.tsv, no labels" in card
    assert "--transfer-only" in card
    with pytest.raises(ConfigError) as caught:
        kdprobe.distill(toy.teacher, output=tmp_path / "b", **run)
    assert str(caught.value) == (
        "`transfer_only`: there is no `transfer_set`, expected a file of texts; `kdprobe augment` "
        "writes one"
    )


def test_pairs_alone(tmp_path: Path) -> None:
    """Guards the form of the texts: pairs where the task has pairs, and a name of their own."""
    path = tmp_path / "more.tsv"
    path.write_text("text_a\ttext_b\none\ttwo\nthree\tfour\n")
    dev = toy_split(6, seed=1, name="dev")
    dev = Split(TASK, "dev", dev.ids, dev.texts, dev.texts, dev.labels)
    data = transfer_set_alone(dev, path, limit=None, seed=0)
    assert data.train.texts == ("one", "three")
    assert data.train.pairs == ("two", "four")
    assert (data.train.name, data.train.labels) == ("transfer", None)
    assert data.evaluation is dev
    assert len(transfer_set_alone(dev, path, limit=1, seed=0).train) == 1


def test_only_objectives_that_read_labels_are_refused() -> None:
    """Guards a refusal of what needs no label, and labels that are there."""
    from kdprobe.distillers.objective import ModelPair
    from kdprobe.models.shapes import NewShape, build_new
    from tests.models.tiny import tiny_tokenizer

    shape = shape_of(build_new(NewShape(1, 16, 32, 2), TASK, tokenizer=tiny_tokenizer("bert")))
    models = ModelPair(TASK, shape, shape)
    train = toy_split(4)
    bare = Split(TASK, "train", train.ids, train.texts)
    refuse_unlabelled(toy_weighted_loss("soft_targets"), models, bare)
    refuse_unlabelled(toy_weighted_loss("hard_labels"), models, train)
    with pytest.raises(ConfigError):
        refuse_unlabelled(toy_weighted_loss("soft_targets", "hard_labels"), models, bare)
