"""Tests of several processes that train one student: the same student, one voice, one writer."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from kdprobe.distillers.processes import ALONE, ProcessGroup, add_up_gradients, process_group
from kdprobe.distillers.weighted_loss import WeightedLosses, Window
from tests.distillers.builders import run_python
from tests.distillers.conftest import Toy
from tests.distillers.shared_work import run

ROOT = Path(__file__).resolve().parents[2]
# Adam turns the rounding of a gradient that is 0 (of the keys' biases) into whole steps; a large
# epsilon keeps it rounding.
RECIPE = """
name = "both"
reduction = "{reduction}"
layer_map = "uniform"
[[objectives]]
name = "hard_labels"
[[objectives]]
name = "hidden_states"
options = {{ projection = "always" }}
[training]
epochs = 1
batch_size = 8
gradient_accumulation = 2
learning_rate = 1e-3
epsilon = 1e-4
"""


def without_dropout(toy: Toy, folder: Path) -> Path:
    """A copy of the teacher whose students have no dropout: each process draws its own."""
    shutil.copytree(toy.teacher, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def words_of(toy: Toy, tmp_path: Path, teacher: Path, name: str) -> list[list[str]]:
    commands = []
    for reduction in ("example", "token"):
        recipe = tmp_path / f"{reduction}.toml"
        recipe.write_text(RECIPE.format(reduction=reduction))
        out = str(tmp_path / f"{name}-{reduction}")
        words = ["distill", str(teacher), "--task", toy.task, "-o", out, "--recipe", str(recipe)]
        words += ["--student", "layers=1", "--limit", "65", "--device", "cpu", "--no-bf16"]
        commands.append([*words, "--threads", "1", "--offline"])
    return commands


def run_twofold(
    tmp_path: Path, commands: list[list[str]], program: str = "shared_work"
) -> tuple[str, str]:
    """Run commands in two processes; return what they write to stdout and to stderr."""
    listed = tmp_path / "commands.json"
    listed.write_text(json.dumps(commands))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*torchrun, "-m", f"tests.distillers.{program}", str(listed)]
    done = run_python(words, seconds=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, done.stderr


@pytest.mark.float32
def test_two_processes_train_the_same_student(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards torchrun: means of means, a lost remainder or doubled rows would train another one.

    65 examples in batches of 8, two batches a step: the last batch holds a single example, so that
    the second process has none. The terms have different loss_count in `token`.
    """
    teacher = without_dropout(toy, tmp_path / "teacher")
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    run(words_of(toy, tmp_path, teacher, "one"))
    printed, _ = run_twofold(tmp_path, words_of(toy, tmp_path, teacher, "two"))
    assert printed.count("Checkpoint:") == 2  # one for each reduction: one process prints
    for reduction in ("example", "token"):
        one, two = (tmp_path / f"{name}-{reduction}" for name in ("one", "two"))
        left, right = (load_file(folder / "model.safetensors") for folder in (one, two))
        for name, weight in left.items():
            assert torch.allclose(weight, right[name], atol=2e-5), (reduction, name)
        logs = [json.loads((folder / "history.json").read_text()) for folder in (one, two)]
        assert len(logs[0]) == len(logs[1])
        for ours, theirs in zip(*logs, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-5)
        assert "hidden_states_gradient_share" in logs[0][0]
        records = [json.loads((folder / "kdprobe.json").read_text()) for folder in (one, two)]
        assert records[1]["plan"]["processes"] == 2
        assert records[0]["steps"] == records[1]["steps"] == 5
        assert not (two / "checkpoints").exists()


def test_a_loss_that_is_not_finite_stops_both(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a hang: one process would stop and the other wait for its gradients for days.

    Both stop before the step, with the example's id and without a model; `--resume` ends in the
    weights of a run in which nothing happened. A sweep is refused in both.
    """
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\n[[objectives]]\nname = "hard_labels"\n')
    words = ["distill", toy.teacher, "--task", toy.task, "--recipe", str(recipe), "--offline"]
    words += ["--student", "layers=1", "--limit", "64", "--device", "cpu", "--no-bf16"]
    words += ["--set", "evaluate_every=4", "--epochs", "2", "--batch-size", "8", "--threads", "1"]
    cut, other = str(tmp_path / "cut"), str(tmp_path / "whole")
    commands = [[*words, "-o", cut], [*words, "-o", cut, "--resume"], [*words, "-o", other]]
    commands.append([*words, "-o", str(tmp_path / "sweep"), "--sweep", "seed=1,2"])
    printed, said = run_twofold(tmp_path, commands, "broken_work")
    codes = sorted(re.findall(r"command \d process \d code \d", printed))
    assert codes == [
        f"command {place} process {rank} code {code}"
        for place, code in enumerate((2, 0, 0, 2))
        for rank in (0, 1)
    ]
    errors = re.findall(r"Error: .*", said)
    assert len(errors) == 2  # one process speaks
    assert re.fullmatch(
        r"Error: step 9: the loss of 1 of 8 examples in a batch is not finite \('train-\d+'\); "
        "lower the learning rate or leave out bf16; earlier checkpoints are kept and --resume goes "
        "on from the last one",
        errors[0],
    )
    assert errors[1] == (
        "Error: --sweep: 2 processes, expected one; leave torchrun out; each run's card names the "
        "command that trains it alone"
    )
    assert "Going on from checkpoint of step 8." in said
    left, right = ((Path(place) / "model.safetensors").read_bytes() for place in (cut, other))
    assert left == right
    assert not (tmp_path / "sweep").exists()


def test_one_process_is_alone() -> None:
    """Guards the common case: no group, nothing is added up, everything is its own."""
    assert process_group() is ALONE
    assert ALONE.leads
    assert not ALONE.many
    values = torch.ones(2)
    assert ALONE.total(values) is values
    assert ALONE.gathered(["a"]) == ["a"]
    window = Window(3, {"a": 2.0})
    assert window.over(ALONE) is window
    layer = nn.Linear(1, 1)
    add_up_gradients(layer, ALONE)
    assert layer.weight.grad is None
    with ALONE.leader_first():
        pass


def test_shares_cover_a_batch() -> None:
    """Guards rows that no process learns from, or two do."""
    for size in (1, 2, 3, 5):
        shares = [ProcessGroup(rank, size).share(list(range(4))) for rank in range(size)]
        assert sorted(row for share in shares for row in share) == [0, 1, 2, 3]


def test_nothing_has_a_graph() -> None:
    """Guards a process without rows: its loss is 0 and its gradients are 0, not missing."""
    weight = torch.ones(2, requires_grad=True)
    losses = WeightedLosses(weight.sum(), {"a": weight.sum()}, torch.ones(2)).as_nothing()
    losses.total.backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [0.0, 0.0]
    assert len(losses.examples) == 0
