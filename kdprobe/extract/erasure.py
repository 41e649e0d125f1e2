"""What a model says once a property of sentences is erased from one of its layers.

Does: make an eraser of each layer of moments of its states (and erasers of random subspaces of the
same size), and run the layers above on erased states. Does not: read the labelled sentences
(`state_moments.py`), or judge what erasing changes.

Where an eraser works. The label belongs to the sentence and the eraser to every token: it is fitted
on the states of tokens, each with the label of its sentence and the weight 1 / (tokens of the
sentence). Then the cross-covariance of the labels with single tokens is that with the mean over
tokens, and as the map is affine the mean of erased states is the erased mean: after it no linear
probe on mean-pooled states, or on single tokens, beats a constant on the training sentences. One
mean alone would leave much of it: where subject and verb carry the number along two directions, it
takes their sum and leaves their difference, which a model reads by where a word stands. So the
eraser of words takes the cross-covariances with the means of each quarter of the words too. Special
tokens have erasers of their own, one for each place ([CLS] before the words, [SEP] after them): a
classifier reads [CLS] alone. Where no token stands after the words, a decoder reads the last of
them, whose cross-covariance is taken as well; of a BiLSTM without a token before the words the
first likewise.

Whom it moves least. Sentences of a probing set are of another kind than a task's texts. What is to
be erased, the cross-covariance, is that of the labelled sentences; the covariance that says which
of all maps that erase it moves vectors least is that of the task's own states, and so is the mean
that stays where it is: on one set of texts this is LEACE as published, on two it still takes all
that a linear probe reads of the labelled sentences and moves the task's texts no more than it must.
A random subspace has the rank of the eraser at each place and takes the same variance there from
the same states: both change the same texts by the same mean squared length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdprobe.extract.state_moments import Advance, Gathered, clean_run, equal_batches, spans_of
from kdprobe.models.layer_edits import EditableLayers
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.tokens import Tokens
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Floats
from kdprobe.stats.erasure import Eraser, leace, random_eraser, spectrum

ERASURE_VERSION = 3
"""Raised when the same model, sentences and texts would give other numbers."""


@dataclass(frozen=True)
class LayerErasers:
    """The erasers of one layer for the texts of a task.

    Args:
        variants: the property's first, then those of random subspaces; of every place each.
        share: of the variance of these texts' states, how much the property's takes.
        control_share: how much those of random subspaces take, in the mean.
    """

    variants: tuple[tuple[Eraser, ...], ...]
    share: float
    control_share: float

    @property
    def rank(self) -> int:
        """The dimensions that it takes, at the place where they are most."""
        return max(one.rank for one in self.variants[0])


def fit_erasers(
    labelled: Gathered, texts: Gathered, *, draws: int, seed: int, name: str
) -> dict[int, LayerErasers]:
    """Make the eraser of every layer and place, and the random subspaces it is held against.

    Args:
        labelled: the moments of the labelled sentences: what is to be erased.
        texts: the moments of the task's texts: from what.
        draws: how many subspaces.
        seed: of the comparison.
        name: of the property; draw k of a layer is the same whatever the number of draws.
    """
    ready = {}
    for layer, crosses in labelled.crosses.items():
        variants: list[list[Eraser]] = [[] for _ in range(1 + draws)]
        total, removed = 0.0, np.zeros(1 + draws)
        for at, (cross, moments) in enumerate(zip(crosses, texts.places[layer], strict=True)):
            whole = spectrum(moments)
            own = leace(whole, cross)
            taken = own.removed(moments.covariance)
            generator = derive_generator(seed, "causal use", name, f"layer {layer}", f"place {at}")
            others = [random_eraser(whole, own.rank, taken, generator) for _ in range(draws)]
            for variant, one in zip(variants, (own, *others), strict=True):
                variant.append(one)
            removed += [one.removed(moments.covariance) for one in (own, *others)]
            total += float(np.trace(moments.covariance))
        shares = removed / total if total > 0 else removed
        ready[layer] = LayerErasers(
            tuple(map(tuple, variants)), float(shares[0]), float(shares[1:].mean())
        )
    return ready


class _OnDevice(NamedTuple):
    """An eraser as tensors."""

    left: Tensor
    right: Tensor
    centre: Tensor


def _placed(erasers: Sequence[Eraser], device: torch.device) -> list[_OnDevice | None]:
    return [
        _OnDevice(*(torch.tensor(part, dtype=torch.float32, device=device)
                    for part in (one.left.T, one.right.T, one.centre)))
        if one.rank
        else None
        for one in erasers
    ]  # fmt: skip


def _erased(states: Tensor, places: Sequence[slice], erasers: Sequence[_OnDevice | None]) -> Tensor:
    """Erase from the states of a batch of one length, float32."""
    result = states.float().clone()
    for place, eraser in zip(places, erasers, strict=True):
        if eraser is not None:
            part = result[:, place]
            result[:, place] = part - ((part - eraser.centre) @ eraser.right) @ eraser.left
    return result


def measure(
    editor: EditableLayers,
    tokens: Tokens,
    erasers: Sequence[dict[int, LayerErasers]],
    *,
    rows: int,
    advance: Advance,
) -> tuple[Floats, list[dict[int, Floats]]]:
    """Run texts with every eraser at every layer; lower layers are run once a batch.

    Args:
        editor: the model.
        tokens: of the texts.
        erasers: of each property, by layer.
        rows: the most texts in a forward pass.
        advance: told of every batch.

    Returns:
        What the model says unchanged, float64 `[n, outputs]` in the task's label order; and for
        each property and layer what it says with the layer erased, `[1 + draws, n, outputs]`.
    """
    columns, device = list(editor.handle.columns), editor.handle.device
    spans, n = spans_of(editor.handle), len(tokens.lengths)
    ready = [
        {layer: [_placed(v, device) for v in one.variants] for layer, one in each.items()}
        for each in erasers
    ]
    own = np.empty((n, len(columns)))
    values = [
        {layer: np.empty((len(v), n, len(columns))) for layer, v in each.items()} for each in ready
    ]
    with evaluating(editor.model), torch.no_grad():
        for batch, inputs in equal_batches(editor, tokens, rows):
            clean = clean_run(editor, inputs)
            own[batch] = _numbers(clean.logits)[:, columns]
            places = spans.places(inputs["input_ids"].shape[1])
            for each, out in zip(ready, values, strict=True):
                for layer, variants in each.items():
                    for at, variant in enumerate(variants):
                        changed = _erased(clean.states[layer], places, variant)
                        logits = editor.resumed(inputs, clean, layer, changed)
                        out[layer][at, batch] = _numbers(logits)[:, columns]
            advance(len(batch))
    return own, values


def _numbers(logits: Tensor) -> Floats:
    values: Floats = logits.to(device="cpu", dtype=torch.float64).numpy()
    return values
