"""The devices that a model can run on.

Does: turn what a person typed into a device that is there. Does not: place a model on it.
"""

from __future__ import annotations

import torch

from kdprobe.errors import CapabilityError, ConfigError


def resolve_device(device: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda`, `cuda:N` or `mps` into a device that is there.

    `auto` is the first CUDA device, else Apple's, else the CPU.

    Raises:
        ConfigError: an unknown name, or a device this machine does not have.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(
            f"`device={device}`", found="no such device", expected="auto, cpu, cuda, cuda:N or mps"
        ) from error
    present = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }
    if (chosen.index or 0) >= present.get(chosen.type, 0):
        raise ConfigError(
            f"`device={device}`",
            found="this machine, or this build of torch, does not have it",
            expected="auto, cpu, cuda, cuda:N or mps",
            remedy="use `device=auto` to take what is there",
        )
    return chosen


def device_of_int8(place: torch.device, asked: str, name: str) -> torch.device:
    """Return the CPU, where 8-bit linear maps have kernels, unless another device was named."""
    if place.type != "cpu" and asked != "auto":
        raise CapabilityError(
            name, found=f"`quantize=int8` and `device={asked}`", expected="`device=cpu`",
            remedy="torch's dynamic quantisation has kernels for the CPU alone",
        )  # fmt: skip
    return torch.device("cpu")
