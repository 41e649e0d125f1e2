"""Tests of the choice of device and number format, and of seeding."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from kdprobe.distillers.compute import Compute, choose_compute, settled
from kdprobe.errors import CapabilityError, ConfigError
from tests.distillers.builders import CPU


@pytest.mark.parametrize(
    ("device", "threads", "message"),
    [
        ("tpu", None, "--device: 'tpu', expected auto, cpu or cuda"),
        ("cpu", 0, "--threads: 0, expected 1 or more"),
    ],
)
def test_bad_choices(device: str, threads: int | None, message: str) -> None:
    """Guards against a typo that would train elsewhere."""
    with pytest.raises(ConfigError) as caught:
        choose_compute(device=device, threads=threads)
    assert str(caught.value) == message


def test_cuda_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a fallback to the CPU that nobody asked for."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CapabilityError) as caught:
        choose_compute(device="cuda")
    assert str(caught.value) == "--device: no CUDA device can be used; say --device cpu"


def test_bf16_only_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards `auto`: emulated bfloat16 is slower and less exact, both silently."""
    for found in (False, True):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda found=found: found)
        assert choose_compute(device="cpu").bf16 is found
    assert choose_compute(device="cpu", bf16=True).precision == (
        "bfloat16 products, float32 weights"
    )
    assert choose_compute(device="cpu", bf16=False, threads=3) == Compute("cpu", False, 3)


def test_old_cuda_has_no_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards cards before Ampere, which would emulate it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert choose_compute(device="auto") == Compute("cuda", False, torch.get_num_threads())
    with pytest.raises(CapabilityError) as caught:
        choose_compute(device="cuda", bf16=True)
    assert str(caught.value) == "--bf16: this CUDA device has no bfloat16"


def _fail_inside(purpose: str, draws: list[tuple[float, float, float]]) -> None:
    with settled(Compute("cpu", False, 2), seed=1, purpose=purpose):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 2
        draws.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
        raise RuntimeError


def test_everything_is_put_back() -> None:
    """Guards a caller's random numbers, threads and switches, also after an error."""
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # type: ignore[index]
    threads = torch.get_num_threads()
    draws: list[tuple[float, float, float]] = []
    for purpose in ("a", "a", "b"):
        with pytest.raises(RuntimeError):
            _fail_inside(purpose, draws)
    assert draws[0] == draws[1] != draws[2]
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert CPU.precision == "float32"
