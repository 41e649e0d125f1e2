"""Moments of the states of labelled texts, layer by layer and place by place, in one pass.

Does: say where words and special tokens stand, and gather means, covariances and cross-covariances
with labels, token by token, each sentence of weight 1. Does not: keep states, or make erasers of
them; `erasure.py` does, and says why these moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kdprobe.models.batches import equal_length_batches
from kdprobe.models.hf import HfModel
from kdprobe.models.layer_edits import Clean, EditableLayers
from kdprobe.models.model_inputs import evaluating
from kdprobe.models.tokens import Tokens
from kdprobe.stats.arrays import Floats
from kdprobe.stats.erasure import Moments

_TOKENS = 4096
"""Tokens in one forward pass."""

Advance = Callable[[int], None]


class Spans(NamedTuple):
    """Where a tokenizer puts special tokens: how many before the words and after them."""

    before: int
    after: int

    def places(self, length: int) -> list[slice]:
        """Return the tokens of each place of a text: before the words, the words, after them.

        A text of no word tokens: all there is are words.

        >>> Spans(1, 1).places(5)
        [slice(0, 1, None), slice(1, 4, None), slice(4, 5, None)]
        """
        if length <= self.before + self.after:
            nothing = slice(0, 0)
            return [nothing] * self.before + [slice(0, length)] + [nothing] * self.after
        stop = length - self.after
        ends = [slice(at, at + 1) for at in range(stop, length)]
        return [*(slice(at, at + 1) for at in range(self.before)), slice(self.before, stop), *ends]


PARTS = 4
"""Parts of the words that a linear probe may read apart."""


def parts_of(words: slice) -> list[slice]:
    """Return the quarters of the words of a text; of a short one some are empty.

    >>> parts_of(slice(1, 7))
    [slice(1, 3, None), slice(3, 4, None), slice(4, 6, None), slice(6, 7, None)]
    """
    length = words.stop - words.start
    edges = [words.start + (length * at + PARTS // 2) // PARTS for at in range(PARTS + 1)]
    return [slice(edges[at], edges[at + 1]) for at in range(PARTS)]


def read_apart(words: slice, spans: Spans, *, recurrent: bool) -> list[slice]:
    """Return the words that a linear map may read apart from the others: see above."""
    last = [slice(words.stop - 1, words.stop)] if not spans.after else []
    first = [slice(words.start, words.start + 1)] if recurrent and not spans.before else []
    return [*parts_of(words), *last, *first]


def spans_of(handle: HfModel) -> Spans:
    """Return where a model's tokenizer puts its special tokens."""
    special = handle.tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    words = [at for at, mark in enumerate(special) if not mark]
    return Spans(words[0], len(special) - 1 - words[-1]) if words else Spans(0, 0)


@dataclass
class _Sums:
    """Sums over some tokens of one layer, each sentence of weight 1; without squares: no moments.

    Args:
        width: of the states.
        columns: of the one-hot labels.
        squared: whether their covariance is wanted.
    """

    width: int
    columns: int
    squared: bool
    n: int = 0
    total: Floats = field(init=False)
    squares: Floats = field(init=False)
    labelled: Floats = field(init=False)
    labels: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.total, self.labels = np.zeros(self.width), np.zeros(self.columns)
        self.squares = np.zeros((self.width, self.width) if self.squared else (0, 0))
        self.labelled = np.zeros((self.width, self.columns))

    def add(self, states: Floats, labels: Floats) -> None:
        """Add sentences of one length: states `[B, tokens, width]`, one-hot labels `[B, k]`."""
        if not states.shape[1]:
            return
        means = states.mean(axis=1)
        self.n += len(states)
        self.total += means.sum(axis=0)
        self.labels += labels.sum(axis=0)
        self.labelled += means.T @ labels
        if self.squared:
            flat = states.reshape(-1, self.width)
            self.squares += flat.T @ flat / states.shape[1]

    @property
    def cross(self) -> Floats:
        """The cross-covariance of means over a sentence's tokens with labels, `[d, k]`."""
        n = max(self.n, 1)
        cross: Floats = self.labelled / n - np.outer(self.total / n, self.labels / n)
        return cross

    @property
    def moments(self) -> Moments:
        """The moments about the mean."""
        n = max(self.n, 1)
        mean = self.total / n
        squares = self.squares / n - np.outer(mean, mean) if self.squared else self.squares
        return Moments(n, mean, squares, self.cross)


class Gathered(NamedTuple):
    """Moments of the states of some texts.

    Args:
        places: layer -> of every place; without labels no cross-covariances, with labels no
            covariances.
        apart: layer -> cross-covariances of the words that may be read apart.
        spans: where the tokenizer puts special tokens.
    """

    places: dict[int, list[Moments]]
    apart: dict[int, list[Floats]]
    spans: Spans

    @property
    def crosses(self) -> dict[int, list[Floats]]:
        """Layer -> of every place the cross-covariances that an eraser is to take, side by side."""
        taken = {}
        for layer, places in self.places.items():
            taken[layer] = [one.cross for one in places]
            words = taken[layer][self.spans.before]
            taken[layer][self.spans.before] = np.concatenate([words, *self.apart[layer]], axis=1)
        return taken


def equal_batches(
    editor: EditableLayers, tokens: Tokens, rows: int
) -> Iterator[tuple[NDArray[np.int64], dict[str, Tensor]]]:
    """Yield batches of exactly one length, and their inputs: no padding, no mask."""
    text = editor.handle.text
    most = 1 if text.together == "alone" else rows
    for batch in equal_length_batches(tokens.lengths, tokens=_TOKENS, rows=most):
        yield batch, text.padded(tokens.columns, batch.tolist(), side="right")


def clean_run(editor: EditableLayers, inputs: dict[str, Tensor]) -> Clean:
    """Run a batch; what the forward cannot run is a message, as everywhere."""
    text = editor.handle.text
    return text.run(inputs, lambda given: editor.clean(given), lambda parts: parts[0])


def gather(
    editor: EditableLayers,
    tokens: Tokens,
    hot: Floats | None,
    *,
    rows: int,
    advance: Advance,
) -> Gathered:
    """Gather the moments of the states of texts, every layer that can be changed in one pass.

    Args:
        editor: the model.
        tokens: of the texts.
        hot: their one-hot labels, float64 `[n, k]`, for cross-covariances alone; None: for
            covariances alone.
        rows: the most texts in a forward pass.
        advance: told of every batch.
    """
    spans = spans_of(editor.handle)
    recurrent = bool(getattr(editor.handle.model.config, "lstm_size", None))
    known = np.zeros((len(tokens.lengths), 0)) if hot is None else hot
    sums: dict[tuple[int, bool, int], _Sums] = {}
    with evaluating(editor.model), torch.no_grad():
        for batch, inputs in equal_batches(editor, tokens, rows):
            states = clean_run(editor, inputs).states
            places = spans.places(inputs["input_ids"].shape[1])
            read = read_apart(places[spans.before], spans, recurrent=recurrent)
            for layer in editor.places:
                wide = states[layer].double().cpu().numpy()
                for whole, slices in ((True, places), (False, read if hot is not None else [])):
                    for at, here in enumerate(slices):
                        empty = _Sums(wide.shape[2], known.shape[1], hot is None)
                        sums.setdefault((layer, whole, at), empty).add(wide[:, here], known[batch])
            advance(len(batch))
    by_layer = {layer: [key for key in sums if key[0] == layer] for layer in editor.places}
    return Gathered(
        {layer: [sums[k].moments for k in keys if k[1]] for layer, keys in by_layer.items()},
        {layer: [sums[k].cross for k in keys if not k[1]] for layer, keys in by_layer.items()},
        spans,
    )
