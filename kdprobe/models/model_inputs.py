"""What a classifier is given of a text, and how it is run.

Does: say which columns its tokenizer sends and it has rows for, how many tokens it reads and what
fills up a batch; switch it to eval mode for a while. Does not: tokenise.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from kdprobe.errors import CapabilityError
from kdprobe.models.checkpoint import quiet

COLUMNS = ("input_ids", "attention_mask", "token_type_ids")
_NO_LIMIT = 1_000_000
"""Tokenizers without a limit of their own name an absurd one (1e30)."""


def accepted_inputs(model: Any) -> frozenset[str]:
    """Return the names of what a model's forward takes; some models name them."""
    named: frozenset[str] | None = getattr(model, "accepted_inputs", None)
    if named is not None:
        return named
    return frozenset(inspect.signature(model.forward).parameters)


def columns_sent(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """Return the columns that a model is given: what its tokenizer sends and it has rows for.

    A mask is sent wherever the model takes one. Segment ids are sent only if the tokenizer gives
    them (a GPT-2 that is given zeros adds the vector of token 0 everywhere) and the model has at
    least two rows for them (RoBERTa has one and its tokenizer may count to 1).
    """
    accepted = accepted_inputs(model)
    with quiet():
        given = tokenizer(["a"])
        sent = [name for name in COLUMNS if name in accepted and name in given]
        if "attention_mask" in accepted and "attention_mask" not in sent:
            sent.append("attention_mask")
        if "token_type_ids" in sent:
            rows = getattr(model.config, "type_vocab_size", None)
            largest = max(tokenizer(["a"], ["a"])["token_type_ids"][0], default=0)
            if isinstance(rows, int) and rows <= max(1, largest):
                sent.remove("token_type_ids")
    return tuple(sent)


def padding_id(model: Any, tokenizer: Any) -> int:
    """Return the token that fills up batches: the one the model itself leaves out of account."""
    configured = getattr(model.config, "pad_token_id", None)
    candidates = [
        configured,
        tokenizer.pad_token_id,
        tokenizer.eos_token_id,
        tokenizer.bos_token_id,
    ]
    return next((int(token) for token in candidates if isinstance(token, int) and token >= 0), 0)


def padding_note(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """Return what the reader must know where nothing names a padding token, and which to set."""
    if (
        tokenizer.pad_token_id is not None
        or getattr(model.config, "pad_token_id", None) is not None
    ):
        return ()
    known = [tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token]
    usable = next((token for token in known if token), None)
    remedy = f"; set pad_token of its tokenizer, to {usable!r} for one" if usable else ""
    return (
        "neither its tokenizer nor its config names a padding token, so its texts are run one by "
        f"one{remedy}",
    )


def token_limit(model: Any, tokenizer: Any) -> int:
    """Return the most tokens the model reads, special tokens counted.

    Definition: the tokenizer's own limit, and the rows of the position embedding less those that a
    padding index reserves (RoBERTa's 514 rows hold 512 tokens).
    """
    limits = [int(tokenizer.model_max_length)] if tokenizer.model_max_length < _NO_LIMIT else []
    tables = [
        module
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding)
    ]
    for table in tables:
        reserved = 0 if table.padding_idx is None else table.padding_idx + 1
        limits.append(table.num_embeddings - reserved)
    configured = getattr(model.config, "max_position_embeddings", None)
    if not tables and isinstance(configured, int) and configured > 0:
        limits.append(configured)
    return min(limits, default=_NO_LIMIT)


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Put every module into eval mode and give each its own mode back, also on an error."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def begun_anew(model: Any) -> Iterator[None]:
    """Run a model as if it had run nothing before.

    BigBird stays in the attention of short texts, with a log line each time: what a text's outputs
    are would depend on the texts before it. Other models are left as they are.
    """
    if not depends_on_width(model):
        yield
        return
    body = model.base_model
    with quiet():
        body.set_attention_type(body.config.attention_type)
        yield


def depends_on_width(model: Any) -> bool:
    """Return whether a model chooses its attention by the width of the batch, padding counted."""
    return callable(getattr(getattr(model, "base_model", None), "set_attention_type", None))


def out_of_memory(name: str, ids: Tensor, device: torch.device) -> CapabilityError:
    """Return the error of a batch that is too large for a device."""
    return CapabilityError(
        name,
        found=f"{len(ids)} examples of up to {ids.shape[1]} tokens do not fit into the memory of "
        f"{device}",
        remedy="use a smaller `batch_size`, or `device=cpu`",
    )
