"""One vector of a text from the vectors of its tokens, and the vector its classifier reads.

Does: pool the states of one layer, and listen to the last linear map of a classifier. Does not: run
a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel


def pooled(state: Tensor, pooling: str, start: int, stop: int) -> Tensor:
    """Pool a layer's states `[n, t, d]` over the word tokens from `start` to `stop`: `[n, d]`."""
    if pooling == "cls":
        return state[:, 0]
    if pooling == "last":
        return state[:, stop - 1]
    inside = state if pooling.endswith("_all") else state[:, start:stop]
    return inside.amax(dim=1) if pooling.startswith("max") else inside.float().mean(dim=1)


def ends_of(state: Tensor, start: int, stop: int) -> Tensor:
    """The last state of each direction of an LSTM: ahead at the last word, back at the first."""
    half = state.shape[-1] // 2
    return torch.cat([state[:, stop - 1, :half], state[:, start, half:]], dim=-1)


def last_linear(model: PreTrainedModel) -> nn.Module | None:
    """The linear map that gives the logits; the last one outside the encoder of that many.

    One of quantised weights is no `nn.Linear`, and has its sizes.
    """
    body = model.base_model_prefix + "."
    maps = [
        module
        for name, module in model.named_modules()
        if hasattr(module, "in_features")
        and not name.startswith(body)
        and getattr(module, "out_features", None) == model.config.num_labels
    ]
    return maps[-1] if maps else None


def head_vector(held: Sequence[tuple[Tensor, Tensor]], logits: Tensor) -> Tensor | None:
    """Return what the last linear map read of each text, `[n, width]`.

    A map that is run at every token (a decoder's) was read where it gave the logits: at the last
    token, or the last that is not padding.
    """
    if not held:
        return None
    read, outputs = held[-1]
    if read.ndim == 2:
        return read
    if read.ndim != 3:
        return None
    same = (outputs == logits[:, None]).all(dim=-1)
    if not bool(same.any(dim=1).all()):
        return None
    last = same.shape[1] - 1 - same.flip(1).to(torch.uint8).argmax(dim=1)
    return read[torch.arange(len(read), device=read.device), last]


@contextmanager
def listening(module: nn.Module | None, held: list[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Keep what goes into a linear map and what comes out of it, while inside."""
    if module is None:
        yield
        return

    def keep(_: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        held.append((arguments[0], output))

    hook = module.register_forward_hook(keep)
    try:
        yield
    finally:
        hook.remove()
