"""Builders for tests of the augmenters: tiny language models, small tasks.

Does: save a masked or a causal language model of a hundred words, and make splits and task files.
Does not: train; the models are seeded and random.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    RobertaForMaskedLM,
)

from kdprobe.augmenters.augmenter import AugmenterRun
from kdprobe.augmenters.byte_pairs import train_byte_pairs
from kdprobe.progress import Silent
from kdprobe.tasks.task import Split, Task
from tests.models.tiny import SENTENCES, tiny_tokenizer

TASK = Task("toy", 1, "classification", ("neg", "pos"), "accuracy")
TEXTS = (
    *SENTENCES,
    "The woman never thought that my friend likes boring music.",
    "those children laugh often",
    "a warm garden, a small dog",
    "I have an idea",
    "he gave her the letter today .",
)


def split_of(
    texts: Sequence[str] = TEXTS, pairs: Sequence[str] | None = None, *, name: str = "train"
) -> Split:
    """Make a split without labels."""
    ids = tuple(f"{name}-{row}" for row in range(len(texts)))
    return Split(TASK, name, ids, tuple(texts), None if pairs is None else tuple(pairs))


def bench(folder: Path, *, seed: int = 0, wanted: int | None = None) -> AugmenterRun:
    """Make a bench on the CPU."""
    return AugmenterRun(seed, wanted, "cpu", True, folder, Silent())


def masked_folder(folder: Path, *, arch: str = "bert", seed: int = 0) -> Path:
    """Save a masked language model of two layers."""
    tokenizer = tiny_tokenizer("roberta" if arch == "roberta" else "bert")
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 64, "initializer_range": 0.3,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if arch == "roberta":
            config: Any = RobertaConfig(
                **sizes, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1
            )
            model: Any = RobertaForMaskedLM(config)
        else:
            model = BertForMaskedLM(BertConfig(**sizes, max_position_embeddings=64))
    return _save(folder, model, tokenizer)


def causal_folder(folder: Path, *, seed: int = 0) -> Path:
    """Save a causal language model of two layers that reads 32 tokens."""
    tokenizer = train_byte_pairs(TEXTS, vocabulary=300)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=len(tokenizer), n_positions=32, n_layer=2, n_embd=32, n_head=2,
                bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
                initializer_range=0.3,
            )
        )  # fmt: skip
    return _save(folder, model, tokenizer)


def _save(folder: Path, model: Any, tokenizer: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def task_file(folder: Path, *, train: Sequence[str], dev: Sequence[str]) -> str:
    """Write a data file with a train and a dev split."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["text\tlabel\tsplit"]
    for name, texts in (("train", train), ("dev", dev)):
        rows += [f"{text}\t{'pos' if row % 2 else 'neg'}\t{name}" for row, text in enumerate(texts)]
    path = folder / "toy.tsv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return str(path)
