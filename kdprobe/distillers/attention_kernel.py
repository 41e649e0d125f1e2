"""Which attention a student trains with on a CPU.

Does: switch to plain attention where torch's fused attention is the slower one. Does not: change
what is computed, beyond rounding, or what is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from kdprobe.distillers.compute import Compute

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SHORT = 128
"""Tokens up to which plain attention keeps little beside all else that a batch keeps."""


def choose_attention(model: PreTrainedModel, *, longest: int, compute: Compute) -> None:
    """Switch a student to plain attention where that trains faster; see `plain_is_faster`."""
    fused = getattr(model.config, "_attn_implementation", None) == "sdpa"
    if fused and compute.device == "cpu" and plain_is_faster(model, longest, bf16=compute.bf16):
        model.set_attn_implementation("eager")


def plain_is_faster(model: nn.Module, longest: int, *, bf16: bool) -> bool:
    """Whether plain attention trains faster on a CPU than `scaled_dot_product_attention`.

    Definition: texts of at most `SHORT` tokens, and either bfloat16, whose fused backward pass
    multiplies number by number (26 ms a layer for 32 texts of 15 tokens in 12 heads, plain 4), or
    dropout, which no fused kernel of a CPU has: torch computes then what plain attention computes,
    with more copies (9.5 and 7.7 ms of 28 tokens). It does not ask the processor.

    >>> [plain_is_faster(nn.Dropout(share), 50, bf16=False) for share in (0.1, 0.0)]
    [True, False]
    """
    drops = any(isinstance(part, nn.Dropout) and part.p > 0 for part in model.modules())
    return longest <= SHORT and (bf16 or drops)
