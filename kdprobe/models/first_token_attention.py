"""Self-attention of one token: what the last layer of an encoder needs where only that one is read.

Does: work out the first token's attention of BERT and its kin without the keys and values of the
others. Does not: decide whether no one reads those; `first_token` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_KNOWN = frozenset(
    f"{family}SelfAttention" for family in ("Bert", "Camembert", "Electra", "Roberta", "XLMRoberta")
)


def attends_plainly(attention: object) -> bool:
    """Whether a module is the self-attention of BERT or its kin, with linear maps as they are."""
    if type(attention).__name__ not in _KNOWN or getattr(attention, "is_causal", True):
        return False
    maps = [getattr(attention, name, None) for name in ("query", "key", "value")]
    return all(type(one) is nn.Linear and one.bias is not None for one in maps)


def forward_of_first_token(attention: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return a forward pass in place of an attention's own, of the first token alone.

    Definition: a head scores token t with q . (K x_t + k) = (K' q) . x_t + q . k and gives
    sum_t p_t (V x_t + v) = V (sum_t p_t x_t) + v sum_t p_t, with q of the first token and p the
    softmax of the scores: as much work as one token's keys and values, whatever the length. Equal
    to the whole attention's first row but for rounding, gradients too.
    """
    heads, width = int(attention.num_attention_heads), int(attention.attention_head_size)

    def forward(
        hidden_states: Tensor, attention_mask: Tensor | None = None, **_: object
    ) -> tuple[Tensor, Tensor]:
        """Return the attention's output `[B, 1, d]` and probabilities `[B, heads, 1, L]`."""
        first = attention.query(hidden_states[:, 0]).view(-1, heads, width) * attention.scaling
        keys = attention.key.weight.view(heads, width, -1)
        spread = torch.matmul(first.transpose(0, 1), keys).transpose(0, 1)
        scores = torch.matmul(spread, hidden_states.transpose(1, 2))
        scores = scores + (first * attention.key.bias.view(heads, width)).sum(-1, keepdim=True)
        shares = functional.softmax(_masked(scores, attention_mask), dim=-1)
        shares = functional.dropout(shares, attention.dropout.p, attention.training)
        mixed = torch.matmul(shares, hidden_states)
        values = attention.value.weight.view(heads, width, -1)
        output = torch.matmul(mixed.transpose(0, 1), values.transpose(1, 2)).transpose(0, 1)
        total = shares.sum(-1, keepdim=True)
        output = output + total * attention.value.bias.view(heads, width)
        return output.reshape(len(output), 1, -1), shares[:, :, None]

    return forward


def _masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Take the tokens out that the first does not read: a mask of truths, or one that is added."""
    if mask is None:
        return scores
    first = mask[:, :, 0]
    if first.dtype == torch.bool:
        return scores.masked_fill(~first, torch.finfo(scores.dtype).min)
    return scores + first
