"""The numbers that a classifier is run in: float32, bfloat16, float16, or 8-bit linear maps.

Does: name them, and turn a model that was opened in float32 into one that runs so. Does not: open
folders whose weights are quantised already; `quantized.py` does.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import torch
from torch import nn

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.foreign import said, translated
from kdprobe.plain_text import how_many

INT8 = "int8"
GRADIENTS = "its linear maps are computed in 8-bit whole numbers, which have no gradients"
"""Why a model of quantised linear maps cannot be asked for them."""

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float16": torch.float16,
    "fp16": torch.float16,
}
LEAST_ADVISED = 30.0
"""Seconds of a stage below which no advice is worth reading."""
_ROUNDED = {
    torch.bfloat16: "its weights were run in bfloat16, which moves logits by about 1 %",
    torch.float16: "its weights were run in float16: numbers above 65,504 overflow",
}


def resolve_dtype(dtype: str) -> torch.dtype:
    """Turn `float32`, `bf16` (`bfloat16`) or `fp16` (`float16`) into the type weights are run in.

    Raises:
        ConfigError: another name.

    >>> resolve_dtype("bf16")
    torch.bfloat16
    """
    if dtype not in _DTYPES:
        raise ConfigError(
            f"`dtype={dtype}`", found="not a type kdprobe runs models in",
            expected="float32, bf16 or fp16",
        )  # fmt: skip
    return _DTYPES[dtype]


def kind_of(dtype: torch.dtype) -> str:
    """Return a type's name as reports have it.

    >>> kind_of(torch.bfloat16)
    'bfloat16'
    """
    return str(dtype).removeprefix("torch.")


def rounding_note(dtype: torch.dtype) -> tuple[str, ...]:
    """Return what the reader must know of a type; of float32 nothing."""
    return (_ROUNDED[dtype],) if dtype in _ROUNDED else ()


def has_bfloat16(device: str) -> bool:
    """Whether the hardware multiplies bfloat16 itself, rather than by way of float32.

    It is shown, and a GPU without it refuses `bf16`; nothing is chosen by it.
    """
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    supported = (torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported)
    return any(is_supported() for is_supported in supported)


def bfloat16_advice(seconds: float, precision: str, device: str, *, of: str = "the reading") -> str:
    """Say what `dtype=bf16` would save of a stage, where the hardware multiplies bfloat16 itself.

    It advises and chooses nothing: the same command gives the same numbers on every machine.

    Args:
        seconds: what the stage takes.
        precision: what its models run in; only float32 is advised on.
        device: `cpu` or `cuda`.
        of: what is saved a share of.

    Returns:
        A sentence with a blank before it; empty where there is nothing to save.
    """
    if precision != "float32" or seconds < LEAST_ADVISED or not has_bfloat16(device):
        return ""
    ratio = _measured_ratio(device)
    if ratio < 1.2:
        return ""
    return (
        f" This machine multiplies matrices {ratio:.1f} times as fast in bfloat16: `dtype=bf16` "
        f"would save up to {1 - 1 / ratio:.0%} of {of}; the report then says what it moves."
    )


def _measured_ratio(device: str) -> float:
    """Return how many products of an encoder's size bfloat16 does in the time of one in float32."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.ones(512, 512, dtype=dtype, device=device)
        b = torch.ones(512, 2048, dtype=dtype, device=device)
        runs = []
        for _ in range(5):
            started = time.perf_counter()
            float((a @ b)[0, 0])
            runs.append(time.perf_counter() - started)
        seconds[dtype] = min(runs)
    return seconds[torch.float32] / seconds[torch.bfloat16]


class Quantized(NamedTuple):
    """A model of 8-bit linear maps, the kernels it runs on, and what the reader must know of it."""

    model: Any
    engine: str
    note: str


def quantized(model: Any, *, name: str) -> Quantized:
    """Return a model whose linear maps are computed in 8-bit whole numbers, on the CPU.

    Definition: `torch.ao.quantization.quantize_dynamic` over every `nn.Linear`: a map's weights are
    rounded to 8 bits by one scale, and what it reads by one scale for the whole batch; so a text's
    output depends on those beside it, and texts must be run one by one. Which kernel multiplies
    depends on the processor, and moves outputs a little.

    Args:
        model: in float32, on the CPU; changed in place.
        name: what people call it.

    Raises:
        CapabilityError: this build of torch has no kernels for it, or the model no linear maps.
    """
    maps = [module for module in model.modules() if type(module) is nn.Linear]
    if not maps:
        raise CapabilityError(
            name, found="has no linear maps (torch.nn.Linear) that could be quantised",
            expected="another architecture", remedy="compare its folder without `?quantize=int8`",
        )  # fmt: skip
    total = sum(weight.numel() for weight in model.parameters())
    share = sum(module.weight.numel() for module in maps) / total

    def failed(error: Exception) -> CapabilityError:
        return CapabilityError(
            name, found=f"its linear maps cannot be quantised ({said(error)})",
            expected="a model that `torch.ao.quantization.quantize_dynamic` takes",
        )  # fmt: skip

    engine = _engine(name)
    with translated(failed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch points to another package of its own
        from torch.ao import quantization

        quantize: Any = quantization.quantize_dynamic
        placed = quantize(model, {nn.Linear}, dtype=torch.qint8, inplace=True)
    note = (
        f"the weights of its {how_many(len(maps), 'linear map')} ({share:.0%} of its parameters) "
        f"and what they read were run in int8 (torch dynamic quantisation, {engine}), its texts "
        "one by one"
    )
    return Quantized(placed, engine, note)


def _engine(name: str) -> str:
    """Name the kernels by which torch multiplies 8-bit numbers; where none are chosen, choose."""
    chosen = str(torch.backends.quantized.engine)
    known = [each for each in torch.backends.quantized.supported_engines if each != "none"]
    if not known:
        raise CapabilityError(
            name, found="this build of torch has no kernels for 8-bit linear maps",
            expected="a build with x86, fbgemm, onednn or qnnpack",
            remedy="compare it in bf16 (`?dtype=bf16`), or install torch from PyPI",
        )  # fmt: skip
    if chosen not in known:
        chosen = str(known[0])
        torch.backends.quantized.engine = chosen
    return chosen
