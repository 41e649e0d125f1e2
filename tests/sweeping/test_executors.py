"""A sweep of several runs at once gives what one run after the other gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdprobe.cache import Cache
from kdprobe.errors import ConfigError, TaskError
from kdprobe.extract.efficiency import Pace
from kdprobe.progress import Progress, Silent
from kdprobe.results.sweep import SweepDocument
from kdprobe.sweeping import measure as measuring
from kdprobe.sweeping import run as sweeping
from kdprobe.sweeping import training
from kdprobe.sweeping.result import Sweep
from kdprobe.sweeping.run import sweep
from kdprobe.workers.executors import InProcess
from kdprobe.workers.jobs import DIED, EndedJob
from tests.distillers.conftest import Toy, make_toy

RUNS = "layers=1,9,2;seed=1,2"
SHARED: dict[str, Any] = {
    "limit": 90, "epochs": 1.0, "learning_rate": 1e-3, "evaluate_every": 1, "best_by": "last",
    "device": "cpu", "bf16": False, "offline": True,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _hurry() -> Iterator[None]:
    """Time a few sentences only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "PACE", Pace({1: 4, 32: 3}))
        yield


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy"))


def start(toy: Toy, folder: Path, runs: str = RUNS, **more: Any) -> Sweep:
    named: dict[str, Any] = {"task": toy.task, "output": folder, "seed": 3, **SHARED}
    return sweep(toy.teacher, runs, **(named | more))


def content(swept: Sweep) -> dict[str, Any]:
    """Return what a document says, timings aside."""
    document: SweepDocument | None = swept.document
    assert document is not None
    held = document.model_dump(
        mode="json", exclude={"produced_by", "request", "fronts", "sentences"}
    )
    timed = {"throughput", "latency_p50", "latency_p90", "latency_p99"}
    held["estimates"] = [one for one in held["estimates"] if one["metric"] not in timed]
    for run in held["runs"]:
        run["seconds"] = 0
    return held


@pytest.fixture(scope="module")
def alone(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """One run after the other, in this process."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KDPROBE_CACHE", str(folder / "cache"))
        return start(toy, folder / "out", jobs=1)


def weights(folder: Path) -> dict[str, bytes]:
    return {file.parent.name: file.read_bytes() for file in folder.glob("*/model.safetensors")}


@pytest.mark.parametrize("executor", ["local", "ray"])
def test_two_at_once(
    toy: Toy, alone: Sweep, tmp_path: Path, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other numbers than those of one process, a lost reason, or a teacher that each run asks."""
    if executor == "ray":
        pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    swept = start(toy, tmp_path / "out", jobs=2, executor=executor)
    assert content(swept) == content(alone)
    assert weights(swept.folder) == weights(alone.folder)
    assert len(weights(swept.folder)) == 4
    reason = "`student`: 9 layers, expected at most 3, as many as the model has"
    assert swept.failed == (("layers-9_seed-1", reason), ("layers-9_seed-2", reason))
    assert Cache(tmp_path / "cache").info().kinds["teacher-logits"] == 1


def test_a_teacher_that_cannot_be_sent(toy: Toy, tmp_path: Path) -> None:
    """A function would be asked by every process, or fail after an hour as it cannot be pickled."""
    named: dict[str, Any] = {"task": toy.task, "output": tmp_path / "out", "student": "bert:L1,H32"}
    with pytest.raises(ConfigError) as caught:
        sweep(lambda texts: [[0.5, 0.5]] * len(texts), "seed=1,2", jobs=2, **named, **SHARED)
    assert "train one run at a time with `jobs=1`" in str(caught.value)
    assert not (tmp_path / "out").exists()


class Replaced(InProcess[Any]):
    """Runs jobs here, but for those whose end is given."""

    def __init__(self, progress: Progress, ends: dict[str, EndedJob[Any]]) -> None:
        super().__init__(progress)
        self.ends, self.closed = ends, False

    def wait(self) -> list[EndedJob[Any]]:
        if self._waiting[0].name in self.ends:
            return [self.ends[self._waiting.pop(0).name]]
        return super().wait()

    def close(self) -> None:
        self.closed = True


def with_ends(patch: pytest.MonkeyPatch, *ends: EndedJob[Any]) -> Replaced:
    """Put an executor in the place of that of sweeps."""
    executor = Replaced(Silent(), {one.name: one for one in ends})
    patch.setattr(sweeping, "open_executor", lambda *_, **__: executor)
    return executor


def test_a_run_that_kills_its_process(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without enough memory would end the sweep, or leave an empty row without a reason."""
    executor = with_ends(monkeypatch, EndedJob("layers-2", None, DIED))
    swept = start(toy, tmp_path / "out", "layers=1,2")
    assert swept.failed == (("layers-2", DIED),)
    assert executor.closed


def test_what_stops_one_and_would_stop_all(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task without data would be reported by each of a hundred runs, as a failed student."""
    error = TaskError("t.tsv", found="is empty", expected="examples")
    executor = with_ends(monkeypatch, EndedJob("layers-1", error))
    with pytest.raises(TaskError, match=r"t\.tsv: is empty"):
        start(toy, tmp_path / "out", "layers=1,2")
    assert executor.closed
    assert not (tmp_path / "out").exists()


def test_memory_of_a_run(tmp_path: Path) -> None:
    """Ten runs of a large teacher would be begun in the memory of two."""
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)

    class Request:
        teacher = type("Source", (), {"path": str(tmp_path)})

    assert training.memory_of(Request) == 450_000_000 + 500_000_000 + 5 * 1000  # type: ignore[arg-type]
