"""The last layer of an encoder, worked out for the first token only, where only that one is read.

Does: find out whether a classifier reads nothing but the first token of its last layer, and leave
the others out of that layer: they attend to nothing, where attention is fused, and have no second
half (its largest part for short texts: an eighth of a six-layer encoder, a quarter of a three-layer
one; attention for long ones). Does not: change any logit or gradient beyond rounding; a model that
reads other tokens, or is built otherwise, runs whole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

_TOLERANCE = 1e-5


class LastAttention(NamedTuple):
    """The last layer's attention, None where it is not known, and what stands behind it."""

    own: nn.Module | None
    output: nn.Module


def last_attention(model: nn.Module) -> LastAttention | None:
    """Return the last layer's attention, or None where it has another shape.

    BERT, RoBERTa, ELECTRA, DeBERTa-v2 and their kin call its parts `attention.self` and
    `attention.output`; the second takes what the first gives and the layer's input, both
    `[n, t, d]`, and all that follows works token by token.
    """
    last = None
    for name, module in model.named_modules():
        if name.endswith("attention") and type(getattr(module, "output", None)).__name__.endswith(
            "SelfOutput"
        ):
            last = LastAttention(getattr(module, "self", None), module.output)
    return last


class _FirstQuery(TorchFunctionMode):
    """Lets the first token alone attend wherever attention is fused, while inside."""

    def __torch_function__(
        self, function: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        """Call a function of torch; fused attention with the first query, its answer for all."""
        named = named or {}
        if (
            function is not scaled_dot_product_attention
            or named.get("is_causal")
            or len(given) != 3
        ):
            return function(*given, **named)
        query, *others = given
        mask = named.get("attn_mask")
        if mask is not None and mask.shape[-2] > 1:
            named = {**named, "attn_mask": mask[..., :1, :]}
        answer: Tensor = function(query[..., :1, :], *others, **named)
        return answer.expand(*query.shape[:-1], -1)


@contextlib.contextmanager
def first_token_only(model: nn.Module, *, attending: bool = False) -> Iterator[None]:
    """Let the last layer go on with the first token alone while inside; see `is_enough`.

    Args:
        model: a classifier.
        attending: whether fused attention of that layer is worked out for it alone, too; half of
            all attention of two layers.
    """
    last = last_attention(model)
    if last is None:
        yield
        return

    def cut(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(part[:, :1] for part in given)

    with contextlib.ExitStack() as inside:
        inside.callback(last.output.register_forward_pre_hook(cut).remove)
        if attending and last.own is not None:
            mode = _FirstQuery()

            def begin(_: nn.Module, __: tuple[Any, ...]) -> None:
                mode.__enter__()  # type: ignore[no-untyped-call]

            def end(*_: object) -> None:
                mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

            inside.callback(last.own.register_forward_pre_hook(begin).remove)
            inside.callback(last.own.register_forward_hook(end, always_call=True).remove)
        yield


def is_enough(model: nn.Module, logits: Callable[[], Tensor], *, attending: bool = False) -> bool:
    """Return whether a model's logits come from the first token of its last layer alone.

    Args:
        model: a classifier in float32 and eval mode.
        logits: runs it on a few texts of several tokens, padded; `[n, c]`.
        attending: as `first_token_only` takes it.
    """
    if last_attention(model) is None:
        return False
    with torch.no_grad():
        try:
            whole = logits()
            with first_token_only(model, attending=attending):
                short: Any = logits()
        except Exception:  # whatever an architecture raises: its head asks for all tokens, or the
            return False  # trial is too short for it; the pass over its own texts will say why
    if short.shape != whole.shape:
        return False
    limit = _TOLERANCE * (1.0 + float(whole.abs().max()))
    return bool((short - whole).abs().max() <= limit)
