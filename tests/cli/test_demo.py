"""Tests of `kdprobe demo`: it shows its point, or stops and says why."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import kdprobe
import kdprobe.comparison.nearness
from kdprobe.cli import demo
from kdprobe.errors import TrainingError
from kdprobe.results.schema import Estimate
from tests.cli.scene import run


def gain(low: float | None, value: float = 0.1, high: float | None = 0.2) -> Estimate:
    return Estimate(
        metric="agreement_difference", model_a="s", model_b="c", value=value, low=low, high=high
    )


def test_a_student_within_noise_stops_it() -> None:
    """Guards a demo that shows two models of which nobody can say that one is nearer."""
    demo.check_nearer(gain(0.001))
    for low in (0.0, -0.01):
        with pytest.raises(TrainingError) as caught:
            demo.check_nearer(gain(low))
    assert str(caught.value) == (
        "kdprobe demo: the student has its teacher's label 0.100 [-0.010, 0.200] more often than "
        "the control that had no teacher, expected an interval above 0; a report of these two "
        "would show noise; try another --seed and report this"
    )
    with pytest.raises(TrainingError, match="expected an interval above 0"):
        demo.check_nearer(gain(None, high=None))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the demo asks for, in order; nothing is trained."""
    said: list[tuple[str, dict[str, Any]]] = []

    def noted(name: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            said.append((name, options | {"args": args}))
            return SimpleNamespace(scores={"mcc": 0.9})

        return call

    for name in ("finetune", "distill", "compare"):
        monkeypatch.setattr(kdprobe, name, noted(name))
    monkeypatch.setattr(kdprobe.comparison.nearness, "nearness", lambda *a, **k: gain(-0.01))
    return said


def test_noise_is_not_shown(tmp_path: Path, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Guards the order: the verdict is known before a report is written, and ends the command."""
    done = run("demo", "-o", tmp_path / "out", "--seed", 4, "--quiet")
    assert done.code == 2
    assert "expected an interval above 0" in done.err
    assert "Traceback" not in done.err
    assert [name for name, _ in calls] == ["finetune", "distill"]
    assert not (tmp_path / "out" / "report.html").exists()


def test_nothing_is_left_to_the_processor(
    tmp_path: Path, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    """Guards bf16="auto": float32 on one machine and bfloat16 on another is another demo."""
    run("demo", "-o", tmp_path / "out", "--seed", 4)
    assert all(options["bf16"] is False and options["device"] == "cpu" for _, options in calls)
    teacher, student = (options for _, options in calls)
    assert teacher["seed"] == student["seed"] == 4
    assert student["with_control"] is True  # the control has all that the student has


@pytest.mark.slow
def test_two_runs_on_one_machine_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the promise of the committed example: on one machine the demo repeats itself."""
    small = {"TEACHER": "bilstm:hidden=24,fc=16,embed=24,sentence=max", "RATE": 4e-3}
    small |= {"TEACHER_EPOCHS": 1.5, "STUDENT_EPOCHS": 0.1, "LEAST_MCC": 0.0}
    for name, value in small.items():
        monkeypatch.setattr(demo, name, value)
    monkeypatch.setattr(demo, "check_nearer", lambda gain: None)
    compare = kdprobe.compare  # probes and word scores have tests of their own

    def shorter(*models: Any, **options: Any) -> Any:
        asked = ("probing", "attributions", "similarity", "attention", "collectors")
        left_out = dict.fromkeys(asked)
        return compare(*models, **(options | left_out))

    monkeypatch.setattr(kdprobe, "compare", shorter)
    documents = []
    for name in ("one", "two"):
        monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / f"cache-{name}"))
        done = run("demo", "-o", tmp_path / name, "--threads", 1, "--quiet")
        assert done.code == 0, done.err
        document = json.loads((tmp_path / name / "results.json").read_text(encoding="utf-8"))
        document.pop("timings")
        document["produced_by"].pop("created")
        document["request"].pop("command")
        assert [note["code"] for note in document["warnings"]].count("teacher-added") == 1
        assert "unequal-budgets" not in str(document["warnings"])
        # the seconds of a training stand in its history
        document["analyses"] = [a for a in document["analyses"] if a["name"] != "training"]
        documents.append(document)
    assert documents[0] == documents[1]
