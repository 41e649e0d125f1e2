"""Tests of the choice of device and number format, and of seeding."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from kdprobe.distillers import compute
from kdprobe.distillers.compute import Compute, choose_compute, settled
from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.precision import has_bfloat16
from tests.distillers.builders import CPU


@pytest.mark.parametrize(
    ("device", "threads", "message"),
    [
        ("tpu", None, "`device`: 'tpu', expected auto, cpu or cuda"),
        ("cpu", 0, "`threads`: 0, expected 1 or more"),
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
    assert str(caught.value) == "`device`: no CUDA device can be used; say `device=cpu`"


@pytest.mark.parametrize("supported", [False, True])
def test_no_processor_chooses_the_precision(
    monkeypatch: pytest.MonkeyPatch, supported: bool
) -> None:
    """Guards one command that trains other students on another machine: what it has is injected."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: supported)
    assert has_bfloat16("cpu") is supported
    for families in ((), ("bilstm",), ("bert, copied layers", "bilstm")):
        assert choose_compute(device="cpu", families=families).bf16 is False
    assert choose_compute(device="cpu", bf16=True).precision == (
        "bfloat16 products, float32 weights"
    )
    assert choose_compute(device="cpu", bf16=False, threads=3) == Compute("cpu", False, 3)


@pytest.mark.parametrize("capability", [None, (7, 5), (8, 0), (9, 0)])
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda"])
@pytest.mark.parametrize("bf16", ["auto", True, False])
def test_every_card(
    monkeypatch: pytest.MonkeyPatch,
    capability: tuple[int, int] | None,
    device: str,
    bf16: Any,
) -> None:
    """Guards branches that no test machine has: none, old and new CUDA devices are injected.

    `auto` is float32 on each of them, `--bf16` is refused where a card would emulate it, and no
    device is chosen that is not there.
    """
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    if device == "cuda" and capability is None:
        with pytest.raises(CapabilityError, match="no CUDA device can be used; say `device=cpu`"):
            choose_compute(device=device, bf16=bf16)
        return
    chosen = "cuda" if capability is not None and device != "cpu" else "cpu"
    if bf16 is True and chosen == "cuda" and capability is not None and capability < (8, 0):
        with pytest.raises(CapabilityError) as caught:
            choose_compute(device=device, bf16=bf16)
        assert str(caught.value) == ("`bf16`: this CUDA device has no bfloat16; say `bf16=False`")
        return
    expected = Compute(chosen, bf16 is True, torch.get_num_threads())  # type: ignore[arg-type]
    assert choose_compute(device=device, bf16=bf16, families=["bilstm"]) == expected


def test_auto_follows_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a table that nothing reads: families shown equal are trained so, no others."""
    shown = {"bert, copied layers"}
    monkeypatch.setattr(compute, "is_shown_equal", shown.__contains__)
    for families, half in (
        (["bert, copied layers"], True),
        (["bert, copied layers", "bilstm"], False),
        ([], False),
    ):
        assert choose_compute(device="cpu", families=families).bf16 is half
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    with pytest.raises(CapabilityError, match="no bfloat16"):
        choose_compute(device="cuda", families=["bert, copied layers"])


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
