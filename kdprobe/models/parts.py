"""The parts of an encoder by their names, and what goes through them.

Does: say where each architecture keeps its maps, and watch them while a model reads sample texts.
Does not: change a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.models.architectures import LAYER_PARTS, Names
from kdprobe.models.surgery import layers_of
from kdprobe.models.text_model import TextModel

_TEXTS, _TOKENS, _BATCH, _LONGEST = 512, 3072, 32, 64


TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")


class Seen(NamedTuple):
    """What went into a module and came out of it, float32 `[n, ...]`, a row for a real token."""

    before: Tensor
    after: Tensor


def layer_part(model: PreTrainedModel, place: int, name: str) -> Any:
    """Give a part of a layer, counted from 0."""
    return layers_of(model)[place].get_submodule(name)


def embedding_norm(model: PreTrainedModel) -> Any:
    """Give the normalisation of the embeddings."""
    return model.base_model.get_submodule("embeddings.LayerNorm")


def watched_modules(
    source: PreTrainedModel, names: Names, which: Sequence[int]
) -> dict[str, nn.Module]:
    """Give the modules that are watched, by a name of the student's places."""
    watched: dict[str, nn.Module] = {"embeddings": embedding_norm(source)}
    watched |= {"output": source.get_submodule(names.output)}
    for new, old in enumerate(which):
        for part in LAYER_PARTS:
            watched[f"{new}.{part}"] = layer_part(source, old, getattr(names, part))
    return watched


def observe(
    source: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    modules: dict[str, nn.Module],
) -> dict[str, Seen]:
    """Run a model over sample texts and keep what goes in and out of its parts.

    Up to 512 texts, evenly spaced, of 64 tokens at most, until 3,072 tokens are read: what a wide
    layer says of them takes some 100 MB.
    """
    sample = list(texts)[:: max(1, -(-len(texts) // _TEXTS))]
    if not sample:
        raise ValueError("no texts to narrow a model by")
    kept: dict[str, tuple[list[Tensor], list[Tensor]]] = {name: ([], []) for name in modules}
    text = TextModel(source, tokenizer, name=type(source).__name__)
    seen = 0
    for start in range(0, len(sample), _BATCH):
        tokens = text.encode(sample[start : start + _BATCH], longest=_LONGEST)
        inputs = text.tensors(tokens.columns, range(len(tokens.lengths)))
        real = inputs["attention_mask"].bool()
        with ExitStack() as stack, torch.no_grad():
            for name, module in modules.items():
                handle = module.register_forward_hook(_keeper(kept[name], real))
                stack.callback(handle.remove)
            source(**inputs)
        seen += int(real.sum())
        if seen >= _TOKENS:
            break
    return {name: Seen(torch.cat(a), torch.cat(b)) for name, (a, b) in kept.items()}


def _keeper(into: tuple[list[Tensor], list[Tensor]], real: Tensor) -> Any:
    def hook(_: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        for held, value in zip(into, (given[0], output), strict=True):
            held.append((value[real] if value.ndim == 3 else value).float().cpu())

    return hook
