"""Tests of recipes in stages and in chains: who learns from whom, what is kept, what goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kdprobe.distillation import distill
from kdprobe.distillers.training_job import TrainingResult
from kdprobe.errors import ConfigError
from tests.distillers.conftest import Toy
from tests.distillers.displays import Striking

STAGED = """
name = "staged"
student = "layers=2"
layer_map = "uniform"
[[stages]]
name = "inside"
training = { best_by = "last", learning_rate = 2e-3, epochs = 2 }
[[stages.objectives]]
name = "hidden_states"
options = { projection = "always" }
[[stages]]
name = "outside"
[[stages.objectives]]
name = "soft_targets"
[training]
epochs = 1
batch_size = 8
gradient_accumulation = 2
learning_rate = 1e-3
evaluate_every = 2
"""


def study(toy: Toy, tmp_path: Path, out: str, **more: Any) -> TrainingResult:
    recipe = tmp_path / "staged.toml"
    recipe.write_text(STAGED)
    options: dict[str, Any] = {"limit": 64, "eval_limit": 16, "device": "cpu", "bf16": False}
    options |= {"recipe": recipe, "threads": 1, "offline": True} | more
    return distill(toy.teacher, task=toy.task, output=tmp_path / out, **options)


def steps_of(history: tuple[Mapping[str, float], ...], stage: int) -> list[float]:
    return [e["step"] for e in history if e["stage"] == stage and "eval_loss" in e]


def test_stages_follow_each_other(toy: Toy, tmp_path: Path) -> None:
    """Guards TinyBERT's two stages: own epochs, rates and objectives, one student, one history."""
    result = study(toy, tmp_path, "s")
    assert result.steps == 12
    assert steps_of(result.history, 1) == [2, 4, 6, 8]
    assert steps_of(result.history, 2) == [10, 12]
    inside = [e for e in result.history if "hidden_states_value" in e]
    outside = [e for e in result.history if "soft_targets_value" in e]
    assert {e["stage"] for e in inside} == {1.0}
    assert {e["stage"] for e in outside} == {2.0}
    assert max(e["learning_rate"] for e in inside) > 1.2e-3 > outside[0]["learning_rate"]
    first = tmp_path / "s" / "stages" / "1-inside"
    assert json.loads((first / "kdprobe.json").read_text())["steps"] == 8
    assert "stage inside" in (first / "README.md").read_text()
    early = load_file(first / "model.safetensors")
    late = load_file(tmp_path / "s" / "model.safetensors")
    untrained = [name for name in early if "classifier" in name]
    assert untrained  # the first stage reads no logits: its head is the teacher's
    teacher = load_file(Path(toy.teacher) / "model.safetensors")
    assert all(torch.equal(early[name], teacher[name]) for name in untrained)
    assert not torch.equal(early["classifier.weight"], late["classifier.weight"])
    assert not (tmp_path / "s" / "checkpoints").exists()


@pytest.mark.parametrize(("step", "said"), [(3, "inside"), (11, "outside")])
def test_an_interrupted_stage_goes_on(toy: Toy, tmp_path: Path, step: int, said: str) -> None:
    """Guards `resume` across stages, with accumulation: the weights of an uninterrupted run."""
    study(toy, tmp_path, "whole")
    with pytest.raises(KeyboardInterrupt):
        study(toy, tmp_path, "cut", progress=Striking(step))
    display = Striking(0)
    study(toy, tmp_path, "cut", resume=True, progress=display)
    assert any(line.startswith(f"Stage {1 + (said == 'outside')} of 2: {said}, from checkpoint of")
               for line in display.said)  # fmt: skip
    for name in ("model.safetensors", "history.json", "stages/1-inside/model.safetensors"):
        left, right = (tmp_path / folder / name for folder in ("whole", "cut"))
        assert left.read_bytes() == right.read_bytes(), name


def test_a_chain_hands_on(toy: Toy, tmp_path: Path) -> None:
    """Guards teacher assistants: the last student learns from the assistant, which is kept."""
    result = study(
        toy, tmp_path, "s", recipe="teacher-assistant", student="layers=1", epochs=1,
        settings={"stages.assistant.student": "layers=2"}, learning_rate=1e-3,
    )  # fmt: skip
    facts = dict(result.preflight.facts)
    assert facts["teacher"].startswith("1-assistant: ")
    assert result.preflight.layer_map == ((1, 1, "copied"),)
    assistant = tmp_path / "s" / "stages" / "1-assistant"
    record = json.loads((assistant / "kdprobe.json").read_text())
    assert dict(record["preflight"]["facts"])["teacher"].startswith("teacher: ")
    assert record["preflight"]["layer_map"] == [[1, 1, "copied"], [2, 3, "copied"]]
    assert {e["stage"] for e in result.history} == {1.0}


def test_a_dry_run_checks_every_part(toy: Toy, tmp_path: Path) -> None:
    """Guards hours of a first stage before the second is found impossible."""
    checked = study(toy, tmp_path, "s", dry_run=True)
    facts = dict(checked.preflight.facts)
    assert facts["inside: steps"] == "8 of 16 examples (2 epochs), scored every 2"
    assert facts["outside: learns from"] == "1 x soft_targets"
    assert facts["inside: layer map"] == "1 <- 2 (copied from 1), 2 <- 3 (copied)"
    assert "teacher's accuracy" in facts
    assert facts["inside: estimated time"].startswith("about ")
    assert facts["estimated time"].endswith(" in all")
    assert 0 < checked.seconds < 60
    assert not (tmp_path / "s").exists()
    chain = study(
        toy, tmp_path, "s", recipe="teacher-assistant", student="layers=1", dry_run=True,
        settings={"stages.assistant.student": "layers=2"},
    )  # fmt: skip
    assert dict(chain.preflight.facts)["student: layer map"] == "1 <- 1 (copied)"
    assert dict(chain.preflight.facts)["student: estimated time"].startswith("about ")
    with pytest.raises(ConfigError) as caught:
        study(toy, tmp_path, "s", recipe="teacher-assistant", student="layers=3",
              settings={"stages.assistant.student": "layers=2"})  # fmt: skip
    assert str(caught.value) == (
        "`student`: 3 layers, expected at most 2, as many as the model has"
    )
    assert not (tmp_path / "s" / "stages").exists()
