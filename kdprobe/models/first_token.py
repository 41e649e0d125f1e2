"""The last layer of an encoder, worked out for the first token only, where only that one is read.

Does: find out whether a classifier reads nothing but the first token of its last layer, and leave
the others out of that layer's second half (its largest part: an eighth of a six-layer encoder, a
quarter of a three-layer one). Does not: change any logit or gradient beyond rounding; a model that
reads other tokens, or is built otherwise, runs whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

_TOLERANCE = 1e-5


def last_attention_output(model: torch.nn.Module) -> torch.nn.Module | None:
    """Return what stands behind the last layer's attention, or None where it has another shape.

    BERT, RoBERTa, ELECTRA, DeBERTa-v2 and their kin call it `attention.output`; it takes what
    attention gives and the layer's input, both `[n, t, d]`, and all that follows works token by
    token.
    """
    last = None
    for name, module in model.named_modules():
        if name.endswith("attention.output") and type(module).__name__.endswith("SelfOutput"):
            last = module
    return last


@contextlib.contextmanager
def first_token_only(model: torch.nn.Module) -> Iterator[None]:
    """Let the last layer go on with the first token alone while inside; see `is_enough`."""
    place = last_attention_output(model)
    if place is None:
        yield
        return

    def cut(_: torch.nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(part[:, :1] for part in given)

    handle = place.register_forward_pre_hook(cut)
    try:
        yield
    finally:
        handle.remove()


def is_enough(model: torch.nn.Module, logits: Callable[[], Tensor]) -> bool:
    """Return whether a model's logits come from the first token of its last layer alone.

    Args:
        model: a classifier in float32 and eval mode.
        logits: runs it on a few texts of several tokens, padded; `[n, c]`.
    """
    if last_attention_output(model) is None:
        return False
    with torch.no_grad():
        try:
            whole = logits()
            with first_token_only(model):
                short: Any = logits()
        except Exception:  # whatever an architecture raises: its head asks for all tokens, or the
            return False  # trial is too short for it; the pass over its own texts will say why
    if short.shape != whole.shape:
        return False
    limit = _TOLERANCE * (1.0 + float(whole.abs().max()))
    return bool((short - whole).abs().max() <= limit)
