"""Hidden states pooled in one pass, kept on disk, gone on with after a kill."""

import contextlib
import errno
import shutil
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe import leftovers
from kdprobe.cache import Cache
from kdprobe.errors import CapabilityError, ConfigError, OutputError, UnknownNameError
from kdprobe.extract.features import extract_features, forget_features
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.hidden import LayerReader, check_poolings
from kdprobe.models.toy import BagOfWords
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, WORDS, Architecture, tiny_checkpoint
from tests.models.tiny_lstm import tiny_lstm

TASK = Task("t", 1, "classification", ("bad", "good"), "accuracy")


def opened(folder: Path, arch: Architecture = "bert") -> HfModel:
    path = tiny_checkpoint(folder / arch, labels=TASK.labels, arch=arch)
    return open_hf(str(path), name="m", task=TASK, device="cpu")


@pytest.mark.parametrize("arch", ["bert", "distilbert", "roberta"])
def test_poolings_equal_hidden_states_read_one_sentence_at_a_time(
    tmp_path: Path, arch: Architecture
):
    """Guards against special tokens or pads in a mean, layers off by one, and a wrong head."""
    handle = opened(tmp_path, arch)
    reader = LayerReader(handle, ["mean", "max", "cls", "last"])
    with extract_features(reader, SENTENCES, cache=None, progress=Silent()) as made:
        assert reader.layers == ("0", "1", "2")
        assert made.cells[-1].layer == "head"
        got = made.take(made.rows(SENTENCES), range(len(made.cells)))
    assert not made.path.exists()
    for row, text in enumerate(SENTENCES):
        with torch.no_grad():
            out = handle.model(
                **handle.tokenizer(text, return_tensors="pt"), output_hidden_states=True
            )
        for layer, state in enumerate(out.hidden_states):
            words = state[0, 1:-1]
            expected = [words.mean(0), words.amax(0), state[0, 0], words[-1]]
            for pooling, vector in enumerate(expected):
                np.testing.assert_allclose(
                    got[4 * layer + pooling, row], vector.numpy(), atol=4e-3, rtol=2e-3
                )


@pytest.mark.parametrize(("length", "used"), [(64, "eager"), (65, "sdpa")])
def test_short_sentences_in_bfloat16_are_read_in_plain_attention(
    tmp_path: Path, length: int, used: str, monkeypatch: pytest.MonkeyPatch
):
    """Guards against another attention that moves vectors, stays on, or is used in float32.

    Both attentions round to 8 bits; what they hold of a sentence differs by no more than bfloat16
    itself moves it from float32.
    """
    path = str(tiny_checkpoint(tmp_path / "m", labels=TASK.labels, max_length=128))
    full, half = (
        LayerReader(open_hf(path, name="m", task=TASK, device="cpu", dtype=dtype), ["mean", "cls"])
        for dtype in ("float32", "bf16")
    )
    (tokens,) = full.encode([" ".join(WORDS[at % len(WORDS)] for at in range(length - 2))])
    seen: list[str] = []

    def noted(reader: LayerReader) -> Any:
        run = reader._vectors

        def vectors(inputs: Any) -> Any:
            seen.append(reader.model.config._attn_implementation)
            return run(inputs)

        return vectors

    for reader in (full, half):
        monkeypatch.setattr(reader, "_vectors", noted(reader))
    exact, plain = (reader.read(tokens[None])[0].astype(float) for reader in (full, half))
    assert tokens.shape[1] == length
    assert seen == ["sdpa", used]
    assert half.model.config._attn_implementation == "sdpa"
    monkeypatch.setattr(half, "_plain", False)
    fused = half.read(tokens[None])[0].astype(float)
    assert np.abs(plain - exact).max() < 0.05
    assert np.abs(plain - fused).max() <= 2 * np.abs(fused - exact).max()


@pytest.mark.parametrize("pairs", [False, True])
def test_layers_of_a_bilstm_have_widths_of_their_own(tmp_path: Path, pairs: bool):
    """Guards against a BiLSTM left out, a last state that has read nothing, and a cls it lacks."""
    folder = tiny_lstm(tmp_path / "s", labels=TASK.labels, layers=2, pairs=pairs)
    handle = open_hf(str(folder), name="s", task=TASK, device="cpu")
    reader = LayerReader(handle, ["mean", "max", "cls", "last"])
    assert reader.poolings == ("mean", "max", "last")
    assert reader.undefined == {"cls": "no token of a BiLSTM reads the whole sentence; see last"}
    assert reader.widths == (12,) * 3 + (16,) * 6 + (10,)
    with extract_features(reader, SENTENCES, cache=None, progress=Silent()) as made:
        assert list(made.groups(lambda width: 4)) == [[0, 1, 2], [3, 4, 5, 6], [7, 8], [9]]
        for row, text in enumerate(SENTENCES):
            inputs = handle.tokenizer(text, return_tensors="pt")
            with torch.no_grad():
                out = handle.model(**inputs, output_hidden_states=True)
            words = [state[0, 1:-1].numpy() for state in out.hidden_states]
            expected = [w for x in words for w in (x.mean(0), x.max(0), x[-1])]
            for layer in (1, 2):  # ahead at the last word, back at the first
                ends = np.concatenate([words[layer][-1, :8], words[layer][0, 8:]])
                expected[3 * layer + 2] = ends
            for cell, vector in enumerate(expected):
                got = made.take(made.rows(SENTENCES), [cell])[0, row]
                np.testing.assert_allclose(got, vector, atol=4e-3, rtol=2e-3)


def test_a_model_without_any_vector_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a run that ends in an empty table."""
    folder = tiny_lstm(tmp_path / "s", labels=TASK.labels)
    handle = open_hf(str(folder), name="s", task=TASK, device="cpu")
    assert [cell.layer for cell in LayerReader(handle, ["cls"]).cells] == ["head"]
    monkeypatch.setattr("kdprobe.models.hidden.last_linear", lambda model: None)
    with pytest.raises(CapabilityError) as told:
        LayerReader(handle, ["cls"])
    assert str(told.value) == (
        "s: has no vector to read under `probing.poolings=cls`, expected another pooling, such "
        "as mean"
    )


class _Wide(LayerReader):
    """Vectors of 4,000 numbers without a model, so that only the streaming is measured."""

    def __init__(self, handle: HfModel) -> None:
        super().__init__(handle, ["mean"])
        self.widths = (4000,) * len(self.cells)

    def read(self, ids: np.ndarray) -> np.ndarray:
        return np.zeros((len(ids), sum(self.widths)), dtype=np.float16)


def test_memory_does_not_grow_with_sentences(tmp_path: Path):
    """Guards against features that are held before they are written: 64 MB here."""
    reader = _Wide(opened(tmp_path))
    texts = [f"the dog sleeps {a} {b}" for a in WORDS[:40] for b in WORDS[:50]]
    peaks = []
    for size in (200, 2000):
        tracemalloc.start()
        with extract_features(
            reader, texts[:size], cache=Cache(tmp_path / "c"), progress=Silent(), rows=32
        ) as made:
            written = made.path.stat().st_size
            assert len(made.take(made.rows(texts[:8]), [1])[0]) == 8
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert written == 2 * 4000 * len(reader.cells) * 2000
    assert peaks[1] < peaks[0] + 3_000_000
    assert peaks[1] < written / 5


def interrupted(
    reader: LayerReader, texts: Sequence[str], cache: Cache, *, rows: int = 99
) -> tuple[Path, np.ndarray]:
    """Read sentences and be interrupted; the file that is left, and what it holds."""
    with (
        contextlib.suppress(KeyboardInterrupt),
        extract_features(reader, texts, cache=cache, progress=Silent(), rows=rows) as whole,
    ):
        values = np.array(whole.values)
        raise KeyboardInterrupt
    return whole.path, values


def test_a_killed_pass_goes_on_where_it_was(tmp_path: Path):
    """Guards against a file that is read twice or holds a torn row."""
    reader = LayerReader(opened(tmp_path), ["mean"])
    cache = Cache(tmp_path / "cache")
    path, expected = interrupted(reader, SENTENCES, cache)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 3])
    again = extract_features(reader, SENTENCES, cache=cache, progress=Silent())
    assert 0 < again.read < len(SENTENCES)
    np.testing.assert_array_equal(again.values, expected)
    with again:
        pass
    assert not path.exists()


@pytest.mark.skipif(leftovers.locks is None, reason="needs flock")
def test_two_that_read_the_same_at_once_have_files_of_their_own(tmp_path: Path):
    """Guards two comparisons of one teacher: both would append to one file, rows among rows.

    Nor may one delete what the other reads, or a cleared cache.
    """
    reader, cache = LayerReader(opened(tmp_path), ["mean"]), Cache(tmp_path / "cache")
    with extract_features(reader, SENTENCES, cache=cache, progress=Silent()) as first:
        with extract_features(reader, SENTENCES, cache=cache, progress=Silent()) as second:
            assert first.path != second.path
            np.testing.assert_array_equal(first.values, second.values)
            forget_features(reader, SENTENCES, cache=cache)
            cache.clear()
            assert first.path.is_file()
            assert second.path.is_file()
        assert first.path.is_file()
    assert [place for place in (tmp_path / "cache").rglob("*") if place.is_file()] == []
    assert list(first.path.parent.iterdir()) == []
    with extract_features(reader, SENTENCES, cache=cache, progress=Silent()) as third:
        assert third.path == first.path


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_batch_cut_short_is_read_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
):
    """Guards against last digits that tell of a kill: a smaller batch is summed otherwise."""
    reader = LayerReader(opened(tmp_path), ["mean"])
    texts = [f"the {a} {b}" for a in WORDS[:4] for b in WORDS[:5]]
    read, batches = LayerReader.read, []

    def counted(self: LayerReader, ids: np.ndarray) -> np.ndarray:
        batches.append(ids.tolist())
        return read(self, ids)

    monkeypatch.setattr(LayerReader, "read", counted)
    cache = Cache(tmp_path / "cache")
    path, values = interrupted(reader, texts, cache, rows=4)
    first, size = list(batches), values.shape[1] * 2
    assert [len(batch) for batch in first] == [4] * 5
    data = path.read_bytes()
    batches.clear()
    path.write_bytes(data[: -lost * size - 1])  # a torn row, and some whole ones before it
    again = extract_features(reader, texts, cache=cache, progress=Silent(), rows=4)
    assert batches == first[-1:]
    assert again.read == 4
    assert again.path.read_bytes() == data


@pytest.mark.parametrize("cached", [True, False])
def test_a_full_disk_is_one_message_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
):
    """Guards against a traceback, and against gigabytes left on a disk that is full."""
    reader = LayerReader(opened(tmp_path), ["mean"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    read, batches = LayerReader.read, []

    def full(self: LayerReader, ids: np.ndarray) -> np.ndarray:
        batches.append(len(ids))
        if len(batches) > 2:  # some batches are written before
            raise OSError(errno.ENOSPC, "No space left on device")
        return read(self, ids)

    monkeypatch.setattr(LayerReader, "read", full)
    cache = Cache(tmp_path / "c") if cached else None
    with pytest.raises(OutputError) as told:
        extract_features(reader, SENTENCES, cache=cache, progress=Silent())
    assert "no space left on the device; nothing was written" in str(told.value)
    assert ("KDPROBE_CACHE" if cached else "TMPDIR") in str(told.value)
    assert not list(tmp_path.rglob("*.features"))


def test_a_disk_too_small_is_told_before_the_first_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Guards against hours of reading that end in a full disk."""
    reader = LayerReader(opened(tmp_path), ["mean"])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(OutputError) as told:
        extract_features(reader, SENTENCES * 2, cache=Cache(tmp_path / "c"), progress=Silent())
    assert str(told.value) == (
        f"the cache, {tmp_path / 'c'}: no space for the layers of 8 sentences: 0 MB are needed, "
        "0 MB free; free some space, name another place in KDPROBE_CACHE, or ask for fewer "
        "`probing.sentences`"
    )


def test_random_weights_are_seeded_and_leave_the_model_alone(tmp_path: Path):
    """Guards against a baseline that moves from run to run, or one that is the model itself."""
    handle = opened(tmp_path)
    state = torch.get_rng_state()
    one, two = (LayerReader(handle, ["mean"], random_seed=5) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    ids = one.encode(SENTENCES[:1])[0][None]
    np.testing.assert_array_equal(one.read(ids), two.read(ids))
    assert np.abs(one.read(ids) - LayerReader(handle, ["mean"]).read(ids)).max() > 0.01


def test_what_cannot_be_read_is_refused(tmp_path: Path):
    """Guards against a model without hidden states, and a pooling nobody knows."""
    toy = BagOfWords("toy", TASK.labels, {"fine": (0.0, 1.0)})
    with pytest.raises(CapabilityError) as told:
        LayerReader(toy, ["mean"])
    assert str(told.value) == (
        "toy: gives no hidden states, expected a checkpoint whose layers can be read; leave "
        "probing out: `skip=probing`"
    )
    with pytest.raises(
        UnknownNameError, match=r"`probing\.poolings`: no pooling is called 'median'"
    ):
        check_poolings(["median"])
    with pytest.raises(ConfigError, match=r"`probing\.poolings`: none is named"):
        check_poolings([])
