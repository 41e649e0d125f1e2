"""ONNX graphs by hub id: what is fetched of a repository, and what is opened of the local cache.

The hub is its library's own cache on disk, and a stand-in for the one call that fetches.
"""

from __future__ import annotations

import fnmatch
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants

from kdprobe.errors import CheckpointError
from kdprobe.models.hf import HfModel
from kdprobe.models.open import open_model
from kdprobe.models.path_options import parse_path
from kdprobe.tasks.task import Split
from tests.contracts.families import SINGLE
from tests.models.graphs import bag_of_words

pytest.importorskip("onnx", reason="graphs are put together by the package onnx")
pytest.importorskip("onnxruntime", reason="ONNX folders need the extra onnx")

TEXTS = ("the dog sleeps in the garden", "an")


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bag_of_words(tmp_path_factory.mktemp("graphs") / "bag")


def opened(path: str, *, offline: bool) -> HfModel:
    handle = open_model(parse_path(path), name="m", task=SINGLE, device="cpu", offline=offline)
    assert isinstance(handle, HfModel)
    return handle


def values(handle: HfModel) -> np.ndarray:
    split = Split(SINGLE, "dev", ("0", "1"), TEXTS)
    return handle.outputs(split, batch_size=2, advance=lambda done: None).values


def test_a_graph_of_the_local_cache_is_opened_by_its_hub_id(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a hub model without weights that is refused though its graph lies there."""
    place = tmp_path / "models--owner--bag"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    snapshot = place / "snapshots" / ("a" * 40)
    shutil.copytree(bag, snapshot)
    (snapshot / "onnx").mkdir()
    (snapshot / "model.onnx").rename(snapshot / "onnx" / "model.onnx")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    handle = opened("owner/bag", offline=True)
    assert (handle.source, handle.folder) == ("ONNX folder", "owner/bag")
    np.testing.assert_array_equal(values(handle), values(opened(str(bag), offline=True)))
    named = opened("owner/bag?file=onnx/model.onnx", offline=True)
    assert named.folder == "owner/bag?file=onnx/model.onnx"
    with pytest.raises(CheckpointError, match=r"owner/bag: has no graph x.onnx, expected one of"):
        opened("owner/bag?file=x.onnx", offline=True)
    with pytest.raises(CheckpointError, match="working offline, no hub model of that name is in"):
        opened("owner/other?file=x.onnx", offline=True)


@pytest.mark.parametrize(
    ("path", "fetched"),
    [
        ("owner/bag", {"onnx/model.onnx", "onnx/model.onnx_data"}),
        ("owner/bag?file=onnx/model_q4.onnx", {"onnx/model_q4.onnx"}),
    ],
)
def test_one_graph_is_fetched_of_a_dozen(
    bag: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fetched: set[str],
) -> None:
    """Guards gigabytes of other precisions, and a graph without the file of its weights."""
    repository, mirror = tmp_path / "hub", tmp_path / "local"
    shutil.copytree(bag, repository)
    (repository / "onnx").mkdir()
    for name in ("model.onnx", "model_q4.onnx", "model_fp16.onnx", "model_q4f16.onnx"):
        shutil.copy(bag / "model.onnx", repository / "onnx" / name)
    (repository / "model.onnx").unlink()
    (repository / "onnx" / "model.onnx_data").write_bytes(b"")

    def fetch(name: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        assert (name, local_files_only) == ("owner/bag", False)
        for file in repository.rglob("*"):
            inside = str(file.relative_to(repository))
            if file.is_file() and any(fnmatch.fnmatch(inside, each) for each in allow_patterns):
                (mirror / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, mirror / inside)
        return str(mirror)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert np.isfinite(values(opened(path, offline=False))).all()
    held = {str(file.relative_to(mirror)) for file in mirror.rglob("*.onnx*")}
    assert held == fetched


def test_weights_are_preferred_and_fetched_without_graphs(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a second fetch where the hub has weights."""
    calls: list[Any] = []

    def fetch(name: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        calls.append(allow_patterns)
        shutil.copytree(bag, tmp_path / "m", dirs_exist_ok=True)
        (tmp_path / "m" / "model.safetensors").write_bytes(b"")
        return str(tmp_path / "m")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    with pytest.raises(CheckpointError, match="safetensors"):
        opened("owner/bag", offline=False)
    assert not any("onnx" in pattern for call in calls for pattern in call)
