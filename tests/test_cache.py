"""The cache: whole entries or none, found by content, harmless to other files."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from kdprobe.cache import Cache, CacheKey
from kdprobe.errors import OutputError

KEY = CacheKey("predictions", {"model": "ab", "version": 1})


def entry(root: Path) -> Path:
    return next(root.rglob("*.npz"))


def test_arrays_come_back_as_they_were(tmp_path: Path):
    """Guards against a type or a bit lost on the way through a file."""
    cache = Cache(tmp_path)
    arrays = {"values": np.array([[1 / 3, -0.0], [1e-300, 5]]), "cut": np.array([True, False])}
    assert cache.load(KEY) is None
    cache.store(KEY, arrays, description="two rows")
    back = cache.load(KEY)
    assert back is not None
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].tobytes() == array.tobytes()
    told = json.loads(entry(tmp_path).with_suffix(".json").read_text())
    assert told["parts"] == {"model": "ab", "version": 1}
    assert told["description"] == "two rows"
    assert told["arrays"]["values"] == {"dtype": "float64", "shape": [2, 2]}


def test_every_part_of_a_key_counts(tmp_path: Path):
    """Guards against one model's numbers served for another's."""
    cache = Cache(tmp_path)
    cache.store(KEY, {"a": np.zeros(1)}, description="")
    for other in (
        CacheKey("features", {"model": "ab", "version": 1}),
        CacheKey("predictions", {"model": "ac", "version": 1}),
        CacheKey("predictions", {"model": "ab", "version": 2}),
        CacheKey("predictions", {"model": "ab"}),
    ):
        assert cache.load(other) is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "array", "pickle"])
def test_a_damaged_entry_is_told_once_and_forgotten(damage, tmp_path: Path):
    """Guards against a crash, or worse a number, from a half-written or altered file."""
    cache = Cache(tmp_path)
    cache.store(KEY, {"a": np.arange(1000.0)}, description="")
    place = entry(tmp_path)
    data = bytearray(place.read_bytes())
    if damage == "cut":
        place.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
        place.write_bytes(data)
    elif damage == "array":
        with place.open("wb") as stream:
            np.save(stream, np.zeros(3))
    elif damage == "pickle":
        np.savez(place, a=np.array([{}], dtype=object))
    else:
        place.write_bytes(b"" if damage == "empty" else b"no archive")
    said: list[str] = []
    assert cache.load(KEY, say=said.append) is None
    assert said == ["A damaged entry of the cache (predictions) is made anew."]
    assert not place.exists()
    assert cache.load(KEY, say=said.append) is None
    assert len(said) == 1


def test_objects_are_not_kept(tmp_path: Path):
    """Guards against a pickle written by ourselves."""
    with pytest.raises(TypeError, match="array a holds Python objects, which are not kept"):
        Cache(tmp_path).store(KEY, {"a": np.array([{}], dtype=object)}, description="")


def test_a_full_disk_is_one_message_and_keeps_the_old_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Guards against half an entry, and a traceback, when space runs out."""
    cache = Cache(tmp_path)
    cache.store(KEY, {"a": np.zeros(2)}, description="")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutputError) as caught:
            cache.store(KEY, {"a": np.ones(2)}, description="")
    assert str(caught.value) == (
        f"the cache, {tmp_path}: no space left on the device; nothing was written; free some space,"
        f" name another place in KDPROBE_CACHE, or say `cache=False`"
    )
    held = cache.load(KEY)
    assert held is not None
    assert held["a"].tolist() == [0, 0]
    assert len(list(tmp_path.rglob("*.npz"))) == 1


def test_clearing_counts_and_touches_nothing_else(tmp_path: Path):
    """Guards against deleting a home folder that KDPROBE_CACHE happened to name."""
    (tmp_path / "thesis.npz").write_text("mine")
    cache = Cache(tmp_path)
    assert (cache.info().entries, cache.info().bytes, cache.clear()) == (0, 0, 0)
    cache.store(KEY, {"a": np.zeros(2)}, description="")
    cache.store(CacheKey("features", {}), {"a": np.zeros(2)}, description="")
    mine = entry(tmp_path / "observations").parent / "mine.npz"
    mine.write_text("mine")
    held = cache.info()
    assert (held.root, held.entries) == (tmp_path, 2)
    assert dict(held.kinds) == {"predictions": 1, "features": 1}
    assert held.bytes > 500
    left = mine.with_name(f".{entry(tmp_path / 'observations').name}.kdprobe-0123abcd")
    left.write_text("half an entry of a killed run")
    assert cache.clear() == 2
    assert not left.exists()
    assert cache.info().entries == 0
    assert mine.exists()
    assert (tmp_path / "thesis.npz").exists()


def test_a_clear_that_is_killed_leaves_no_entry_without_its_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Guards against entries that nobody can tell the meaning of: they would never get one."""
    cache = Cache(tmp_path)
    unlink = Path.unlink
    for stop in range(6):
        for number in range(3):
            cache.store(CacheKey("predictions", {"n": number}), {"a": np.zeros(2)}, description="")
        left = [stop]

        def killed(self: Path, missing_ok: bool = False, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            unlink(self, missing_ok=missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            with pytest.raises(KeyboardInterrupt):
                cache.clear()
        for place in tmp_path.rglob("*.npz"):
            assert place.with_suffix(".json").exists()
    assert cache.clear() <= 1
    assert not [place for place in tmp_path.rglob("*") if place.is_file()]


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a setting that is read but not followed."""
    monkeypatch.setenv("KDPROBE_CACHE", str(tmp_path / "here"))
    assert Cache.default().root == tmp_path / "here"
    monkeypatch.delenv("KDPROBE_CACHE")
    assert Cache.default().root.name == "kdprobe"
