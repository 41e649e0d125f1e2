"""Running a checkpoint: the same numbers however it is asked, and nothing left changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.batches import near_equal_batches
from kdprobe.models.devices import resolve_device
from kdprobe.models.hf import HfModel, open_hf
from kdprobe.models.precision import resolve_dtype
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import SENTENCES, Architecture, tiny_checkpoint

COLA = Task("cola", 1, "classification", ("unacceptable", "acceptable"), "mcc")
PAIRS = Task("rte", 1, "classification", ("entailment", "not_entailment"), "accuracy", True)
STSB = Task("stsb", 1, "regression", (), "pearson")
ARCHITECTURES: tuple[Architecture, ...] = ("bert", "distilbert", "roberta")


def silent(done: int) -> None:
    """Count nothing."""


def split_of(task: Task = COLA, *, copies: int = 1) -> Split:
    texts = tuple(text for _ in range(copies) for text in SENTENCES)
    ids = tuple(str(row) for row in range(len(texts)))
    pairs = tuple((texts[(row * 3) % len(texts)], "")[row % 4 == 3] for row in range(len(texts)))
    return Split(task, "dev", ids, texts, pairs if task.has_pairs else None)


def opened(folder: Path, task: Task = COLA, **options: str) -> HfModel:
    return open_hf(str(folder), name="m", task=task, **{"device": "cpu", **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("tiny")
    return {
        arch: tiny_checkpoint(place / arch, labels=["acceptable", "unacceptable"], arch=arch)
        for arch in ARCHITECTURES
    }


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("task", [COLA, PAIRS])
def test_outputs_are_those_of_one_sentence_at_a_time(arch, task, tmp_path: Path):
    """Guards against padding, batching, swallowed keywords or swapped columns moving logits."""
    labels = list(reversed(task.labels))
    folder = tiny_checkpoint(tmp_path / arch, labels=labels, arch=arch, max_length=128)
    handle = opened(folder, task)
    split = split_of(task)
    said = handle.outputs(split, batch_size=3, advance=silent)
    alone = []
    for row, text in enumerate(split.texts):
        # Lists of one: given two strings, transformers drops a second text that is empty.
        pair = None if split.pairs is None else [split.pairs[row]]
        inputs = handle.tokenizer([text], pair, return_tensors="pt")
        with torch.no_grad():
            alone.append(handle.model(**inputs).logits[0, [1, 0]].double().numpy())
    assert said.values.dtype == np.float64
    assert said.scale == "logits"
    np.testing.assert_allclose(said.values, alone, atol=1e-6)
    assert np.ptp(said.values[:, 0]) > 0.01


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_order_and_batch_size_move_nothing(arch, folders: dict[str, Path]):
    """Guards against rows coming back in the order of their lengths."""
    handle = opened(folders[arch])
    split = split_of(copies=3)
    whole = handle.outputs(split, batch_size=16, advance=silent).values
    order = np.random.default_rng(0).permutation(len(split))
    for size in (1, 5, 64):
        turned = handle.outputs(split.take(order.tolist()), batch_size=size, advance=silent).values
        # 1e-6 on kernels with vectors; ATEN's plain ones add in another order a row: 1.5e-6 here.
        np.testing.assert_allclose(turned, whole[order], atol=3e-6)


def test_a_regression_gives_scores(tmp_path: Path):
    """Guards against a regression's one output read as a class."""
    handle = opened(tiny_checkpoint(tmp_path / "m", labels=[]), STSB)
    said = handle.outputs(split_of(STSB), batch_size=8, advance=silent)
    assert said.scale == "scores"
    assert said.values.shape == (len(SENTENCES), 1)
    assert handle.labels == ()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_long_texts_are_cut_and_marked(arch, folders: dict[str, Path]):
    """Guards against an index error past the last position, or words dropped without a word."""
    handle = opened(folders[arch])
    texts = ("the dog " * 100, "the dog", " ".join("a" * 62), " ".join("a" * 63))
    said = handle.outputs(Split(COLA, "dev", tuple("abcd"), texts), batch_size=8, advance=silent)
    # 64 tokens with two special ones: 62 words of one token fit; `a` is one token in all three.
    assert said.truncated.tolist() == [True, False, False, True]
    np.testing.assert_allclose(said.values[2], said.values[3], atol=1e-6)
    assert np.isfinite(said.values).all()


def test_modes_gradients_and_random_state_are_as_before(folders: dict[str, Path]):
    """Guards against a model left in eval mode, or dropout made different, by being asked."""
    handle = opened(folders["bert"])
    handle.model.train()
    handle.model.classifier.eval()
    modes = [module.training for module in handle.model.modules()]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    handle.outputs(split_of(), batch_size=4, advance=silent)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handle.outputs(split_of(), batch_size=4, advance=stop)
    assert [module.training for module in handle.model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert all(weight.requires_grad for weight in handle.model.parameters())


def test_progress_counts_every_example_once(folders: dict[str, Path]):
    """Guards against a bar that ends before the work does."""
    counted: list[int] = []
    opened(folders["bert"]).outputs(split_of(copies=2), batch_size=3, advance=counted.append)
    assert sum(counted) == 2 * len(SENTENCES)
    assert max(counted) <= 3


def test_what_the_report_is_told(folders: dict[str, Path]):
    """Guards against a full path, or an unnamed change of precision, in a report."""
    handle = opened(folders["distilbert"])
    assert (handle.name, handle.folder) == ("m", "distilbert")
    assert handle.architecture == "DistilBertForSequenceClassification, 2 layers, 32 wide, 2 heads"
    assert handle.parameters == sum(weight.numel() for weight in handle.model.parameters())
    assert handle.labels == ("acceptable", "unacceptable")
    assert handle.reading == "float32 cpu columns 1,0 text 2"
    low = opened(folders["distilbert"], dtype="bf16")
    assert low.reading == "bfloat16 cpu columns 1,0 text 2"
    assert low.notes[-1].startswith("its weights were run in bfloat16")
    full = handle.outputs(split_of(), batch_size=8, advance=silent).values
    half = low.outputs(split_of(), batch_size=8, advance=silent).values
    assert 0 < np.abs(full - half).max() < 0.1


def test_a_batch_too_big_for_the_device_is_told(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    """Guards against a CUDA traceback for a batch size."""
    handle = opened(folders["bert"])

    def full(**inputs: torch.Tensor) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(handle.model, "forward", full, raising=True)
    with pytest.raises(CapabilityError) as caught:
        handle.outputs(split_of(), batch_size=2, advance=silent)
    assert "do not fit into the memory of cpu; use a smaller `batch_size`" in str(caught.value)


def test_devices_and_types_that_are_not_there():
    """Guards against a run that falls back to another device or precision without a word."""
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ConfigError) as caught:
        resolve_device("gpu0")
    assert str(caught.value) == (
        "`device=gpu0`: no such device, expected auto, cpu, cuda, cuda:N or mps"
    )
    with pytest.raises(ConfigError) as caught:
        resolve_device("cuda:99")
    assert str(caught.value) == (
        "`device=cuda:99`: this machine, or this build of torch, does not have it, expected auto, "
        "cpu, cuda, cuda:N or mps; use `device=auto` to take what is there"
    )
    assert resolve_dtype("bf16") is torch.bfloat16
    with pytest.raises(ConfigError) as caught:
        resolve_dtype("float8")
    assert str(caught.value) == (
        "`dtype=float8`: not a type kdprobe runs models in, expected float32, bf16 or fp16"
    )


@given(lengths=st.lists(st.integers(1, 500), max_size=80), size=st.integers(1, 20))
def test_batches_hold_every_row_once_with_little_padding(lengths, size):
    """Guards against rows lost or doubled at the edge of a batch."""
    batches = list(near_equal_batches(np.array(lengths, dtype=np.int64), batch_size=size))
    assert sorted(row for rows in batches for row in rows.tolist()) == list(range(len(lengths)))
    for rows in batches:
        held = [lengths[row] for row in rows]
        assert 1 <= len(held) <= size
        assert 8 * min(held) >= 7 * max(held)
