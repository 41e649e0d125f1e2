"""A causal language model of a task's texts.

Does: open a pretrained one or build a small GPT-2, and read texts as rows of tokens. Does not:
fine-tune it (`language_fit.py`) or draw from it (`sampling.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from kdprobe.augmenters.byte_pairs import train_byte_pairs
from kdprobe.augmenters.pretrained import open_pretrained
from kdprobe.errors import CapabilityError
from kdprobe.models.building import build_fresh
from kdprobe.models.checkpoint import describe, quiet
from kdprobe.models.shapes import NewShape, parse_student
from kdprobe.seeds import derive_seed
from kdprobe.tasks.task import Split

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_VOCABULARY = 8000
_IGNORED = -100
_SAVES = 10  # checkpoints of a training; a kill costs at most a tenth of it


class Language(NamedTuple):
    """A causal language model with its tokenizer; `fresh`: its weights are random."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fresh: bool


def shape_in(model: str) -> NewShape | None:
    """Read `gpt2:L4,H256,A4,V8000`; None when the words name a folder or a hub id.

    Raises:
        ConfigError: a size that is missing, no number, or does not divide.

    >>> read = shape_in("gpt2:L2,H64,A2")
    >>> (read.layers, read.hidden, read.intermediate, read.heads)
    (2, 64, 256, 2)
    >>> shape_in("distilgpt2") is None
    True
    """
    if not model.startswith("gpt2:"):
        return None
    shape = parse_student(f"bert:{model.removeprefix('gpt2:')}", where=f"`model={model}`")
    return shape if isinstance(shape, NewShape) else None


def open_language(
    model: str, texts: Sequence[str], *, seed: int, longest: int, offline: bool
) -> Language:
    """Open a causal language model, float32, on the CPU.

    Args:
        model: a folder, a hub id, or a shape, whose tokenizer is trained on the texts.
        texts: the training texts.
        seed: of the random weights of a shape.
        longest: tokens it must be able to read.
        offline: ask no network.

    Raises:
        UsageError: see `shape_in` and `pretrained.open_pretrained`.
        CapabilityError: it reads fewer tokens than `longest`.
    """
    shape = shape_in(model)
    if shape is not None:
        return _built(shape, texts, seed=seed, longest=longest)
    opened = open_pretrained(model, kind="causal", offline=offline)
    limit = getattr(opened.model.config, "max_position_embeddings", None)
    if limit is not None and limit < longest:
        raise CapabilityError(
            f"`model={model}`",
            found=f"reads {limit} tokens",
            expected=f"{longest}",
            remedy=f"say `settings=longest={limit}`",
        )
    return Language(*opened, fresh=False)


def _built(shape: NewShape, texts: Sequence[str], *, seed: int, longest: int) -> Language:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = train_byte_pairs(texts, vocabulary=max(shape.vocabulary or _VOCABULARY, 257))
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=longest, n_layer=shape.layers, n_embd=shape.hidden,
        n_head=shape.heads, n_inner=shape.intermediate, bos_token_id=end, eos_token_id=end,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "augment language_model weights"))
        model = build_fresh(GPT2LMHeadModel, config, where=f"gpt2:L{shape.layers},H{shape.hidden}")
    return Language(model, tokenizer, fresh=True)


def joined(split: Split) -> tuple[str, ...]:
    """Return the texts of a split as one writes them for the model: a pair has a tab between."""
    if split.pairs is None:
        return tuple(" ".join(text.split()) for text in split.texts)
    return tuple(
        f"{' '.join(text.split())}\t{' '.join(pair.split())}"
        for text, pair in zip(split.texts, split.pairs, strict=True)
    )


def token_rows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, longest: int
) -> list[list[int]]:
    """Read texts as token ids with the end of text behind, cut to the longest allowed."""
    with quiet():
        read = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    end = int(tokenizer.eos_token_id)
    return [[*ids, end][:longest] for ids in read if ids]


def facts_of(language: Language, loss: float) -> Mapping[str, str]:
    """Return which model it is, for people."""
    start = "random weights" if language.fresh else "pretrained weights"
    return {
        "language model": f"{describe(language.model)}, from {start}",
        "its last training loss": f"{loss:.3f} nats a token",
    }
