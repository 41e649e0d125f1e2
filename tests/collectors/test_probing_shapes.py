"""Students of one shape share the probes of that shape with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kdprobe
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.models.hidden import LayerReader
from tests.cli.test_probing import write_sets
from tests.distillers.builders import toy_file
from tests.models.tiny import tiny_checkpoint


@pytest.mark.parametrize("cache", [True, False])
def test_two_students_of_one_shape_are_read_with_random_weights_once(
    cache: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a baseline that is computed once a student, or that differs between them.

    Without a cache too: one comparison reads what it has read.
    """
    toy_file(tmp_path, train=40, dev=12)
    for name, layers, seed in (("t", 2, 0), ("one", 1, 1), ("two", 1, 2)):
        tiny_checkpoint(tmp_path / name, labels=("neg", "pos"), layers=layers, width=16, seed=seed)
    write_sets(tmp_path / "sets")
    rows: dict[str, int] = {}
    read = LayerReader.read

    def counted(self: LayerReader, ids: np.ndarray) -> np.ndarray:
        if self.random:
            rows[self.handle.name] = rows.get(self.handle.name, 0) + len(ids)
        return read(self, ids)

    monkeypatch.setattr(LayerReader, "read", counted)
    monkeypatch.setattr(
        "kdprobe.collectors.probes.collector.say_estimate", lambda *parts, **named: None
    )
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "cache"))
    compared = kdprobe.compare(
        str(tmp_path / "t"), [str(tmp_path / "one"), str(tmp_path / "two")],
        task=str(tmp_path / "toy.tsv"), output=tmp_path / "out", only=["probing"], device="cpu",
        offline=True, threads=1, resamples=100, cache=cache,
        probing=ProbingRequest(tasks=("bigram_shift",), sentences=40,
                               probing_dir=tmp_path / "sets"),
    )  # fmt: skip
    assert sorted(rows) == ["one", "t"]

    metrics = compared.metrics
    random = metrics[(metrics.analysis == "probing") & metrics.metric.str.startswith("random_")]
    one, two = (
        random[random.model_a == name].drop(columns="model_a").reset_index(drop=True)
        for name in ("one", "two")
    )
    assert len(one)
    assert one.equals(two)
