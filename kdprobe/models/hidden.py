"""What every layer of a model holds of a sentence, all layers and poolings in one pass.

Does: read hidden states of sentences of equal token length and pool them at once; make the same
architecture with random weights. Does not: store; `extract/features.py` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from kdprobe.errors import CapabilityError, ConfigError
from kdprobe.models.checkpoint import quiet
from kdprobe.models.handle import ModelHandle
from kdprobe.models.hf import HfModel, token_limit
from kdprobe.registry import known_name

POOLINGS = ("mean", "max", "cls", "last", "mean_all", "max_all")
HEAD = "head"
_LARGEST = 65504.0  # of a 16-bit float


class FeatureCell(NamedTuple):
    """One layer under one pooling; the head's vector has no pooling."""

    layer: str
    pooling: str


def check_poolings(poolings: Sequence[str]) -> tuple[str, ...]:
    """Give the poolings that are meant, each once.

    Raises:
        UnknownNameError: a pooling that is not known.
        ConfigError: none at all.

    >>> check_poolings(["Mean", "cls", "mean"])
    ('mean', 'cls')
    """
    if not poolings:
        raise ConfigError(
            "--pooling", found="none is named", expected="one of " + ", ".join(POOLINGS)
        )
    return tuple(dict.fromkeys(known_name("pooling", name, POOLINGS) for name in poolings))


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
        undefined: pooling -> why this model has none: `cls` needs a token before the words that
            reads all of them.

    Raises:
        CapabilityError: the model gives no hidden states.
    """

    def __init__(
        self, handle: ModelHandle, poolings: Sequence[str], *, random_seed: int | None = None
    ) -> None:
        if not isinstance(handle, HfModel) or "hidden_states" not in handle.capabilities:
            raise CapabilityError(
                handle.name,
                found="gives no hidden states",
                expected="a checkpoint whose layers can be read",
                remedy="leave probing out: --skip probing",
            )
        self.handle = handle
        self.random = random_seed is not None
        self.model = handle.model if random_seed is None else _randomised(handle, random_seed)
        self.key = handle.fingerprint if random_seed is None else f"random {random_seed}"
        self.reading = f"{handle.reading} {_shape(handle.model)}"
        if self.random:  # other models of this shape share the baseline, if they read alike
            self.reading += f" {_vocabulary(handle)}"
        told = handle.tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
        words = [at for at, special in enumerate(told) if not special]
        self._before = words[0] if words else 0
        self._after = len(told) - 1 - words[-1] if words else 0
        self._recurrent = bool(getattr(self.model.config, "lstm_size", None))
        self.undefined = self._without(check_poolings(poolings))
        self.poolings = tuple(p for p in check_poolings(poolings) if p not in self.undefined)
        self._head = _last_linear(self.model)
        probe = self._run(torch.tensor([handle.tokenizer("a")["input_ids"]]))
        self.layers = tuple(str(at) for at in range(len(probe.states)))
        self.cells, self.widths = self._laid_out(probe)
        if not self.cells:
            raise CapabilityError(
                handle.name,
                found=f"has no vector to read under --pooling {','.join(self.undefined)}",
                expected="another pooling, such as mean",
            )

    def _without(self, asked: Sequence[str]) -> dict[str, str]:
        """Say which poolings this model has not, and why."""
        if "cls" not in asked or not (self._recurrent or self._before == 0):
            return {}
        if self._recurrent:
            return {"cls": "no token of a BiLSTM reads the whole sentence; see last"}
        return {"cls": "its tokenizer puts no token before the words"}

    def _laid_out(self, probe: _Seen) -> tuple[tuple[FeatureCell, ...], tuple[int, ...]]:
        """Name every layer under every pooling, then the head, and give the width of each."""
        grid = [
            (FeatureCell(layer, pool), int(state.shape[-1]))
            for layer, state in zip(self.layers, probe.states, strict=True)
            for pool in self.poolings
        ]
        if probe.head is not None:
            grid.append((FeatureCell(HEAD, ""), int(probe.head.shape[-1])))
        return tuple(cell for cell, _ in grid), tuple(width for _, width in grid)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Turn texts into token ids, cut to what the model reads."""
        limit = token_limit(self.model, self.handle.tokenizer)
        with quiet():
            ids = self.handle.tokenizer(
                list(texts), truncation=True, max_length=min(limit, 1_000_000)
            )["input_ids"]
        return [np.array(row, dtype=np.int32) for row in ids]

    def read(self, ids: NDArray[np.int32]) -> NDArray[np.float16]:
        """Read sentences of one token length.

        Args:
            ids: `[n, tokens]`.

        Returns:
            float16 `[n, sum of widths]`, the cells' vectors side by side.
        """
        seen = self._run(torch.from_numpy(ids.astype(np.int64)))
        tokens = ids.shape[1]
        start, stop = self._before, tokens - self._after
        if start >= stop:  # a text of no word tokens: all there is
            start, stop = 0, tokens
        made = [
            _ends(state, start, stop)
            if pooling == "last" and self._recurrent and layer
            else _pooled(state, pooling, start, stop)
            for layer, state in enumerate(seen.states)
            for pooling in self.poolings
        ]
        if seen.head is not None:
            made.append(seen.head)
        joined = torch.cat([one.float() for one in made], dim=1)
        values: NDArray[np.float16] = (
            joined.clamp(-_LARGEST, _LARGEST).to("cpu", torch.float16).numpy()
        )
        return values

    def _run(self, ids: Tensor) -> _Seen:
        held: list[Tensor] = []
        inputs = {"input_ids": ids.to(self.handle.device)}
        if getattr(self.model.config, "siamese", False):  # the sentence is the first of a pair
            inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
        with _evaluating(self.model), _listening(self._head, held), torch.no_grad():
            try:
                out = self.model(**inputs, output_hidden_states=True)
            except torch.OutOfMemoryError as error:
                raise CapabilityError(
                    self.handle.name,
                    found=f"{len(ids)} sentences of {ids.shape[1]} tokens do not fit into the "
                    f"memory of {self.handle.device}",
                    remedy="use a smaller --batch-size, or --device cpu",
                ) from error
        states = out.hidden_states
        head = held[-1] if held and held[-1].ndim == 2 else None
        return _Seen(tuple(states), head)


class _Seen(NamedTuple):
    states: tuple[Tensor, ...]
    head: Tensor | None


def _pooled(state: Tensor, pooling: str, start: int, stop: int) -> Tensor:
    if pooling == "cls":
        return state[:, 0]
    if pooling == "last":
        return state[:, stop - 1]
    inside = state if pooling.endswith("_all") else state[:, start:stop]
    return inside.amax(dim=1) if pooling.startswith("max") else inside.float().mean(dim=1)


def _ends(state: Tensor, start: int, stop: int) -> Tensor:
    """The last state of each direction of an LSTM: ahead at the last word, back at the first."""
    half = state.shape[-1] // 2
    return torch.cat([state[:, stop - 1, :half], state[:, start, half:]], dim=-1)


def _vocabulary(handle: HfModel) -> str:
    told = json.dumps(sorted(handle.tokenizer.get_vocab().items(), key=lambda item: item[1]))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _shape(model: PreTrainedModel) -> str:
    config = model.config
    sizes = [
        getattr(config, name, None)
        for name in ("model_type", "num_hidden_layers", "hidden_size", "num_attention_heads")
    ]
    return " ".join(map(str, [*sizes, sum(p.numel() for p in model.parameters())]))


def _last_linear(model: PreTrainedModel) -> nn.Linear | None:
    """The linear map that gives the logits; the last one outside the encoder of that many."""
    body = model.base_model_prefix + "."
    found = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and not name.startswith(body)
        and module.out_features == model.config.num_labels
    ]
    return found[-1] if found else None


def _randomised(handle: HfModel, seed: int) -> PreTrainedModel:
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_config(handle.model.config)
    placed: PreTrainedModel = model.to(device=handle.device, dtype=handle.model.dtype).eval()
    return placed


@contextmanager
def _listening(module: nn.Linear | None, held: list[Tensor]) -> Iterator[None]:
    if module is None:
        yield
        return

    def keep(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        held.append(arguments[0])

    hook = module.register_forward_pre_hook(keep)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _evaluating(model: PreTrainedModel) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
