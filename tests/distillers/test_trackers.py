"""`report_to`: trainings logged by the callbacks of `transformers`, without a dependency.

The packages are stood in for: what is handed over is what `transformers` itself makes of a name.
"""

from __future__ import annotations

import importlib.util
import json
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback
from transformers.integrations import integration_utils

import kdprobe
from kdprobe.errors import ConfigError, MissingExtraError
from tests.cli.scene import run
from tests.distillers.conftest import Toy

OPTIONS: dict[str, Any] = {
    "epochs": 1, "learning_rate": 1e-3, "device": "cpu", "bf16": False, "threads": 1,
    "offline": True,
}  # fmt: skip


class Recorder(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Notes what a tracker would be sent."""

    logged: list[dict[str, float]] = []  # noqa: RUF012 (of the class: transformers makes it)
    names: list[str] = []  # noqa: RUF012
    folders: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.logging_dir: str | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Note the run."""
        self.names.append(args.run_name)
        self.folders.append(self.logging_dir or "")

    def on_log(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Note what is logged."""
        self.logged.append(dict(rest["logs"]))


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    find = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, None) if name in ("tensorboard", "wandb") else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    for name in ("tensorboard", "wandb"):
        monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, name, Recorder)
    for kept in (Recorder.logged, Recorder.names, Recorder.folders):
        kept.clear()
    return Recorder


def test_the_tracker_gets_what_is_logged_and_moves_no_weight(
    toy: Toy, tmp_path: Path, tracker: type[Recorder]
) -> None:
    """Guards a name that is dropped on the way, another run than without it, logs that are lost.

    Tensorboard's files would lie among the checkpoints, which are deleted at the end.
    """
    students = {}
    for name, trackers in (("plain", ()), ("logged", ("tensorboard", "wandb"))):
        result = kdprobe.distill(
            toy.teacher, task=toy.task, student="layers=1", output=tmp_path / name,
            report_to=trackers, **OPTIONS,
        )  # fmt: skip
        assert result.folder is not None
        students[name] = (result.folder / "model.safetensors").read_bytes()
    assert students["plain"] == students["logged"]
    assert tracker.names == ["logged", "logged"]
    assert sorted(tracker.folders) == ["", "runs/logged"]
    assert any("eval_accuracy" in each for each in tracker.logged)
    plans = [json.loads((tmp_path / name / "kdprobe.json").read_text())["plan"]
             for name in students]  # fmt: skip
    assert plans[0] == plans[1]
    again = kdprobe.distill(
        toy.teacher, task=toy.task, student="layers=1", output=tmp_path / "plain", resume=True,
        report_to=["wandb"], **OPTIONS,
    )  # fmt: skip
    assert again.folder is not None


def test_a_package_that_is_missing_is_named_before_anything_is_trained(
    toy: Toy, tmp_path: Path
) -> None:
    """Guards an hour of training that ends in an ImportError."""
    for name in ("trackio", "mlflow", "wandb"):
        if importlib.util.find_spec(name):
            continue
        with pytest.raises(MissingExtraError) as caught:
            kdprobe.finetune(
                "bert:L1,H16,A2", task=toy.task, output=tmp_path / "x", report_to=[name], **OPTIONS
            )
        assert str(caught.value) == (
            f"`report_to={name}`: the package {name} is not installed, expected an installed one "
            f"of tensorboard, trackio, mlflow, wandb; pip install {name}"
        )
        assert not (tmp_path / "x").exists()
    with pytest.raises(ConfigError, match="`report_to`: holds 'clearml', expected 'tensorboard'"):
        kdprobe.finetune(
            "bert:L1,H16,A2", task=toy.task, output=tmp_path / "x", report_to=["clearml"], **OPTIONS
        )
    done = run("distill", toy.teacher, "-t", toy.task, "-o", tmp_path / "x", "--report-to", "w")
    assert done.code == 2
    assert "--report-to" in done.err
