"""Texts drawn from a causal language model.

Does: draw many texts at once, token by token, from the model's own probabilities, keeping what it
computed of the tokens before (the KV cache) and dropping texts that have ended from the batch. Does
not: sharpen, cut or search the distribution (no temperature, top-k, nucleus or beam).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def first_tokens(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the first tokens of rows: the tokens, rising, and their shares.

    >>> tokens, shares = first_tokens([[5, 1], [3], [5]])
    >>> tokens.tolist(), shares.round(3).tolist()
    ([3, 5], [0.333, 0.667])
    """
    tokens, counts = np.unique(
        np.array([row[0] for row in rows], dtype=np.int64), return_counts=True
    )
    return tokens, counts / counts.sum()


def cache_keyword(model: PreTrainedModel) -> str:
    """Return what a model calls its KV cache: `cache` since transformers 5.24, renamed from this.

    >>> from transformers import BertLMHeadModel
    >>> cache_keyword(BertLMHeadModel) in ("cache", "past_key_values")
    True
    """
    known = inspect.signature(model.forward).parameters
    return "cache" if "cache" in known else "past_key_values"


@torch.no_grad()
def sample(
    model: PreTrainedModel,
    prefixes: NDArray[np.int64],
    *,
    end: int,
    longest: int,
    generator: torch.Generator,
) -> list[list[int]]:
    """Draw a continuation for each first token (ancestral sampling, temperature 1).

    Definition: token t + 1 is drawn from softmax of the logits after tokens 1 to t, until the end
    of text is drawn or the row has `longest` tokens.

    Args:
        model: a causal language model in eval mode.
        prefixes: int64 `[B]`, the first token of each row.
        end: the id of the end of text.
        longest: tokens of a row, the first one and the end included.
        generator: of the draws, on the model's device.

    Returns:
        The token ids of each row, in the order of the prefixes, without the end of text.
    """
    rows = [[int(token)] for token in prefixes]
    active = np.flatnonzero(prefixes != end)
    rows = [[] if row[0] == end else row for row in rows]
    last = torch.from_numpy(prefixes[active]).to(generator.device)
    keyword = cache_keyword(model)
    cache = None
    for _ in range(longest - 1):
        if not len(active):
            break
        out = model(input_ids=last[:, None], use_cache=True, **{keyword: cache})
        cache = out[keyword]
        last = _draw(out.logits[:, -1], generator)
        drawn = last.cpu().numpy()
        going = np.flatnonzero(drawn != end)
        for place in going:
            rows[active[place]].append(int(drawn[place]))
        if 0 < len(going) < len(active):
            picked = torch.from_numpy(going).to(last.device)
            cache.batch_select_indices(picked)
            last = last[picked]
        active = active[going]
    return rows


def _draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one token of each row, int64 `[B]`."""
    shares = torch.softmax(logits.float(), dim=-1)
    return torch.multinomial(shares, 1, generator=generator)[:, 0]
