"""Whole trainings with bfloat16 products: told everywhere, gone on with, shared, float32 by itself.

What the processor can do is injected.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file

from kdprobe.distillation import distill
from kdprobe.distillers import compute
from kdprobe.distillers import run_options as occasion
from kdprobe.distillers.precision import price_of
from kdprobe.finetuning import finetune
from kdprobe.models import mixed_precision
from tests.distillers.conftest import Toy
from tests.distillers.displays import Striking
from tests.distillers.shared_work import run
from tests.distillers.test_processes import run_twofold, without_dropout, words_of

LSTM = "bilstm:hidden=8,fc=8,embed=8,sentence=max"


@pytest.fixture
def every_product_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_precision, "SMALL_WEIGHT", 0)


def quick(toy: Toy, output: Path, student: str = "layers=1", **more: Any) -> Any:
    options: dict[str, Any] = {"student": student, "epochs": 2, "learning_rate": 1e-3}
    options |= {"device": "cpu", "bf16": True, "threads": 1, "offline": True, "limit": 64}
    options |= {"evaluate_every": 2, "batch_size": 16}
    return distill(toy.teacher, task=toy.task, output=output, **(options | more))


@pytest.mark.usefixtures("every_product_in_bfloat16")
@pytest.mark.parametrize("student", ["layers=1", LSTM])
def test_an_interrupted_run_goes_on(toy: Toy, tmp_path: Path, student: str) -> None:
    """Guards `resume` under autocast: the same weights and history as a run nothing happened to."""
    whole = quick(toy, tmp_path / "whole", student)
    with pytest.raises(KeyboardInterrupt):
        quick(toy, tmp_path / "cut", student, progress=Striking(5))
    display = Striking()
    resumed = quick(toy, tmp_path / "cut", student, resume=True, progress=display)
    assert any("Going on from checkpoint of step 4" in line for line in display.said)
    assert resumed.history == whole.history
    assert resumed.scores == whole.scores
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())
    assert all(weight.dtype == torch.float32 for weight in ours.values())


@pytest.mark.usefixtures("every_product_in_bfloat16")
def test_two_processes_share_a_run(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards torchrun under autocast: two processes train the student that one trains, to rounding.

    The bound is that of bfloat16 in a training of five steps with a rate of 1e-3: each step moves a
    weight by about the rate, whatever the size of its gradient.
    """
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    teacher = without_dropout(toy, tmp_path / "teacher")
    one, two = (
        [[word.replace("--no-bf16", "--bf16") for word in words]
         for words in words_of(toy, tmp_path, teacher, name)[:1]]
        for name in ("one", "two")
    )  # fmt: skip
    run(one)
    run_twofold(tmp_path, two, "half_work")
    left, right = (
        load_file(tmp_path / f"{name}-example" / "model.safetensors") for name in ("one", "two")
    )
    apart = max(float((weight - right[name]).abs().max()) for name, weight in left.items())
    assert apart < 5e-3
    record = json.loads((tmp_path / "two-example" / "kdprobe.json").read_text())
    assert record["plan"]["bf16"] is True
    assert record["plan"]["processes"] == 2


def test_it_is_told_with_its_price(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a choice that nobody hears of: terminal, card, record and page name it and its price.

    What the processor can do is told and decides nothing: the same student either way.
    """
    weights = []
    for supported, how in ((True, "itself"), (False, "by way of float32, which is slow")):
        monkeypatch.setattr(occasion, "has_bfloat16", lambda device, native=supported: native)
        display, place = Striking(), tmp_path / how[:2]
        monkeypatch.setattr(mixed_precision, "SMALL_WEIGHT", 0)
        result = quick(toy, place, epochs=1, progress=display)
        assert f"Trains with bfloat16 products; this cpu multiplies bfloat16 {how}." in display.said
        price = f"the price of bfloat16: {price_of('bert')}"
        assert price in result.notes
        assert price.replace("|", "\\|") in (place / "README.md").read_text()
        assert "bfloat16 products, float32 weights" in (place / "README.md").read_text()
        assert "the price of bfloat16" in (place / "training.html").read_text()
        assert "bfloat16 products" in json.loads((place / "kdprobe.json").read_text())["precision"]
        weights.append(load_file(place / "model.safetensors"))
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


@pytest.mark.float32
def test_small_students_are_float32_whatever_is_asked(toy: Toy, tmp_path: Path) -> None:
    """Guards the students of the first demo: bfloat16 ruined them and saved no time.

    All their matrices are small ones: the same weights with and without `--bf16`, and that is told.
    """
    scores = []
    for half in (True, False):
        place = tmp_path / str(half)
        result = finetune(
            LSTM, task=toy.task, output=place, epochs=2, learning_rate=4e-3, device="cpu",
            bf16=half, threads=1, offline=True,
        )  # fmt: skip
        scores.append((result.scores, result.history))
        assert any("`bf16` changed nothing" in note for note in result.notes) is half
    assert scores[0] == scores[1]
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("True", "False"))
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


@pytest.mark.float32
@pytest.mark.parametrize("supported", [True, False])
def test_auto_is_float32_everywhere(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    """Guards one command that gives other science on another machine."""
    monkeypatch.setattr(compute, "has_bfloat16", lambda device: supported)
    result = quick(toy, tmp_path / "s", bf16="auto", epochs=0.25)
    record = json.loads((tmp_path / "s" / "kdprobe.json").read_text())
    assert record["plan"]["bf16"] is False
    assert record["precision"] == "float32 on cpu, 1 threads"
    assert not any("bfloat16" in note for note in result.notes)


@pytest.mark.float32
def test_a_control_is_trained_as_its_student(toy: Toy, tmp_path: Path) -> None:
    """Guards a control in another precision than its student: they would differ in that too."""
    quick(toy, tmp_path / "s", LSTM, epochs=1)
    given: dict[str, Any] = {"like": str(tmp_path / "s"), "task": toy.task, "device": "cpu"}
    choices: tuple[tuple[bool | Literal["auto"], bool], ...] = (("auto", True), (False, False))
    for option, half in choices:
        place = tmp_path / str(option)
        finetune(None, output=place, bf16=option, threads=1, offline=True, **given)
        assert json.loads((place / "kdprobe.json").read_text())["plan"]["bf16"] is half
