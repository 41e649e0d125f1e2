"""Probing that is killed between two tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kdprobe
from kdprobe.cache import Cache, CacheKey
from kdprobe.collectors.probes.begun import Begun
from kdprobe.collectors.probes.options import ProbingRequest
from kdprobe.extract.probes import fits
from kdprobe.models.hidden import LayerReader
from tests.cli.test_probing import write_sets
from tests.distillers.builders import toy_file
from tests.kills.commands import second_set
from tests.models.tiny import tiny_checkpoint

TASKS = ("bigram_shift", "obj_number")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    toy_file(tmp_path, train=40, dev=12)
    for name, layers in (("t", 2), ("s", 1)):
        tiny_checkpoint(tmp_path / name, labels=("neg", "pos"), layers=layers, width=16)
    write_sets(tmp_path / "sets")
    (tmp_path / "sets" / "obj_number.txt").write_text(second_set())
    return tmp_path


def probe(place: Path, output: str, tasks: tuple[str, ...] = TASKS) -> None:
    """Probe two models whose cache is beside the output."""
    kdprobe.compare(
        str(place / "t"), str(place / "s"), task=str(place / "toy.tsv"), output=place / output,
        only=["probing"], device="cpu", offline=True, threads=1, resamples=100,
        probing=ProbingRequest(tasks=tasks, sentences=40, probing_dir=place / "sets"),
    )  # fmt: skip


def entries(cache: Path) -> dict[str, bytes]:
    """Give the bytes of all files of a cache."""
    return {p.name: p.read_bytes() for p in cache.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_a_run_killed_between_two_tasks_reads_nothing_again(
    kept: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against layers read anew in other batches, and against layers left to nobody.

    Four encoders of two tasks each: killed after the first task of the first, second and third.
    """
    rows: list[int] = []
    read, store = LayerReader.read, fits.store_fits

    def counted(self: LayerReader, ids: np.ndarray) -> np.ndarray:
        rows.append(len(ids))
        return read(self, ids)

    monkeypatch.setattr(LayerReader, "read", counted)
    monkeypatch.setattr(
        "kdprobe.collectors.probes.collector.say_estimate", lambda *parts, **named: None
    )
    monkeypatch.setenv("KDPROBE_CACHE", str(place / "whole"))
    probe(place, "a")
    undisturbed = sum(rows)
    monkeypatch.setenv("KDPROBE_CACHE", str(place / "cut"))
    left = [kept]

    def killed(*given: Any, **named: Any) -> None:
        store(*given, **named)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    rows.clear()
    with monkeypatch.context() as patch:
        patch.setattr(fits, "store_fits", killed)
        with pytest.raises(KeyboardInterrupt):
            probe(place, "b")
    assert list((place / "cut").rglob("*.features"))
    probe(place, "b")
    assert sum(rows) == undisturbed
    assert entries(place / "cut") == entries(place / "whole")
    assert not list((place / "cut").rglob("*.features"))


def test_one_more_task_reads_its_own_sentences_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against known tasks that are read again with every new one."""
    rows: list[int] = []
    read = LayerReader.read

    def counted(self: LayerReader, ids: np.ndarray) -> np.ndarray:
        rows.append(len(ids))
        return read(self, ids)

    monkeypatch.setenv("KDPROBE_CACHE", str(place / "cache"))
    monkeypatch.setattr(
        "kdprobe.collectors.probes.collector.say_estimate", lambda *parts, **named: None
    )
    probe(place, "a", TASKS[:1])
    monkeypatch.setattr(LayerReader, "read", counted)
    probe(place, "b")
    second = {line.split("\t")[2] for line in second_set().splitlines()}
    assert sum(rows) == 4 * len(second)


def test_a_damaged_note_of_what_was_begun_is_none(tmp_path: Path) -> None:
    """Guards against a run that ends because of a note that it does not need."""
    reader: Any = None
    begun = Begun(reader, {CacheKey("probe fits", {}).digest: None}, Cache(tmp_path))  # type: ignore[dict-item]
    begun.place.parent.mkdir(parents=True)
    for text in ("{", "[]", '{"tasks": 3}', '{"tasks": [3]}', '{"other": []}'):
        begun.place.write_text(text)
        assert begun._names() == frozenset()
