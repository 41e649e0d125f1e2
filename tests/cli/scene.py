"""A small world for tests of the commands: a task on disk, tiny checkpoints, predictions files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from kdprobe.cli.main import app
from tests.models.tiny import WORDS, tiny_checkpoint

LABELS = ("bad", "good")
EXAMPLES = 60


@dataclass(frozen=True)
class Outcome:
    """What a command gave."""

    code: int
    out: str
    err: str


def run(*words: object) -> Outcome:
    """Run a command in this process; a fault of kdprobe itself is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def sentences(count: int, *, seed: int) -> list[str]:
    """Give different short sentences of known words."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS[20:], size=6)) + f" {row}" for row in range(count)]


def write_task(folder: Path) -> Path:
    """Write a task file with a train and a dev split; give the task file."""
    for name, count, seed in (("train", 2 * EXAMPLES, 1), ("dev", EXAMPLES, 2)):
        labels = np.random.default_rng(seed).integers(0, 2, size=count)
        rows = ["sentence\tlabel\tgenre"]
        rows += [
            f"{text}\t{LABELS[label]}\t{'news' if row % 2 else 'fiction'}"
            for row, (text, label) in enumerate(
                zip(sentences(count, seed=seed), labels, strict=True)
            )
        ]
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    task = folder / "toy.toml"
    task.write_text(
        'name = "toy"\nlabels = ["bad", "good"]\nprimary_score = "accuracy"\n'
        'acceptable = "good"\ntext = "sentence"\nextra_columns = ["genre"]\n'
        '[[local]]\n[local.splits]\ntrain = { file = "train.tsv" }\ndev = { file = "dev.tsv" }\n',
        encoding="utf-8",
    )
    return task


def gold(folder: Path) -> list[list[str]]:
    """Read the dev split: text, label, genre."""
    lines = (folder / "dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


def write_predictions(
    path: Path, rows: Sequence[Sequence[str]], *, seed: int, skill: float = 1.5
) -> Path:
    """Write a predictions file with logits that lean to the gold label by `skill`."""
    generator = np.random.default_rng(seed)
    lines = []
    for text, label, *_ in rows:
        logits = generator.normal(size=2)
        logits[LABELS.index(label)] += skill
        lines.append(json.dumps({"text": text, "label": label, "logits": logits.tolist()}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def shuffled(path: Path, target: Path, *, seed: int) -> Path:
    """Write the lines of a predictions file in another order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    order = np.random.default_rng(seed).permutation(len(lines))
    target.write_text("\n".join(lines[i] for i in order) + "\n", encoding="utf-8")
    return target


def checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny checkpoint for the toy task."""
    return tiny_checkpoint(folder, labels=LABELS, seed=seed)
