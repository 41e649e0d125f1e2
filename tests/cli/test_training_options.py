"""Data and training options of `finetune` and `distill`, from the command line to the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.scene import run
from tests.distillers.builders import toy_file

QUICK = ("--epochs", "1", "--device", "cpu", "--threads", "1", "--no-bf16", "--offline")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy task under other column names, beside a column that would be guessed."""
    folder = tmp_path_factory.mktemp("table")
    rows = [
        line.split("\t")
        for line in toy_file(folder, train=64, dev=24).read_text(encoding="utf-8").splitlines()
    ]
    path = folder / "reviews.tsv"
    lines = ["text\treview\tverdict\tsplit", *(f"x\t{t}\t{v}\t{s}" for t, v, s in rows[1:])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "kdprobe.json").read_text(encoding="utf-8"))
    return content


def test_columns_and_settings_reach_the_training(table: Path, tmp_path: Path) -> None:
    """Guards options that Python had and the command line had not: columns, schedule, optimizer."""
    columns = ("--task", table, "--text", "review", "--label", "verdict", "--labels", "neg,pos")
    done = run(
        "finetune", "bert:L1,H16,A2,V150", *columns, "-o", tmp_path / "t", *QUICK, "--warmup", "2",
        "--schedule", "constant", "--max-grad-norm", "0.5", "--evaluate-every", "1",
        "--optimizer", "adadelta", "--rho", "0.9", "--sample-seed", "5",
    )  # fmt: skip
    assert done.code == 0, done.err
    made = record(tmp_path / "t")
    training = made["plan"]["training"]
    assert (training["warmup"], training["schedule"], training["max_grad_norm"]) == (
        2, "constant", 0.5
    )  # fmt: skip
    assert (training["optimizer"], training["rho"], training["evaluate_every"]) == (
        "adadelta", 0.9, 1
    )  # fmt: skip
    assert made["plan"]["sample_seed"] == 5
    card = (tmp_path / "t" / "README.md").read_text(encoding="utf-8")
    assert "--text review --label verdict --labels neg,pos" in card


def test_a_column_that_is_not_there_is_named_by_its_flag(table: Path, tmp_path: Path) -> None:
    """Guards a message that tells a person at a terminal a keyword of Python."""
    done = run(
        "finetune", "bert:L1,H16,A2,V150", "--task", table, "--text", "reviw", "-o",
        tmp_path / "t", *QUICK,
    )  # fmt: skip
    assert done.code == 2
    assert "`" not in done.err
    assert "reviw" in done.err
    done = run("distill", table, "--task", "cola", "--label", "x", "-o", tmp_path / "s", *QUICK)
    assert done.code == 2
    assert done.err.startswith("Error: --label x: --task cola says itself which columns")
