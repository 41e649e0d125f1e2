"""Batches of texts, run by whoever has a hand free.

Does: hold what runs a model for pieces of work, and run the batches of texts in groups that
processes share. Does not: cut batches; who runs one decides no bit of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from kdprobe.models.batches import grouped_batches
from kdprobe.models.handle import ProgressCall
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import Columns, Tokens
from kdprobe.workers.pieces import Held, WorkPiece
from kdprobe.workers.pool import Workers

T = TypeVar("T")


def hold(value: T, name: str, text: TextModel) -> Held[T]:
    """Return something that runs a model, for pieces of work that processes share.

    Args:
        value: what runs it.
        name: what people call the model.
        text: the model, which tells the bytes, and whether others can run it.
    """
    weights = [*text.model.parameters(), *text.model.buffers()]
    size = sum(weight.numel() * weight.element_size() for weight in weights)
    on = text.device.type
    return Held(value, name, size=size, here="" if on == "cpu" else f"it runs on {on}")


def shared_outputs(
    held: Held[TextModel],
    tokens: Tokens,
    batch_size: int,
    *,
    advance: ProgressCall,
    workers: Workers,
) -> NDArray[np.float64]:
    """Run every text; float64 `[n, outputs]`, all outputs, in the model's order.

    Args:
        held: the model.
        tokens: the texts.
        batch_size: the most texts of one forward pass.
        advance: told the number of texts after every few passes.
        workers: the processes that share the batches.
    """
    text = held.value
    values = np.empty((len(tokens.lengths), int(text.model.config.num_labels)))
    batches = text.batches(tokens.lengths, batch_size=batch_size)
    groups = list(grouped_batches(batches, tokens.lengths))
    pieces: list[WorkPiece[TextModel, list[Columns]]] = [
        WorkPiece(held, partial(_columns_of, tokens.columns, group), float(size))
        for group, size in groups
    ]
    for place, outputs in workers.map(_outputs, pieces):
        for rows, of_batch in zip(groups[place].batches, outputs, strict=True):
            values[rows] = of_batch
            advance(len(rows))
    return values


def _outputs(text: TextModel, batches: list[Columns]) -> list[NDArray[np.float64]]:
    """Run batches of texts that may stand together."""
    values = []
    with evaluating(text.model), torch.no_grad():
        for columns in batches:
            inputs = text.tensors(columns, range(len(columns["input_ids"])))
            logits = text.forward(inputs)
            values.append(logits.to(device="cpu", dtype=torch.float64).numpy())
    return values


def _columns_of(columns: Columns, batches: Sequence[NDArray[np.int64]]) -> list[Columns]:
    """Return the tokens of each batch's rows."""
    return [
        {name: [column[row] for row in rows.tolist()] for name, column in columns.items()}
        for rows in batches
    ]
