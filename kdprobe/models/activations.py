"""What goes into the parts of an encoder and comes out of them.

Does: watch modules while a model reads sample texts. Does not: change a weight, or know where the
parts are; `architectures.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from kdprobe.models.text_model import TextModel

_TEXTS, _TOKENS, _BATCH, _LONGEST = 512, 3072, 32, 64


class Activations(NamedTuple):
    """What went into a module and came out of it, float32 `[n, ...]`, a row for a real token."""

    before: Tensor
    after: Tensor


def record_activations(
    source: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    modules: dict[str, nn.Module],
) -> dict[str, Activations]:
    """Return what goes in and out of modules while a model reads sample texts.

    Up to 512 texts, evenly spaced, of 64 tokens at most, until 3,072 tokens are read: what a wide
    layer says of them takes some 100 MB.
    """
    sample = list(texts)[:: max(1, -(-len(texts) // _TEXTS))]
    if not sample:
        raise ValueError("no texts to narrow a model by")
    kept: dict[str, tuple[list[Tensor], list[Tensor]]] = {name: ([], []) for name in modules}
    text = TextModel(source, tokenizer, name=type(source).__name__)
    read = 0
    for start in range(0, len(sample), _BATCH):
        tokens = text.encode(sample[start : start + _BATCH], longest=_LONGEST)
        inputs = text.tensors(tokens.columns, range(len(tokens.lengths)))
        real = inputs["attention_mask"].bool()
        with ExitStack() as stack, torch.no_grad():
            for name, module in modules.items():
                handle = module.register_forward_hook(_keeper(kept[name], real))
                stack.callback(handle.remove)
            source(**inputs)
        read += int(real.sum())
        if read >= _TOKENS:
            break
    return {name: Activations(torch.cat(a), torch.cat(b)) for name, (a, b) in kept.items()}


def _keeper(into: tuple[list[Tensor], list[Tensor]], real: Tensor) -> Any:
    def hook(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        for held, value in zip(into, (arguments[0], output), strict=True):
            held.append((value[real] if value.ndim == 3 else value).float().cpu())

    return hook
