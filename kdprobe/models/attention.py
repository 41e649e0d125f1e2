"""The attention probabilities of a classifier: which token reads how much of which, head by head.

Does: run a model in plain attention, which alone shows them, and put its own back; read texts of
one length. Does not: compare or keep them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.errors import CapabilityError
from kdprobe.models.checkpoint import quiet
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.random_init import random_fingerprint, random_weights
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import Columns, Tokens

_TRIAL = "a b a b"


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Switch a model to plain attention and back to its own, also on an error.

    Fused attention (sdpa, flash) computes no probabilities: asked for them it returns none.
    """
    before = getattr(model.config, "_attn_implementation", None)
    if before in (None, "eager") or not hasattr(model, "set_attn_implementation"):
        yield
        return
    with quiet():
        model.set_attn_implementation("eager")
    try:
        yield
    finally:
        with quiet():
            model.set_attn_implementation(before)


def attentions_of(output: Any) -> tuple[Tensor, ...]:
    """Return the attention probabilities of a model's output, of an encoder-decoder its encoder's.

    Returns:
        Of each layer `[B, heads, L, L]`; nothing where the model gives none.
    """
    own = getattr(output, "attentions", None)
    return tuple(own or getattr(output, "encoder_attentions", None) or ())


class AttentionReader:
    """Reads the attention of a `transformers` classifier.

    Args:
        handle: an opened model.
        random_seed: None for the model itself; a number for the same architecture with random
            weights drawn from it.

    Attributes:
        shape: the numbers of layers and of heads in each.
        key, reading: what its attention depends on.

    Raises:
        CapabilityError: the model has no attention from every token to every token.
    """

    def __init__(self, handle: ModelHandle, *, random_seed: int | None = None) -> None:
        if not isinstance(handle, HfModel):
            raise _refused(handle, "it gives no attention")
        self.handle, self.random = handle, random_seed is not None
        self.model, self.key = handle.model, handle.fingerprint
        if random_seed is not None:
            self.model = random_weights(handle, seed=random_seed)
            self.key = random_fingerprint(handle, seed=random_seed)
        self.text = TextModel(
            self.model, handle.tokenizer, name=handle.name, together=handle.text.together
        )
        self.text.limit = handle.text.limit
        self.reading = handle.reading
        trial = self.text.encode([_TRIAL])
        with eager_attention(self.model):
            maps = self._attentions(trial.columns, [0])
        length = int(trial.lengths[0])
        if not maps:
            raise _refused(handle, "it gives no attention")
        if any(one.ndim != 4 or one.shape[2:] != (length, length) for one in maps):
            raise _refused(handle, "its attention is not from every token to every token")
        if len({one.shape[1] for one in maps}) > 1:
            raise _refused(handle, "its layers differ in their numbers of heads")
        self.shape = (len(maps), int(maps[0].shape[1]))

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None, *, longest: int) -> Tokens:
        """Turn texts into tokens, cut at `longest`."""
        return self.text.encode(texts, pairs, longest=longest)

    def read(self, columns: Columns, rows: Sequence[int]) -> NDArray[np.float32]:
        """Read texts of one token length, inside `eager_attention`.

        Args:
            columns: as `Tokens.columns`.
            rows: of texts of one length.

        Returns:
            float32 `[layers, heads, n, tokens, tokens]`; the last axis sums to 1.
        """
        maps = self._attentions(columns, rows)
        stacked: NDArray[np.float32] = torch.stack(maps).float().transpose(1, 2).cpu().numpy()
        return stacked

    def _attentions(self, columns: Columns, rows: Sequence[int]) -> list[Tensor]:
        def call(batch: Mapping[str, Tensor]) -> list[Tensor]:
            return list(attentions_of(self.model(**batch, output_attentions=True)))

        def join(parts: list[list[Tensor]]) -> list[Tensor]:
            return [torch.cat(layer) for layer in zip(*parts, strict=True)]

        inputs = self.text.padded(columns, rows, side="right")
        with evaluating(self.model), torch.no_grad(), quiet():
            return self.text.run(inputs, call, join)


def word_tokens(reader: AttentionReader, ids: Sequence[int]) -> NDArray[np.bool_]:
    """Return which tokens are of words; a special token that stands for an unknown word is one."""
    tokenizer: Any = reader.handle.tokenizer
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return np.array([token not in special for token in ids], dtype=np.bool_)


def _refused(handle: ModelHandle, reason: str) -> CapabilityError:
    return CapabilityError(
        handle.name,
        found=reason,
        expected="a model whose layers attend from token to token",
        remedy="leave its attention out: `skip=attention_similarity`",
    )
