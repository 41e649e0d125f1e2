"""The last layer of an encoder, worked out for the first token only, where only that one is read.

Does: find out whether a classifier reads nothing but the first token of its last layer, and leave
the others out of that layer (a sixth of a six-layer encoder, a third of a three-layer one): of all
behind its attention, and of the attention where that is BERT's and nobody reads it. Does not:
change any logit or gradient beyond rounding; a model that reads other tokens, or is built
otherwise, runs whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from kdprobe.models.first_token_attention import attends_plainly, forward_of_first_token

_TOLERANCE = 1e-5


def last_attention(model: torch.nn.Module) -> tuple[Any, torch.nn.Module] | None:
    """Return the last layer's attention and what stands behind it; None: it has another shape.

    BERT, RoBERTa, ELECTRA, DeBERTa-v2 and their kin call them `attention.self` and
    `attention.output`; the latter takes what attention gives and the layer's input, both
    `[n, t, d]`, and all that follows works token by token.
    """
    last = None
    for name, module in model.named_modules():
        if name.endswith("attention.output") and type(module).__name__.endswith("SelfOutput"):
            last = getattr(model.get_submodule(name.removesuffix(".output")), "self", None), module
    return last


@contextlib.contextmanager
def first_token_only(model: torch.nn.Module, *, attention: bool = False) -> Iterator[None]:
    """Let the last layer go on with the first token alone while inside; see `is_enough`.

    Args:
        model: the classifier.
        attention: leave the other tokens out of the layer's attention too, where that is known:
            nobody reads its queries, keys, values or probabilities.
    """
    last = last_attention(model)
    if last is None:
        yield
        return
    own, place = last  # the first is None where it has another name

    def cut(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(part[:, :1] for part in given)

    handle = place.register_forward_pre_hook(cut)
    replaced = attention and attends_plainly(own) and "forward" not in vars(own)
    if replaced:
        vars(own)["forward"] = forward_of_first_token(own)
    try:
        yield
    finally:
        handle.remove()
        if replaced:
            del vars(own)["forward"]


def is_enough(
    model: torch.nn.Module, logits: Callable[[], Tensor], *, attention: bool = False
) -> bool:
    """Return whether a model's logits come from the first token of its last layer alone.

    Args:
        model: a classifier in float32 and eval mode.
        logits: runs it on a few texts of several tokens, padded; `[n, c]`.
        attention: as in `first_token_only`.
    """
    if last_attention(model) is None:
        return False
    with torch.no_grad():
        try:
            whole = logits()
            with first_token_only(model, attention=attention):
                short: Any = logits()
        except Exception:  # whatever an architecture raises: its head asks for all tokens, or the
            return False  # trial is too short for it; the pass over its own texts will say why
    if short.shape != whole.shape:
        return False
    limit = _TOLERANCE * (1.0 + float(whole.abs().max()))
    return bool((short - whole).abs().max() <= limit)
