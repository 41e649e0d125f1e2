"""Tests of whole sweeps: one teacher store, runs of their own, going on, failing."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from transformers import BertForSequenceClassification

from kdprobe.distillation import distill
from kdprobe.errors import ChangedPlanError, CheckpointError, OutputError
from kdprobe.extract.efficiency import Pace
from kdprobe.progress import ProgressStage
from kdprobe.report.sweep import render_sweep
from kdprobe.results.sweep import read_sweep
from kdprobe.sweeping import measure as measuring
from kdprobe.sweeping import run as sweeping
from kdprobe.sweeping.result import Sweep
from kdprobe.sweeping.run import sweep
from tests.distillers.conftest import Toy, make_toy

TRAIN, DEV = 90, 60
SHARED: dict[str, Any] = {
    "limit": TRAIN, "epochs": 1.0, "learning_rate": 1e-3, "evaluate_every": 1, "best_by": "last",
    "device": "cpu", "bf16": False, "threads": 1, "offline": True,
}  # fmt: skip
RUNS = "layers=1,9,2;seed=1,2"


class Display:
    """Notes the trainings, and interrupts the n-th of them after its second step."""

    def __init__(self, *, strike: int = 0) -> None:
        self.trainings: list[str] = []
        self.said: list[str] = []
        self.strike, self.steps = strike, 0

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[ProgressStage]:
        """Count the trainings."""
        self.training = title.startswith("train on")
        if self.training:
            self.trainings.append(title)
        yield self

    def advance(self, steps: int = 1, *, note: str = "") -> None:
        """Count the steps of the training that was named, and strike."""
        if self.training and self.strike and len(self.trainings) == self.strike:
            self.steps += steps
            if self.steps == 2:
                raise KeyboardInterrupt

    def say(self, message: str) -> None:
        """Keep it."""
        self.said.append(message)


class Scene(NamedTuple):
    """A sweep that ran: its task and teacher, what it gave, the teacher's batches."""

    toy: Toy
    swept: Sweep
    request: Counter[tuple[int, ...]]


def start(toy: Toy, folder: Path, runs: str = RUNS, **more: Any) -> Sweep:
    given: dict[str, Any] = {"task": toy.task, "output": folder, "options": SHARED, "seed": 3}
    return sweep(toy.teacher, runs, **(given | more))


@pytest.fixture(scope="module", autouse=True)
def _hurry() -> Iterator[None]:
    """Time a few sentences only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "PACE", Pace({1: 4, 32: 3}))
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("sweep")
    toy = make_toy(folder)
    request: Counter[tuple[int, ...]] = Counter()
    before: Counter[tuple[int, ...]] = Counter()
    forward, measure = BertForSequenceClassification.forward, measuring.measure

    @functools.wraps(forward)  # what a model takes is read from its signature
    def counted(self: Any, input_ids: Any = None, **inputs: Any) -> Any:
        if self.config.num_hidden_layers == 3:
            request.update(tuple(filter(None, row)) for row in input_ids.tolist())
        return forward(self, input_ids=input_ids, **inputs)

    def measured(*given: Any) -> Any:
        before.update(request)
        return measure(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KDPROBE_CACHE", str(folder / "cache"))
        patch.setattr(BertForSequenceClassification, "forward", counted)
        patch.setattr(sweeping, "measure", measured)
        swept = start(toy, folder / "out")
    return Scene(toy, swept, before)


def test_the_teacher_is_asked_once(scene: Scene) -> None:
    """Guards the one store: every text once for six runs; beyond that each checks a few rows."""
    repeated = [row for row, times in scene.request.items() if times > 1]
    assert len(scene.request) > (TRAIN + DEV) // 2
    assert 0 < len(repeated) < len(scene.request) // 2


def test_a_run_is_what_distill_alone_gives(scene: Scene, tmp_path: Path) -> None:
    """Guards the runs against each other: weights are those of the command on the run's card."""
    folder = scene.swept.folder / "layers-2_seed-2"
    distill(
        scene.toy.teacher, task=scene.toy.task, output=tmp_path / "alone", student="layers=2",
        seed=2, sample_seed=3, **SHARED,
    )  # fmt: skip
    alone = (tmp_path / "alone" / "model.safetensors").read_bytes()
    assert (folder / "model.safetensors").read_bytes() == alone
    assert "--seed 2 --sample-seed 3" in (folder / "README.md").read_text()
    twin = scene.swept.folder / "layers-2_seed-1"
    assert (twin / "model.safetensors").read_bytes() != alone


def test_a_run_that_cannot_be_made_is_listed(scene: Scene) -> None:
    """Guards the others: nine of three layers stop nothing, and the reason stands everywhere."""
    document = scene.swept.document
    assert document is not None
    reason = "`student`: 9 layers, expected at most 3, as many as the model has"
    assert scene.swept.failed == (("layers-9_seed-1", reason), ("layers-9_seed-2", reason))
    assert [model.name for model in document.students] == ["layers=1", "layers=2"]
    assert document.sentences[-1] == ("2 of 6 runs gave no student; the reasons stand with them.")
    assert not (scene.swept.folder / "layers-9_seed-1").exists()


def test_the_document(scene: Scene) -> None:
    """Guards the files beside the students: they say the same, and what each run's record says."""
    document, folder = scene.swept.document, scene.swept.folder
    assert document is not None
    assert read_sweep(folder) == document
    assert (folder / "sweep.html").read_text(encoding="utf-8") == render_sweep(document)
    rows = list(csv.DictReader(io.StringIO((folder / "sweep.csv").read_text())))
    assert [row["run"] for row in rows] == [run.name for run in document.runs]
    for row in (row for row in rows if not row["failed"]):
        record = json.loads((folder / row["run"] / "kdprobe.json").read_text())
        for name in ("accuracy", "agreement", "cohens_kappa", "kl"):
            assert float(row[name]) == pytest.approx(record["scores"][name], abs=1e-5)
        assert float(row["bytes"]) == (folder / row["run"] / "model.safetensors").stat().st_size
        assert float(row["throughput"]) > 0
    one, two = (document.find("parameters", name) for name in ("layers=1", "layers=2"))
    assert one is not None
    assert two is not None
    assert (one.value or 0) < (two.value or 0)
    accuracy = document.find("accuracy", "layers=1")
    runs = [run.scores["accuracy"] for run in document.runs_of("layers=1")]
    assert accuracy is not None
    assert accuracy.value == pytest.approx(sum(runs) / 2)
    assert document.pace.startswith("Speed: on 1 CPU thread;")


def test_finished_runs_are_not_repeated(scene: Scene) -> None:
    """Guards hours of work: a second call, of fewer runs, trains none of them again."""
    before = {
        file: file.stat().st_mtime_ns for file in scene.swept.folder.glob("*/model.safetensors")
    }
    display = Display()
    again = start(scene.toy, scene.swept.folder, "layers=1,2;seed=1,2", progress=display)
    assert display.trainings == []
    assert len(before) == 4
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert again.document is not None
    assert again.failed == ()


def test_going_on_ends_in_the_same_weights(scene: Scene, tmp_path: Path) -> None:
    """Guards a sweep that was broken off in its second run: it goes on from the checkpoint."""
    display = Display(strike=2)
    with pytest.raises(KeyboardInterrupt):
        start(scene.toy, tmp_path / "out", "layers=1;seed=1,2", progress=display)
    assert (tmp_path / "out" / "layers-1_seed-2" / "checkpoints").is_dir()
    assert not (tmp_path / "out" / "sweep.json").exists()
    display = Display()
    start(scene.toy, tmp_path / "out", "layers=1;seed=1,2", progress=display)
    assert len(display.trainings) == 1
    assert any(said.startswith("Going on from checkpoint of step") for said in display.said)
    for name in ("layers-1_seed-1", "layers-1_seed-2"):
        weights = [
            (folder / name / "model.safetensors").read_bytes()
            for folder in (tmp_path / "out", scene.swept.folder)
        ]
        assert weights[0] == weights[1]


def test_changed_settings_are_refused(scene: Scene, tmp_path: Path) -> None:
    """Guards a table of students that were not trained alike: both values are named."""
    folder = scene.swept.folder
    with pytest.raises(ChangedPlanError) as caught:
        start(scene.toy, folder, options=SHARED | {"epochs": 2.0})
    assert str(caught.value) == (
        f"{folder}: cannot go on with other options: options.epochs was 1.0 and is now 2.0, "
        "expected those the run began with; give them again, or start anew in another folder"
    )
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty, expected a new or empty folder"):
        start(scene.toy, tmp_path)


def test_what_every_run_would_meet_stops_the_sweep(scene: Scene, tmp_path: Path) -> None:
    """Guards against the same message a hundred times: a teacher that is none stops at once."""
    with pytest.raises(CheckpointError, match="no such folder"):
        sweep(str(tmp_path / "none"), RUNS, task=scene.toy.task, output=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_dry_run(scene: Scene, tmp_path: Path) -> None:
    """Guards `dry_run`: sizes, steps and a time for each run that can be made; no folder."""
    swept = start(scene.toy, tmp_path / "o", "layers=1,9", dry_run=True)
    assert not (tmp_path / "o").exists()
    assert swept.document is None
    one, nine = swept.checked
    assert (one.name, one.steps, one.failed) == ("layers-1", "3 of 32 examples", "")
    assert int(one.parameters.replace(",", "")) > 1000
    assert 0 < one.seconds < 60
    assert swept.failed == (("layers-9", nine.failed),)
    assert nine.failed.startswith("`student`: 9 layers")


def test_a_recipe_in_stages_has_a_time(scene: Scene, tmp_path: Path) -> None:
    """Guards the sum of a sweep's times: a run without one would count nothing."""
    options = {key: value for key, value in SHARED.items() if key != "best_by"}
    swept = start(
        scene.toy, tmp_path / "o", "recipe=tinybert;seed=1", dry_run=True, student="layers=1",
        options=options,
    )  # fmt: skip
    (one,) = swept.checked
    assert (one.failed, one.steps) == ("", "3 of 32 examples + 3 of 32 examples")
    assert 0 < one.seconds < 60
