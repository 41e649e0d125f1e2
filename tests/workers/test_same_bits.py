"""A whole comparison by one, two and three processes: every number equal to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.cache import Cache
from kdprobe.collectors.attributions.options import AttributionRequest
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.extract import attributions
from kdprobe.models import batches
from kdprobe.progress import Silent
from kdprobe.workers import pool
from tests.cli.scene import LABELS, write_task
from tests.cli.test_probing import write_sets
from tests.comparison.test_objects import write_pairs
from tests.models.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, a teacher, two students of other shapes, probing sentences and minimal pairs."""
    folder = tmp_path_factory.mktemp("scene")
    write_task(folder)
    write_sets(folder / "sets")
    write_pairs(folder / "pairs")
    for seed, name in enumerate(("t", "s", "u")):
        tiny_checkpoint(
            folder / name, labels=LABELS, seed=seed, layers=2 - seed % 2, width=(16, 8, 16)[seed],
            arch=("bert", "bert", "roberta")[seed],
        )  # fmt: skip
    return folder


@pytest.fixture(autouse=True)
def _many_pieces_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut small work into many pieces, and share it out from the first."""
    monkeypatch.setattr(batches, "PIECE_TOKENS", 100)
    monkeypatch.setattr(attributions, "PIECE", 3)
    monkeypatch.setattr(pool, "STARTING", 0.0)


class Listener(Silent):
    """A display that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def compared(
    scene: Path, jobs: int, cache: Path, progress: Listener | None = None
) -> kdprobe.Comparison:
    """Compare by so many processes, with a cache of its own."""
    return kdprobe.compare(
        scene / "t", [scene / "s", scene / "u"], task=scene / "toy.toml", device="cpu",
        offline=True, resamples=100, cache=cache, jobs=jobs, progress=progress,
        minimal_pairs=scene / "pairs",
        probing=ProbingRequest(
            tasks=("bigram_shift",), sentences=40, probing_dir=scene / "sets", probe="mlp",
            poolings=("mean", "cls"), mdl=True,
        ),
        attributions=AttributionRequest(
            methods=("integrated_gradients", "lime", "shap", "occlusion", "deep_lift"),
            sentences=10,
        ),
    )  # fmt: skip


def numbers(cache: Path) -> dict[str, dict[str, Any]]:
    """Return what a cache holds, by entry; rows of an entry in the order of their keys."""
    held = {}
    for file in sorted((cache / "observations").rglob("*.npz")):
        with np.load(file) as arrays:
            entry = {name: arrays[name] for name in arrays.files}
        key = entry.get("keys", entry.get("texts"))
        order = None if key is None else sorted(range(len(key)), key=lambda row: key[row].tobytes())
        if order is not None and "lengths" in entry:  # scores of several lengths, side by side
            ends = np.cumsum(entry.pop("lengths"))
            for name in ("scores", "errors"):
                parts = np.split(entry.pop(name), ends[:-1])
                entry[name] = np.concatenate([parts[row] for row in order])
            for name in ("keys", "facts", "deletion"):
                entry[name] = entry[name][order]
        elif order is not None:
            entry = {
                n: v[order] if v.ndim and len(v) == len(order) else v for n, v in entry.items()
            }
        held[file.stem] = {name: (value.dtype, value.tobytes()) for name, value in entry.items()}
    return held


@pytest.mark.slow
def test_numbers_do_not_tell_how_many_processes_there_were(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that changes with the machine's cores cannot be checked by anybody.

    Predictions, minimal pairs, layers, random twins, probes with their control and code length,
    and explanations with ceiling and floor; every array of the cache, and the document.
    """
    started: list[int] = []
    whole = pool.Workers._start

    def counted(self: pool.Workers, largest: int) -> None:
        whole(self, largest)
        started.append(self.jobs)

    monkeypatch.setattr(pool.Workers, "_start", counted)
    one = compared(scene, 1, tmp_path / "one")
    assert started == []
    kept = numbers(tmp_path / "one")
    kinds = Cache(tmp_path / "one").info().kinds
    assert kinds["predictions"] == 3
    assert kinds["probe fits"] == 6
    assert kinds["attributions"] > 5 * 6
    for jobs in (2, 3):
        display = Listener()
        shared = compared(scene, jobs, tmp_path / str(jobs), display)
        assert not [line for line in display.lines if "works in one process" in line]
        assert numbers(tmp_path / str(jobs)) == kept
        assert shared.document.analyses == one.document.analyses
    assert started == [2, 3], "all of a comparison's work shares one set of processes"


@pytest.mark.slow
def test_a_run_goes_on_from_the_cache_of_another_number_of_processes(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop begins, a server goes on; a chunk that one lost must be the same from the other.

    The first run is interrupted in the middle of the explanations, while pieces are under way.
    """
    whole = compared(scene, 1, tmp_path / "whole")
    add = attributions._OpenRequest.add
    left = [5]

    def tired(self: attributions._OpenRequest, new: Any) -> None:
        add(self, new)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(attributions._OpenRequest, "add", tired)
    with pytest.raises(KeyboardInterrupt):
        compared(scene, 2, tmp_path / "cache")
    kept = numbers(tmp_path / "cache")
    assert Cache(tmp_path / "cache").info().kinds["attributions"] >= 5
    monkeypatch.setattr(attributions._OpenRequest, "add", add)
    again = compared(scene, 1, tmp_path / "cache")
    assert numbers(tmp_path / "cache") == numbers(tmp_path / "whole")
    assert again.document.analyses == whole.document.analyses
    assert len(kept) < len(numbers(tmp_path / "cache"))


def test_scores_of_one_text_do_not_tell_how_many_processes_there_were(
    scene: Path,
) -> None:
    """Guards attribute: pieces of several models and methods under each other's names.

    Two lengths: one whose coalitions LIME and SHAP enumerate together, one that they sample, each
    in a process of its own.
    """
    models = {name: str(scene / name) for name in ("t", "s", "u")}
    methods = ("shap", "lime", "ig", "occlusion")
    for text in ("the dog barks at a cat", " ".join(["the dog barks at"] * 4)):
        lines = Lines()
        one, *others = (
            kdprobe.attribute(
                models, text, methods=methods, jobs=jobs, progress=lines, offline=True
            )
            for jobs in (1, 2, 3)
        )
        assert [each.model for each in one] == list(models)
        assert [tuple(m.method for m in each.methods) for each in one] == [
            ("shap", "lime", "integrated_gradients", "occlusion")
        ] * 3
        assert all(tuple(one) == tuple(other) for other in others)
        assert [line for line in lines.said if "processes of one thread" in line]
        alone = kdprobe.attribute(models["s"], text, methods="shap", offline=True)
        assert alone[0].methods[0] == one[1].methods[0]


class Lines(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.said.append(message)
