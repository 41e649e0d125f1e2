"""A tiny BiLSTM folder: word vectors of 12 numbers, states of 2 x 8, a layer of 10 below outputs.

Does: make a folder that `from_pretrained` opens, equal bytes for equal arguments. Does not: train.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from kdprobe.models.bilstm import build_lstm
from kdprobe.models.bilstm_shape import LstmShape
from kdprobe.tasks.task import Task
from tests.models.tiny import tiny_tokenizer


def tiny_lstm(folder: Path, *, labels: Sequence[str], layers: int = 1, pairs: bool = False) -> Path:
    """Save a tiny seeded BiLSTM with BERT's tokenizer, and give the folder."""
    tokenizer = tiny_tokenizer("bert")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_lstm(
            LstmShape(8, 10, layers, embed=12),
            Task("toy", 1, "classification", tuple(labels), "accuracy"),
            tokenizer=tokenizer,
            pairs=pairs,
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
