"""Hidden states pooled in one pass, kept on disk, gone on with after a kill."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch

from kdprobe.cache import Cache
from kdprobe.errors import CapabilityError, ConfigError, OutputError
from kdprobe.extract.features import extract_features
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.hidden import LayerReader, check_poolings
from kdprobe.models.toy import BagOfWords
from kdprobe.progress import Silent
from kdprobe.tasks.task import Task
from tests.models.tiny import SENTENCES, Architecture, tiny_checkpoint

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


def test_a_killed_pass_goes_on_where_it_was(tmp_path: Path):
    """Guards against a file that is read twice or holds a torn row."""
    reader = LayerReader(opened(tmp_path), ["mean"])
    cache = Cache(tmp_path / "cache")
    whole = extract_features(reader, SENTENCES, cache=cache, progress=Silent())
    expected, path = np.array(whole.values), whole.path
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 3])
    again = extract_features(reader, SENTENCES, cache=cache, progress=Silent())
    assert 0 < again.read < len(SENTENCES)
    np.testing.assert_array_equal(again.values, expected)
    with again:
        pass
    assert not path.exists()


def test_a_full_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Guards against a traceback, and against a file whose end is missing."""
    reader = LayerReader(opened(tmp_path), ["mean"])

    def full(self: LayerReader, ids: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LayerReader, "read", full)
    with pytest.raises(OutputError, match="no space left on the device"):
        extract_features(reader, SENTENCES, cache=Cache(tmp_path / "c"), progress=Silent())


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
        "probing out: --skip probing"
    )
    with pytest.raises(ConfigError, match="--pooling: 'median', expected one of mean, max, cls"):
        check_poolings(["median"])
    with pytest.raises(ConfigError, match="--pooling: none is named"):
        check_poolings([])
