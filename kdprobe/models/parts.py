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

from kdprobe.models.surgery import layers_of
from kdprobe.models.text_model import TextModel

_TEXTS, _TOKENS, _BATCH, _LONGEST = 512, 3072, 32, 64


class Names(NamedTuple):
    """Where an architecture keeps what is cut; of a layer below it, else below the model."""

    query: str
    key: str
    value: str
    joined: str
    attention_norm: str
    inner: str
    outer: str
    norm: str
    dense: str
    output: str


_BERT = Names(
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm",
    "bert.pooler.dense", "classifier",
)  # fmt: skip
_ROBERTA = _BERT._replace(dense="classifier.dense", output="classifier.out_proj")
_DISTILBERT = Names(
    "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
    "ffn.lin1", "ffn.lin2", "output_layer_norm", "pre_classifier", "classifier",
)  # fmt: skip
NAMES = {
    "bert": _BERT,
    "camembert": _ROBERTA,
    "distilbert": _DISTILBERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
}
TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
LAYER_PARTS = Names._fields[:8]


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
