"""Builders for tests of the training room: a task that a tiny model learns in seconds.

Does: make sentences whose label is one telling word, as splits in memory or as a file. Does not:
train anything.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from kdprobe.config.recipe import ObjectiveSetting
from kdprobe.config.training import TrainingSettings
from kdprobe.distillers.compute import Compute
from kdprobe.distillers.data import encode_for
from kdprobe.distillers.forward import shape_of
from kdprobe.distillers.objective import ModelPair
from kdprobe.distillers.teacher_signal import NoTeacher, TeacherSignal
from kdprobe.distillers.training_job import EvaluationSet, TrainingJob
from kdprobe.distillers.weighted_loss import WeightedLoss, build_weighted_loss
from kdprobe.models.shapes import NewShape, build_new
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import tiny_tokenizer

TASK = Task("toy", 1, "classification", ("neg", "pos"), "accuracy")
RATING = Task("rating", 1, "regression", (), "pearson")
ROOT = Path(__file__).resolve().parents[2]
CPU = Compute("cpu", bf16=False, threads=1)
_WORDS = ["the", "a", "film", "story", "music", "actor", "plan", "city", "dog", "man", "house"]


def run_python(words: list[str], *, seconds: int) -> subprocess.CompletedProcess[str]:
    """Run a program of the tests in a process of its own, from the top of the checkout."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def sentence(rng: random.Random, label: int) -> str:
    """A sentence of three to twelve words, one of which tells the label."""
    words = [rng.choice(_WORDS) for _ in range(rng.randint(3, 12))]
    words[rng.randrange(len(words))] = "great" if label else "terrible"
    return " ".join(words)


def toy_split(n: int, *, seed: int = 0, name: str = "train", task: Task = TASK) -> Split:
    """Examples in memory; for the regression the score is the label."""
    rng = random.Random(seed)
    texts = tuple(sentence(rng, row % 2) for row in range(n))
    labels = np.arange(n, dtype=np.int64) % 2
    return Split(
        task=task,
        name=name,
        ids=tuple(f"{name}-{row}" for row in range(n)),
        texts=texts,
        labels=labels if task.labels else labels.astype(np.float64),
    )


def toy_file(folder: Path, *, train: int = 300, dev: int = 60) -> Path:
    """The same as a data file with a column `split`."""
    rng = random.Random(0)
    rows = ["text\tlabel\tsplit"]
    for row in range(train + dev):
        word = "pos" if row % 2 else "neg"
        rows.append(f"{sentence(rng, row % 2)}\t{word}\t{'train' if row < train else 'dev'}")
    path = folder / "toy.tsv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def toy_weighted_loss(*names: str, reduction: str = "example") -> WeightedLoss:
    """A weighted loss of objectives, equal weights."""
    settings = tuple(ObjectiveSetting(name=name, weight=1 / len(names)) for name in names)
    return build_weighted_loss(settings, reduction=reduction, where="test")  # type: ignore[arg-type]


def toy_job(
    settings: TrainingSettings,
    *,
    weighted_loss: WeightedLoss | None = None,
    models: ModelPair | None = None,
    teacher: TeacherSignal | None = None,
    n: int = 64,
    dropout: float = 0.1,
    split: Split | None = None,
    teacher_logits: np.ndarray | None = None,
) -> TrainingJob:
    """A job for a one-layer BERT; seed torch before the call to fix its weights."""
    tokenizer = tiny_tokenizer("bert")
    split = split or toy_split(n)
    dev = toy_split(20, seed=1, name="dev", task=split.task)
    model = build_new(NewShape(1, 16, 32, 2), split.task, tokenizer=tokenizer)
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = dropout
    for module in model.modules():
        if type(module).__name__ == "Dropout":
            module.p = dropout
    return TrainingJob(
        student=model,
        tokenizer=tokenizer,
        split=split,
        encoded=encode_for(model, tokenizer, split, max_length=32),
        evaluation=EvaluationSet(
            dev, encode_for(model, tokenizer, dev, max_length=32), teacher_logits
        ),
        weighted_loss=weighted_loss or toy_weighted_loss("hard_labels"),
        models=models or ModelPair(split.task, shape_of(model)),
        teacher=teacher or NoTeacher(),
        settings=settings,
        compute=CPU,
        seed=0,
    )
