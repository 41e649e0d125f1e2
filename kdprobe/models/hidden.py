"""What every layer of a model holds of a sentence, all layers and poolings in one pass.

Does: read hidden states of sentences of equal token length and pool them at once; make the same
architecture with random weights. Does not: store; `extract/features.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.attention import eager_attention
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel
from kdprobe.models.measured import first_token_reads, states_of
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.pooling import ends_of, head_vector, last_linear, listening, pooled
from kdprobe.models.random_init import random_fingerprint, random_weights
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import Tokens
from kdprobe.registry import known_name

POOLINGS = ("mean", "max", "cls", "last", "mean_all", "max_all")
HEAD = "head"
_LARGEST = 65504.0  # of a 16-bit float
_SHORT = 64
"""Up to so many tokens plain attention takes half as long as fused in bfloat16 on a CPU."""


class FeatureCell(NamedTuple):
    """One layer under one pooling; the head's vector has no pooling."""

    layer: str
    pooling: str


def check_poolings(poolings: Sequence[str], *, option: str = "probing.poolings") -> tuple[str, ...]:
    """Return the poolings that are meant, each once.

    Args:
        poolings: names, as typed.
        option: where they were named, for the message.

    Raises:
        UnknownNameError: a pooling that is not known.
        ConfigError: none at all.

    >>> check_poolings(["Mean", "cls", "mean"])
    ('mean', 'cls')
    """
    if not poolings:
        raise ConfigError(
            f"`{option}`", found="none is named", expected="one of " + ", ".join(POOLINGS)
        )
    return tuple(
        dict.fromkeys(known_name("pooling", name, POOLINGS, option=option) for name in poolings)
    )


class LayerReader:
    """Reads pooled hidden states of a `transformers` classifier.

    Layers are named `0` (the embedding output, after its normalisation), `1` … `L` (after block l)
    and `head` (the vector the classifier's last linear map reads). They may differ in width, as a
    BiLSTM's word vectors, states and head do.

    Args:
        handle: an opened model.
        poolings: `mean`, `max` over word tokens (special tokens left out: they tell the length),
            `mean_all`, `max_all` over all tokens, `cls` the first token, `last` the last word's; of
            a BiLSTM's states the last that each direction reaches.
        random_seed: None for the model itself; a number for the same architecture with random
            weights drawn from it.

    Attributes:
        poolings: those that this model has.
        undefined: pooling, or `head`, -> why this model has none: `cls` needs a token before the
            words that reads all of them.
        notes: what the reader of the report must know of its layers.
        columns: what a token is given by: its id, and its segment where the tokenizer sends one.

    Raises:
        CapabilityError: the model gives no hidden states.
    """

    def __init__(
        self, handle: ModelHandle, poolings: Sequence[str], *, random_seed: int | None = None
    ) -> None:
        if not isinstance(handle, HfModel) or "hidden_states" not in handle.capabilities:
            why = handle.lacks.get("hidden_states", "")
            raise CapabilityError(
                handle.name,
                found=why or "gives no hidden states",
                expected="a checkpoint whose layers can be read",
                remedy="leave probing out: `skip=probing`",
            )
        self.handle = handle
        self.random = random_seed is not None
        self.model, self.key = handle.model, handle.fingerprint
        if random_seed is not None:  # other models of this shape share the baseline
            self.model = random_weights(handle, seed=random_seed)
            self.key = random_fingerprint(handle, seed=random_seed)
        self.text = TextModel(
            self.model, handle.tokenizer, name=handle.name, together=handle.text.together
        )
        self.columns = tuple(name for name in self.text.sent if name != "attention_mask")
        self._plain = (self.model.dtype, self.model.device.type) == (torch.bfloat16, "cpu")
        attention = f" plain to {_SHORT}" if self._plain else ""
        self.reading = f"{handle.reading} {_shape(handle.model)}{attention}"
        special = handle.tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
        words = [at for at, mark in enumerate(special) if not mark]
        self._before = words[0] if words else 0
        self._after = len(special) - 1 - words[-1] if words else 0
        self._recurrent = bool(getattr(self.model.config, "lstm_size", None))
        self.undefined = self._without(check_poolings(poolings))
        self.poolings = tuple(p for p in check_poolings(poolings) if p not in self.undefined)
        self.notes: tuple[str, ...] = ()
        if getattr(self.model.config, "is_encoder_decoder", False):
            self.notes = (
                f"The layers of {handle.name} are those of its encoder; its head reads its decoder",
            )
        self._head = last_linear(self.model)
        probe = self._run(self.encode(["a"])[0][None])
        if probe.head is None:
            self.undefined[HEAD] = (
                "no linear map outside its layers gives its outputs"
                if self._head is None
                else "its outputs are not those of a linear map at one of its tokens"
            )
        self.layers = tuple(str(at) for at in range(len(probe.states)))
        self.cells, self.widths = self._laid_out(probe)
        if not self.cells:
            missing = ",".join(pooling for pooling in self.undefined if pooling != HEAD)
            raise CapabilityError(
                handle.name,
                found=f"has no vector to read under `probing.poolings={missing}`",
                expected="another pooling, such as mean",
            )

    def _without(self, poolings: Sequence[str]) -> dict[str, str]:
        """Return which poolings this model has not, and why."""
        if "cls" not in poolings:
            return {}
        if self._recurrent:
            return {"cls": "no token of a BiLSTM reads the whole sentence; see last"}
        if not first_token_reads(self.handle.text):
            return {
                "cls": "its first token reads nothing of the text (its attention is causal): "
                "the same vector for every sentence; see last"
            }
        if self._before == 0:
            return {"cls": "its tokenizer puts no token before the words"}
        return {}

    def _laid_out(self, probe: _HiddenVectors) -> tuple[tuple[FeatureCell, ...], tuple[int, ...]]:
        """Return every layer under every pooling, then the head, and the width of each."""
        grid = [
            (FeatureCell(layer, pool), int(state.shape[-1]))
            for layer, state in zip(self.layers, probe.states, strict=True)
            for pool in self.poolings
        ]
        if probe.head is not None:
            grid.append((FeatureCell(HEAD, ""), int(probe.head.shape[-1])))
        return tuple(cell for cell, _ in grid), tuple(width for _, width in grid)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Turn texts into tokens, cut to what the model reads: `[columns, tokens]` each."""
        tokens: Tokens = self.text.encode(texts)
        named = [tokens.columns[name] for name in self.columns]
        return [np.array(rows, dtype=np.int32) for rows in zip(*named, strict=True)]

    def read(self, tokens: NDArray[np.int32]) -> NDArray[np.float16]:
        """Read sentences of one token length.

        Args:
            tokens: `[n, columns, tokens]`, as `encode` gives them.

        Returns:
            float16 `[n, sum of widths]`, the cells' vectors side by side.
        """
        vectors = self._run(tokens)
        length = tokens.shape[2]
        start, stop = self._before, length - self._after
        if start >= stop:  # a text of no word tokens: all there is
            start, stop = 0, length
        parts = [
            ends_of(state, start, stop)
            if pooling == "last" and self._recurrent and layer
            else pooled(state, pooling, start, stop)
            for layer, state in enumerate(vectors.states)
            for pooling in self.poolings
        ]
        if HEAD not in self.undefined:
            if vectors.head is None:
                raise ValueError(f"{self.handle.name}: a batch without the vector of its head")
            parts.append(vectors.head)
        joined = torch.cat([one.float() for one in parts], dim=1)
        values: NDArray[np.float16] = (
            joined.clamp(-_LARGEST, _LARGEST).to("cpu", torch.float16).numpy()
        )
        return values

    def _run(self, tokens: NDArray[np.int32]) -> _HiddenVectors:
        """Run sentences of one length; those that the forward refuses together, one by one."""
        columns = {
            name: tokens[:, at].astype(np.int64).tolist() for at, name in enumerate(self.columns)
        }
        inputs = self.text.padded(columns, range(len(tokens)), side="right")
        with self._attention(tokens.shape[2]), evaluating(self.model), torch.no_grad():
            return self.text.run(inputs, self._vectors, _joined)

    def _attention(self, length: int) -> AbstractContextManager[None]:
        """The attention of sentences of so many tokens, by their length and type alone."""
        return eager_attention(self.model) if self._plain and length <= _SHORT else nullcontext()

    def _vectors(self, inputs: Mapping[str, Tensor]) -> _HiddenVectors:
        held: list[tuple[Tensor, Tensor]] = []
        with listening(self._head, held):
            out = self.model(**inputs, output_hidden_states=True)
        states = states_of(out)
        if states is None:
            raise ValueError(f"{self.handle.name}: a model that gives no hidden states was read")
        return _HiddenVectors(states, head_vector(held, out.logits))


class _HiddenVectors(NamedTuple):
    """Hidden states `[B, L, width]` of every layer, and what the head reads, `[B, width]`."""

    states: tuple[Tensor, ...]
    head: Tensor | None


def _joined(parts: Sequence[_HiddenVectors]) -> _HiddenVectors:
    heads = [part.head for part in parts if part.head is not None]
    states = zip(*(part.states for part in parts), strict=True)
    return _HiddenVectors(
        tuple(torch.cat(state) for state in states),
        torch.cat(heads) if len(heads) == len(parts) else None,
    )


def _shape(model: PreTrainedModel) -> str:
    config = model.config
    sizes = [
        getattr(config, name, None)
        for name in ("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads")
    ]
    return " ".join(map(str, [*sizes, sum(p.numel() for p in model.parameters())]))
